# SPDX-License-Identifier: LGPL-2.1-or-later
"""Between iotsafe-sim and the reader of vsmartcard-vpcd: changes what the card
answers."""

import socket
import threading


def take(end, size):
    data = b""
    while len(data) < size:
        more = end.recv(size - len(data))
        if not more:
            raise OSError("gone")
        data += more
    return data


def take_message(end):
    """A length of two bytes stands in front."""
    return take(end, int.from_bytes(take(end, 2), "big"))


def send_message(end, message):
    end.sendall(len(message).to_bytes(2, "big") + message)


class Relay:
    """`change` is asked with each command and its answer what to answer."""

    def __init__(self, pcscd, change):
        self.pcscd, self.change = pcscd, change
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        try:
            card, _ = self.listener.accept()
            reader = socket.create_connection(("127.0.0.1", self.pcscd.port))
            self.ends = [card, reader]
            while True:
                command = take_message(reader)
                send_message(card, command)
                # Of one byte: power on and off, reset; 4 asks for the ATR.
                if len(command) > 1 or command == b"\4":
                    answer = take_message(card)
                    if len(command) > 1:
                        answer = self.change(command, answer)
                    send_message(reader, answer)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for end in self.ends:
            end.close()
