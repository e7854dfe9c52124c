# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets of iotsafe.ssl that wait, or must not: back-pressure, time-outs,
threads."""

import contextlib
import select
import socket
import ssl
import threading
import time

import iotsafe
import iotsafe.ssl
import pytest

from servers import echo, receive

CLIENT = "iotsafe-sim gsma client"


def test_both_sides_write_more_than_any_buffer_holds(peer, wrap_ssl):
    """Each is in sendall while the other one is: whoever stops to read
    there must not be us."""
    amount = 8 << 20
    received = []

    def floods(connection):
        """In one thread: two may not be in a session of Python's ssl."""
        connection.setblocking(False)
        not_yet = contextlib.suppress(
            ssl.SSLWantReadError, ssl.SSLWantWriteError
        )
        unsent, count = memoryview(b"y" * amount), 0
        while True:
            if not connection.pending():
                writers = [connection] if unsent else []
                select.select([connection], writers, [], 20)
            with not_yet:
                if unsent:
                    unsent = unsent[connection.send(unsent[:16384]) :]
            with not_yet:
                data = connection.recv(65536)
                if not data:
                    break
                count += len(data)
        received.append(count)

    with wrap_ssl(peer(floods)) as tls:
        sender = threading.Thread(target=tls.sendall, args=(b"x" * amount,))
        sender.start()
        assert receive(tls, amount) == b"y" * amount
        sender.join(20)
        assert not sender.is_alive()
        tls.shutdown(socket.SHUT_WR)
        while tls.recv(1):
            pass
    end = time.monotonic() + 10
    while not received and time.monotonic() < end:
        time.sleep(0.01)
    assert received == [amount]


def test_a_send_that_meets_back_pressure_ends_in_time(peer, wrap_ssl):
    done = threading.Event()
    with wrap_ssl(peer(lambda connection: done.wait(20))) as tls:
        tls.settimeout(0.3)
        with pytest.raises(TimeoutError, match="for the peer"):
            tls.sendall(bytes(32 << 20))
        done.set()


def test_time_out_zero_raises_what_ssl_raises(peer, wrap_ssl):
    go = threading.Event()

    def late(connection):
        go.wait(20)
        connection.sendall(b"x" * 40000)
        echo(connection)

    with wrap_ssl(peer(late)) as tls:
        tls.setblocking(False)
        for _ in range(3):  # tickets may have come
            with pytest.raises(ssl.SSLWantReadError) as caught:
                tls.recv(10)
        assert caught.value.errno == ssl.SSL_ERROR_WANT_READ
        assert isinstance(caught.value, iotsafe.WantReadError)
        with pytest.raises(ssl.SSLWantWriteError):
            while True:
                tls.send(bytes(1 << 20))
        go.set()
        got = b""
        while len(got) < 40000:
            if not tls.pending():
                assert select.select([tls], [], [], 10)[0]
            try:
                got += tls.recv(4096)
            except ssl.SSLWantReadError:
                pass
        assert got == b"x" * 40000


def test_a_handshake_with_time_out_zero_waits_for_nothing(
    address, peer, ca
):
    server = peer()
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        context = iotsafe.ssl.SSLContext(card)
        context.load_verify_locations(ca)
        sock = server.connect()
        sock.settimeout(0)
        with context.wrap_socket(
            sock, server_hostname="localhost", do_handshake_on_connect=False
        ) as tls:
            wanted, longest = set(), 0
            while True:
                began = time.monotonic()
                try:
                    tls.do_handshake()
                    break
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as want:
                    longest = max(longest, time.monotonic() - began)
                    wanted.add(want.code)
                    fd, events, limit = tls.poll()
                    poller = select.poll()
                    poller.register(fd, events)
                    poller.poll(limit)
            assert iotsafe.WantCardError.code in wanted
            assert longest < 0.5
        sock = server.connect()
        sock.settimeout(0)
        with context.wrap_socket(
            sock, server_hostname="localhost", do_handshake_on_connect=False
        ) as tls:
            tls.do_handshake(block=True)
            assert tls.gettimeout() == 0 and tls.version()


def test_other_threads_run_while_the_card_signs(address, peer, ca):
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        context = iotsafe.ssl.SSLContext(card)
        context.load_verify_locations(ca)
        done, gaps = threading.Event(), []

        def count():
            last = time.monotonic()
            while not done.is_set():
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        thread = threading.Thread(target=count)
        thread.start()
        try:
            context.wrap_socket(
                peer().connect(), server_hostname="localhost"
            ).close()
        finally:
            done.set()
            thread.join()
        assert max(gaps) < 0.5


def test_many_threads_share_one_context(peer, wrap_ssl, card):
    server = peer()
    results = []

    def work(number):
        with wrap_ssl(server) as tls:
            data = b"%d" % number * 5000
            tls.sendall(data)
            results.append(receive(tls, len(data)) == data)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert results == [True] * 8
    assert card.counters["signatures"] == 8
    assert {each["client"] for each in server.wait_for(8)} == {CLIENT}


def test_waits_where_there_is_no_poll(peer, wrap_ssl, context, monkeypatch):
    """eventlet takes it away, and has a select() that lets others run."""
    server = peer()
    monkeypatch.delattr(select, "poll")
    with wrap_ssl(server) as tls:
        tls.sendall(b"x")
        assert receive(tls, 1) == b"x"
        tls.settimeout(0.05)
        with pytest.raises(TimeoutError):
            tls.recv(1)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(
        incoming, outgoing, server_hostname="localhost"
    )
    with server.connect() as sock:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
    assert session.version()
