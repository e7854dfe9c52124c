# SPDX-License-Identifier: LGPL-2.1-or-later
"""attempt.c in Python."""

import socket
import sys

import iotsafe


def connect(card, descriptor, ca, name, timeout):
    sock = socket.socket(fileno=int(descriptor))
    sock.settimeout(int(timeout) / 1000)
    with iotsafe.TLSSocket(sock, card=card, ca_file=ca,
                           server_name=name) as tls:
        tls.recv(1)


def attempt(address, what, *arguments):
    with iotsafe.open(address) as card:
        if what == "sign":
            card.key(*arguments).sign(bytes(32), "sha256")
        elif what == "connect":
            connect(card, *arguments)


try:
    attempt(*sys.argv[1:])
    print("OK")
except iotsafe.Error as error:
    print(f"{error.name}\t{error.status:04X}\t{error}")
