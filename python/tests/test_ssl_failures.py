# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong with iotsafe.ssl, and that callers of ssl catch it."""

import contextlib
import gc
import os
import pickle
import re
import select
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request

import iotsafe
import iotsafe.ssl
import pytest
from iotsafe import _failures, errors

from conftest import run
from test_errors import CARD_FAULTS

HOST = {"server_hostname": "localhost"}


def by_socket(context, server, name="localhost"):
    context.wrap_socket(server.connect(), server_hostname=name)


def by_buffers(context, server, name="localhost"):
    """A handshake of wrap_bio, its bytes carried by hand."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with server.connect() as sock:
        while True:
            try:
                session.do_handshake()
                return
            except ssl.SSLWantReadError:
                pass
            sock.sendall(outgoing.read())
            data = sock.recv(65536)
            incoming.write(data) if data else incoming.write_eof()


@pytest.mark.parametrize("way", [by_socket, by_buffers])
@pytest.mark.parametrize("fault, kind, code, sentence, status", CARD_FAULTS)
def test_the_failure_of_the_card_is_one_of_ssl_too(
    address, peer, ca, fault, kind, code, sentence, status, way
):
    with iotsafe.open(address(fault=fault, timeout=1000)) as card:
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        with pytest.raises(kind) as caught:
            way(context, peer())
    error = caught.value
    assert isinstance(error, (ssl.SSLError, TimeoutError))
    assert not isinstance(error, ValueError)
    assert error.code == code and error.status == status
    assert re.search(sentence, str(error))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.status) == (
        type(error), str(error), error.status
    )


def test_each_failure_of_the_library_has_its_place():
    for kind in errors._BY_CODE.values():
        mixed = _failures.of(kind("a sentence", 0x6985))
        assert isinstance(mixed, kind) and isinstance(mixed, OSError)
        assert mixed.code == kind.code and "a sentence" in str(mixed)
        assert isinstance(mixed, ssl.SSLError) or (
            kind is iotsafe.TimeoutError
            and isinstance(mixed, (TimeoutError, socket.timeout))
        )
        assert isinstance(mixed, ValueError) == (
            kind is iotsafe.UntrustedError
        )
        assert _failures.of(mixed) is mixed
    closed = _failures.of(iotsafe.UseAfterCloseError("closed"))
    assert closed.errno == 9


@pytest.mark.parametrize("way", [by_socket, by_buffers])
def test_a_wrong_ca_and_a_wrong_name_are_not_trusted(
    card, peer, tmp_path, context, way
):
    strange = tmp_path / "strange.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
        "/CN=strange", "-keyout", tmp_path / "k", "-out", strange)
    other = iotsafe.ssl.create_default_context(card, cafile=strange)
    server = peer()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        way(other, server)
    assert isinstance(caught.value, iotsafe.UntrustedError)
    assert caught.value.verify_message
    assert caught.value.reason == "CERTIFICATE_VERIFY_FAILED"
    again = pickle.loads(pickle.dumps(caught.value))
    for error in caught.value, again:  # as programs look for it
        assert str(error) == \
            f"[SSL: CERTIFICATE_VERIFY_FAILED] {error.verify_message}"
        assert error.verify_message.count("accepted") == 1
    assert card.counters["signatures"] == 0 and not server.seen
    with pytest.raises(urllib.error.URLError, match="not accepted"):
        urllib.request.urlopen(
            f"https://localhost:{server.port}/", context=other, timeout=5
        )
    with pytest.raises(ssl.SSLCertVerificationError, match="example.org"):
        way(context, server, "example.org")


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_server_that_is_not_trusted_learns_why(peer, context, version):
    """Nothing is left unread that would reset the connection behind the
    alert."""
    server = peer(version=ssl.TLSVersion[version])
    for count in 1, 2, 3:
        with pytest.raises(ssl.SSLCertVerificationError):
            by_socket(context, server, "example.org")
        server.wait_for_end(count)
    assert len(server.errors) == 3
    for error in server.errors:
        assert "ALERT_BAD_CERTIFICATE" in error.reason, error


def test_a_server_that_refuses_us_is_told_as_ssl_does(card, ca, peer, store):
    server = peer()
    # An authority that has never heard of this card.
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(store / "server.pem",
                                   store / "server-key.pem")
    server.context.verify_mode = ssl.CERT_REQUIRED
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2
    context = iotsafe.ssl.create_default_context(card, cafile=ca)
    for way in (by_socket, by_buffers):
        with pytest.raises(ssl.SSLError, match="refused our certificate"):
            way(context, server)
    server.context.maximum_version = ssl.TLSVersion.TLSv1_3
    with context.wrap_socket(server.connect(), **HOST) as tls:
        with pytest.raises(ssl.SSLError, match="refused our certificate"):
            tls.recv(1)


@pytest.fixture
def rude():
    """A server that takes the first bytes and goes away, or stays silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads, kept = [], []

    class Rude:
        port = listener.getsockname()[1]

        def __init__(self, answer=None):
            def serve():
                sock, _ = listener.accept()
                kept.append(sock)
                sock.settimeout(10)
                sock.recv(5)
                if answer is None:
                    return
                while select.select([sock], [], [], 0.05)[0]:
                    if not sock.recv(65536):
                        break
                sock.sendall(answer)
                sock.close()

            thread = threading.Thread(target=serve)
            thread.start()
            threads.append(thread)

        def connect(self, timeout=10):
            return socket.create_connection(("127.0.0.1", self.port), timeout)

    yield Rude
    for each in threads:
        each.join(10)
    for each in [listener, *kept]:
        each.close()


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\x00", bytes(64),
    b"\x16\x03\x03\xff\xff" + bytes(70000), b"\x15\x03\x03\x00\x02\x02\x28",
], ids=["nothing", "http", "half a header", "zeros", "too long", "an alert"])
@pytest.mark.parametrize("way", [by_socket, by_buffers])
def test_a_peer_that_breaks_the_handshake_off(context, rude, answer, way):
    with pytest.raises(ssl.SSLError) as caught:
        way(context, rude(answer))
    assert isinstance(caught.value, iotsafe.Error) and str(caught.value)
    if not answer:
        assert isinstance(caught.value, ssl.SSLEOFError)
        assert isinstance(caught.value, ConnectionError)


def test_a_silent_peer_is_a_time_out(context, rude):
    sock = rude().connect(timeout=0.3)
    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        context.wrap_socket(sock, **HOST)
    assert time.monotonic() - began < 5
    assert caught.value.code == iotsafe.TimeoutError.code
    assert not isinstance(caught.value, ssl.SSLError)  # as with ssl
    assert sock.fileno() == -1


def test_a_slow_card_counts_against_the_time_out(address, peer, ca):
    with iotsafe.open(address(card_ms="2A:2000")) as card:
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        sock = peer().connect(timeout=0.4)
        with pytest.raises(TimeoutError, match="for the card"):
            context.wrap_socket(sock, **HOST)


def test_time_out_zero_wants_a_handshake_of_its_own(context, peer):
    sock = peer().connect()
    sock.setblocking(False)
    with pytest.raises(iotsafe.ArgumentError, match="on_connect"):
        context.wrap_socket(sock, **HOST)


def test_the_socket_is_closed_whatever_happens(context, peer):
    server = peer()
    for wrong in ({"server_hostname": "example.org"}, {"server_hostname": ""},
                  {"session": "none"}, {"server_side": True}):
        sock = server.connect()
        fd = sock.fileno()
        with pytest.raises((OSError, TypeError)):
            context.wrap_socket(sock, **{**HOST, **wrong})
        assert sock.fileno() == -1
        with pytest.raises(OSError):
            os.fstat(fd)
    with context.wrap_socket(server.connect(), **HOST) as tls:
        with pytest.raises(ssl.SSLError, match="wrap_bio"):
            context.wrap_socket(tls, **HOST)
    # What ssl's own would carry in the clear if it were taken for plain.
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with theirs.wrap_socket(
        server.connect(), server_hostname="x", do_handshake_on_connect=False
    ) as tls:
        with pytest.raises(ssl.SSLError, match="wrap_bio"):
            context.wrap_socket(tls, **HOST)
        assert tls.fileno() >= 0


def test_buffers_that_fail_leave_no_descriptor(context, peer):
    server = peer()
    before = None
    gc.collect()  # not what other tests have left
    for _ in range(4):
        with pytest.raises(iotsafe.ArgumentError):
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        incoming = ssl.MemoryBIO()
        incoming.write(b"nonsense" * 10)
        session = context.wrap_bio(incoming, ssl.MemoryBIO(), **HOST)
        with pytest.raises(ssl.SSLError):
            session.do_handshake()
        with pytest.raises(ssl.SSLError):
            session.do_handshake()  # and stays so
        del session
        count = len(os.listdir("/proc/self/fd"))
        assert before in (None, count)
        before = count
    assert not server.seen


def test_a_context_of_a_closed_card(address, peer, ca):
    with iotsafe.open(address()) as card:
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        tls = context.wrap_socket(peer().connect(), **HOST)
    with pytest.raises(iotsafe.UseAfterCloseError) as caught:
        context.wrap_socket(peer().connect(), **HOST)
    assert caught.value.errno == 9
    with tls:  # which holds the card itself
        tls.sendall(b"x")
        assert tls.recv(1) == b"x"


def test_no_card_at_all(peer, ca, monkeypatch):
    monkeypatch.delenv("IOTSAFE_CARD", raising=False)
    context = iotsafe.ssl.create_default_context(cafile=ca)
    with pytest.raises(OSError, match="IOTSAFE_CARD"):
        context.wrap_socket(peer().connect(), **HOST)
    context = iotsafe.ssl.create_default_context("at:/dev/nowhere", cafile=ca)
    with pytest.raises(iotsafe.LinkError) as caught:
        context.wrap_socket(peer().connect(), **HOST)
    assert isinstance(caught.value, ssl.SSLError)


def test_a_child_process_has_no_use_of_what_its_parent_opened(
    context, peer
):
    tls = context.wrap_socket(peer().connect(), **HOST)
    second = peer().connect()
    child = os.fork()
    if not child:
        status = 1
        try:
            tls.sendall(b"x")
        except ssl.SSLEOFError as error:
            status = 0 if "process" in str(error) else 2
        try:
            context.wrap_socket(second, **HOST)
            status = 3
        except iotsafe.ClosedError:
            pass
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    second.close()
    with tls:
        tls.sendall(b"x")
        assert tls.recv(1) == b"x"


def test_a_context_opens_its_card_anew_in_a_child_process(
    address, ca, peer
):
    """As servers that fork have theirs from before."""
    context = iotsafe.ssl.create_default_context(address(), cafile=ca)
    server = peer()
    context.wrap_socket(server.connect(), **HOST).close()
    mine = context.card
    sock = server.connect()
    child = os.fork()
    if not child:
        status = 1
        with contextlib.suppress(Exception):
            tls = context.wrap_socket(sock, **HOST)
            tls.sendall(b"x")
            status = 0 if tls.recv(1) == b"x" else 2
        os._exit(status)
    sock.close()
    assert os.waitpid(child, 0)[1] == 0
    assert context.card is mine
    assert server.wait_for(2)[1]["client"] == "iotsafe-sim gsma client"
