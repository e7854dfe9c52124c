# SPDX-License-Identifier: LGPL-2.1-or-later
"""GIO (glib-networking) as its own documentation has it. Arguments: URL, CA
file."""

import sys
import urllib.parse

from gi.repository import Gio, GObject

url = urllib.parse.urlparse(sys.argv[1])
certificate = Gio.TlsCertificate.new_from_pkcs11_uris("iotsafe:", "iotsafe:")
trusted = Gio.TlsFileDatabase.new(sys.argv[2])


def on_event(_, event, __, connection):
    if event == Gio.SocketClientEvent.TLS_HANDSHAKING:
        connection.set_certificate(certificate)
        connection.set_database(trusted)


client = Gio.SocketClient(tls=True)
GObject.Object.connect(client, "event", on_event)
connection = client.connect_to_host(url.netloc, 443, None)
request = f"GET {url.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
connection.get_output_stream().write_all(request.encode(), None)
answer = b""
while not answer.endswith(b"hello\n"):
    got = connection.get_input_stream().read_bytes(4096, None).get_data()
    if not got:
        break
    answer += got
print(answer.decode())
