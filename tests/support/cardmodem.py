# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the doubles of QMI and MBIM modems have in common: the software SIM
behind them, channels as a modem makes them, and ways to be reached."""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import tty


class NoChannel(Exception):
    """The card has no free channel."""


class NotSelected(Exception):
    """The card's status word for the SELECT."""

    def __init__(self, status, channel=None):
        super().__init__(f"{status:04X}")
        self.status = status
        self.channel = channel  # that is open all the same


class Card:
    """iotsafe-sim on its standard input and output, by AT+CSIM."""

    def __init__(self, folder, *options, program="iotsafe-sim"):
        self._child = subprocess.Popen(
            [program, "--stdio", "--store", str(folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._turn = threading.Lock()
        self.channels = set()
        self.classes = []  # of commands on channels

    def end(self):
        self._child.stdin.close()
        self._child.stdout.close()
        self._child.wait()

    def transmit(self, command):
        """The answer, status word included."""
        with self._turn:
            line = f'AT+CSIM={2 * len(command)},"{command.hex().upper()}"\r'
            self._child.stdin.write(line.encode())
            self._child.stdin.flush()
            for answer in self._child.stdout:
                if answer.startswith(b"+CSIM:"):
                    found = answer.split(b'"')[1].decode()
                if answer.strip() == b"OK":
                    return bytes.fromhex(found)
                if b"ERROR" in answer:
                    raise OSError(answer.decode())
        raise OSError("the card has gone")

    @property
    def iccid(self):
        """EF_ICCID."""
        answer = self.transmit(bytes.fromhex("00B082000A"))
        assert answer[-2:] == b"\x90\0"
        return answer[:-2]

    @property
    def number(self):
        """Its digits, as people read them."""
        pairs = self.iccid.hex()
        turned = (b + a for a, b in zip(pairs[::2], pairs[1::2]))
        return "".join(turned).rstrip("f")

    def open(self, aid, keep=False):
        """The number of a new channel with the applet on it; with `keep` the
        channel stays open where there is none."""
        answer = self.transmit(bytes.fromhex("0070000001"))
        if answer[-2:] != b"\x90\0":
            raise NoChannel
        number = answer[0]
        self.channels.add(number)
        select_it = bytes([number, 0xA4, 4, 0, len(aid)]) + aid
        status = int.from_bytes(self.transmit(select_it)[-2:], "big")
        if status != 0x9000 and status >> 8 not in (0x61, 0x91):
            if keep:
                raise NotSelected(status, number)
            self.close(number)
            raise NotSelected(status)
        return number

    def close(self, number):
        """False if it is not open."""
        if number not in self.channels:
            return False
        self.transmit(bytes([0, 0x70, 0x80, number, 0]))
        self.channels.discard(number)
        return True


class SwapsCards:
    """What modems have in common."""

    def swap(self, card):
        """Another card is in its slot."""
        with self._lock:
            self.card, old = card, self.card
        old.end()


# Holds a card open, says so, and uses it again when told to.
class Program(subprocess.Popen):
    """A Python script that is given an address, answers lines, and ends with
    them."""

    def __init__(self, script, address):
        super().__init__(
            ["/usr/bin/python3", "-c", script, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self):
        return self.stdout.readline().strip()

    def ask(self):
        self.stdin.write("again\n")
        self.stdin.flush()
        return self.line()

    def __exit__(self, *reason):
        self.stdin.close()
        self.wait(60)
        super().__exit__(*reason)


HOLDER = """
import iotsafe, sys
card = iotsafe.open(sys.argv[1])
card.random(8)
print(card.iccid, flush=True)
for line in sys.stdin:
    try:
        card.random(8)
        print("the same card", flush=True)
    except iotsafe.Error as error:
        print(type(error).__name__, error, flush=True)
"""


class Holder(Program):
    """A program that holds a card open; `iccid` is what it says of it."""

    def __init__(self, address):
        super().__init__(HOLDER, address)
        self.iccid = self.line()

    def use(self):
        return self.ask()


# Opens a card, and when told to closes it and opens it again.
OPENER = """
import iotsafe, sys
while True:
    with iotsafe.open(sys.argv[1]):
        print("open", flush=True)
        if not sys.stdin.readline():
            break
"""


class Opener(Program):
    """A program that has a card open, and closes it between two openings."""

    def __init__(self, address):
        super().__init__(OPENER, address)
        assert self.line() == "open"

    def open_anew(self):
        assert self.ask() == "open"


class Unix:
    """Clients of a listening Unix socket, a thread each; `name` is a path, or
    begins with a zero byte."""

    def __init__(self, name, serve):
        self._serve = serve
        self._clients = []
        self._threads = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(name)
        self._socket.listen(16)
        self._start(self._accept)

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self._clients.append(client)
            self._start(self._talk, client)

    def _talk(self, client):
        with contextlib.suppress(OSError):
            self._serve(lambda: client.recv(65536), client.sendall)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        client.close()

    def end(self):
        # close() alone does not wake accept().
        for each in [self._socket, *self._clients]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)


class Terminal:
    """A pseudo-terminal in the place of a device; `path` is its name."""

    def __init__(self, serve):
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(
            target=self._talk, args=(serve,), daemon=True
        )
        self._thread.start()

    def _talk(self, serve):
        with contextlib.suppress(OSError):
            serve(self._read, self._write)

    def _read(self):
        ready, _, _ = select.select([self._ours, self._stopped], [], [])
        return b"" if self._stopped in ready else os.read(self._ours, 65536)

    def _write(self, data):
        while data:
            data = data[os.write(self._ours, data) :]

    def end(self):
        os.close(self._stop)
        self._thread.join(10)
        for each in (self._ours, self._theirs, self._stopped):
            os.close(each)


CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


@contextlib.contextmanager
def own_network():
    """A network of this thread's own, and of what it starts: abstract names
    are one for the whole machine otherwise. Gives whether it could be had."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as before:
        own = libc.unshare(CLONE_NEWNET) == 0
        if own:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_one:
                name = struct.pack("16sH14x", b"lo", IFF_UP)
                fcntl.ioctl(any_one, SIOCSIFFLAGS, name)
        try:
            yield own
        finally:
            if own and libc.setns(before.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")


def is_taken(name):
    """True if somebody listens on the abstract name."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(b"\0" + name.encode()) == 0


def end_owner(name):
    """Ends the proxy that was started by what we started, and no other: for
    this the network is our own."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(b"\0" + name.encode()):
            return
        peer = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        # mbim-proxy takes SIGTERM for a hint.
        os.kill(struct.unpack("iii", peer)[0], signal.SIGKILL)
        with contextlib.suppress(ConnectionResetError):
            probe.recv(1)  # returns when it has gone
