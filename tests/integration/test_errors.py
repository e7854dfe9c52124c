# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each row of the table in docs/errors.md happens, and says what the table
says, from C, the command, Python and Lua; inside its deadline; and leaves the
card to the next user."""

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
from errorpage import documented
from farside import Server, Sim, make_server_certificate
from tob import AVAILABLE, SIGNING, Card

TOP = pathlib.Path(__file__).resolve().parents[2]
ATTEMPT = TOP / "tests/integration/attempt"
LUAS = [lua for lua in ("lua5.1", "lua5.3", "lua5.4", "luajit")
        if shutil.which(lua)]

# Python and Lua load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build

# Milliseconds for one operation of the card, and for a handshake.
TIMEOUT = 3000
# Seconds that a whole attempt may take: its deadlines, and what a process
# needs to start on a busy machine.
LIMIT = 2 * TIMEOUT / 1000 + 10


class Attempt:
    """One thing to try, with what has to stand around it."""

    def __init__(self, folder):
        self.folder = folder
        self.card = f"sim:?store={folder}&timeout={TIMEOUT}"
        self.key = "label=client"
        self.port = None
        self.server_name = "localhost"
        self.ca = folder / "ca.pem"

    def fault(self, words):
        self.card += f"&fault={words}"

    # The four faces. Each gives code, status word and sentence.

    def by_program(self, *command):
        line = [*command, self.card]
        with contextlib.ExitStack() as stack:
            if self.port:
                sock = stack.enter_context(
                    socket.create_connection(("127.0.0.1", self.port)))
                os.set_inheritable(sock.fileno(), True)
                line += ["connect", sock.fileno(), self.ca, self.server_name,
                         TIMEOUT]
                options = {"pass_fds": [sock.fileno()]}
            else:
                line += ["sign", self.key]
                options = {}
            done = subprocess.run([str(word) for word in line],
                                  capture_output=True, text=True,
                                  timeout=LIMIT, check=False, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n").split("\t")

    def by_command(self):
        line = ["iotsafe", "--card", self.card, "--json"]
        if self.port:
            line += ["--timeout", TIMEOUT, "connect",
                     f"127.0.0.1:{self.port}", "--ca", self.ca, "--name",
                     self.server_name]
        else:
            line += ["sign", "--key", self.key, "--digest", "00" * 32]
        done = subprocess.run([str(word) for word in line],
                              capture_output=True, text=True, timeout=LIMIT,
                              check=False, stdin=subprocess.DEVNULL)
        error = json.loads(done.stdout)["error"]
        assert done.returncode not in (0, 1, 2)
        assert done.stderr.endswith(f"iotsafe: {error['text']}\n")
        return [error["code"], error["status"] or "0000", error["text"]]


# --- what makes each row happen -----------------------------------------------


@contextlib.contextmanager
def with_fault(attempt, words):
    attempt.fault(words)
    yield


@contextlib.contextmanager
def no_such_port(attempt):
    attempt.card = f"at:{attempt.folder}/ttyUSB9?timeout={TIMEOUT}"
    yield


@contextlib.contextmanager
def port_busy(attempt):
    with Sim(attempt.folder) as sim:
        attempt.card = f"at:{sim.link}?timeout={TIMEOUT}"
        with open(sim.link, "r+b", buffering=0) as port:
            fcntl.flock(port, fcntl.LOCK_EX)
            yield


@contextlib.contextmanager
def no_such_key(attempt):
    attempt.key = "label=nobody"
    yield


@contextlib.contextmanager
def connecting(attempt, fault=None, name="localhost", ca=None, clients=None):
    """A server that takes the card's certificate, unless it is to trust the
    `clients` of another authority."""
    folder = clients or attempt.folder
    with Server(folder) as server:
        attempt.port = server.port
        attempt.server_name = name
        attempt.ca = ca or folder / "ca.pem"
        if fault:
            attempt.fault(fault)
        yield


def another_authority(attempt):
    folder = attempt.folder / "other"
    make_server_certificate(folder)
    return folder


@contextlib.contextmanager
def untrusted_server(attempt):
    with connecting(attempt, ca=another_authority(attempt) / "ca.pem"):
        yield


@contextlib.contextmanager
def refusing_server(attempt):
    with connecting(attempt, clients=another_authority(attempt)):
        yield


@contextlib.contextmanager
def trust_onboard(attempt, key=SIGNING, pin=True, right="0000", **more):
    card = Card(attempt.folder, pin=right)
    attempt.key = key
    attempt.card = card.address(pin, timeout=TIMEOUT, **more)
    # Each of the faces begins with all tries.
    if "quirk" not in more:
        attempt.card += "&quirk=tob-tries%3D3"
    yield


@contextlib.contextmanager
def closing_peer(attempt):
    """Takes the ClientHello and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        attempt.port = listener.getsockname()[1]
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


ROWS = {
    "no such port": no_such_port,
    "port busy": port_busy,
    "nothing answers": lambda a: with_fault(a, "deaf"),
    "modem without SIM": lambda a: with_fault(a, "no-sim"),
    "SIM busy, again and again": lambda a: with_fault(a, "busy=1000000"),
    "no applet on this SIM": lambda a: with_fault(a, "no-applet"),
    "an applet that is in use on another channel, or switched off":
        lambda a: with_fault(a, "sw=A4:6985"),
    "no such key": no_such_key,
    "key without certificate":
        lambda a: connecting(a, fault="no-certificate"),
    "certificate that the card refuses":
        lambda a: connecting(a, fault="sw=B0:6985"),
    "certificate of another key":
        lambda a: connecting(a, fault="wrong-certificate"),
    "card answers 6985": lambda a: with_fault(a, "sw=2A:6985"),
    "card answers 6982": lambda a: with_fault(a, "sw=2A:6982"),
    "truncated answer": lambda a: with_fault(a, "truncate=2B"),
    "garbled answer": lambda a: with_fault(a, "garble=2B"),
    "the signature does not verify":
        lambda a: with_fault(a, "flip-signature"),
    "card silent while it signs": lambda a: with_fault(a, "silence=2B"),
    "Trust Onboard, and no identity named":
        lambda a: trust_onboard(a, key="applet=mias"),
    "an applet's PIN that nobody gives":
        lambda a: trust_onboard(a, pin=False),
    "an applet's PIN that is wrong":
        lambda a: trust_onboard(a, right="9999"),
    "an applet's PIN with one try left":
        lambda a: trust_onboard(a, quirk="tob-tries=1"),
    "a key of a size that cannot be":
        lambda a: trust_onboard(a, fault="key-bits%3D1000"),
    "a signature that is cut":
        lambda a: trust_onboard(a, fault="signature-size%3D200"),
    "a software key that is noise":
        lambda a: trust_onboard(a, key=AVAILABLE, fault="noise-key"),
    "server's certificate not trusted": untrusted_server,
    "server's certificate for another name":
        lambda a: connecting(a, name="other.example"),
    "server refuses our certificate": refusing_server,
    "peer closes in the handshake": closing_peer,
    "another SIM, or another profile of an eSIM":
        lambda a: with_fault(a, "swap=2A"),
    "modem disappears in the handshake":
        lambda a: connecting(a, fault="die=2B"),
}

# Rows whose status word is the card's.
STATUSES = {
    "no applet on this SIM": "6A82",
    "an applet that is in use on another channel, or switched off": "6985",
    "card answers 6985": "6985",
    "card answers 6982": "6982",
    "an applet's PIN that nobody gives": "6982",
    "an applet's PIN that is wrong": "63C2",
}


@pytest.fixture(scope="module")
def c_program(tmp_path_factory):
    program = tmp_path_factory.mktemp("attempt") / "attempt"
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "iotsafe"],
                           capture_output=True, text=True, check=True).stdout
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program,
                    ATTEMPT / "attempt.c", *flags.split()], check=True)
    return program


@pytest.fixture
def attempt(tmp_path):
    make_server_certificate(tmp_path)
    return Attempt(tmp_path)


def test_every_documented_failure_is_tried():
    assert set(documented("What goes wrong")) == set(ROWS)


def test_without_a_fault_all_four_succeed(attempt, c_program):
    """Else a row might fail for a reason of its own."""
    assert attempt.by_program(c_program) == ["OK"]
    assert attempt.by_program("python3", ATTEMPT / "attempt.py") == ["OK"]
    for lua in LUAS:
        assert attempt.by_program(lua, ATTEMPT / "attempt.lua") == ["OK"]


@pytest.mark.parametrize("what", ROWS)
def test_failure_says_the_same_in_every_language(what, attempt, c_program):
    code, pattern = documented("What goes wrong")[what]
    with ROWS[what](attempt):
        said = {
            "C": attempt.by_program(c_program),
            "command": attempt.by_command(),
            "Python": attempt.by_program("python3", ATTEMPT / "attempt.py"),
        }
        for lua in LUAS:
            said[lua] = attempt.by_program(lua, ATTEMPT / "attempt.lua")
    assert LUAS
    for face, (got_code, status, sentence) in said.items():
        assert got_code == code, (face, sentence)
        assert re.fullmatch(pattern, sentence), (face, sentence)
        assert status == STATUSES.get(what, "0000"), face


@pytest.mark.parametrize("fault", [
    "silence=2B", "truncate=2B", "garble=2B", "sw=2B:6985", "flip-signature"])
def test_next_user_of_the_card_finds_it_in_order(fault, tmp_path, c_program):
    """The same modem, hurt once while it signs: nothing stays wedged, and no
    channel stays open."""
    make_server_certificate(tmp_path)
    with Sim(tmp_path, "--fault", f"{fault}", "--quirk",
             "max-channels=1") as sim:
        line = [c_program, f"at:{sim.link}?timeout={TIMEOUT}"]
        started = time.monotonic()
        hurt = subprocess.run([*line, "sign", "label=client"],
                              capture_output=True, text=True, check=True,
                              timeout=LIMIT)
        assert time.monotonic() - started < LIMIT
        assert hurt.stdout.startswith("ERR_")
        # With one channel in all, a leaked one would be missed here.
        healthy = subprocess.run([*line, "open"], capture_output=True,
                                 text=True, check=True, timeout=LIMIT)
        assert healthy.stdout == "OK\n"


def test_busy_sim_is_asked_again(attempt, c_program):
    attempt.fault("busy=3")
    assert attempt.by_program(c_program) == ["OK"]
