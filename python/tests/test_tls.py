# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and DTLS with the card's key, against a real gnutls-serv that demands a
client certificate."""

import gc
import http.client
import io
import os
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

import iotsafe
import pytest
from iotsafe import TLSSocket

from conftest import run

MINE = {"server_name": "localhost"}


@pytest.fixture
def wrap(card, ca):
    """A TLS socket to a server with the card's identity."""

    def make(server, sock=None, **options):
        merged = {"card": card, "ca_file": ca, **MINE, **options}
        return TLSSocket(sock or server.connect(), **merged)

    return make


def read_line(tls):
    line = b""
    while not line.endswith(b"\n"):
        more = tls.recv(100)
        assert more, f"the server closed after {line!r}"
        line += more
    return line


@pytest.mark.parametrize(
    "version, other",
    [("TLSv1.3", {"minimum_version": "TLSv1.3"}),
     ("TLSv1.2", {"maximum_version": "TLSv1.2"})],
)
def test_tls_with_the_key_of_the_card(card, serve, wrap, version, other):
    server = serve("--echo")
    with wrap(server, **other) as tls:
        assert tls.version() == version
        assert tls.certificate_used
        assert card.counters["signatures"] == 1
        tls.sendall(b"hello\n")
        assert read_line(tls) == b"hello\n"
        name, of, bits = tls.cipher()
        assert name.startswith("TLS_") and of == version
        assert bits in (128, 256)
    server.wait_for("client")


def test_dtls_with_the_key_of_the_card(card, serve, wrap):
    server = serve("--echo", "--udp")
    with wrap(server) as tls:
        assert tls.version() == "DTLSv1.2"
        assert tls.certificate_used
        assert card.counters["signatures"] == 1
        assert tls.send(b"hello\n") == 6
        assert tls.recv(100) == b"hello\n"


@pytest.mark.parametrize("how", ["key", "name", "id", "zariot"])
def test_the_key_can_be_given_in_many_ways(address, serve, ca, how):
    server = serve("--echo")
    profile = "zariot" if how == "zariot" else "gsma"
    with iotsafe.open(address(profile)) as card:
        ways = {
            "key": lambda: {"key": card.key()},
            "name": lambda: {"key": "client", "card": card},
            "id": lambda: {"key": card.key().object.name, "card": card},
            "zariot": lambda: {"key": card.key()},
        }
        tls = TLSSocket(server.connect(), ca_file=ca, **MINE, **ways[how]())
    with tls:  # the card object is closed; the session does not mind
        assert tls.certificate_used
        tls.sendall(b"hello\n")
        assert read_line(tls) == b"hello\n"


@pytest.mark.parametrize("form", ["name", "bytes", "path", "of the key"])
def test_the_certificate_can_be_given_in_many_ways(
    card, serve, wrap, tmp_path, form
):
    server = serve("--echo")
    key = card.key()
    record = next(x for x in card.objects("type=cert")
                  if card.read(x.name) == key.certificate)
    chain = b"".join(
        run("openssl", "x509", "-inform", "DER", input=x) for x in key.chain
    )
    path = tmp_path / "client.pem"
    path.write_bytes(chain)
    if form == "of the key":
        key.use_certificate(chain)
    given = {"name": record.name, "bytes": chain, "path": path}.get(form)
    with wrap(server, key=key, certificate=given) as tls:
        assert tls.certificate_used


def test_a_session_needs_no_card(store, ca):
    from conftest import Server

    server = Server(store, "--echo", "--disable-client-cert")
    try:
        with TLSSocket(server.connect(), ca_file=ca, **MINE) as tls:
            assert not tls.certificate_used
            tls.sendall(b"hello\n")
            assert read_line(tls) == b"hello\n"
    finally:
        server.stop()


def test_trusts_bytes_and_the_card_itself(card, serve, wrap, ca):
    server = serve("--echo")
    with wrap(server, ca_file=None, ca_data=ca.read_bytes()) as tls:
        assert tls.certificate_used
    with wrap(server, ca_file=None, card_ca=True) as tls:
        assert tls.certificate_used


def test_an_address_is_checked_as_a_name_too(serve, wrap):
    with wrap(serve("--echo"), server_name="127.0.0.1") as tls:
        assert tls.server_hostname == "127.0.0.1"


def test_tells_the_certificate_of_the_server(serve, wrap, store):
    server = serve("--echo")
    with wrap(server) as tls:
        der = tls.getpeercert(binary_form=True)
        want = ssl._ssl._test_decode_cert(str(store / "server.pem"))
        assert der == ssl.PEM_cert_to_DER_cert(first_certificate(store))
        got = tls.getpeercert()
        assert ("DNS", "localhost") in got["subjectAltName"]
        assert got["subject"] == want["subject"]
        assert tls.peer_chain()[0] == der
    with wrap(server, verify=False) as tls:
        assert tls.getpeercert() == {}
        assert tls.getpeercert(True) == der


def first_certificate(store):
    text = (store / "server.pem").read_text()
    return text[: text.index("-----END") + len("-----END CERTIFICATE-----\n")]


def test_agrees_on_a_protocol_by_alpn(serve, wrap):
    server = serve("--echo", "--alpn", "http/1.1")
    with wrap(server, alpn=["h2", "http/1.1"]) as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
    with wrap(server) as tls:
        assert tls.selected_alpn_protocol() is None


def test_both_ends_export_the_same_keying_material(store, card, ca, wrap):
    from conftest import Server

    server = Server(
        store, "--echo", "--require-client-cert",
        "--keymatexport", "EXPERIMENTAL-test", "--keymatexportsize", "20",
    )
    try:
        with wrap(server) as tls:
            mine = tls.export("EXPERIMENTAL-test", 20)
            assert len(mine) == 20
            server.wait_for(mine.hex())
    finally:
        server.stop()


def test_http_client_reads_an_answer_through_makefile(serve, wrap):
    server = serve("--http")
    connection = http.client.HTTPConnection("localhost", server.port)
    connection.sock = tls = wrap(server)
    connection.request("GET", "/")
    answer = connection.getresponse()
    # http.client has closed its socket by now: the file still works.
    assert answer.status == 200
    body = answer.read()
    assert b"iotsafe-sim" in body  # the subject of our certificate
    connection.close()
    assert tls.fileno() == -1


def test_files_keep_a_closed_socket_open(serve, wrap):
    tls = wrap(serve("--echo"))
    file = tls.makefile("rwb")
    tls.close()
    assert tls.fileno() >= 0
    file.write(b"hello\n")
    file.flush()
    assert file.readline() == b"hello\n"
    file.close()
    assert tls.fileno() == -1


def test_reads_and_writes_text(serve, wrap):
    with wrap(serve("--echo")) as tls, tls.makefile("rw", newline="\n") as file:
        file.write("grüße\n")
        file.flush()
        assert file.readline() == "grüße\n"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_sends_every_kind_of_bytes(serve, wrap, kind):
    with wrap(serve("--echo")) as tls:
        assert tls.send(kind(b"some\n")) == 5
        tls.sendall(kind(b"more\n"))
        assert tls.write(kind(b"last\n")) == 5
        got = b""
        while got.count(b"\n") < 3:
            got += tls.read(100)
        assert got == b"some\nmore\nlast\n"
        assert tls.send(b"") == 0
        with pytest.raises(TypeError):
            tls.send("text")


def test_receives_into_a_buffer(serve, wrap):
    with wrap(serve("--echo")) as tls:
        tls.sendall(b"0123456789\n")
        buffer = bytearray(b"." * 8)
        assert tls.recv_into(buffer, 4) == 4
        assert buffer == b"0123...."
        assert tls.pending() == 7
        assert tls.recv_into(memoryview(buffer)[4:]) == 4
        assert buffer == b"01234567"
        assert tls.read(100, buffer) == 3
        assert buffer[:3] == b"89\n"
        assert tls.recv(0) == b""


def test_a_megabyte_goes_both_ways_at_once(serve, wrap):
    with wrap(serve("--echo")) as tls:
        line = b"0123456789abcde\n"
        data = line * 65536
        sender = threading.Thread(target=tls.sendall, args=(data,))
        sender.start()
        got = bytearray()
        while len(got) < len(data):
            more = tls.recv(65536)
            assert more
            got += more
        sender.join()
        assert got == data


def test_a_silent_server_ends_in_a_time_out(serve, wrap):
    with wrap(serve("--echo")) as tls:
        tls.settimeout(0.2)
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="waited 0.2 s for the peer"):
            tls.recv(1)
        assert 0.2 <= time.monotonic() - began < 2
        tls.settimeout(5)
        tls.sendall(b"hello\n")
        assert read_line(tls) == b"hello\n"


def test_the_timeout_of_the_plain_socket_is_kept(serve, wrap):
    server = serve("--echo")
    with wrap(server, server.connect(timeout=7.5)) as tls:
        assert tls.gettimeout() == 7.5
        tls.setblocking(True)
        assert tls.gettimeout() is None
        tls.setblocking(False)
        assert tls.gettimeout() == 0
        with pytest.raises(ValueError):
            tls.settimeout(-1)


def test_a_slow_card_counts_against_the_timeout(address, serve, ca):
    server = serve("--echo")
    with iotsafe.open(address(card_ms="2A:2000")) as card:
        key = card.key()
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="for the card"):
            TLSSocket(server.connect(timeout=0.5), key, ca_file=ca, **MINE)
        assert time.monotonic() - began < 3


def shake_hands(tls, limit=20):
    """A handshake by select alone; gives the classes of what it waited for."""
    wants = []
    end = time.monotonic() + limit
    while True:
        assert time.monotonic() < end
        try:
            tls.do_handshake()
            return wants
        except iotsafe.WantError as want:
            wants.append(type(want))
            fd, events, timeout = tls.poll()
        wait = None if timeout < 0 else timeout / 1000
        reading = [fd] if events & select.POLLIN else []
        writing = [fd] if events & select.POLLOUT else []
        select.select(reading, writing, [], wait)


def receive_by_select(tls):
    while True:
        try:
            return tls.recv(100)
        except iotsafe.WantReadError:  # a session ticket woke us, say
            assert select.select([tls], [], [], 10)[0]


@pytest.mark.parametrize("options", [["--echo"], ["--echo", "--udp"]])
def test_a_handshake_never_blocks_with_timeout_zero(
    address, serve, ca, options
):
    server = serve(*options)
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        sock = server.connect()
        sock.setblocking(False)
        tls = TLSSocket(
            sock, card.key(), ca_file=ca, do_handshake=False, **MINE
        )
        longest = 0

        real = tls.do_handshake

        def timed():
            nonlocal longest
            began = time.monotonic()
            try:
                return real()
            finally:
                longest = max(longest, time.monotonic() - began)

        tls.do_handshake = timed
        wants = shake_hands(tls)
        assert iotsafe.WantCardError in wants
        assert len(wants) < 50  # or it does not wait for the right thing
        assert longest < 0.5
        with pytest.raises(BlockingIOError) as caught:
            tls.recv(10)
        assert isinstance(caught.value, iotsafe.WantReadError)
        assert tls.send(b"hello\n") == 6
        assert receive_by_select(tls) == b"hello\n"
        tls.close()


def test_other_threads_run_while_a_handshake_waits(address, serve, ca):
    server = serve("--echo")
    with iotsafe.open(address(card_ms="2A:1000")) as card:
        done = threading.Event()
        gaps = []

        def count():
            last = time.monotonic()
            while not done.is_set():
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        thread = threading.Thread(target=count)
        thread.start()
        try:
            with TLSSocket(server.connect(), card=card, ca_file=ca, **MINE):
                pass
        finally:
            done.set()
            thread.join()
        assert max(gaps) < 0.5


def test_ctrl_c_ends_a_wait_for_the_server(serve, address, ca):
    server = serve("--echo")
    script = """
import os, signal, socket, sys, threading, iotsafe
address, port, ca = sys.argv[1:]
with iotsafe.open(address) as card:
    sock = socket.create_connection(("127.0.0.1", int(port)))
    tls = iotsafe.TLSSocket(sock, card=card, ca_file=ca,
                            server_name="localhost")
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        tls.recv(1)
    except KeyboardInterrupt:
        tls.sendall(b"x\\n")
        print(tls.recv(2))
        tls.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", script, address(), str(server.port), str(ca)],
        check=True, capture_output=True, text=True, timeout=30,
    )
    assert done.stdout == "b'x\\n'\n"


def test_the_server_closing_is_the_end_of_the_data(serve, wrap):
    server = serve("--http")
    with wrap(server) as tls:
        tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while tls.recv(4096):
            pass
        assert tls.recv(10) == b""


def test_unwrap_gives_the_socket_back(serve, wrap):
    tls = wrap(serve("--echo"))
    fd = tls.fileno()
    sock = tls.unwrap()
    assert type(sock) is socket.socket and sock.fileno() == fd
    assert tls.fileno() == -1
    sock.close()


def test_detach_gives_up_the_descriptor(serve, wrap):
    tls = wrap(serve("--echo"))
    fd = tls.fileno()
    assert tls.detach() == fd
    os.close(fd)
    assert tls.fileno() == -1


def test_shutdown_says_goodbye(serve, wrap):
    with wrap(serve("--echo")) as tls:
        tls.shutdown(socket.SHUT_WR)
        assert tls.recv(10) == b""


def test_passes_questions_to_the_socket_below(serve, wrap):
    server = serve("--echo")
    with wrap(server) as tls:
        assert tls.getpeername() == ("127.0.0.1", server.port)
        assert tls.getsockname()[0] == "127.0.0.1"
        tls.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        assert tls.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert tls.family == socket.AF_INET
        assert tls.type == socket.SOCK_STREAM
        assert "localhost" in repr(tls)


def test_takes_the_socket_over_and_closes_it_whatever_happens(
    card, serve, wrap, tmp_path
):
    server = serve("--echo")
    for wrong in (
        {"ca_file": tmp_path / "nowhere"},
        {"key": "nobody"},
        {"server_name": "example.org"},
        {"minimum_version": "TLSv1"},
        {"alpn": [1]},
    ):
        sock = server.connect()
        fd = sock.fileno()
        with pytest.raises((iotsafe.Error, TypeError)):
            wrap(server, sock, **wrong)
        assert sock.fileno() == -1
        with pytest.raises(OSError):
            os.fstat(fd)


def test_use_after_close(serve, wrap):
    tls = wrap(serve("--echo"))
    tls.close()
    tls.close()
    for use in (
        lambda: tls.recv(1), lambda: tls.send(b"x"), tls.version,
        tls.getpeercert, tls.do_handshake, tls.pending, tls.getpeername,
    ):
        with pytest.raises(iotsafe.UseAfterCloseError) as caught:
            use()
        assert caught.value.errno == 9
    assert repr(tls) == "<iotsafe.TLSSocket closed>"


def test_a_forgotten_socket_is_closed_with_a_warning(serve, wrap):
    tls = wrap(serve("--echo"))
    fd = tls.fileno()
    with pytest.warns(ResourceWarning, match="unclosed"):
        del tls
        gc.collect()
    with pytest.raises(OSError):
        os.fstat(fd)


def test_handshakes_abandoned_halfway_leave_nothing(address, serve, ca):
    server = serve("--echo")

    def abandon(card):
        sock = server.connect()
        sock.setblocking(False)
        tls = TLSSocket(sock, card=card, ca_file=ca, do_handshake=False, **MINE)
        with pytest.raises(iotsafe.WantCardError):
            while True:
                try:
                    tls.do_handshake()
                except iotsafe.WantReadError:
                    select.select([tls], [], [], 10)
        tls.close()

    with iotsafe.open(address(card_ms="2A:100")) as card:
        for _ in range(8):
            abandon(card)
        threads = len(os.listdir("/proc/self/task"))
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(8):
            abandon(card)
        assert len(os.listdir("/proc/self/task")) <= threads
        assert len(os.listdir("/proc/self/fd")) == descriptors
        assert card.key().sign(bytes(32))


def test_raw_files_work_as_io_expects(serve, wrap):
    with wrap(serve("--echo")) as tls:
        with tls.makefile("rb", buffering=0) as raw:
            assert isinstance(raw, socket.SocketIO)
            tls.sendall(b"abc\n")
            assert raw.read(10) == b"abc\n"
            tls.settimeout(0)
            assert raw.read(10) is None
            tls.settimeout(0.1)
            with pytest.raises(TimeoutError):
                io.BufferedReader(raw).read(1)
