# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe with`: what the program gets, and whom it is refused to. The
programs it is for are in test_programs.py."""

import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest
from command import iotsafe

PRINT = "printf '%s|' \"$LD_PRELOAD\" \"$IOTSAFE_CARD\" \"$IOTSAFE_TRACE\""

# What is preloaded finds no sanitizer's library.
pytestmark = pytest.mark.plain_build


def with_(*words, **options):
    return iotsafe("with", *words, **options)


def said(*words, status, **options):
    done = with_(*words, status=status, **options)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("iotsafe: with: "), lines
    return lines[0]


def test_the_program_gets_the_card_and_the_library(tmp_path):
    done = with_("--card", "sim:zariot", "--", "sh", "-c", PRINT, card=None)
    library, card, trace, _ = done.stdout.decode().split("|")
    assert library.endswith("/libiotsafe-preload.so")
    assert pathlib.Path(library).exists()
    assert (card, trace) == ("sim:zariot", "")


def test_what_was_preloaded_before_stays():
    done = with_("--", "sh", "-c", PRINT, LD_PRELOAD="libdl.so.2:libm.so.6")
    library, rest = done.stdout.decode().split("|")[0].split(":", 1)
    assert library.endswith("/libiotsafe-preload.so")
    assert rest == "libdl.so.2:libm.so.6"


def test_the_card_of_the_environment_stays_and_a_trace_is_passed_on():
    done = with_("--trace", "apdu", "--", "sh", "-c", PRINT, card="sim:thales")
    assert done.stdout.decode().split("|")[1:3] == ["sim:thales", "apdu"]


def test_options_behind_the_dashes_are_the_programs_own():
    done = with_("--", "printf", "%s.", "--card", "--json", "--help", "--")
    assert done.stdout == b"--card.--json.--help.--."


def test_the_status_is_the_programs():
    with_("--", "sh", "-c", "exit 42", status=42)
    with_("--", "sh", "-c", "kill -TERM $$", status=-signal.SIGTERM)


def test_a_pipe_that_breaks_ends_the_program_as_ever():
    with_("--", "sh", "-c", "kill -PIPE $$", status=-signal.SIGPIPE)


def test_signals_are_not_blocked_for_the_program():
    show = "import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    done = with_("--", sys.executable, "-c", show)
    assert done.stdout.strip() == b"set()"


def test_a_program_that_is_not_there_is_127():
    assert "No such file" in said("--", "iotsafe-no-such", status=127)
    assert "No such file" in said("--", "./iotsafe-no-such", status=127)


def test_what_cannot_be_run_is_126(tmp_path):
    file = tmp_path / "file"
    file.write_text("text")
    # Root may run what somebody may.
    assert "Permission denied" in said("--", file, status=126)
    assert "directory" in said("--", tmp_path, status=126)


def test_a_set_uid_program_is_refused(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(pathlib.Path("/bin/true").read_bytes())
    program.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(program, 1, 1)
        program.chmod(0o755 | stat.S_ISUID)
        assert "set-uid" in said("--", program, status=126)
    else:
        assert "set-uid" in said("--", "su", status=126)


def test_a_static_program_is_refused():
    assert "statically" in said("--", "busybox", "true", status=126)


def test_a_program_on_openssl_is_run_and_its_user_told():
    done = with_("--", "openssl", "version")
    assert done.stdout.startswith(b"OpenSSL")
    assert b"openssl uses OpenSSL" in done.stderr
    # Which loads GnuTLS, too, for other things.
    assert b"curl uses OpenSSL" in with_("--", "curl", "--version").stderr
    assert with_("--", "gnutls-cli", "--version").stderr == b""


def test_options_that_mean_nothing_here_are_refused():
    done = with_("--json", "--", "true", status=2)
    assert b"with takes no --json" in done.stderr
    done = with_("--timeout", "1000", "--", "true", status=2)
    assert b"with takes no --timeout" in done.stderr
    with_(status=2)


def test_no_exchange_is_spent_on_setting_up(tmp_path):
    log = tmp_path / "log"
    with_("--", "gnutls-cli", "--version", card=f"sim:?log={log}")
    assert not log.exists()


def test_a_program_whose_scheme_is_registered_already_is_left_in_peace():
    """The Python module registers the names too."""
    code = "import iotsafe; print(iotsafe.__name__)"
    done = subprocess.run(
        ["iotsafe", "with", "--", sys.executable, "-c", code],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"iotsafe\n"
