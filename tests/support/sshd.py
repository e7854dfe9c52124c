# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real sshd for the tests: an ordinary process on a free port of the
loopback, with keys of its own, for one user who is in no system's list
(libnss-wrapper). Neither the system's sshd nor its keys come into it."""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

PATIENCE = 30
# `./dev test` unpacks one where none is installed.
UNPACKED = pathlib.Path("sshd")
OPTIONS = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
StrictModes no
UsePAM no
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


def find():
    """The program, and options for one that is not where it was built for."""
    root = pathlib.Path(os.environ["BUILD"]).resolve() / UNPACKED
    for place in (pathlib.Path("/"), root, root.parent.parent / UNPACKED):
        if os.access(place / "usr/sbin/sshd", os.X_OK):
            break
    else:
        raise AssertionError("no sshd: ./dev test fetches one")
    helpers = {
        "SshdSessionPath": place / "usr/lib/openssh/sshd-session",
        "SshdAuthPath": place / "usr/lib/openssh/sshd-auth",
    }
    return place / "usr/sbin/sshd", "".join(
        f"{name} {path}\n" for name, path in helpers.items() if path.exists()
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sshd:
    """`command` is what lets us in, all but the remote command."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sshd-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self.child = None
        # Root's would need a system's user and folder.
        self.user = 65534 if os.getuid() == 0 else os.getuid()
        for name in ("host", "client"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", ""]
                + ["-f", self.folder / name],
                check=True,
            )
        self._write_files()

    def _write_files(self):
        group = self.user if os.getuid() == 0 else os.getgid()
        where = f"{self.user}:{group}:tester:{self.folder}:/bin/sh"
        (self.folder / "passwd").write_text(f"tester:x:{where}\n")
        (self.folder / "group").write_text(f"tester:x:{group}:\n")
        self.program, more = find()
        options = OPTIONS.format(port=self.port, folder=self.folder)
        (self.folder / "conf").write_text(options + more)
        public = (self.folder / "host.pub").read_text()
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {public}")
        (self.folder / "store").mkdir()
        # It may have to get below a build directory of root's.
        shutil.copy(os.environ["IOTSAFE_SIM"], self.folder / "iotsafe-sim")
        if os.getuid() == 0:
            for name in ("host", "store"):
                os.chown(self.folder / name, self.user, group)

    def start(self):
        variables = {
            "PATH": os.environ["PATH"],
            "LD_PRELOAD": "libnss_wrapper.so",
            "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group"),
        }
        ids = {"user": self.user, "group": self.user, "extra_groups": []}
        with open(self.folder / "log", "wb") as log:
            self.child = subprocess.Popen(
                [self.program, "-D", "-e", "-f", self.folder / "conf"],
                env=variables,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **(ids if os.getuid() == 0 else {}),
            )
        end = time.monotonic() + PATIENCE
        while "listening on" not in self.log():
            assert self.child.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)
        return self

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def command(self, *options, key="client", known="known"):
        return " ".join(
            ["ssh", "-F", "none", "-T", "-p", str(self.port)]
            + ["-i", str(self.folder / key), "-o", "IdentitiesOnly=yes"]
            + ["-o", f"UserKnownHostsFile={self.folder / known}"]
            + ["-o", "GlobalKnownHostsFile=/dev/null", *options]
            + ["tester@127.0.0.1"]
        )

    def address(self, *options, sim="", more="", **who):
        """The software SIM over there, with its keys in a store."""
        there = f"{self.folder}/iotsafe-sim --stdio --store {self.folder}/store"
        return f"exec:{self.command(*options, **who)} {there} {sim}{more}"

    def stop(self):
        """Who is logged in stays so."""
        if self.child:
            self.child.kill()
            self.child.wait()
            self.child = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)
