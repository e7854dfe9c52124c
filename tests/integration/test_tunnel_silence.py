# SPDX-License-Identifier: LGPL-2.1-or-later
"""Connections through `iotsafe tunnel` on which nothing goes: how long they are
kept, and peers that have vanished."""

import contextlib
import re
import socket
import subprocess
import threading
import time

import pytest
from farside import Server
from tunnel import TlsServer, Tunnel, echo, says


def test_silence_ends_a_connection_if_asked_for(folder):
    with TlsServer(folder, echo) as server, \
            Tunnel(folder, server.port, "--idle", 1000) as tunnel:
        with tunnel.connect() as plain:
            assert says(plain, b"hello")
            assert plain.recv(1) == b""
        line = tunnel.line()
        assert "nothing went either way" in line["note"]
        assert line["time_ms"] >= 1000


def test_silence_of_the_other_one_ends_what_is_half_open(folder):
    done = threading.Event()

    def wait(tls):
        assert tls.recv(5) == b"hello" and tls.recv(1) == b""
        done.wait(30)

    with TlsServer(folder, wait) as server, \
            Tunnel(folder, server.port, "--idle", 1000) as tunnel:
        with tunnel.connect() as plain:
            plain.sendall(b"hello")
            plain.shutdown(socket.SHUT_WR)
            assert plain.recv(1) == b""
        line = tunnel.line()
        assert "nothing went either way" in line["note"]
        assert line["bytes_up"] == 5 and line["time_ms"] >= 1000
        done.set()


@pytest.mark.parametrize("way", ["up", "down"])
def test_what_goes_one_way_alone_is_no_silence(folder, way):
    """By the clock of this test: no connection is ended sooner than its limit
    after what last went. One that speaks lives longer than that."""
    idle, spoke = 1.5, [0.0]

    def speak(end):
        with contextlib.suppress(OSError):
            for _ in range(5):
                spoke[0] = time.monotonic()
                end.send(b"x")
                time.sleep(0.5)

    def serve(tls):
        if way == "down":
            speak(tls)
        with contextlib.suppress(OSError):
            while tls.recv(100):
                pass

    with TlsServer(folder, serve) as server, \
            Tunnel(folder, server.port, "--idle", int(idle * 1000)) as tunnel:
        with tunnel.connect() as plain:
            if way == "up":
                speak(plain)
            while plain.recv(100):
                pass
            assert time.monotonic() - spoke[0] >= idle
        assert "nothing went either way" in tunnel.line()["note"]


FAST = 60  # times as fast as ours goes the clock of a hurried tunnel


def hurried():
    """For the environment: minutes become seconds, by libfaketime."""
    said = subprocess.run(
        ["faketime", "-f", f"+0 x{FAST}", "env"], capture_output=True,
        check=True, text=True).stdout.splitlines()
    pairs = [line.split("=", 1) for line in said if "=" in line]
    return {name: value for name, value in pairs
            if name in ("LD_PRELOAD", "FAKETIME")}


def hurried_tunnel(folder, port, *words):
    """The server and the card are not in a hurry."""
    patience = 600_000  # no more is taken
    return Tunnel(folder, port, "--timeout", patience, *words,
                  card=f"sim:?store={folder}&timeout={patience}",
                  environment=hurried())


@pytest.mark.plain_build  # libfaketime and a sanitizer want to be first
def test_what_is_half_open_is_waited_for_10_minutes_and_what_is_open_for_ever(
        folder):
    done = threading.Event()

    def wait(tls):
        if tls.recv(5) == b"stays":
            return echo(tls)
        assert tls.recv(1) == b""
        return done.wait(30)

    with TlsServer(folder, wait) as server, \
            hurried_tunnel(folder, server.port) as tunnel:
        with tunnel.connect() as stays, tunnel.connect() as plain:
            stays.sendall(b"stays")
            plain.sendall(b"hello")
            plain.shutdown(socket.SHUT_WR)
            assert plain.recv(1) == b""
            line = tunnel.line()
            assert "nothing went either way" in line["note"]
            assert line["time_ms"] >= 600_000
            assert says(stays, b"still here")
        done.set()


@pytest.mark.plain_build
def test_a_session_of_datagrams_is_waited_for_5_minutes(folder):
    with Server(folder, datagram=True) as server, \
            hurried_tunnel(folder, server.port, "--dtls") as tunnel, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(20)
        plain.connect(("127.0.0.1", tunnel.port))
        plain.send(b"hello")
        assert plain.recv(100) == b"hello"
        line = tunnel.line()
        assert "nothing went either way" in line["note"]
        assert line["time_ms"] >= 300_000


def kept_alive(*filter, patience=20):
    """For how many seconds more the socket may be silent before the kernel
    asks whether its peer is there. First it waits for what was sent."""
    end = time.monotonic() + patience
    while True:
        [line] = subprocess.run(
            ["ss", "-tnoH", "state", "established", *map(str, filter)],
            capture_output=True, check=True, text=True).stdout.splitlines()
        found = re.search(
            r"timer:\(keepalive,(?:(\d+)min)?(?:([\d.]+)sec)?,", line)
        if found:
            return 60 * int(found[1] or 0) + float(found[2] or 0)
        assert time.monotonic() < end, line
        time.sleep(0.05)


def test_peers_that_vanish_are_asked_for_within_a_minute(folder):
    with TlsServer(folder, echo) as server, \
            Tunnel(folder, server.port) as tunnel, \
            tunnel.connect() as plain:
        assert says(plain, b"hello")
        assert kept_alive("sport", "=", f":{tunnel.port}") <= 60
        assert kept_alive("dport", "=", f":{server.port}") <= 60
