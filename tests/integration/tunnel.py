# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe tunnel` and the servers behind it, for the tests of it."""

import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import ssl
import subprocess
import threading
import time


class Tunnel:
    """The command, with --json; `lines` are the connections that ended."""

    def __init__(self, folder, port, *words, listen="127.0.0.1:0", card=None,
                 host="127.0.0.1", **options):
        environment = dict(
            os.environ, IOTSAFE_CARD=card or f"sim:?store={folder}")
        environment.update(options.pop("environment", {}))
        words = ("--ca", folder / "ca.pem", "--name", "localhost", *words)
        self._child = subprocess.Popen(
            ["iotsafe", "tunnel", listen, f"{host}:{port}", "--json",
             *map(str, words)],
            env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        self.pid = self._child.pid
        self.rest = b""
        self.lines = []
        self.names = self.line()["listening"]
        self.port = int(self.names[0].rpartition(":")[2]) \
            if ":" in self.names[0] and "/" not in self.names[0] else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGKILL)

    def line(self, seconds=20):
        """The next line of its standard output."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            ready, _, _ = select.select(
                [self._child.stdout], [], [], max(end - time.monotonic(), 0))
            data = os.read(self._child.stdout.fileno(), 65536) if ready else b""
            assert data, self._child.stderr.read().decode() if ready \
                else "the tunnel was silent"
            self.rest += data
        first, self.rest = self.rest.split(b"\n", 1)
        self.lines.append(json.loads(first))
        return self.lines[-1]

    def end(self, number=signal.SIGTERM):
        """The exit status, and what it said on standard error."""
        if self._child.poll() is None:
            self._child.send_signal(number)
        rest, error = self._child.communicate(timeout=20)
        self.rest += rest
        return self._child.returncode, error.decode()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)

    @contextlib.contextmanager
    def stopped(self):
        """Whatever comes meanwhile finds it busy, on every machine."""
        os.kill(self.pid, signal.SIGSTOP)
        yield
        os.kill(self.pid, signal.SIGCONT)

    def knock(self):
        """The line of a client that gets nowhere. Its connection may be broken
        before it has looked at it."""
        try:
            plain = self.connect()
        except ConnectionResetError:
            return self.line()
        with plain:
            return self.line()

    def memory(self, name):
        """VmRSS or VmHWM, in KiB."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def refused(folder, listen, *words, status, port=1, card="sim:"):
    """The sentence of a tunnel that does not begin."""
    done = subprocess.run(
        ["iotsafe", "tunnel", listen, f"127.0.0.1:{port}",
         "--ca", folder / "ca.pem", *map(str, words)],
        env=dict(os.environ, IOTSAFE_CARD=card), stdin=subprocess.DEVNULL,
        capture_output=True, timeout=60)
    assert done.returncode == status, done.stderr.decode()
    [line] = done.stderr.decode().splitlines()
    return line


class TlsServer:
    """OpenSSL's: takes nobody without a certificate, a thread a connection,
    and does with each what `talk` says. `seen` are the subjects, `peers` the
    addresses, in the order in which they came."""

    def __init__(self, folder, talk, version=None, trust="ca.pem"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(
            folder / "server.pem", folder / "server-key.pem")
        self.context.load_verify_locations(folder / trust)
        self.context.verify_mode = ssl.CERT_REQUIRED
        # Else Python takes the end of TCP for that of TLS.
        self.context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0x80)
        if version:
            self.context.maximum_version = version
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=300)
        self.port = self._listener.getsockname()[1]
        self.peers = []
        self.seen = []
        self.failures = []

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, peer = self._listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(
                target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        plain.settimeout(30)
        try:
            with self.context.wrap_socket(plain, server_side=True,
                                          suppress_ragged_eofs=False) as tls:
                self.seen.append(tls.getpeercert()["subject"])
                self._talk(tls)
        except OSError as failure:
            self.failures.append(failure)


def echo(tls):
    while data := tls.recv(16384):
        tls.sendall(data)
    tls.unwrap()


def receive(plain, size):
    got = b""
    while len(got) < size:
        piece = plain.recv(size - len(got))
        assert piece, f"{len(got)} of {size} bytes"
        got += piece
    return got


def says(plain, data):
    """Through the tunnel and back."""
    plain.sendall(data)
    return receive(plain, len(data)) == data
