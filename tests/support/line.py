# SPDX-License-Identifier: LGPL-2.1-or-later
"""A modem on a Unix socket that can be struck dumb after any of its lines:
the software SIM, and between it and the host one who listens."""

import itertools
import os
import select
import socket
import subprocess
import threading

_numbers = itertools.count()


class Line:
    """`address` is for one host at a time; each gets a new SIM."""

    def __init__(self, *options):
        self._options = options
        self._listener = socket.socket(socket.AF_UNIX)
        name = f"iotsafe-test-{os.getpid()}-{next(_numbers)}"
        self._listener.bind("\0" + name)
        self._listener.listen(1)
        self.address = f"unix:@{name}"
        self.lines = 0  # of the host
        self._left = None  # how many more come through
        self.struck = threading.Event()  # a line did not come through
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def dumb_after(self, lines):
        self.struck.clear()
        self._left = lines

    def heal(self):
        self._left = None

    def _serve(self):
        while True:
            try:
                host, _ = self._listener.accept()
            except OSError:
                return
            with host:
                self._serve_one(host)

    def _serve_one(self, host):
        ours, theirs = socket.socketpair()
        with ours:
            sim = subprocess.Popen(
                ["iotsafe-sim", "--stdio", *self._options],
                stdin=theirs,
                stdout=theirs,
            )
            theirs.close()
            self._relay(host, ours)
        sim.wait()

    def _relay(self, host, sim):
        while True:
            ready, _, _ = select.select([host, sim], [], [])
            for end in ready:
                try:
                    data = end.recv(4096)
                except OSError:
                    return
                if not data:
                    return
                if end is sim:
                    host.sendall(data)
                else:
                    self._take(data, sim)

    def _take(self, data, sim):
        """The library writes whole lines, one at a time."""
        self.lines += 1
        if self._left is not None:
            if self._left == 0:
                self.struck.set()
                return
            self._left -= 1
        sim.sendall(data)
