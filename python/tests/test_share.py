# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who else has the port: lock files and locks as real serial programs make and
honour them."""

import contextlib
import os
import pathlib
import pty
import select
import subprocess
import time

import iotsafe
import pytest
import serial
from farside import Sim

FOLDER = pathlib.Path("/run/lock")


def run(*words, card, status=0):
    done = subprocess.run(
        ["iotsafe", "--card", card, *words], capture_output=True, timeout=60
    )
    assert done.returncode == status, done.stderr.decode()
    return done


@pytest.fixture
def sim(tmp_path):
    with Sim(tmp_path) as sim:
        sim.address = f"at:{sim.link}"
        sim.port = os.path.realpath(sim.link)
        sim.lock = FOLDER / f"LCK..pts_{pathlib.Path(sim.port).name}"
        sim.lock.unlink(missing_ok=True)
        yield sim


def busy(address):
    done = run("list", card=address, status=4)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@contextlib.contextmanager
def on_terminal(*words):
    """A program on a terminal of its own; gives its pid and a function that
    reads on until some words were said."""
    pid, screen = pty.fork()
    if not pid:
        os.environ["TERM"] = "vt100"
        os.execvp(words[0], words)
    said = bytearray()

    def wait_for(text, seconds=30):
        end = time.monotonic() + seconds
        while text not in said:
            left = max(end - time.monotonic(), 0)
            ready, _, _ = select.select([screen], [], [], left)
            assert ready, f"{words[0]} did not say {text}: {bytes(said)}"
            try:
                data = os.read(screen, 4096)
            except OSError:
                data = b""
            assert data, f"{words[0]} ended: {bytes(said)}"
            said.extend(data)

    try:
        yield pid, wait_for
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(screen)


def test_minicom_s_lock_file_is_honoured(sim):
    with on_terminal("minicom", "-D", sim.port) as (pid, wait_for):
        wait_for(b"Press CTRL-A Z")
        assert f"minicom (process {pid})" in busy(sim.address)
        assert f"minicom (process {pid})" in busy(sim.address + "?share=yes")
    # It was killed: its file is nobody's.
    assert sim.lock.exists()
    run("list", card=sim.address)
    assert not sim.lock.exists()


def test_minicom_finds_ours(sim):
    with iotsafe.open(sim.address) as card:
        assert sim.lock.read_text() == f"{os.getpid():10d}\n"
        with on_terminal("minicom", "-D", sim.port) as (_, wait_for):
            wait_for(b"is locked")
        card.random(8)
    assert not sim.lock.exists()


def test_a_shared_port_has_one_within_turns_only(sim):
    with iotsafe.open(sim.address + "?share=yes") as card:
        assert not sim.lock.exists()
        card.random(8)
        assert not sim.lock.exists()
        sim.lock.write_text(f"{os.getppid():10d}\n")
        with pytest.raises(iotsafe.BusyError):
            card.random(8)
        sim.lock.unlink()
        card.random(8)


@pytest.mark.parametrize(
    "content", [b"    999999\n", b"\x3f\x42\x0f\x00", b"nonsense\n", b"-5\n"]
)
def test_a_stale_lock_file_is_overridden(sim, content):
    sim.lock.write_bytes(content)
    run("list", card=sim.address)
    assert not sim.lock.exists()


def test_a_file_that_is_just_being_written_is_somebody_s(sim):
    sim.lock.touch()
    busy(sim.address)
    os.utime(sim.lock, (1, 1))
    run("list", card=sim.address)


def test_a_lock_file_of_another_one_is_not_removed(sim):
    with iotsafe.open(sim.address):
        sim.lock.unlink()
        sim.lock.write_text("         1\n")
    assert sim.lock.exists()
    sim.lock.unlink()


def test_a_link_in_the_place_of_the_file_is_not_followed(sim, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    sim.lock.symlink_to(victim)
    run("list", card=sim.address)
    assert victim.read_text() == "mine"
    sim.lock.unlink(missing_ok=True)


def test_picocom_and_we_keep_each_other_out(sim):
    with on_terminal("picocom", sim.port) as (pid, wait_for):
        wait_for(b"Terminal ready")
        assert f"picocom (process {pid})" in busy(sim.address)
    with iotsafe.open(sim.address):
        with on_terminal("picocom", sim.port) as (_, wait_for):
            wait_for(b"cannot lock")


def test_pyserial_s_exclusive_and_ours_keep_each_other_out(sim):
    with serial.Serial(sim.port, exclusive=True):
        # Its process, for pyserial's flock is in this one.
        assert f"(process {os.getpid()})" in busy(sim.address)
        shared = busy(sim.address + "?share=yes&timeout=500")
        assert f"(process {os.getpid()})" in shared
    with iotsafe.open(sim.address):
        with pytest.raises(serial.SerialException):
            serial.Serial(sim.port, exclusive=True)


def test_pyserial_gets_a_shared_port_between_two_turns(sim):
    with iotsafe.open(sim.address + "?share=yes") as card:
        with serial.Serial(sim.port, exclusive=True):
            with pytest.raises(iotsafe.BusyError):
                card.set_timeout(0.5)
                card.random(8)
        card.set_timeout(10)
        card.random(8)


def test_share_is_for_devices(sim):
    for address in ("sim:?share=yes", "exec:cat?share=yes"):
        done = run("list", card=address, status=2)
        assert b'has no attribute "share"' in done.stderr
    done = run("list", card=sim.address + "?share=maybe", status=2)
    assert b"share=maybe" in done.stderr


def test_a_child_of_fork_leaves_port_and_lock_file_alone(sim):
    card = iotsafe.open(sim.address)
    child = os.fork()
    if not child:
        try:
            card.random(8)
        except iotsafe.ClosedError:
            card.close()
            os._exit(0)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0
    assert sim.lock.read_text() == f"{os.getpid():10d}\n"
    busy(sim.address)
    assert len(card.random(8)) == 8
    card.close()


@pytest.mark.parametrize("how", ["share=yes", "interface=basic"])
def test_no_signature_is_begun_ahead_where_no_channel_stays(sim, how):
    with iotsafe.open(f"{sim.address}?{how}") as card:
        key = card.key("client")
        key.sign_message(b"first")
        before = card.counters["exchanges"]
        assert key.prepare() is False
        assert card.counters["exchanges"] == before
