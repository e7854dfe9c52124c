# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sessions of iotsafe.ssl between two buffers, joined with OpenSSL's."""

import os
import socket
import ssl
import threading

import iotsafe
import iotsafe.ssl
import pytest

from servers import server_context

HOST = {"server_hostname": "localhost"}
CLIENT = "iotsafe-sim gsma client"


class Pair:
    """Our session and one of OpenSSL's, joined buffer to buffer."""

    def __init__(self, context, store, **options):
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.their_into, self.their_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ours = context.wrap_bio(self.into, self.out, **HOST, **options)
        self.theirs = server_context(store).wrap_bio(
            self.their_into, self.their_out, server_side=True
        )

    def carry(self):
        self.their_into.write(self.out.read())
        self.into.write(self.their_out.read())

    def shake_hands(self):
        todo = [self.ours, self.theirs]
        for _ in range(10):
            for each in list(todo):
                try:
                    each.do_handshake()
                    todo.remove(each)
                except ssl.SSLWantReadError:
                    pass
                self.carry()
            if not todo:
                return
        raise AssertionError("the handshake does not end")


@pytest.fixture
def pair(context, store):
    pair = Pair(context, store)
    pair.shake_hands()
    return pair


def test_says_what_it_is(context, store):
    pair = Pair(context, store)
    ours = pair.ours
    assert ours.version() is None and ours.cipher() is None
    assert ours.pending() == 0
    with pytest.raises(ValueError, match="handshake not done"):
        ours.getpeercert()
    with pytest.raises(ssl.SSLWantReadError):
        ours.read()  # shakes hands first
    pair.shake_hands()
    assert ours.version() == pair.theirs.version() == "TLSv1.3"
    assert ours.cipher() == pair.theirs.cipher()
    assert ours.getpeercert()["subject"]
    assert pair.theirs.getpeercert()["subject"] == (
        (("commonName", CLIENT),),
    )
    assert ours.context is context and not ours.server_side
    assert ours.server_hostname == "localhost"
    assert ours.compression() is None and not ours.session_reused


def test_carries_bytes_both_ways(pair):
    assert pair.ours.write(b"hello") == 5
    assert pair.ours.write(b"") == 0
    pair.carry()
    assert pair.theirs.read(100) == b"hello"
    pair.theirs.write(b"0123456789")
    pair.carry()
    buffer = bytearray(4)
    assert pair.ours.read(10, buffer) == 4 and buffer == b"0123"
    assert pair.ours.pending() == 6
    assert pair.ours.read(2) == b"45" and pair.ours.read() == b"6789"
    assert pair.ours.read(0) == b""
    with pytest.raises(ssl.SSLWantReadError) as caught:
        pair.ours.read()
    assert caught.value.errno == ssl.SSL_ERROR_WANT_READ


@pytest.mark.parametrize("room", [None, 4096])
def test_what_no_kernel_buffer_holds_is_not_lost(pair, room):
    """The pair of sockets inside holds some 200 kB, or hardly a record."""
    for end in (pair.ours._near, pair.ours._far):
        if room:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
    data = os.urandom(4 << 20)
    for at in range(0, len(data), 16384):
        pair.theirs.write(data[at : at + 16384])
    pair.carry()
    got = bytearray()
    while len(got) < len(data):
        got += pair.ours.read(65536)
    assert got == data
    assert pair.ours.write(data) == len(data)  # trio does not look
    pair.carry()
    got = bytearray()
    while len(got) < len(data):
        got += pair.theirs.read(65536)
    assert got == data


def test_bytes_may_come_one_by_one(context, store):
    pair = Pair(context, store)
    done = False
    while not done:
        try:
            pair.ours.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        pair.their_into.write(pair.out.read())
        try:
            pair.theirs.do_handshake()
        except ssl.SSLWantReadError:
            pass
        waiting = pair.their_out.read()
        for i in range(len(waiting)):
            pair.into.write(waiting[i : i + 1])
            if i + 1 < len(waiting) and not done:
                with pytest.raises(ssl.SSLWantReadError):
                    pair.ours.do_handshake()
    pair.theirs.do_handshake()
    pair.theirs.write(b"x")
    pair.carry()
    assert pair.ours.read() == b"x"


def test_good_byes(pair):
    with pytest.raises(ssl.SSLWantReadError):
        pair.ours.unwrap()
    with pytest.raises(ssl.SSLZeroReturnError):
        pair.ours.write(b"x")
    pair.carry()
    assert pair.theirs.read(1) == b""
    pair.theirs.unwrap()
    pair.their_out.write(b"in the clear")  # what follows is not TLS any more
    pair.carry()
    pair.ours.unwrap()
    assert pair.into.read() == b"in the clear"
    assert pair.ours.version() == "TLSv1.3"


def test_the_peer_says_good_bye_first(pair):
    pair.theirs.write(b"x")
    with pytest.raises(ssl.SSLWantReadError):
        pair.theirs.unwrap()
    pair.carry()
    assert pair.ours.read() == b"x"
    assert pair.ours.read() == b"" == pair.ours.read()
    pair.ours.unwrap()


def test_contexts_begin_with_the_options_of_ssl_s(context):
    theirs = ssl.create_default_context().options
    option = ssl.OP_IGNORE_UNEXPECTED_EOF
    assert context.options & option == theirs & option


def test_an_end_without_good_bye_may_be_one(pair, context):
    """As trio and anyio expect where ssl's contexts say so from the start."""
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    pair.into.write_eof()
    assert pair.ours.read() == b"" == pair.ours.read()
    pair.ours.unwrap()


def test_an_end_within_the_handshake_is_always_told(context):
    incoming = ssl.MemoryBIO()
    session = context.wrap_bio(
        incoming, ssl.MemoryBIO(), server_hostname="localhost"
    )
    incoming.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        session.read()


def test_an_end_without_good_bye_is_told_on_request(pair, context):
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    pair.into.write_eof()
    for _ in range(2):
        with pytest.raises(ssl.SSLEOFError):
            pair.ours.read()
    with pytest.raises(ssl.SSLEOFError):
        pair.ours.unwrap()


def test_a_session_is_resumed_between_buffers(pair, context, store, card):
    pair.theirs.write(b"x")
    pair.carry()
    pair.ours.read()
    again = Pair(context, store, session=pair.ours.session)
    again.theirs = pair.theirs.context.wrap_bio(
        again.their_into, again.their_out, server_side=True
    )
    again.shake_hands()
    assert again.ours.session_reused and again.theirs.session_reused
    assert card.counters["signatures"] == 1


def test_other_threads_run_while_buffers_wait_for_the_card(
    address, store, ca
):
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        ticks = []
        done = threading.Event()

        def tick():
            while not done.wait(0.01):
                ticks.append(1)

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            Pair(context, store).shake_hands()
        finally:
            done.set()
            thread.join()
        assert len(ticks) > 30
