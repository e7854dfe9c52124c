# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs beside each other on one card, each told line by line what to do:

    pcscuser.py other       a client of pcscd of no library of ours
    pcscuser.py us          a program with our library

One answer line each: "ok", or a code, and a sentence where there is one.
"""

import ctypes
import os
import pathlib
import select
import subprocess
import sys
import threading
import time

PATIENCE = 60


class User:
    """The test's end of one."""

    def __init__(self, role, environment):
        self.child = subprocess.Popen(
            ["/usr/bin/python3", pathlib.Path(__file__), role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=dict(os.environ, **environment),
        )

    def begin(self, *words):
        self.child.stdin.write(" ".join(words) + "\n")

    def end(self):
        ready = select.select([self.child.stdout], [], [], PATIENCE)[0]
        assert ready, f"no answer after {PATIENCE} s"
        return self.child.stdout.readline().rstrip("\n")

    def do(self, *words):
        self.begin(*words)
        return self.end()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Other:
    SHARES = {"exclusive": 1, "shared": 2}
    LEAVE, RESET = 0, 1

    def __init__(self):
        self.library = ctypes.CDLL("libpcsclite.so.1")
        self.context = ctypes.c_long()
        self.card = ctypes.c_long()
        self.library.SCardEstablishContext(2, None, None, ctypes.byref(self.context))

    def connect(self, share, *reader):
        active = ctypes.c_ulong()
        return self.library.SCardConnect(
            self.context,
            " ".join(reader).encode(),
            ctypes.c_ulong(self.SHARES[share]),
            ctypes.c_ulong(3),
            ctypes.byref(self.card),
            ctypes.byref(active),
        )

    def begin(self):
        return self.library.SCardBeginTransaction(self.card)

    def end(self):
        return self.library.SCardEndTransaction(self.card, ctypes.c_ulong(self.LEAVE))

    def reset(self):
        return self.library.SCardDisconnect(self.card, ctypes.c_ulong(self.RESET))

    def do(self, word, *words):
        code = getattr(self, word)(*words) & 0xFFFFFFFF
        return "ok" if not code else f"{code:08X}"


class Us:
    def open(self, address, timeout="20000"):
        import iotsafe

        self.failure = iotsafe.Error
        self.card = iotsafe.open(f"{address}timeout={timeout}")

    def sign(self):
        """Every signature is verified before it leaves the library."""
        self.card.key("client").sign(bytes(range(32)))

    def cancelled(self):
        done = threading.Event()

        def cancel():
            while not done.wait(0.3):
                self.card.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        try:
            self.sign()
        finally:
            done.set()
            canceller.join()

    def threads(self):
        """Those of a call that was given up go when it comes back."""
        end = time.monotonic() + PATIENCE
        while len(os.listdir("/proc/self/task")) > 1:
            assert time.monotonic() < end
            time.sleep(0.05)

    def close(self):
        self.card.close()

    def do(self, word, *words):
        start = time.monotonic()
        try:
            getattr(self, word)(*words)
            return "ok"
        except self.failure as failure:
            took = time.monotonic() - start
            return f"{failure.name} {took:.1f} {failure}"


def main():
    user = {"other": Other, "us": Us}[sys.argv[1]]()
    for line in sys.stdin:
        print(user.do(*line.split()), flush=True)


if __name__ == "__main__":
    main()
