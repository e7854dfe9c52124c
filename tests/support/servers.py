# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers of Python and OpenSSL, and a mosquitto, that demand a client
certificate of the store's authority and tell what they were shown."""

import contextlib
import http.server
import re
import socket
import ssl
import subprocess
import threading
import time

from farside import free_port


def server_context(store, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store / "server.pem", store / "server-key.pem")
    context.load_verify_locations(store / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def common_name(certificate):
    """None of who showed none, where that may be."""
    if not certificate:
        return None
    names = dict(pair for part in certificate["subject"] for pair in part)
    return names["commonName"]


class Peer:
    """A TLS server that serves each connection with ``handler(socket)`` in a
    thread. What it learnt in the handshakes is in ``seen``: common name of
    the client, SNI, ALPN, version, whether the session was resumed."""

    def __init__(self, store, handler, version=None, alpn=()):
        self.context = server_context(store, version)
        if alpn:
            self.context.set_alpn_protocols(alpn)
        self.context.sni_callback = self._on_name
        self.handler = handler
        self.seen = []
        self.errors = []
        self.ended = 0  # connections
        self._names = {}
        self._threads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._run(self._accept)

    def _run(self, function, *arguments):
        thread = threading.Thread(
            target=function, args=arguments, daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _on_name(self, connection, name, _):
        self._names[id(connection)] = name

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._serve, plain)

    def _serve(self, plain):
        plain.settimeout(20)
        try:
            connection = self.context.wrap_socket(
                plain, server_side=True, do_handshake_on_connect=False
            )
            with connection:
                connection.do_handshake()
                self.seen.append({
                    "client": common_name(connection.getpeercert()),
                    "name": self._names.pop(id(connection), None),
                    "alpn": connection.selected_alpn_protocol(),
                    "version": connection.version(),
                    "resumed": connection.session_reused,
                })
                self.handler(connection)
        except OSError as error:
            self.errors.append(error)
        finally:
            plain.close()  # where it was not wrapped: its peer had gone
            self.ended += 1

    def wait_for(self, count):
        """What was seen in that many handshakes: TLS 1.3 is done for the
        client before it is for the server."""
        self._wait_until(lambda: len(self.seen) >= count)
        return self.seen

    def wait_for_end(self, count):
        """That many connections have ended."""
        self._wait_until(lambda: self.ended >= count)

    def _wait_until(self, ready):
        end = time.monotonic() + 10
        while not ready():
            assert time.monotonic() < end, self.errors
            time.sleep(0.005)

    def connect(self, timeout=10):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


def echo(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            break
        connection.sendall(data)
    with contextlib.suppress(OSError):
        connection.unwrap()


def pass_on(port):
    """A handler that hands what comes through to a plain server, as the
    front doors of cloud brokers do."""

    def handler(connection):
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            back = threading.Thread(target=pour, args=(plain, connection))
            back.start()
            pour(connection, plain)
            with contextlib.suppress(OSError):
                plain.shutdown(socket.SHUT_RDWR)
            back.join()

    return handler


def connect_through(connection):
    """A handler that does as an HTTP proxy does (CONNECT, RFC 9110 9.3.6)."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    port = head.split()[1].rpartition(b":")[2]
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    pass_on(int(port))(connection)


def pour(source, sink):
    with contextlib.suppress(OSError):
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)


class Web:
    """An HTTPS server: GET /N answers with N bytes, POST with what came. The
    common names of the clients, one a request, are in ``clients``."""

    def __init__(self, store, host="localhost"):
        self.clients = clients = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Header and body are two writes: Nagle's algorithm would keep
            # the second one for 40 ms.
            disable_nagle_algorithm = True

            def do_GET(self):
                self.answer(b"x" * int(self.path.strip("/") or 0))

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers["content-length"])))

            def answer(self, body):
                clients.append(common_name(self.connection.getpeercert()))
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        context = server_context(store)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, client):
                request.settimeout(20)
                wrapped = context.wrap_socket(request, server_side=True)
                with wrapped:
                    super().finish_request(wrapped, client)

            def handle_error(self, *_):
                pass

        self._server = Server((socket.gethostbyname(host), 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"https://{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,)
        )
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Mosquitto:
    """A broker that takes the client's common name for its user name, and
    writes it to its log. Without store it speaks plain TCP, and believes what
    names it is told."""

    def __init__(self, store, folder, ca=None, more=""):
        """``ca`` is that of its clients, if it is not the store's; ``more``
        is said of each listener."""
        self.port = free_port(socket.SOCK_STREAM)
        # The user counts if it is root who starts it.
        words = "user root\nlog_type all\nlog_dest stderr\n"
        if store is None:
            words += f"allow_anonymous true\nlistener {self.port} 127.0.0.1\n"
        else:
            # The certificate is not for the second address.
            words += "allow_anonymous false\n" + "".join(
                f"listener {self.port} {host}\n"
                f"cafile {ca or store / 'ca.pem'}\n"
                f"certfile {store}/server.pem\n"
                f"keyfile {store}/server-key.pem\n"
                "require_certificate true\n"
                "use_identity_as_username true\n"
                f"{more}"
                for host in ("127.0.0.1", "127.0.0.2")
            )
        configuration = folder / "mosquitto.conf"
        configuration.write_text(words)
        self.log = folder / "mosquitto.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["mosquitto", "-c", configuration], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )
        self.wait_for("running")

    def wait_for(self, words, seconds=10):
        end = time.monotonic() + seconds
        while words not in self.log.read_text(errors="replace"):
            assert self.process.poll() is None and time.monotonic() < end, (
                f"no {words!r} in:\n{self.log.read_text(errors='replace')}"
            )
            time.sleep(0.01)

    def user(self, client):
        """By what name the client of this id was let in."""
        self.wait_for(f"Sending CONNACK to {client}")
        return re.search(rf"as {client} \(.*u'(.*)'\)",
                         self.log.read_text(errors="replace"))[1]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def receive(tls, count):
    """That many bytes of a connection."""
    got = bytearray()
    while len(got) < count:
        more = tls.recv(65536)
        assert more, f"closed after {len(got)} bytes"
        got += more
    return bytes(got)
