# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real pcscd with a virtual reader of vsmartcard-vpcd, for the tests.

Each has a socket and a port of its own, so that neither root nor the system's
pcscd comes into it: the socket is handed over as systemd would, and clients
are told of it by PCSCLITE_CSOCK_NAME.
"""

import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PCSCD = "/usr/sbin/pcscd"
DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
PATIENCE = 60

# As systemd starts it: the socket is descriptor 3.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def until(what, condition):
    """Other programs' states cannot be waited for otherwise."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"no {what} after {PATIENCE} s"
        time.sleep(0.05)


def two_free_ports():
    """The driver takes two in a row, one a slot."""
    while True:
        first = random.randrange(20000, 60000)
        try:
            with socket.socket() as one, socket.socket() as two:
                one.bind(("127.0.0.1", first))
                two.bind(("127.0.0.1", first + 1))
                return first
        except OSError:
            continue


def without_polkit():
    """There may be no D-Bus to ask who may use cards."""
    done = subprocess.run([PCSCD, "--help"], capture_output=True, text=True)
    known = "--disable-polkit" in done.stdout + done.stderr
    return ["--disable-polkit"] if known else []


class Pcscd:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pcscd-"))
        self.socket_path = self.folder / "socket"
        self.config = self.folder / "reader.conf.d"
        self.config.mkdir()
        self.port = two_free_ports()
        self.readers(True)
        self.listener = None
        self.child = None
        self.environment = {"PCSCLITE_CSOCK_NAME": str(self.socket_path)}

    def readers(self, present):
        text = (
            'FRIENDLYNAME "Virtual PCD"\n'
            f"DEVICENAME /dev/null:{self.port}\n"
            f"LIBPATH {DRIVER}\nCHANNELID {self.port}\n"
        )
        (self.config / "vpcd").write_text(text if present else "")

    def start(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.socket_path.unlink(missing_ok=True)
        self.listener.bind(str(self.socket_path))
        self.socket_path.chmod(0o666)
        self.listener.listen(64)
        variables = dict(os.environ, LISTEN_FDS="1")
        # Root's would write /run/pcscd/pcscd.pid, which is the system's.
        user = {"user": 65534, "group": 65534} if os.getuid() == 0 else {}
        if user:
            self.folder.chmod(0o755)
            # It may have to get below a build directory of root's.
            variables.pop("LD_LIBRARY_PATH", None)
        fd = self.listener.fileno()
        with open(self.folder / "log", "ab") as log:
            self.child = subprocess.Popen(
                ["/usr/bin/python3", "-c", HAND_OVER, str(fd)]
                + [PCSCD, "-f", "-i", "-c", str(self.config), *without_polkit()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=variables,
                pass_fds=[fd],
                **user,
            )
        until("pcscd", self.is_ready)
        return self

    def is_ready(self):
        assert self.child.poll() is None, self.log()
        return "daemon ready" in self.log()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        """As a crash; its socket goes, too."""
        if self.child:
            self.child.send_signal(signal.SIGCONT)
            self.child.kill()
            self.child.wait()
            self.child = None
        if self.listener:
            self.listener.close()
            self.socket_path.unlink(missing_ok=True)
            self.listener = None
        (self.folder / "log").unlink(missing_ok=True)

    def stop(self):
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self.folder)

    def tool(self, *words):
        """opensc-tool beside us."""
        return subprocess.run(
            ["opensc-tool", *words],
            env=dict(os.environ, **self.environment),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def has_card(self):
        """Asked of the log: a client could choose the protocol for us."""
        log = self.log()
        return log.rfind("Card inserted") > log.rfind("Card Removed")


class Card:
    """iotsafe-sim in the reader."""

    def __init__(self, pcscd, *options, port=None):
        self.pcscd = pcscd
        self.child = subprocess.Popen(
            [os.environ["IOTSAFE_SIM"], f"--vpcd=127.0.0.1:{port or pcscd.port}"]
            + ["--control", *map(str, options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def wait(self):
        until("card in the reader", self.pcscd.has_card)
        return self

    def out(self):
        until("empty reader", lambda: not self.pcscd.has_card())

    def ask(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        assert select.select([self.child.stdout], [], [], PATIENCE)[0]
        return self.child.stdout.readline().strip()

    def faults(self, text=""):
        assert self.ask(f"faults {text}") == "ok"

    def channels(self):
        return int(self.ask("channels"))

    def close(self):
        self.child.terminate()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
