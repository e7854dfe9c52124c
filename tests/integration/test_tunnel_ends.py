# SPDX-License-Identifier: LGPL-2.1-or-later
"""How connections through `iotsafe tunnel` end: one side's good-bye and what
the other one still does, silence, peers that vanish, and signals."""

import os
import pathlib
import queue
import signal
import socket
import ssl
import threading
import time

import pytest
from tunnel import TlsServer, Tunnel, echo, receive, says



# --- Half open ----------------------------------------------------------------


def connect(tunnel):
    """To whatever it listens on."""
    if tunnel.port:
        return tunnel.connect()
    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(20)
    plain.connect(tunnel.names[0].removeprefix("unix:"))
    return plain


@pytest.fixture(params=["TCP", "unix"])
def listen(request, tmp_path):
    return {"TCP": "127.0.0.1:0", "unix": f"unix:{tmp_path}/x"}[request.param]


def test_the_server_goes_on_when_the_client_has_said_all(folder, listen):
    """It hears the end, and still has its say, as often as it likes."""
    heard = queue.Queue()

    def answer(tls):
        data = b""
        while piece := tls.recv(100):
            data += piece
        for _ in range(3):
            tls.sendall(b"you said " + data)
            assert heard.get(timeout=20)
        tls.unwrap()

    with TlsServer(folder, answer) as server, \
            Tunnel(folder, server.port, listen=listen) as tunnel:
        with connect(tunnel) as plain:
            plain.sendall(b"hello")
            plain.shutdown(socket.SHUT_WR)
            for _ in range(3):
                assert receive(plain, 14) == b"you said hello"
                heard.put(True)
            assert plain.recv(1) == b""
        line = tunnel.line()
        assert (line["bytes_up"], line["bytes_down"]) == (5, 42)
        assert line["note"] is None and not server.failures


def end_only_one_way(tls):
    """close_notify, without waiting for the other one's."""
    tls.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        tls.unwrap()
    tls.settimeout(30)


def test_the_client_goes_on_when_the_server_has_said_all(folder, listen):
    """RFC 8446 6.1: close_notify ends one direction."""
    got = queue.Queue()

    def listen_on(tls):
        tls.sendall(b"my piece")
        end_only_one_way(tls)
        with pytest.raises(ssl.SSLZeroReturnError):  # no SSLEOFError
            while True:
                got.put(tls.recv(100))
        got.put(b"")

    with TlsServer(folder, listen_on) as server, \
            Tunnel(folder, server.port, listen=listen) as tunnel:
        with connect(tunnel) as plain:
            assert receive(plain, 8) == b"my piece"
            assert plain.recv(1) == b""
            for piece in (b"still", b"speaking"):
                plain.sendall(piece)
                assert got.get(timeout=20) == piece
            plain.shutdown(socket.SHUT_WR)
            assert got.get(timeout=20) == b""
            line = tunnel.line()
        assert (line["bytes_up"], line["bytes_down"]) == (13, 8)
        assert line["note"] is None and not server.failures


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("who", ["client", "server", "client, altogether"])
def test_a_half_open_connection_that_is_silent_costs_nothing(
        folder, listen, who):
    """An end is told by poll() again and again to who goes on asking."""
    ended, done = threading.Event(), threading.Event()

    def wait(tls):
        assert tls.recv(5) == b"hello"
        if who == "server":
            end_only_one_way(tls)
        else:
            assert tls.recv(1) == b""
        ended.set()
        done.wait(30)

    with TlsServer(folder, wait) as server, \
            Tunnel(folder, server.port, listen=listen) as tunnel:
        plain = connect(tunnel)
        plain.sendall(b"hello")
        if who == "client, altogether":
            plain.close()
        elif who == "client":
            plain.shutdown(socket.SHUT_WR)
        assert ended.wait(20)
        if who == "server":
            assert plain.recv(1) == b""
        before = processor_seconds(tunnel.pid)
        time.sleep(1.5)
        assert processor_seconds(tunnel.pid) - before < 0.3
        plain.close()
        done.set()


# --- Ends ---------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_closed_by_the_server(folder, version):
    def speak(tls):
        tls.sendall(b"my piece")
        tls.unwrap()

    with TlsServer(folder, speak, ssl.TLSVersion[version]) as server, \
            Tunnel(folder, server.port) as tunnel:
        with tunnel.connect() as plain:
            assert receive(plain, 8) == b"my piece"
            assert plain.recv(1) == b""
        assert tunnel.line()["note"] is None


def test_what_was_cut_short_is_seen_to_be(folder):
    """RFC 8446 6.1: without close_notify data may be missing."""
    def cut(tls):
        tls.sendall(b"my pie")
        tls.shutdown(socket.SHUT_RDWR)

    with TlsServer(folder, cut) as server, \
            Tunnel(folder, server.port) as tunnel:
        with tunnel.connect() as plain:
            assert receive(plain, 6) == b"my pie"
            with pytest.raises(ConnectionResetError):
                assert plain.recv(1) == b""
        assert tunnel.line()["error"]["code"] == "ERR_CLOSED"


def test_what_was_cut_short_shows_on_a_unix_socket_in_what_was_unread(
        folder, tmp_path):
    def cut(tls):
        tls.sendall(b"my pie")
        tls.shutdown(socket.SHUT_RDWR)

    with TlsServer(folder, cut) as server, \
            Tunnel(folder, server.port,
                   listen=f"unix:{tmp_path}/x") as tunnel:
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(f"{tmp_path}/x")
            assert receive(plain, 6) == b"my pie"
            assert plain.recv(1) == b""
        assert tunnel.line()["error"]["code"] == "ERR_CLOSED"


def test_a_client_that_breaks_off(folder):
    gone = threading.Event()

    def speak(tls):
        try:
            while True:
                tls.sendall(b"x" * 10_000)
        except OSError:
            gone.set()

    with TlsServer(folder, speak) as server, \
            Tunnel(folder, server.port) as tunnel:
        with tunnel.connect() as plain:
            receive(plain, 100)
        assert tunnel.line()["error"]["code"] == "ERR_CLOSED"
        assert gone.wait(20)


def test_a_client_without_a_word_costs_no_signature(folder):
    with TlsServer(folder, echo) as server, \
            Tunnel(folder, server.port) as tunnel:
        with socket.socket() as early:
            early.connect(("127.0.0.1", tunnel.port))
        assert tunnel.line()["note"] in (
            "the client closed before its turn", None)
        with tunnel.connect() as plain:
            assert says(plain, b"hello")


# --- Signals ------------------------------------------------------------------


def test_a_signal_ends_everything_in_order(folder):
    ended = threading.Event()

    def wait(tls):
        assert tls.recv(5) == b"hello"
        tls.sendall(b"hello")
        assert tls.recv(1) == b""  # close_notify: a cut would raise
        ended.set()

    with TlsServer(folder, wait) as server:
        tunnel = Tunnel(folder, server.port)
        with tunnel, tunnel.connect() as plain:
            assert says(plain, b"hello")
            code, error = tunnel.end()
            assert (code, error) == (-signal.SIGTERM, "")
            assert ended.wait(20)
            assert plain.recv(1) == b""


def test_a_signal_amid_data_is_no_good_end_for_the_server(folder):
    told, seen = threading.Event(), queue.Queue()

    def read_late(tls):
        assert told.wait(20)
        try:
            while tls.recv(16384):
                pass
            seen.put("a good end")
        except OSError as error:
            seen.put(type(error))

    with TlsServer(folder, read_late) as server:
        tunnel = Tunnel(folder, server.port)
        with tunnel, tunnel.connect() as plain:
            plain.settimeout(1)
            with pytest.raises(TimeoutError):
                while True:
                    plain.send(b"x" * 65536)
            tunnel.end()
            told.set()
            assert seen.get(timeout=20) in (ssl.SSLEOFError,
                                            ConnectionResetError)


def test_a_signal_amid_data_is_no_good_end_for_the_client(folder):
    def pour(tls):
        while True:
            tls.sendall(b"x" * 16384)

    with TlsServer(folder, pour) as server:
        tunnel = Tunnel(folder, server.port)
        with tunnel, tunnel.connect() as plain:
            receive(plain, 16384)
            time.sleep(1)  # until nothing moves: nobody reads
            tunnel.end()
            with pytest.raises(ConnectionResetError):
                while plain.recv(65536):
                    pass
                pytest.fail("the rest was lost, and it was told the end")


