# SPDX-License-Identifier: LGPL-2.1-or-later
"""The far side of the demo and of the tests: the software SIM on a
pseudo-terminal, and gnutls-serv asking for client certificates. Everything
here listens on loopback, is waited for by its own words, never by time, and is
stopped when its `with` block ends."""

import contextlib
import json
import os
import pathlib
import re
import select
import socket
import subprocess
import threading
import time


class Failure(Exception):
    """One sentence for the person who looks on."""


class Process:
    """A child whose output is read line by line. What nobody waits for stays
    in the pipe: gnutls-serv can print for ever, and then it stands still."""

    def __init__(self, *command, **options):
        self.name = pathlib.Path(command[0]).name
        self.lines = []
        self._rest = b""
        self._child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **options,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()
        self._child.stdout.close()

    @property
    def status(self):
        return self._child.poll()

    def wait_line(self, pattern, seconds=20):
        """The match of the first line from now on that fits the pattern."""
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self._rest:
                line, self._rest = self._rest.split(b"\n", 1)
                self.lines.append(line.decode(errors="replace"))
                found = re.search(pattern, self.lines[-1])
                if found:
                    return found
            self._read_more(end, pattern)

    def _read_more(self, end, pattern):
        left = end - time.monotonic()
        ready, _, _ = select.select([self._child.stdout], [], [], max(left, 0))
        data = os.read(self._child.stdout.fileno(), 65536) if ready else b""
        if not data:
            how = "said nothing more" if ready else "was silent too long"
            last = "; ".join(self.lines[-3:])
            raise Failure(f'{self.name} {how} before "{pattern}" ({last})')
        self._rest += data


class Sim(Process):
    """iotsafe-sim on a pseudo-terminal. `log` gives its exchanges."""

    def __init__(self, folder, *options, program="iotsafe-sim"):
        self.link = folder / "modem"
        self.attributes = ""  # of its address
        self._log = folder / "exchanges.jsonl"
        super().__init__(
            program,
            *("--pty", self.link, "--store", folder, "--log", self._log),
            *options,
        )
        try:
            self.wait_line(f"^ready {re.escape(str(self.link))}$")
        except Failure:
            self.stop()
            raise

    @property
    def log(self):
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines]


def make_server_certificate(folder, program="iotsafe-sim"):
    """server.pem, server-key.pem and ca.pem of the SIM's own test CA."""
    subprocess.run(
        [program, "pki", "--store", folder, "--name", "localhost"],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certified(folder):
    """gnutls-serv's options: certificates on both sides, and no one else."""
    return (
        *("--x509certfile", folder / "server.pem"),
        *("--x509keyfile", folder / "server-key.pem"),
        *("--x509cafile", folder / "ca.pem"),
        *("--require-client-cert", "--verify-client-cert"),
    )


class Server(Process):
    """gnutls-serv with the certificate in `folder`; refuses who has none. Or
    with other options of its own."""

    def __init__(self, folder, datagram=False, echo=True, options=None):
        self.datagram = datagram
        self.port = free_port(
            socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
        )
        super().__init__(
            *("stdbuf", "-oL", "gnutls-serv"),
            *(["--echo"] if echo else []),  # else it speaks HTTP
            *(["--udp"] if datagram else []),
            *("--port", self.port),
            *(certified(folder) if options is None else options),
        )
        self.name = "gnutls-serv"
        try:
            self.wait_line(rf"IPv4.* port {self.port}\.\.\.done")
        except Failure:
            self.stop()
            raise

    def client(self):
        """(verdict, subject) of the client that has just connected. Over UDP
        gnutls-serv names no subject."""
        verdict = self.wait_line(r"^- Status: (.*?)\s*$").group(1)
        if self.datagram:
            return verdict, None
        return verdict, self.wait_line(r"Subject: (.*)").group(1)


def bind_localhost():
    """Datagram sockets with one port: on 127.0.0.1 and, where there is one, on
    ::1, which may be the first that "localhost" gives."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
    sockets[0].bind(("127.0.0.1", 0))
    with contextlib.suppress(OSError):
        sockets.append(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
        sockets[1].bind(("::1", sockets[0].getsockname()[1]))
    return sockets


class DatagramTap:
    """Passes datagrams between one client and a server, and keeps the
    certificate the client shows: in DTLS 1.2 it is readable on the way."""

    HANDSHAKE = 22
    CERTIFICATE = 11

    def __init__(self, port):
        self._clients = bind_localhost()
        self._server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._server.connect(("127.0.0.1", port))
        self._stop, self._stopped = socket.socketpair()
        self._message = {}
        self.port = self._clients[0].getsockname()[1]
        self._thread = threading.Thread(target=self._pump)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.close()
        self._thread.join()
        for each in (*self._clients, self._server, self._stopped):
            each.close()

    def _pump(self):
        sides = [*self._clients, self._server, self._stopped]
        client = address = None
        while True:
            ready, _, _ = select.select(sides, [], [])
            if self._stopped in ready:
                return
            try:
                for each in set(ready).intersection(self._clients):
                    client = each
                    data, address = client.recvfrom(65536)
                    self._look(data)
                    self._server.send(data)
                if self._server in ready and client:
                    client.sendto(self._server.recv(65536), address)
            except ConnectionRefusedError:
                pass  # the other side is gone; its own program tells

    def _look(self, data):
        """Records (RFC 6347 4.1) and handshake fragments (4.2.2)."""
        while len(data) >= 13:
            size = int.from_bytes(data[11:13], "big")
            record, body = data[:13], data[13 : 13 + size]
            data = data[13 + size :]
            if record[0] == self.HANDSHAKE and record[3:5] == b"\0\0":
                self._look_at_fragments(body)

    def _look_at_fragments(self, body):
        while len(body) >= 12:
            offset = int.from_bytes(body[6:9], "big")
            size = int.from_bytes(body[9:12], "big")
            if body[0] == self.CERTIFICATE:
                self._message[offset] = body[12 : 12 + size]
            body = body[12 + size :]

    def subject(self):
        """As certtool (of GnuTLS, like the server) writes it; None if no
        certificate came by."""
        message = b"".join(part for _, part in sorted(self._message.items()))
        size = int.from_bytes(message[3:6], "big")
        if not size:
            return None
        output = subprocess.run(
            ["certtool", "--certificate-info", "--inder"],
            input=message[6 : 6 + size],
            capture_output=True,
            check=True,
        ).stdout.decode(errors="replace")
        return re.search(r"Subject: (.*)", output).group(1)
