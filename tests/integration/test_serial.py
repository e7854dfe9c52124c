# SPDX-License-Identifier: LGPL-2.1-or-later
"""The code over libserialport, on a pseudo-terminal that ttyshim makes
libserialport take for a serial port."""

import fcntl
import os
import pathlib
import subprocess
import time

import pytest
from farside import Sim

SHIM = pathlib.Path(os.environ["IOTSAFE_BUILD"]) / "tests/support/ttyshim.so"

pytestmark = pytest.mark.plain_build


class Port:
    """`iotsafe` on the SIM's port, by way of libserialport."""

    def __init__(self, folder, sim):
        self.address = f"at:{sim.link}"
        self.pretences = folder / "pretences"

    def run(self, *arguments, address="", **options):
        environment = dict(
            os.environ, LD_PRELOAD=str(SHIM), TTYSHIM_LOG=str(self.pretences)
        )
        return subprocess.run(
            ["iotsafe", "--card", self.address + address, *arguments],
            env=environment,
            capture_output=True,
            timeout=60,
            **options,
        )

    def opened_by_libserialport(self):
        """It looks the port up in sysfs and asks for its modem lines."""
        if not self.pretences.exists():
            return False
        return {"lstat", "readlink", "modem lines"} <= set(
            self.pretences.read_text().split("\n")
        )


@pytest.fixture
def port(request, tmp_path):
    options = getattr(request, "param", [])
    with Sim(tmp_path, *options) as sim:
        port = Port(tmp_path, sim)
        port.sim = sim
        yield port


def verify(folder, message, signature, public_key):
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    (folder / "public.pem").write_bytes(public_key)
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-verify", "public.pem"]
        + ["-signature", "signature", "message"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Verified OK\n", done.stdout + done.stderr


def test_signs_over_libserialport(port, tmp_path):
    done = port.run("sign", "--der", input=b"hello")
    assert done.returncode == 0, done.stderr
    key = port.run("pubkey")
    assert key.returncode == 0, key.stderr
    assert port.opened_by_libserialport()
    verify(tmp_path, b"hello", bytes.fromhex(done.stdout.decode()), key.stdout)
    assert sum(1 for each in port.sim.log if each.get("signature")) == 1


def test_without_the_shim_the_same_port_is_a_plain_descriptor(port):
    done = subprocess.run(
        ["iotsafe", "--card", port.address, "list"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert not port.opened_by_libserialport()


@pytest.mark.parametrize("port", [["--quirk", "urc,split,echo"]], indirect=True)
def test_a_talkative_modem_is_understood(port):
    done = port.run("list")
    assert done.returncode == 0, done.stderr
    assert b"client" in done.stdout
    assert port.opened_by_libserialport()


@pytest.mark.parametrize("port", [["--fault", "die=2A"]], indirect=True)
def test_a_modem_that_is_unplugged_has_gone(port):
    done = port.run("sign", input=b"hello")
    assert done.returncode != 0
    assert b"the modem has gone" in done.stderr
    assert port.opened_by_libserialport()


@pytest.mark.parametrize("port", [["--fault", "deaf"]], indirect=True)
def test_a_silent_port_ends_at_the_deadline(port):
    begun = time.monotonic()
    done = port.run("list", address="?timeout=1000")
    assert done.returncode != 0
    assert time.monotonic() - begun < 3
    assert b"answer" in done.stderr
    assert port.opened_by_libserialport()


def test_a_port_that_another_program_holds_is_busy(port):
    holder = os.open(port.sim.link, os.O_RDWR | os.O_NOCTTY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = port.run("list")
    finally:
        os.close(holder)
    assert done.returncode != 0
    assert str(port.sim.link).encode() in done.stderr
    again = port.run("list")
    assert again.returncode == 0, again.stderr
