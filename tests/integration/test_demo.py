# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo says yes when all is well, and no when it is not."""

import pathlib
import re
import subprocess
import sys

DEMO = pathlib.Path(__file__).with_name("demo.py")


def demo(*sim_options):
    return subprocess.run(
        [sys.executable, DEMO, *sim_options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_three_sessions_are_accepted_with_one_signature_each():
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"^(\S+ \S+): accepted", done.stdout, re.M)
    assert names == ["TLS 1.3", "TLS 1.2", "DTLS 1.2"]
    assert done.stdout.count("<- the signature") == 3
    assert done.stdout.count("the server saw CN=iotsafe-sim gsma client") == 3
    assert done.stderr == ""


def test_a_flipped_bit_in_the_signature_stops_before_the_server():
    done = demo("--fault", "flip-signature")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert re.search(r"signature.*does not verify", done.stderr), done.stderr


def test_a_modem_that_dies_before_signing_is_named():
    done = demo("--fault", "die=2A")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert "<- the signature" not in done.stdout
    assert "the modem has gone" in done.stderr
