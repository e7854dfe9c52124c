# SPDX-License-Identifier: LGPL-2.1-or-later
"""A QMI modem at the level of messages, with the software SIM in it: on a Unix
socket or a pseudo-terminal in the place of its device, or behind the name
"qmi-proxy" in the place of the proxy. `ways` makes it misbehave."""

import struct
import threading

from cardmodem import Card, NoChannel, NotSelected, SwapsCards

CTL, UIM = 0x00, 0x0B
SYNC, ALLOCATE, RELEASE, PROXY_OPEN = 0x27, 0x22, 0x23, 0xFF00
APDU, LOGICAL_CHANNEL, OPEN_CHANNEL = 0x3B, 0x3F, 0x42
READ = 0x20

INTERNAL, CLIENTS_OUT, MISSING, NO_CHANNEL, NO_FILE = 3, 5, 17, 68, 80
INVALID_CLIENT, INVALID_ARGUMENT, UNKNOWN = 7, 48, 71


def tlv(kind, value):
    return struct.pack("<BH", kind, len(value)) + value


def result(error=0):
    return tlv(2, struct.pack("<HH", 1 if error else 0, error))


class Message:
    """One frame taken apart."""

    def __init__(self, frame):
        self.service, self.client = frame[4], frame[5]
        if self.service == CTL:
            self.flags, self.transaction, self.id, size = struct.unpack(
                "<BBHH", frame[6:12]
            )
            data = frame[12:]
        else:
            self.flags, self.transaction, self.id, size = struct.unpack(
                "<BHHH", frame[6:13]
            )
            data = frame[13:]
        assert size == len(data), "the host's length lies"
        self.tlvs = {}
        while data:
            kind, size = struct.unpack("<BH", data[:3])
            self.tlvs[kind] = data[3 : 3 + size]
            data = data[3 + size :]

    def answer(self, tlvs, **other):
        """A frame with these TLVs; `other` is what is not as it should be."""
        service = other.get("service", self.service)
        client = other.get("client", self.client)
        transaction = other.get("transaction", self.transaction)
        flags = other.get("flags", 1 if service == CTL else 2)
        number = other.get("id", self.id)
        size = other.get("size", len(tlvs))
        form = "<BBHH" if service == CTL else "<BHHH"
        transaction &= 0xFF if service == CTL else 0xFFFF
        body = struct.pack(form, flags, transaction, number, size) + tlvs
        return struct.pack("<BHBBB", 1, len(body) + 5, 0x80, service, client) + body


class Ways:
    """How it misbehaves. Requests are named by their id."""

    def __init__(self):
        self.errors = {}  # id: (error, status word of the card or None)
        self.not_ready = 0  # so many requests of UIM first
        self.silent = set()
        self.hang_up = set()
        self.cut = {}  # id: the answer's TLVs are changed by this function
        self.noise = False  # indications and others' answers between
        self.split = self.joined = False
        self.wrong_transaction = set()
        self.late = set()  # answered only before the next answer
        self.long = False
        self.keeps = False  # channels with no applet, and calls it a success
        self.channel = None  # the modem's own name of the first channel


class QmiModem(SwapsCards):
    def __init__(self, folder, *options, proxy=False):
        self.card = Card(folder, *options)
        self.ways = Ways()
        self.proxy = proxy
        self.clients = set()
        self.seen = []  # ids of requests
        self.paths = []
        self._late = []
        self._lock = threading.Lock()

    def end(self):
        self.card.end()

    def serve(self, read, write):
        """One connection, until it ends."""
        data = b""
        while True:
            while len(data) >= 3:
                size = int.from_bytes(data[1:3], "little") + 1
                if len(data) < size:
                    break
                with self._lock:
                    self._handle(Message(data[:size]), write)
                data = data[size:]
            more = read()
            if not more:
                return
            data += more

    def _handle(self, message, write):
        self.seen.append(message.id)
        if message.id in self.ways.hang_up:
            raise OSError("hung up")
        if message.id in self.ways.silent:
            return
        tlvs = self._answer(message)
        if message.id in self.ways.cut:
            tlvs = self.ways.cut[message.id](tlvs)
        frame = message.answer(tlvs)
        if message.id in self.ways.wrong_transaction:
            frame = message.answer(tlvs, transaction=message.transaction + 1)
        if message.id in self.ways.late:
            self._late.append(frame)
            return
        self._send(message, tlvs, frame, write)

    def _send(self, message, tlvs, frame, write):
        late, self._late = b"".join(self._late), []
        before = late + (self._noise(message, tlvs) if self.ways.noise else b"")
        if self.ways.joined:
            write(before + frame + self._noise(message, tlvs))
        elif self.ways.split:
            for place in range(len(before + frame)):
                write((before + frame)[place : place + 1])
        else:
            if before:
                write(before)
            write(frame)

    @staticmethod
    def _noise(message, tlvs):
        """All that is nearly the answer."""
        wrong = tlvs[:-1] + bytes([tlvs[-1] ^ 0xFF])
        return b"".join(
            message.answer(wrong, **other)
            for other in (
                {"client": message.client + 1},
                {"client": 0xFF, "flags": 4, "transaction": 0},
                {"flags": 4},
                {"transaction": message.transaction + 1},
                {"transaction": message.transaction - 1},
                {"service": 0x03},
                {"id": message.id + 1},
            )
        )

    def _answer(self, message):
        if message.id in self.ways.errors:
            error, status = self.ways.errors[message.id]
            word = b"" if status is None else tlv(0x11, status.to_bytes(2, "big"))
            return result(error) + word
        if message.service == CTL:
            return self._control(message)
        if message.client not in self.clients:
            return result(INVALID_CLIENT)
        if self.ways.not_ready:
            self.ways.not_ready -= 1
            return result(37)
        return {
            APDU: self._apdu,
            OPEN_CHANNEL: self._open_or_close,
            LOGICAL_CHANNEL: self._open_or_close,
            READ: self._read,
        }.get(message.id, lambda _: result(UNKNOWN))(message)

    def _control(self, message):
        if message.id == PROXY_OPEN and self.proxy:
            self.paths.append(message.tlvs[1].decode())
            return result()
        if message.id == ALLOCATE:
            free = set(range(1, 20)) - self.clients
            if not free:
                return result(CLIENTS_OUT)
            client = min(free)
            self.clients.add(client)
            return result() + tlv(1, message.tlvs[1] + bytes([client]))
        if message.id == RELEASE:
            self.clients.discard(message.tlvs[1][1])
            return result() + tlv(1, message.tlvs[1])
        if message.id == SYNC:  # clients of all are gone
            self.clients.clear()
            return result()
        return result(UNKNOWN)

    def _number(self, channel):
        """What the modem calls it, and back: 1 to its own name."""
        if self.ways.channel is None or channel not in (1, self.ways.channel):
            return channel
        return self.ways.channel if channel == 1 else 1

    def _open_or_close(self, message):
        if message.tlvs.get(1, b"") != b"\1":
            return result(INTERNAL)
        aid = message.tlvs.get(0x10)
        if aid is None:
            channel = self._number(message.tlvs[0x11][0])
            return result(0 if self.card.close(channel) else INTERNAL)
        try:
            channel = self.card.open(aid[1 : 1 + aid[0]], self.ways.keeps)
        except NoChannel:
            return result(NO_CHANNEL)
        except NotSelected as why:
            word = tlv(0x11, why.status.to_bytes(2, "big"))
            if why.channel:
                return result() + tlv(0x10, bytes([why.channel])) + word
            return result(NO_FILE) + word
        name = bytes([self._number(channel)])
        return result() + tlv(0x10, name) + tlv(0x11, b"\x90\0")

    def _read(self, message):
        """EF_ICCID, as a whole, of the card in slot 1."""
        wanted = {
            1: bytes([6, 0]),  # card slot 1, no AID
            2: bytes.fromhex("e22f 02 003f"),
            3: bytes(4),
        }
        if message.tlvs != wanted:
            return result(INVALID_ARGUMENT)
        file = self.card.iccid
        content = struct.pack("<H", len(file)) + file
        return result() + tlv(0x10, b"\x90\0") + tlv(0x11, content)

    def _apdu(self, message):
        size = int.from_bytes(message.tlvs[2][:2], "little")
        command = bytearray(message.tlvs[2][2:])
        channel = self._number(message.tlvs[0x10][0])
        if size != len(command) or channel not in self.card.channels:
            return result(INVALID_ARGUMENT)
        self.card.classes.append(command[0])
        if self.ways.channel is not None:  # the host could not say it
            command[0] = command[0] & 0xFC | channel
        answer = self.card.transmit(bytes(command))
        if self.ways.long:
            return result() + tlv(0x11, struct.pack("<HI", 700, 1))
        return result() + tlv(0x10, struct.pack("<H", len(answer)) + answer)
