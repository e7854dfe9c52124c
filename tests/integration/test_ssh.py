# SPDX-License-Identifier: LGPL-2.1-or-later
"""exec: with a real ssh, and a card behind a real sshd on another "machine"."""

import os
import pathlib
import pty
import re
import select
import signal
import time

import pytest
from cardmodem import Holder
from command import answer, iotsafe, openssl, text
from pcscd import until
from sshd import Sshd

pytestmark = pytest.mark.plain_build


@pytest.fixture(scope="module")
def daemon():
    daemon = Sshd().start()
    yield daemon
    daemon.close()


@pytest.fixture
def own_daemon():
    """One to be harmed."""
    daemon = Sshd().start()
    yield daemon
    daemon.close()


def children(pid):
    """Whichever of its threads started them."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # "PID (NAME) STATE PARENT …"; a name may hold anything.
            state = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(state[1]) == pid:
            found.append(int(folder.name))
    return found


def fails(card, *words, status):
    """Our one sentence, behind what ssh itself has to say."""
    done = iotsafe(*words, card=card, status=status)
    lines = [
        line
        for line in done.stderr.decode().splitlines()
        if line.startswith("iotsafe: ")
    ]
    assert len(lines) == 1, done.stderr
    return lines[0], done.stderr.decode()


def test_list_and_sign(daemon, tmp_path):
    card = daemon.address()
    objects = answer("list", "--json", card=card)["objects"]
    assert "client" in {each["label"] for each in objects}
    letter = tmp_path / "letter"
    letter.write_bytes(b"a letter\n" * 40)
    iotsafe("sign", letter, "--der", "--out", tmp_path / "signature", card=card)
    (tmp_path / "key.pem").write_text(text("pubkey", card=card))
    verified = openssl(
        *("dgst", "-sha256", "-verify", tmp_path / "key.pem"),
        *("-signature", tmp_path / "signature", letter),
    )
    assert verified == b"Verified OK\n"


def test_an_ssh_that_is_killed_between_two_operations_is_started_again(daemon):
    with Holder(daemon.address()) as holder:
        (ssh,) = children(holder.pid)
        os.kill(ssh, signal.SIGKILL)
        assert holder.use() == "the same card"
        assert children(holder.pid) not in ([], [ssh])


def test_an_ssh_that_is_killed_in_the_middle_is_one_clear_error(own_daemon):
    """And its other end has gone, too."""
    log = own_daemon.folder / "store/log"
    address = own_daemon.address(sim=f"--card-ms 84:1500 --log {log}")
    with Holder(address) as holder:
        (ssh,) = children(holder.pid)
        before = log.read_text().count("GET RANDOM")
        own_daemon.stop()
        holder.stdin.write("again\n")
        holder.stdin.flush()
        until("second command", lambda: log.read_text().count("GET RANDOM") > before)
        os.kill(ssh, signal.SIGKILL)
        said = holder.stdout.readline()
        assert said.startswith("ClosedError GET RANDOM: exec:")
        assert "the modem has gone: the program" in said
        assert "; then: exec:" in said and said.count("\n") == 1
        # And once somebody listens there again:
        own_daemon.start()
        assert holder.use() == "the same card"


def test_a_far_machine_that_is_not_there_is_told_at_once(own_daemon):
    own_daemon.stop()
    start = time.monotonic()
    line, all_lines = fails(own_daemon.address(), "list", status=16)
    assert "ended with exit status 255" in line
    assert "Connection refused" in all_lines
    assert time.monotonic() - start < 10


def test_a_key_that_is_not_let_in_is_told_at_once(daemon):
    line, all_lines = fails(
        daemon.address("-o", "BatchMode=yes", key="host"), "list", status=16
    )
    assert "ended with exit status 255" in line and "Permission denied" in all_lines


def test_an_unknown_host_is_refused_where_nobody_can_be_asked(daemon):
    line, all_lines = fails(daemon.address(known="nobody"), "list", status=16)
    assert "ended with exit status 255" in line and "Host key verification failed" in all_lines


def at_terminal(words, environment, reply=None):
    """Runs it with a terminal; what it wrote, its status and the seconds."""
    start = time.monotonic()
    pid, master = pty.fork()
    if not pid:
        os.execvpe(words[0], words, environment)
    said = b""
    while select.select([master], [], [], 60)[0]:
        try:
            said += os.read(master, 4096)
        except OSError:
            break
        if reply and b"(yes/no" in said:
            os.write(master, reply)
            reply = None
    os.close(master)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return said.decode(errors="replace"), status, time.monotonic() - start


def test_the_question_for_an_unknown_host_does_not_hang(daemon):
    """ssh asks at the terminal, which is what it is given for: until the
    deadline."""
    card = daemon.address(known="new", more="?timeout=2000")
    environment = dict(os.environ, IOTSAFE_CARD=card)
    said, status, took = at_terminal(["iotsafe", "random", "8"], environment)
    assert "Are you sure you want to continue connecting" in said
    assert "nothing answers" in said and status == 5
    assert took < 12
    assert not (daemon.folder / "new").exists()


def test_the_question_for_an_unknown_host_can_be_answered(daemon):
    card = daemon.address(known="answered")
    said, status, _ = at_terminal(
        ["iotsafe", "random", "8"], dict(os.environ, IOTSAFE_CARD=card), b"yes\n"
    )
    assert status == 0 and re.search(r"^[0-9a-f]{16}\r?$", said, re.M), said
    assert (daemon.folder / "answered").exists()
