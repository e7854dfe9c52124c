# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PLC's Modbus/TCP through `iotsafe tunnel`: mbpoll, of Debian, is the
master; a device stands behind a server that wants the SIM's certificate."""

import re
import subprocess

import pytest
from farside import Process, make_server_certificate
from modbus import Device, Front, poll
from tunnel import Tunnel

CLIENT = "iotsafe-sim gsma client"


@pytest.fixture
def folder(tmp_path):
    make_server_certificate(tmp_path)
    return tmp_path


def run(*words):
    return subprocess.run(words, capture_output=True, check=True, timeout=60,
                          text=True).stdout


def test_a_master_reads_and_writes_registers(folder):
    with Device() as device, Front(folder, device.port) as front, \
            Tunnel(folder, front.port) as tunnel:
        device.registers[4:7] = 104, 105, 106
        said = run(*poll(tunnel.port, "-1", "-c", "3", "127.0.0.1", first=5))
        assert re.findall(r"^\[(\d)\]:\s+(\d+)", said, re.M) == [
            ("5", "104"), ("6", "105"), ("7", "106")]
        assert front.client()[0] == CLIENT
        run(*poll(tunnel.port, "-1", "127.0.0.1", "4711", first=6))
        assert device.registers[4:7] == [104, 4711, 106]
        assert front.client()[0] == CLIENT
        for _ in range(2):
            assert tunnel.line()["note"] is None


def test_a_master_that_polls_keeps_its_connection(folder):
    """And the card has signed once for all of it."""
    with Device() as device, Front(folder, device.port) as front, \
            Tunnel(folder, front.port) as tunnel:
        with Process("stdbuf", "-oL",
                     *poll(tunnel.port, "-l", "50", "127.0.0.1", first=5)
                     ) as master:
            for value in (7, 8, 9):
                device.registers[4] = value
                master.wait_line(rf"^\[5\]:\s+{value}$")
            assert master.status is None
        line = tunnel.line()
        assert line["note"] is None or "broke" in line["note"]
        # A request has 12 bytes, and the answer with one register 11.
        assert line["bytes_up"] >= 36 and line["bytes_down"] >= 33


def test_the_front_lets_nobody_in_without_a_certificate(folder):
    """So that the tests above mean something."""
    with Device() as device, Front(folder, device.port) as front:
        subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        front.wait_line("peer did not return a certificate")
