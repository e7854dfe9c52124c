#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server that takes nobody without a certificate and says whose it was.

    httpsserver.py PKI ROOT

PKI holds server.pem, server-key.pem and ca.pem; the files of ROOT are served.
Prints "port N" once it listens, then a line a request: "client NAME VERSION
PATH". Each connection has a thread, and a handshake holds up nobody else's.
"""

import functools
import http.server
import pathlib
import ssl
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def setup(self):
        self.request.do_handshake()
        super().setup()

    def finish(self):
        """Says good-bye, as TLS wants it."""
        super().finish()
        try:
            self.connection.unwrap()
        except OSError:
            pass  # the client has gone already

    def log_request(self, *_):
        subject = self.connection.getpeercert()["subject"]
        name = dict(pair for part in subject for pair in part)["commonName"]
        print("client", name, self.connection.version(), self.path, flush=True)

    def log_message(self, *_):
        pass


class HTTPSServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        print("refused", sys.exc_info()[1], flush=True)


def main():
    pki, root = map(pathlib.Path, sys.argv[1:3])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server-key.pem")
    context.load_verify_locations(pki / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    handler = functools.partial(Handler, directory=root)
    server = HTTPSServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    print("port", server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
