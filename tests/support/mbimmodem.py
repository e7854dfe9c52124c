# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MBIM modem at the level of messages, with the software SIM in it: on a
pseudo-terminal in the place of its device, with the real mbim-proxy and
libmbim before it. `ways` makes it misbehave."""

import struct
import threading

from cardmodem import Card, NoChannel, NotSelected, SwapsCards

OPEN, CLOSE, COMMAND, ERROR = 1, 2, 3, 4
DONE = 0x80000000
INDICATE = 0x80000007

UICC = bytes.fromhex("c2f6588ef0374bc98665f4d44bd09367")
BASIC = bytes.fromhex("a289cc33bcbb8b4fb6b0133ec2aae6df")
OPEN_CHANNEL, CLOSE_CHANNEL, APDU = 2, 3, 4
READY = 0x102  # of the basic service: its CID 2

BUSY, NOT_INITIALIZED = 1, 14
FAILURE, INVALID_PARAMETERS, NO_SUPPORT = 2, 21, 9
NO_CHANNEL, SELECT_FAILED, INVALID_CHANNEL = 0x87430001, 0x87430002, 0x87430003


def word(status):
    """SW1 is the low byte."""
    return int.from_bytes(status.to_bytes(2, "big"), "little")


def padded(data):
    return data + bytes(-len(data) % 4)


class Ways:
    """How it misbehaves. Requests are named by their CID of the service."""

    def __init__(self):
        self.status = {}  # CID: status of the answer
        self.busy = {}  # CID: statuses of the first answers
        self.silent = set()
        self.hang_up = set()
        self.cut = {}  # CID: the information buffer is changed by this
        self.noise = False  # indications and another's answer before
        self.split = False
        self.late = set()  # answered only before the next answer
        self.extended = False  # class byte type, P2 = 0C, Le: all are wanted
        self.channel = None  # the modem's own name of the first channel
        self.version_3 = False  # of the extensions: one field more
        self.keeps = False  # channels with no applet, and calls it a success
        self.turned = False  # the ICCID's pairs, as in the file


class MbimModem(SwapsCards):
    def __init__(self, folder, *options):
        self.card = Card(folder, *options)
        self.ways = Ways()
        self.seen = []  # (type, CID)
        self.types = set()  # of class bytes
        self._late = []
        self._lock = threading.Lock()

    def end(self):
        self.card.end()

    def serve(self, read, write):
        data = b""
        while True:
            while len(data) >= 12:
                size = int.from_bytes(data[4:8], "little")
                if len(data) < size:
                    break
                with self._lock:
                    self._handle(data[:size], write)
                data = data[size:]
            more = read()
            if not more:
                return
            data += more

    def _handle(self, message, write):
        kind, _, transaction = struct.unpack("<III", message[:12])
        if kind in (OPEN, CLOSE):
            self.seen.append((kind, 0))
            write(struct.pack("<IIII", kind | DONE, 16, transaction, 0))
            return
        service, (cid, _, size) = message[20:36], struct.unpack("<III", message[36:48])
        if service == BASIC and cid == READY & 0xFF:
            cid = READY
        known = service == UICC or cid == READY
        self.seen.append((kind, cid if known else None))
        if not known:
            write(self._done(transaction, service, cid, NO_SUPPORT, b""))
            return
        self._command(transaction, cid, message[48 : 48 + size], write)

    @staticmethod
    def _done(transaction, service, cid, status, buffer):
        body = struct.pack("<II", 1, 0) + service
        body += struct.pack("<III", cid, status, len(buffer)) + buffer
        return struct.pack("<III", COMMAND | DONE, 12 + len(body), transaction) + body

    @staticmethod
    def _indication(cid):
        body = struct.pack("<II", 1, 0) + UICC + struct.pack("<II", cid, 0)
        return struct.pack("<III", INDICATE, 12 + len(body), 0) + body

    def _command(self, transaction, cid, buffer, write):
        if cid in self.ways.hang_up:
            raise OSError("hung up")
        if cid in self.ways.silent:
            return
        if self.ways.busy.get(cid):
            status, answer = self.ways.busy[cid].pop(0), b""
        elif cid in self.ways.status:
            status, answer = self.ways.status[cid], b""
        else:
            status, answer = {
                OPEN_CHANNEL: self._open,
                CLOSE_CHANNEL: self._close,
                APDU: self._apdu,
                READY: self._ready,
            }[cid](buffer)
        if cid in self.ways.cut:
            answer = self.ways.cut[cid](answer)
        service = BASIC if cid == READY else UICC
        frame = self._done(transaction, service, cid & 0xFF, status, answer)
        if cid in self.ways.late:
            self._late.append(frame)
            return
        late, self._late = b"".join(self._late), []
        if self.ways.noise:
            late += self._indication(cid)
            late += self._done(transaction + 4711, UICC, cid, FAILURE, b"")
        if self.ways.split:
            for place in range(len(late + frame)):
                write((late + frame)[place : place + 1])
        else:
            write(late + frame)

    def _ready(self, buffer):
        """Subscriber Ready Status: two strings behind a list of places."""
        number = self.card.iccid.hex() if self.ways.turned else self.card.number
        imsi, iccid = ("001010123456789".encode("utf-16le"), number.encode("utf-16le"))
        fixed = 32 if self.ways.version_3 else 28
        flags = struct.pack("<I", 0) if self.ways.version_3 else b""
        places = struct.pack(
            "<IIII", fixed, len(imsi), fixed + len(padded(imsi)), len(iccid)
        )
        head = struct.pack("<I", 1) + flags + places + struct.pack("<II", 0, 0)
        return 0, head + padded(imsi) + padded(iccid)

    def _number(self, channel):
        if self.ways.channel is None or channel not in (1, self.ways.channel):
            return channel
        return self.ways.channel if channel == 1 else 1

    def _open(self, buffer):
        size, offset, p2, _ = struct.unpack("<IIII", buffer[:16])
        if self.ways.extended and p2 != 0x0C:
            return SELECT_FAILED, b""
        try:
            aid = buffer[offset : offset + size]
            channel = self.card.open(aid, self.ways.keeps)
        except NoChannel:
            return NO_CHANNEL, b""
        except NotSelected as why:
            answer = struct.pack("<IIII", word(why.status), why.channel or 0, 0, 0)
            return 0 if why.channel else SELECT_FAILED, answer
        name = self._number(channel)
        return 0, struct.pack("<IIII", word(0x9000), name, 0, 0)

    def _close(self, buffer):
        channel, _ = struct.unpack("<II", buffer)
        if not self.card.close(self._number(channel)):
            return INVALID_CHANNEL, b""
        return 0, struct.pack("<I", word(0x9000))

    def _apdu(self, buffer):
        channel, _, kind, size, offset = struct.unpack("<IIIII", buffer[:20])
        command = bytearray(buffer[offset : offset + size])
        channel = self._number(channel)
        self.types.add(kind)
        if channel not in self.card.channels:
            return INVALID_CHANNEL, b""
        case_3 = size > 5 and size == 5 + command[4]
        if self.ways.extended and (kind != 1 or case_3):
            return INVALID_CHANNEL, b""
        if self.ways.extended and size > 5:
            del command[-1]  # what the card makes of it is its own affair
        self.card.classes.append(command[0])
        if self.ways.channel is not None:
            command[0] = command[0] & 0xFC | channel
        answer = self.card.transmit(bytes(command))
        data, status = answer[:-2], int.from_bytes(answer[-2:], "big")
        head = struct.pack("<III", word(status), len(data), 12 if data else 0)
        return 0, head + padded(data)
