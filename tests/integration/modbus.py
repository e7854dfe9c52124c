# SPDX-License-Identifier: LGPL-2.1-or-later
"""The far side of a PLC's Modbus/TCP: a device with holding registers, and
socat before it, which lets nobody in without a certificate."""

import socketserver
import struct
import threading

from farside import Failure, Process

READ_HOLDING, WRITE_SINGLE = 3, 6  # Modbus Application Protocol 1.1b3, 6
ILLEGAL_FUNCTION = 1


class Device:
    """What is served in plain: `registers`, counted from 0."""

    def __init__(self):
        self.registers = [0] * 100
        device = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                # The header: transaction, protocol, length, unit (MBAP).
                while head := self.rfile.read(7):
                    transaction, _, size, unit = struct.unpack(">HHHB", head)
                    answer = device.answer(self.rfile.read(size - 1))
                    self.wfile.write(struct.pack(
                        ">HHHB", transaction, 0, len(answer) + 1, unit)
                        + answer)

        self._server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,))

    def answer(self, request):
        function, register, value = struct.unpack(">BHH", request[:5])
        if function == READ_HOLDING:
            data = self.registers[register:register + value]
            return struct.pack(f">BB{len(data)}H", function, 2 * len(data),
                               *data)
        if function == WRITE_SINGLE:
            self.registers[register] = value
            return request
        return bytes([function | 0x80, ILLEGAL_FUNCTION])

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Front(Process):
    """TLS before what listens on a port, as socat does it. Its log tells the
    clients."""

    def __init__(self, folder, port):
        super().__init__(
            *("socat", "-d", "-d", "-d"),
            "OPENSSL-LISTEN:0,bind=127.0.0.1,fork,verify=1,"
            f"cert={folder}/server.pem,key={folder}/server-key.pem,"
            f"cafile={folder}/ca.pem",
            f"TCP:127.0.0.1:{port}",
        )
        try:
            self.port = int(self.wait_line(r"listening on .*:(\d+)$")[1])
        except Failure:
            self.stop()
            raise

    def client(self):
        """(name, TLS version) of the next client."""
        name = self.wait_line('SSL peer cert subject: "CN = (.*)"')[1]
        return name, self.wait_line(r"proto version used: TLSv([\d.]+)")[1]


def poll(port, *words, first):
    """mbpoll's command line, of register number `first` (from 1 on). Its 1 s
    for an answer has the handshake in it."""
    return ["mbpoll", "-m", "tcp", "-p", str(port), "-o", "10", "-t", "4",
            "-r", str(first), *words]
