# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe connect` against a real gnutls-serv that takes nobody without a
client certificate."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
from farside import Server, Sim, make_server_certificate

KINDS = {
    "TLS1.3": ["--tls", "1.3"],
    "TLS1.2": ["--tls", "1.2"],
    "DTLS1.2": ["--dtls"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Certificates of a server, and a store for the cards that fit."""
    folder = tmp_path_factory.mktemp("pki")
    make_server_certificate(folder)
    return folder


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def start(folder, port, *words, card=None, host="127.0.0.1", **options):
    card = card or f"sim:?store={folder}"
    options = {"stdin": subprocess.DEVNULL, **options}
    return subprocess.Popen(
        ["iotsafe", "connect", f"{host}:{port}", *map(str, words)],
        env=dict(os.environ, IOTSAFE_CARD=card),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def connect(folder, port, *words, status=0, input=None, **options):
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with start(folder, port, *words, **options) as child:
        try:
            out, err = child.communicate(input, timeout=60)
        finally:
            child.kill()
    assert child.returncode == status, err.decode()
    return out.decode(), err.decode()


def trust(folder):
    return ["--ca", folder / "ca.pem", "--name", "localhost"]


def agreed(folder, port, *words, **options):
    out, _ = connect(folder, port, "--json", *words, **options)
    return json.loads(out)


def test_connect_tells_what_was_agreed(folder, kind):
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        said = agreed(folder, server.port, *trust(folder), *KINDS[kind])
        verdict, _ = server.client()
    assert verdict == "The certificate is trusted."
    assert said["version"] == kind
    assert said["cipher_suite"].startswith("TLS_")
    assert said["authenticated"] is True and said["certificate_used"] is True
    assert said["server_name"] == "localhost"
    assert said["address"] == "127.0.0.1" and said["alpn"] is None
    assert said["key"].startswith("iotsafe:")
    leaf = (folder / "server.pem").read_text()
    assert leaf.startswith(said["server_certificate"]["pem"])
    cost = said["card"]
    assert cost["open"]["signatures"] == 0
    assert cost["handshake"]["signatures"] == 1
    assert cost["handshake"]["exchanges"] == 3
    assert cost["handshake"]["bytes_sent"] > 0
    assert cost["handshake"]["link_ms"] <= said["times"]["handshake_ms"]


def test_connect_copies_both_ways(folder, kind):
    """gnutls-serv --echo gives back what it gets."""
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = [*trust(folder), *KINDS[kind], "--linger", "1500"]
        out, err = connect(folder, server.port, *words, input=b"hello\n")
    assert out == "hello\n"
    assert kind in err and " 1 signature," in err


def test_connect_ends_by_itself_when_standard_input_ends(folder, kind):
    """As gnutls-cli does: good-bye, then what the server still has to say."""
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = [*trust(folder), *KINDS[kind]]
        out, _ = connect(folder, server.port, *words, input=b"hello\n")
    assert out == "hello\n"


class Echo:
    """Another server, of OpenSSL: gives back what it gets, byte by byte."""

    def __init__(self, folder, protocols=None, host="127.0.0.1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        if protocols:
            context.set_alpn_protocols(protocols)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family)
        self.port = listener.getsockname()[1]
        self._listener = context.wrap_socket(listener, server_side=True)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join()
        self._listener.close()

    def _serve(self):
        connection, _ = self._listener.accept()
        with connection:
            self.talk(connection)

    def talk(self, connection):
        while data := connection.recv(50_000):
            connection.sendall(data)


class Speaker(Echo):
    """Listens to nobody, says its piece, and closes: in order, or not."""

    def __init__(self, folder, in_order):
        super().__init__(folder)
        self._in_order = in_order

    def talk(self, connection):
        connection.sendall(b"my piece\n")
        if self._in_order:
            connection.unwrap()


def test_connect_carries_megabytes_to_a_slow_reader(folder):
    sent = os.urandom(3_000_000)
    words = [*trust(folder), "--linger", "2000"]
    with Echo(folder) as server:
        child = start(folder, server.port, *words, stdin=subprocess.PIPE)
        with child:
            feeder = threading.Thread(target=feed, args=(child.stdin, sent))
            feeder.start()
            got = read_slowly(child.stdout, len(sent))
            feeder.join()
            assert child.wait(20) == 0
    assert got == sent


def feed(stream, data):
    with stream:
        stream.write(data)


def read_slowly(stream, size):
    got = bytearray()
    while len(got) < size:
        piece = os.read(stream.fileno(), 1000)
        assert piece, f"{len(got)} of {size}"
        got += piece
    return bytes(got)


def test_connect_agrees_on_a_protocol(folder):
    words = [*trust(folder), "--alpn", "h2,http/1.1"]
    with Echo(folder, ["http/1.1"]) as server:
        assert agreed(folder, server.port, *words)["alpn"] == "http/1.1"
    with Server(folder) as server:
        assert agreed(folder, server.port, *words)["alpn"] is None


def test_connect_ends_when_the_server_closes(folder):
    with Server(folder) as server:
        child = start(
            *(folder, server.port, *trust(folder)), stdin=subprocess.PIPE
        )
        with child:
            child.stdin.write(b"x\n")
            child.stdin.flush()
            assert child.stdout.readline() == b"x\n"
            server.stop()
            assert child.wait(20) in (0, 16)


def test_the_end_of_input_does_not_end_the_session(folder):
    """Standard input is empty from the beginning, or not even open."""
    for options in ({}, {"preexec_fn": lambda: os.close(0)}):
        with Speaker(folder, True) as server:
            words = trust(folder)
            out, _ = connect(folder, server.port, *words, **options)
        assert out == "my piece\n"


def test_a_session_cut_short_is_no_success(folder):
    """RFC 8446 6.1: without close_notify data may be missing."""
    with Speaker(folder, False) as server:
        words = [*trust(folder), "--linger", "5000"]
        out, err = connect(folder, server.port, *words, status=16)
    assert out == "my piece\n" and "closed" in err


def test_connect_over_ipv6(folder):
    with Echo(folder, host="::1") as server:
        said = agreed(folder, server.port, *trust(folder), host="[::1]")
        assert said["host"] == said["address"] == "::1"


def test_connect_takes_the_authority_from_the_card(folder):
    words = ["--name", "localhost"]
    with Server(folder) as server:
        for option in ("--card-ca", "--card-ca=label=ca"):
            assert agreed(folder, server.port, option, *words)["authenticated"]


def test_connect_with_a_certificate_file(folder):
    words = [*trust(folder), "--key", "label=client"]
    with Server(folder) as server:
        said = agreed(
            folder, server.port, "--cert", folder / "client.pem", *words
        )
        assert said["certificate_used"]
        said = agreed(
            folder, server.port, "--cert", "label=client-cert", *words
        )
        assert said["certificate_used"]
        _, error = connect(
            *(folder, server.port, "--cert", folder / "server.pem", *words),
            status=13,
        )
        assert error.startswith("iotsafe: ")


def test_connect_without_a_certificate_that_fits(folder):
    card = f"sim:?store={folder}&fault="
    with Server(folder) as server:
        words = [folder, server.port, *trust(folder)]
        said = refused(*words, card=card + "no-certificate", status=10)
        assert "certificate" in said
        said = refused(*words, card=card + "wrong-certificate", status=13)
        assert "another key" in said
        words += ["--cert", folder / "client.pem"]
        for fault in ("no-certificate", "wrong-certificate"):
            assert agreed(*words, card=card + fault)["certificate_used"]


def test_connect_warns_when_it_trusts_everybody(folder):
    with Server(folder) as server:
        out, err = connect(folder, server.port, "--insecure", "--json")
    assert "WARNING" in err and "not authenticated" in err
    assert json.loads(out)["authenticated"] is False


def refused(folder, port, *words, status, **options):
    """The sentence, which the JSON answer must repeat."""
    words = ["--json", *words]
    out, err = connect(folder, port, *words, status=status, **options)
    last = err.splitlines()[-1]
    assert last == "iotsafe: " + json.loads(out)["error"]["text"]
    return last


def test_a_server_of_another_authority_is_refused(folder, kind, tmp_path):
    make_server_certificate(tmp_path)
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        said = refused(
            *(folder, server.port, *trust(tmp_path), *KINDS[kind]), status=14
        )
    assert "trust" in said or "unknown" in said or "issuer" in said


def test_a_server_of_another_name_is_refused(folder, kind):
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = ["--ca", folder / "ca.pem", "--name", "example.org"]
        said = refused(folder, server.port, *words, *KINDS[kind], status=14)
    assert "example.org" in said


def test_a_server_that_refuses_us_is_told(folder, kind, tmp_path):
    """The card is one of another authority."""
    stranger = f"sim:?store={tmp_path}"
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = [*trust(folder), *KINDS[kind]]
        refused(folder, server.port, *words, card=stranger, status=15)


def test_a_flipped_signature_never_reaches_the_server(folder, kind):
    card = f"sim:?store={folder}&fault=flip-signature"
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = [*trust(folder), *KINDS[kind]]
        said = refused(folder, server.port, *words, card=card, status=13)
    assert "verify" in said


def test_a_modem_that_dies_in_the_handshake_is_told(folder, kind):
    card = f"sim:?store={folder}&fault=die%3D2A"
    with Server(folder, datagram="--dtls" in KINDS[kind]) as server:
        words = [*trust(folder), *KINDS[kind]]
        refused(folder, server.port, *words, card=card, status=16)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_host_that_is_not_there_is_told(folder):
    said = refused(folder, closed_port(), status=18)
    assert "Connection refused" in said
    for host, port in (("host.invalid", 1), ("127.0.0.1", "no-such-port")):
        assert f"{host}:{port}" in refused(folder, port, host=host, status=18)
    said = refused(folder, closed_port(), host="[::1]", status=18)
    assert re.search(r"\[::1\]:\d+: ", said)


def test_a_host_that_is_silent_is_given_up(folder):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        said = refused(folder, port, "--timeout", "800", status=5)
    assert "handshake" in said and "800 ms" in said
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        refused(folder, port, "--dtls", "--timeout", "800", status=5)


def test_a_host_that_takes_no_connection_is_given_up(folder):
    """A queue that is full: SYNs are dropped, on loopback too."""
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        port = full.getsockname()[1]
        said = refused(folder, port, "--timeout", "800", status=18)
    assert said.endswith(f"127.0.0.1:{port}: Connection timed out")


def test_a_signal_ends_the_handshake(folder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        child = start(folder, silent.getsockname()[1], "--json")
        with child:
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                child.send_signal(signal.SIGINT)
                out, _ = child.communicate(timeout=20)
        assert child.returncode == -signal.SIGINT
        assert json.loads(out)["error"]["code"] == "ERR_CANCELLED"


def test_a_host_that_hangs_up_is_told(folder):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up():
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        refused(folder, listener.getsockname()[1], status=16)


def test_a_host_that_babbles_is_told(folder):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def babble():
            connection, _ = listener.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n" * 50)
            connection.recv(1 << 16)
            connection.close()

        threading.Thread(target=babble, daemon=True).start()
        refused(folder, listener.getsockname()[1], status=15)


def test_a_reader_that_has_gone_ends_it(folder):
    with Server(folder) as server:
        child = start(
            *(folder, server.port, *trust(folder)), stdin=subprocess.PIPE
        )
        with child:
            child.stdin.write(b"x\n")
            child.stdin.flush()
            assert child.stdout.readline() == b"x\n"
            child.stdout.close()
            assert child.wait(20) == 1
            assert b"standard output" in child.stderr.read()


def test_a_signal_while_copying_closes_session_and_channel(folder):
    with Sim(folder) as sim, Server(folder) as server:
        child = start(
            *(folder, server.port, *trust(folder)),
            card=f"at:{sim.link}",
            stdin=subprocess.PIPE,
        )
        with child:
            child.stdin.write(b"x\n")
            child.stdin.flush()
            assert child.stdout.readline() == b"x\n"
            child.send_signal(signal.SIGTERM)
            assert child.wait(20) == -signal.SIGTERM
        assert re.match("0.7080", sim.log[-1]["command"])
