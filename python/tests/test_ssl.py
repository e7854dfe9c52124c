# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sockets of iotsafe.ssl, as callers of Python's ssl know them, against
servers of OpenSSL's."""

import copy
import errno
import gc
import io
import os
import pickle
import select
import socket
import ssl
import threading
import time

import iotsafe
import iotsafe.ssl
import pytest

from servers import receive

CLIENT = "iotsafe-sim gsma client"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_the_server_sees_the_certificate_of_the_card(
    peer, wrap_ssl, card, version
):
    server = peer(version=ssl.TLSVersion[version])
    with wrap_ssl(server) as tls:
        assert tls.version() == version.replace("_", ".")
        tls.sendall(b"hello")
        assert receive(tls, 5) == b"hello"
        name, of, bits = tls.cipher()
        assert of == tls.version()
        assert name.startswith("TLS_" if of == "TLSv1.3" else "ECDHE-")
        assert bits in (128, 256)
    assert card.counters["signatures"] == 1
    assert server.wait_for(1) == [{
        "client": CLIENT, "name": "localhost", "alpn": None,
        "version": version.replace("_", "."), "resumed": False,
    }]


def test_cipher_suites_have_the_names_that_openssl_has(peer, context):
    server = peer(version=ssl.TLSVersion.TLSv1_2)
    theirs = []
    server.handler = lambda connection: theirs.append(connection.cipher())
    with context.wrap_socket(
        server.connect(), server_hostname="localhost"
    ) as tls:
        assert tls.recv(1) == b""
        assert tls.cipher()[0] == theirs[0][0]


def test_tells_the_certificate_of_the_server_as_ssl_does(
    peer, context, wrap_ssl, store
):
    server = peer()
    with wrap_ssl(server) as tls:
        want = ssl._ssl._test_decode_cert(str(store / "server.pem"))
        got = tls.getpeercert()
        for part in ("subject", "issuer", "notBefore", "notAfter",
                     "serialNumber", "version"):
            assert got[part] == want[part]
        assert ("DNS", "localhost") in got["subjectAltName"]
        assert ("IP Address", "127.0.0.1") in got["subjectAltName"]
        assert tls.getpeercert(True) == tls.get_unverified_chain()[0]
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with wrap_ssl(server) as tls:
        assert tls.getpeercert() == {}
        assert tls.getpeercert(binary_form=True)


def test_a_protocol_is_agreed_on(peer, context, wrap_ssl):
    server = peer(alpn=["x-amzn-mqtt-ca"])
    context.set_alpn_protocols(["h2", "x-amzn-mqtt-ca"])
    with wrap_ssl(server) as tls:
        assert tls.selected_alpn_protocol() == "x-amzn-mqtt-ca"
    assert server.wait_for(1)[0]["alpn"] == "x-amzn-mqtt-ca"


def test_a_session_is_resumed_without_the_card(peer, context, wrap_ssl, card):
    server = peer()
    with wrap_ssl(server) as tls:
        assert not tls.session_reused
        tls.sendall(b"x")
        receive(tls, 1)
        session = tls.session
        assert session == tls.session or session.id
        assert "secret" not in repr(session) and session.has_ticket
    with wrap_ssl(server, session=session) as tls:
        tls.sendall(b"x")
        receive(tls, 1)
        assert tls.session_reused
        with pytest.raises(iotsafe.ArgumentError, match="after handshake"):
            tls.session = session
    assert card.counters["signatures"] == 1
    assert [each["resumed"] for each in server.wait_for(2)] == [False, True]
    assert context.session_stats()["hits"] == 1
    assert context.session_stats()["connect_good"] == 2
    with pytest.raises(TypeError):
        wrap_ssl(server, session=b"bytes")


def test_connections_resume_by_themselves_where_they_are_told_to(
    peer, context, wrap_ssl, card
):
    server = peer()

    def visit():
        with wrap_ssl(server) as tls:
            tls.sendall(b"x")
            receive(tls, 1)
            return tls.session_reused

    assert [visit(), visit()] == [False, False]  # as with ssl
    context.resume = True
    assert [visit(), visit(), visit()] == [False, True, True]
    assert card.counters["signatures"] == 3
    assert context.session_stats()["hits"] == 2
    context.resume = False
    assert not visit()


def test_a_socket_that_is_not_connected_yet(peer, context):
    server = peer()
    plain = socket.socket()
    plain.settimeout(10)
    with context.wrap_socket(plain, server_hostname="localhost") as tls:
        with pytest.raises(OSError) as caught:
            tls.do_handshake()
        assert caught.value.errno == errno.ENOTCONN
        tls.connect(("127.0.0.1", server.port))
        tls.sendall(b"hello")
        assert receive(tls, 5) == b"hello"
        with pytest.raises(OSError, match="connected already"):
            tls.connect(("127.0.0.1", server.port))
    with context.wrap_socket(
        socket.socket(), server_hostname="localhost"
    ) as tls:
        assert tls.connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED
        assert tls.connect_ex(("127.0.0.1", server.port)) == 0
        assert tls.version()


def test_nothing_goes_out_before_the_handshake(peer, wrap_ssl):
    """OpenSSL shakes hands with the first byte; so do we."""
    server = peer()
    with wrap_ssl(server, do_handshake_on_connect=False) as tls:
        assert tls.version() is None and tls.cipher() is None
        assert tls.pending() == 0
        tls.sendall(b"hello")
        assert receive(tls, 5) == b"hello"
    with wrap_ssl(server, do_handshake_on_connect=False) as tls:
        tls.settimeout(0.3)
        with pytest.raises(TimeoutError):
            tls.recv(1)
        assert tls.version()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_sends_every_kind_of_bytes(peer, wrap_ssl, kind):
    with wrap_ssl(peer()) as tls:
        assert tls.send(kind(b"some")) == 4
        assert tls.write(kind(b"more")) == 4
        tls.sendall(kind(b"last"))
        assert receive(tls, 12) == b"somemorelast"
        tls.sendall(b"0123456789")
        buffer = bytearray(4)
        assert tls.recv_into(buffer) == 4 and buffer == b"0123"
        assert tls.pending() == 6
        assert tls.read(2, buffer) == 2 and tls.read() == b"6789"
        with pytest.raises(TypeError):
            tls.send("text")


def test_a_send_that_may_wait_sends_all(peer, wrap_ssl):
    """Programs that knew only OpenSSL do not look how many it was."""
    with wrap_ssl(peer()) as tls:
        for send in tls.send, tls.write:
            assert send(bytes(100000)) == 100000
            assert receive(tls, 100000) == bytes(100000)


def test_what_was_sent_arrives_though_nothing_was_read(peer, wrap_ssl):
    """The tickets of TLS 1.3 wait unread in the socket, and would have the
    kernel reset the connection."""
    go, got = threading.Event(), []

    def late(connection):
        go.wait(20)
        connection.settimeout(20)
        got.extend(iter(lambda: connection.recv(65536), b""))

    server = peer(late)
    with wrap_ssl(server) as tls:
        # Behind the tickets, since the server's side is done with them.
        server.wait_for(1)
        assert select.select([tls], [], [], 10)[0]
        tls.sendall(bytes(100000))
    go.set()
    server.wait_for_end(1)
    assert sum(map(len, got)) == 100000


def test_is_a_socket_of_ssl_to_who_asks(peer, wrap_ssl):
    """Else ftplib begins TLS anew and websocket-client forgets what is
    pending. asyncio is to work on it, and refuses those of ssl."""
    with wrap_ssl(peer()) as tls:
        assert isinstance(tls, ssl.SSLSocket)
        assert isinstance(tls, iotsafe.ssl.SSLSocket)
        assert tls._sslobj.version() == tls.version()  # as httpcore does
        tls.settimeout(0)
        assert not isinstance(tls, ssl.SSLSocket)
        with pytest.raises(ssl.SSLWantReadError) as caught:
            while True:  # tickets may have come
                tls.recv(1)
        assert caught.value.__class__ is ssl.SSLWantReadError  # for redis
        assert isinstance(caught.value, iotsafe.WantReadError)


def test_a_socket_is_bound_and_inherited_like_others(peer, context):
    server = peer()
    with context.wrap_socket(
        socket.socket(), server_hostname="localhost"
    ) as tls:
        with pytest.raises(ValueError, match="handshake not done"):
            tls.getpeercert()
        tls.bind(("127.0.0.3", 0))
        tls.connect(("127.0.0.1", server.port))
        assert tls.getsockname()[0] == "127.0.0.3"
        assert tls.get_inheritable() is False
        tls.set_inheritable(True)
        assert tls.get_inheritable() is True
        assert tls.getpeercert()


def test_a_shut_down_connection_ends_in_order(peer, wrap_ssl):
    def close(connection):
        while connection.recv(1):
            pass

    for _ in range(3):
        with wrap_ssl(peer(close)) as tls:
            tls.shutdown(socket.SHUT_WR)
            assert tls.recv(1) == b""
            assert tls.recv(1) == b""


def test_files_outlive_the_socket_that_made_them(peer, wrap_ssl):
    tls = wrap_ssl(peer())
    reader, writer = tls.makefile("rb"), tls.makefile("wb")
    tls.close()
    assert tls.fileno() >= 0
    writer.write(b"hello\n")
    writer.flush()
    assert reader.readline() == b"hello\n"
    reader.close()
    writer.close()
    assert tls.fileno() == -1


def test_sends_a_file(peer, wrap_ssl, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 200)
    with wrap_ssl(peer()) as tls, open(path, "rb") as file:
        assert tls.sendfile(file, 56, 40000) == 40000
        assert file.tell() == 40056
        assert receive(tls, 40000) == path.read_bytes()[56:40056]
        assert tls.sendfile(file, 51000) == 200


def test_the_end_of_the_data(peer, wrap_ssl):
    def ragged(connection):
        connection.sendall(b"x")
        os.close(connection.detach())

    def proper(connection):
        connection.sendall(b"x")
        connection.unwrap()

    with wrap_ssl(peer(proper)) as tls:
        assert receive(tls, 1) == b"x" and tls.recv(1) == b""
    with wrap_ssl(peer(ragged)) as tls:
        assert receive(tls, 1) == b"x" and tls.recv(1) == b""
    with wrap_ssl(peer(ragged), suppress_ragged_eofs=False) as tls:
        assert receive(tls, 1) == b"x"
        with pytest.raises(ssl.SSLEOFError) as caught:
            tls.recv(1)
        assert caught.value.errno == ssl.SSL_ERROR_EOF
        assert isinstance(caught.value, iotsafe.ClosedError)


def test_unwrap_gives_the_plain_socket_back(peer, wrap_ssl):
    def talk_on(connection):
        plain = connection.unwrap()
        plain.sendall(b"in the clear")
        plain.close()

    tls = wrap_ssl(peer(talk_on))
    plain = tls.unwrap()
    assert type(plain) is socket.socket and tls.fileno() == -1
    with plain:
        assert plain.recv(100) == b"in the clear"


def test_after_close_it_is_a_bad_descriptor(peer, wrap_ssl):
    tls = wrap_ssl(peer())
    tls.close()
    tls.close()
    for use in (lambda: tls.recv(1), lambda: tls.send(b"x"), tls.do_handshake,
                tls.getpeername, tls.getpeercert):
        with pytest.raises(OSError) as caught:
            use()
        assert caught.value.errno == errno.EBADF
    assert "closed" in repr(tls)


def test_what_a_tls_socket_cannot_is_refused_by_name(peer, wrap_ssl, context):
    with wrap_ssl(peer()) as tls:
        for name in ("dup", "sendto", "sendmsg", "recvfrom", "recvmsg",
                     "recvfrom_into", "recvmsg_into", "listen", "accept",
                     "verify_client_post_handshake"):
            with pytest.raises(NotImplementedError, match=name):
                getattr(tls, name)()
        with pytest.raises(NotImplementedError, match="tls-unique"):
            tls.get_channel_binding()
        assert len(tls.get_channel_binding("tls-exporter")) == 32
        assert tls.compression() is tls.shared_ciphers() is None
        assert tls.context is context and tls.server_side is False
        assert tls.server_hostname == "localhost"
    with wrap_ssl(peer()) as tls:
        for seconds in 10, 0:
            tls.settimeout(seconds)
            with pytest.raises(ssl.SSLError, match="wrap_bio") as caught:
                wrap_ssl(None, tls)  # as httpx does with a proxy of TLS
            assert isinstance(caught.value, NotImplementedError)
        assert tls.version()
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(NotImplementedError, match="DTLS"):
            wrap_ssl(None, datagrams)
        assert datagrams.fileno() >= 0


def test_nothing_is_left_behind(peer, wrap_ssl):
    server = peer()

    def rounds(count):
        for _ in range(count):
            with wrap_ssl(server) as tls:
                tls.sendall(b"x")
                receive(tls, 1)
            with pytest.raises(iotsafe.UntrustedError):
                wrap_ssl(server, server_hostname="example.org")
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = rounds(2)
    time.sleep(0.1)
    assert rounds(8) <= before + 2  # the server closes its own a bit later


def test_raw_files_report_as_io_expects(peer, wrap_ssl):
    with wrap_ssl(peer()) as tls, tls.makefile("rb", buffering=0) as raw:
        tls.sendall(b"abc")
        assert raw.read(10) == b"abc"
        tls.settimeout(0.1)
        with pytest.raises(TimeoutError):
            io.BufferedReader(raw).read(1)


def test_a_connection_is_not_copied_as_a_socket_is_not(
    peer, wrap_ssl, context
):
    tls = wrap_ssl(peer())
    buffers = context.wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost"
    )
    for one in tls, buffers:
        for way in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot pickle 'SSL"):
                way(one)
    tls.sendall(b"hello")
    assert receive(tls, 5) == b"hello"
