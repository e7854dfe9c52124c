# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe tunnel`: what goes through it, and what becomes of a connection
that fails."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest
from farside import DatagramTap, Process, Server, Sim, free_port, make_server_certificate
from tunnel import TlsServer, Tunnel, echo, says


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A store whose authorities nobody here knows."""
    folder = tmp_path_factory.mktemp("stranger")
    make_server_certificate(folder)
    return folder


# --- Programs that know no TLS ------------------------------------------------


@pytest.fixture
def broker(folder, tmp_path):
    """mosquitto that takes nobody without a certificate; gives its port."""
    port = free_port(socket.SOCK_STREAM)
    (tmp_path / "conf").write_text(
        f"listener {port} 127.0.0.1\ncafile {folder}/ca.pem\n"
        f"certfile {folder}/server.pem\nkeyfile {folder}/server-key.pem\n"
        "require_certificate true\nuse_identity_as_username true\n"
        f"allow_anonymous true\nlog_dest stderr\nlog_dest file {tmp_path}/log\n"
        + ("user root\n" if os.geteuid() == 0 else ""))
    with Process("mosquitto", "-v", "-c", tmp_path / "conf") as it:
        it.wait_line("running")
        yield port


def common_name(folder):
    text = subprocess.run(
        ["iotsafe", "cert"], capture_output=True, check=True,
        env=dict(os.environ, IOTSAFE_CARD=f"sim:?store={folder}")).stdout
    subject = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253"],
        input=text, capture_output=True, check=True).stdout.decode()
    return re.search(r"CN=([^,\n]*)", subject).group(1)


def test_mosquitto_pub_and_sub(folder, broker, tmp_path):
    with Tunnel(folder, broker) as tunnel:
        words = ["-h", "127.0.0.1", "-p", str(tunnel.port), "-t", "a/b"]
        with Process("stdbuf", "-oL", "mosquitto_sub", "-d", "-C", "1",
                     *words) as subscriber:
            subscriber.wait_line("SUBACK")
            subprocess.run(["mosquitto_pub", *words, "-m", "21.5"],
                           check=True, timeout=20)
            subscriber.wait_line("^21.5$")
        assert tunnel.line()["note"] is None
        assert tunnel.line()["note"] is None
    log = (tmp_path / "log").read_text()
    assert log.count(f"u'{common_name(folder)}'") == 2


def test_curl_without_tls(folder):
    with Server(folder, echo=False) as server, \
            Tunnel(folder, server.port) as tunnel:
        done = subprocess.run(
            ["curl", "-s", "-i", f"http://127.0.0.1:{tunnel.port}/"],
            capture_output=True, timeout=20, check=True)
        assert done.stdout.startswith(b"HTTP/1.0 200 OK")
        assert done.stdout.rstrip().endswith(b"</HTML>")
        assert server.client()[0] == "The certificate is trusted."
        line = tunnel.line()
        assert line["bytes_down"] == len(done.stdout)
        assert re.fullmatch(r"127\.0\.0\.1:\d+", line["client"])
        assert line["handshake_ms"] <= line["time_ms"]


def test_datagrams_over_dtls(folder):
    with Server(folder, datagram=True) as server, \
            Tunnel(folder, server.port, "--dtls", "--idle", 1500) as tunnel:
        for data in (b"one\n", b"two\n"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
                plain.settimeout(20)
                plain.connect(("127.0.0.1", tunnel.port))
                plain.send(data)
                assert plain.recv(100) == data
                plain.send(b"x" * 20000)  # more than a record holds
                plain.send(data * 3)
                assert plain.recv(100) == data * 3
            assert server.client()[0] == "The certificate is trusted."
        for _ in range(2):
            line = tunnel.line()
            assert "nothing went either way" in line["note"]
            assert line["dropped"] == 1 and line["bytes_up"] == 16


def test_a_server_of_datagrams_is_shown_the_sims_certificate(folder):
    """gnutls-serv says that it trusts the certificate, and over UDP not whose
    it is: in DTLS 1.2 that is readable on the way."""
    with Server(folder, datagram=True) as server, \
            DatagramTap(server.port) as tap, \
            Tunnel(folder, tap.port, "--dtls") as tunnel, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(20)
        plain.connect(("127.0.0.1", tunnel.port))
        plain.send(b"hello")
        assert plain.recv(100) == b"hello"
        assert server.client()[0] == "The certificate is trusted."
        assert tap.subject() == f"CN={common_name(folder)}"


def test_a_failed_datagram_client_rests(folder):
    """Each of its datagrams would cost the card a signature."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        deaf.bind(("127.0.0.1", 0))
        with Tunnel(folder, deaf.getsockname()[1], "--dtls", "--timeout",
                    300) as tunnel:
            plain.connect(("127.0.0.1", tunnel.port))
            plain.send(b"x")
            assert tunnel.line()["error"]["code"] == "ERR_TIMEOUT"
            for _ in range(20):
                plain.send(b"x")
            time.sleep(0.6)  # twice the limit
            code, _ = tunnel.end()
            assert code == -signal.SIGTERM and tunnel.rest == b""


# --- Failures -----------------------------------------------------------------


def test_a_server_that_nobody_vouches_for(folder, stranger):
    with TlsServer(stranger, echo) as server, \
            Tunnel(folder, server.port) as tunnel:
        with pytest.raises(ConnectionError), tunnel.connect() as plain:
            plain.sendall(b"secret")
            assert plain.recv(1) == b""
        line = tunnel.line()
        assert line["error"]["code"] == "ERR_UNTRUSTED"
        assert line["bytes_up"] == 0 and server.seen == []


def test_a_server_that_refuses_the_card(folder, stranger):
    with TlsServer(folder, echo, trust=stranger / "ca.pem") as server, \
            Tunnel(folder, server.port) as tunnel:
        with pytest.raises(ConnectionError), tunnel.connect() as plain:
            assert plain.recv(1) == b""
        error = tunnel.line()["error"]
        assert error["code"] == "ERR_TLS" and "alert" in error["text"].lower()


def test_a_server_that_hangs_up_stalls_or_is_not_there(folder):
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            Tunnel(folder, listener.getsockname()[1], "--timeout",
                   1500) as tunnel:
        with tunnel.connect():
            listener.accept()[0].close()
            error = tunnel.line()["error"]
            assert error["code"] == "ERR_CLOSED", error
        error = tunnel.knock()["error"]
        assert error["code"] == "ERR_TIMEOUT"
        assert "not done in 1500 ms" in error["text"]
        listener.close()
        error = tunnel.knock()["error"]
        assert error["code"] == "ERR_HOST" and "refused" in error["text"]
        with pytest.raises(ConnectionError), tunnel.connect() as plain:
            assert plain.recv(1) == b""


def test_a_server_is_looked_up_while_others_are_served(folder):
    with TlsServer(folder, echo) as server, \
            Tunnel(folder, server.port, host="localhost") as tunnel:
        with tunnel.connect() as plain, tunnel.connect() as other:
            assert says(plain, b"hello") and says(other, b"hello")
    # What nobody knows is the end of the connection, not of the tunnel.
    with Tunnel(folder, 1, "--timeout", 1000, host="nowhere.invalid") as tunnel:
        for _ in range(2):
            error = tunnel.knock()["error"]
            assert error["code"] == "ERR_HOST"
            assert error["text"].startswith("nowhere.invalid:1: ")


def test_a_card_that_has_gone_leaves_the_others_what_they_have(tmp_path):
    make_server_certificate(tmp_path)
    with Sim(tmp_path) as sim, TlsServer(tmp_path, echo) as server, \
            Tunnel(tmp_path, server.port, "--timeout", 2000,
                   card=f"at:{sim.link}") as tunnel:
        with tunnel.connect() as first:
            assert says(first, b"hello")
            sim.stop()
            error = tunnel.knock()["error"]
            assert error["code"] in ("ERR_IO", "ERR_CLOSED",
                                     "ERR_TIMEOUT"), error
            assert str(sim.link) in error["text"]
            assert says(first, b"still here")
        assert tunnel.line()["note"] is None
        with Sim(tmp_path), tunnel.connect() as plain:
            assert says(plain, b"it is back")


def test_a_sim_that_was_exchanged_ends_it_and_says_so_once(tmp_path):
    make_server_certificate(tmp_path)
    card = f"sim:?store={tmp_path}&timeout=5000&fault=swap%3D2A%402-2"
    with TlsServer(tmp_path, echo) as server, \
            Tunnel(tmp_path, server.port, card=card) as tunnel:
        with tunnel.connect() as first:
            assert says(first, b"hello")
        assert tunnel.line()["note"] is None
        error = tunnel.knock()["error"]
        assert error["code"] == "ERR_CLOSED"
        assert "profile was changed" in error["text"]
        status, said = tunnel.end(0)
    assert status == 16
    assert said.count("the SIM was exchanged, and the tunnel ends") == 1
    assert len(server.seen) == 1


def test_sessions_are_resumed_only_when_asked_for(folder):
    for words, expected in (((), [False, False]),
                            (("--resume",), [False, True])):
        with TlsServer(folder, echo) as server, \
                Tunnel(folder, server.port, *words) as tunnel:
            got = []
            for _ in expected:
                with tunnel.connect() as plain:
                    assert says(plain, b"hello")
                got.append(tunnel.line()["resumed"])
            assert got == expected
