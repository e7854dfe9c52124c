# SPDX-License-Identifier: LGPL-2.1-or-later
"""The software SIM, its test authority and a real TLS server, for all tests."""

import os
import pathlib
import re
import socket
import subprocess
import sys
import threading

import iotsafe
import pytest

# What the suites of the other programs use as well.
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tests/support"))

import servers  # noqa: E402

SIM = os.environ.get("IOTSAFE_SIM", "")


def pytest_configure(config):
    if not os.access(SIM, os.X_OK):
        raise pytest.UsageError("IOTSAFE_SIM does not name the software SIM")


def run(*command, **options):
    """Runs a program that must succeed; gives its standard output."""
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=30, **options
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def store(tmp_path):
    """A directory with the authority that signs cards and servers alike."""
    directory = tmp_path / "store"
    run(SIM, "pki", "--store", directory)
    return directory


@pytest.fixture
def web(store):
    web = servers.Web(store)
    yield web
    web.stop()


@pytest.fixture
def address(store):
    """Makes the address of a software SIM; its store makes it unlike the
    address of any other test."""

    def make(profile="gsma", **attributes):
        options = {"store": store, "timeout": 5000, **attributes}
        words = (f"{k.replace('_', '-')}={v}" for k, v in options.items())
        return f"sim:{profile}?{'&'.join(words)}"

    return make


@pytest.fixture
def card(address):
    with iotsafe.open(address()) as card:
        yield card


@pytest.fixture
def full(address):
    """A card with all that the standard knows."""
    with iotsafe.open(address("full")) as card:
        yield card


@pytest.fixture
def rsa_key(full, store):
    """Tells the public key "rsa" once it was used: no card is known to give
    out one of RSA, and the simulator makes it late."""
    path = store / "full/key-08.pem"
    return lambda: run(
        "openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"
    )


class HostKey:
    """A P-256 key of the openssl command's."""

    def __init__(self, directory, curve="P-256"):
        self.path = directory / "host-key.pem"
        self._directory = directory
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
            f"ec_paramgen_curve:{curve}", "-out", self.path)
        self.spki = run("openssl", "pkey", "-in", self.path, "-pubout",
                        "-outform", "DER")

    def sign(self, message, digest="sha256"):
        """A signature in DER."""
        return run("openssl", "dgst", f"-{digest}", "-sign", self.path,
                   input=message)

    def agree(self, peer):
        """The secret shared with the key of this SubjectPublicKeyInfo."""
        path = self._directory / "peer.der"
        path.write_bytes(peer)
        return run("openssl", "pkeyutl", "-derive", "-inkey", self.path,
                   "-peerkey", path, "-peerform", "DER")


@pytest.fixture
def host_key(tmp_path):
    return HostKey(tmp_path)


class Server:
    """gnutls-serv on a loopback port, with what it wrote."""

    def __init__(self, store, *options, port=None):
        """With the store's certificate; None: without any."""
        mine = [] if store is None else [
            "--x509cafile", store / "ca.pem", "--x509certfile",
            store / "server.pem", "--x509keyfile", store / "server-key.pem",
        ]
        self.lines = []
        self._more = threading.Condition()
        self.datagram = "--udp" in options
        self.port = port or free_port(self.datagram)
        self.process = subprocess.Popen(
            ["gnutls-serv", "--port", str(self.port), *mine, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self.wait_for("listening on IPv4.*done")
        except BaseException:
            self.stop()
            raise

    def _read(self):
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line.rstrip())
                self._more.notify_all()
        with self._more:
            self.lines.append("(the end)")
            self._more.notify_all()

    def wait_for(self, pattern, seconds=10):
        """The first line of the server that matches."""

        def found():
            return next((x for x in self.lines if re.search(pattern, x)), None)

        with self._more:
            self._more.wait_for(
                lambda: found() or "(the end)" in self.lines, seconds
            )
            assert found(), f"no {pattern!r} in:\n" + "\n".join(self.lines)
            return found()

    def connect(self, timeout=10):
        kind = socket.SOCK_DGRAM if self.datagram else socket.SOCK_STREAM
        sock = socket.socket(socket.AF_INET, kind)
        sock.settimeout(timeout)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self._reader.join(10)
        self.process.stdout.close()


def free_port(datagram=False):
    kind = socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def serve_as():
    """Starts servers that end with the test."""
    servers = []

    def start(store, *options, **more):
        server = Server(store, *options, **more)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def serve(store, serve_as):
    """Starts servers that require a client certificate of the authority."""
    demand = ["--require-client-cert", "--verify-client-cert"]
    return lambda *options, **more: serve_as(store, *demand, *options, **more)


@pytest.fixture
def verify(tmp_path):
    """Fails unless openssl takes the signature (DER, or of an RSA key) for
    the message's."""

    def check(spki, signature, message, digest="sha256", *options):
        for name, data in (("key", spki), ("sig", signature), ("msg", message)):
            (tmp_path / name).write_bytes(data)
        run("openssl", "dgst", f"-{digest}", "-keyform", "DER", *options,
            "-verify", tmp_path / "key", "-signature", tmp_path / "sig",
            tmp_path / "msg")

    return check


@pytest.fixture
def ca(store):
    return store / "ca.pem"


@pytest.fixture
def context(card, ca):
    """What stands where an ssl.SSLContext stood, with the card's identity."""
    import iotsafe.ssl

    context = iotsafe.ssl.SSLContext(card)
    context.load_verify_locations(ca)
    return context


@pytest.fixture
def peer(store):
    """Starts servers of Python's ssl module, which is OpenSSL's."""
    started = []

    def start(handler=servers.echo, **options):
        started.append(servers.Peer(store, handler, **options))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def bare():
    """A context that has no card and never asks for one."""
    import iotsafe.ssl

    return iotsafe.ssl.SSLContext("at:/nowhere")


@pytest.fixture
def talk(context, peer):
    """One exchange with a server, by these settings."""

    def one(server=None, **options):
        sock = (server or peer()).connect()
        merged = {"server_hostname": "localhost", **options}
        with context.wrap_socket(sock, **merged) as tls:
            tls.sendall(b"x")
            assert tls.recv(1) == b"x"
            return tls.version()

    return one


@pytest.fixture
def wrap_ssl(context):
    """A connection to a server by this card's context."""

    def make(server, sock=None, **options):
        merged = {"server_hostname": "localhost", **options}
        return context.wrap_socket(sock or server.connect(), **merged)

    return make
