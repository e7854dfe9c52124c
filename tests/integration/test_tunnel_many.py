# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many connections through `iotsafe tunnel` at once, and slow readers: who is
served when, and the memory that takes."""

import os
import pathlib
import socket
import threading
import time

import pytest
from tunnel import TlsServer, Tunnel, echo, receive, says


@pytest.fixture(scope="module")
def server(folder):
    with TlsServer(folder, echo) as server:
        yield server


def test_the_rest_waits_in_the_queue(folder, server):
    with Tunnel(folder, server.port, "--max", 2) as tunnel:
        plains = [tunnel.connect() for _ in range(5)]
        assert says(plains[0], b"hello") and says(plains[1], b"hello")
        plains[2].sendall(b"third")
        plains[2].settimeout(0.2)
        with pytest.raises(socket.timeout):
            plains[2].recv(1)
        plains[0].close()
        plains[2].settimeout(20)
        assert receive(plains[2], 5) == b"third"
        for plain in plains[1:3]:
            plain.close()
        assert says(plains[3], b"hello") and says(plains[4], b"hello")
        for plain in plains[3:]:
            plain.close()
        for _ in plains:
            assert tunnel.line()["note"] is None


AT_ONCE = 4  # HANDSHAKES_MAX


def most_passed_over(order):
    """By how many that came later somebody was overtaken."""
    return max(sum(other > number for other in order[:place])
               for place, number in enumerate(order))


class Queue:
    """A server that knows who came to it when: `order` are the numbers that
    clients said, by the order in which their connections came."""

    def __init__(self, folder):
        self._numbers = {}
        self.server = TlsServer(folder, self._talk)

    def _talk(self, tls):
        number = receive(tls, 3)
        self._numbers[tls.getpeername()] = int(number)
        tls.sendall(number)
        echo(tls)

    @property
    def order(self):
        return [self._numbers[each] for each in self.server.peers]


@pytest.mark.plain_build  # a sanitizer takes memory of its own
def test_200_connections_at_once_on_one_card_each_in_its_turn(folder):
    """A handshake, and with it the card, is begun for one that came later only
    when no more than those at once are not done."""
    came = Queue(folder)
    with came.server as server, Tunnel(folder, server.port) as tunnel:
        with tunnel.stopped():
            plains = [tunnel.connect() for _ in range(200)]
        for number, plain in enumerate(plains):
            plain.sendall(b"%03d" % number)
        for number, plain in enumerate(plains):
            assert receive(plain, 3) == b"%03d" % number
        for plain in plains:  # all of them still live, in any order
            assert says(plain, b"x" * 20_000)
        assert tunnel.memory("VmHWM") < 32 << 10
        for plain in plains:
            plain.shutdown(socket.SHUT_WR)
            assert plain.recv(1) == b""
            plain.close()
        for _ in plains:
            assert tunnel.line()["note"] is None
        assert tunnel.descriptors() < 30
    assert sorted(came.order) == list(range(200))
    assert most_passed_over(came.order) < AT_ONCE


def test_first_come_first_served_by_a_slow_card(folder):
    came = Queue(folder)
    with came.server as server, \
            Tunnel(folder, server.port,
                   card=f"sim:?card-ms=20&store={folder}") as tunnel:
        with tunnel.stopped():
            plains = [tunnel.connect() for _ in range(20)]
        for number, plain in enumerate(plains):
            plain.sendall(b"%03d" % number)
        for number, plain in enumerate(plains):
            assert receive(plain, 3) == b"%03d" % number
            plain.close()
    assert most_passed_over(came.order) < AT_ONCE


def test_who_breaks_off_in_the_queue_costs_nobody_his_turn(folder):
    """Every other one is gone before the card has come to it."""
    came = Queue(folder)
    with came.server as server, Tunnel(folder, server.port) as tunnel:
        with tunnel.stopped():
            plains = [tunnel.connect() for _ in range(40)]
            for plain in plains[1::2]:
                plain.close()
        stay = range(0, 40, 2)
        for number in stay:
            plains[number].sendall(b"%03d" % number)
        for number in stay:
            assert receive(plains[number], 3) == b"%03d" % number
        for number in stay:
            plains[number].close()
        lines = [tunnel.line() for _ in plains]
        assert sum(line["note"] == "the client closed before its turn"
                   for line in lines) == 20
        assert len(server.peers) == 20
    assert most_passed_over(came.order) < AT_ONCE


@pytest.mark.plain_build
def test_authorities_are_kept_no_longer_than_needed(folder, server, tmp_path):
    """The system's take some 4 MiB a session."""
    system = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
    (tmp_path / "all.pem").write_bytes(
        system + (folder / "ca.pem").read_bytes())
    with Tunnel(folder, server.port, "--ca", tmp_path / "all.pem") as tunnel:
        plains = [tunnel.connect()]
        assert says(plains[0], b"hello")
        before = tunnel.memory("VmRSS")
        for _ in range(12):
            plains.append(tunnel.connect())
            assert says(plains[-1], b"hello")
        assert tunnel.memory("VmRSS") - before < 12 << 10
        for plain in plains:
            plain.close()


@pytest.mark.plain_build
@pytest.mark.parametrize("way", ["down", "up"])
def test_a_slow_reader_slows_the_sender(folder, way):
    """Nothing piles up between them, and nothing is lost."""
    data = os.urandom(1 << 20) * 24
    go = threading.Event()
    moved, got = [0], bytearray()

    def send(end):
        view = memoryview(data)
        while view:
            count = end.send(view[:65536])
            moved[0] += count
            view = view[count:]

    def talk(tls):
        if way == "down":
            send(tls)
            tls.unwrap()
            return
        go.wait(20)
        while piece := tls.recv(65536):
            got.extend(piece)
        tls.unwrap()

    def read(plain):
        while piece := plain.recv(65536):
            got.extend(piece)

    with TlsServer(folder, talk) as server, \
            Tunnel(folder, server.port) as tunnel, tunnel.connect() as plain:
        before = tunnel.memory("VmRSS")
        sender = threading.Thread(
            target=lambda: way == "up" and (
                send(plain), plain.shutdown(socket.SHUT_WR)))
        sender.start()
        stalled = -1
        while moved[0] != stalled or not moved[0]:
            stalled = moved[0]
            time.sleep(0.3)
        assert stalled < len(data)
        assert tunnel.memory("VmRSS") - before < 2 << 10
        go.set()
        read(plain)
        sender.join(20)
        plain.close()
        line = tunnel.line()
        assert line[f"bytes_{way}"] == len(data)
    assert bytes(got) == data
