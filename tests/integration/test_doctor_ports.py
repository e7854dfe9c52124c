# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe doctor` before ports that are no modems, ports it may not have, all
ports of a host, and card readers."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import pty
import select
import socket
import subprocess
import sys
import threading
import tty

import pytest
from doctor import HEALTHY, PROBLEM, check, found, run
from farside import Sim
from pcscd import Card, Pcscd

def far_end(answer):
    """The pseudo-terminal of somebody who gives `answer(what came)`."""

    @contextlib.contextmanager
    def serve():
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        stop, stopped = socket.socketpair()

        def pump():
            while True:
                ready, _, _ = select.select([ours, stopped], [], [], 0.05)
                if stopped in ready:
                    return
                with contextlib.suppress(OSError):
                    came = os.read(ours, 4096) if ours in ready else b""
                    os.write(ours, answer(came))

        thread = threading.Thread(target=pump)
        thread.start()
        try:
            yield os.ttyname(theirs)
        finally:
            stop.close()
            thread.join()
            for each in (ours, theirs):
                os.close(each)
            stopped.close()

    return serve()


NMEA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"

PORTS = {
    "nothing answers": (
        lambda came: b"", "silent",
        "Nothing answers at this port.", "another speed"),
    "GPS receiver": (
        lambda came: NMEA, "gps",
        "the port of a GPS receiver", "another port of this modem"),
    "loop": (
        lambda came: came, "echo",
        "sends back what it is sent", "getty"),
    "echo storm": (
        lambda came: (came or b"ATE0\r") * 20, "echo",
        "sends back what it is sent", "getty"),
    "echo in pieces": (
        lambda came: came and b"TE0\r" + came + b"AT" + came + came[:-1] + b"AT\r",
        "echo",
        "sends back what it is sent", "getty"),
    "wrong speed": (
        lambda came: bytes(0x80 | byte for byte in came), "no-modem",
        "the speed is wrong, or it is no modem", "?baud="),
}


@pytest.fixture(scope="module")
def port_answers():
    """What is said of each: all at once, for each is waited for to the end."""

    def ask(what):
        with far_end(PORTS[what][0]) as port:
            return run(f"at:{port}")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(PORTS, pool.map(ask, PORTS)))


@pytest.mark.parametrize("what", PORTS)
def test_each_port_that_is_no_modem_gets_its_sentence(what, port_answers):
    _, id, text, next = PORTS[what]
    check(port_answers[what], "problem", id, text, next)


def test_somebody_who_reads_the_port_too_is_named(port_answers):
    # That is this process: far_end() has the port open itself.
    assert f"({os.getpid()}) too" in (
        found(port_answers["nothing answers"], "port-held")["text"])


def test_no_such_port(tmp_path):
    check(run(f"at:{tmp_path}/ttyUSB9"), "problem", "no-port",
          "There is no such port.", "/dev/serial/by-id")


def test_a_port_this_user_may_not_use():
    ours, theirs = pty.openpty()
    port = os.ttyname(theirs)
    # The group may, its owner may not; root is asked to obey.
    os.chmod(port, 0o060)
    front = () if os.geteuid() else (
        "setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    said = run(f"at:{port}", front=front)
    check(said, "problem", "permission",
          "This user may not use the port.", "usermod -a -G")
    for each in (ours, theirs):
        os.close(each)


HOLD = """import fcntl, sys
port = open(sys.argv[1], "r+b", buffering=0)
fcntl.flock(port, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()"""


def test_a_port_that_another_program_has(tmp_path):
    with Sim(tmp_path) as sim, subprocess.Popen(
            [sys.executable, "-c", HOLD, sim.link],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"ready\n"
        said = run(f"at:{sim.link}")
        name = pathlib.Path(f"/proc/{holder.pid}/comm").read_text().strip()
        check(said, "problem", "port-busy",
              f"Another program has the port: {name} ({holder.pid}).",
              f"End {name} (kill {holder.pid})")
        holder.stdin.close()


# --- all ports of a host ------------------------------------------------------------

# A /dev of our own, seen by this process and its children alone: $1 is an empty
# directory, each NAME=TARGET up to "--" a symbolic link in it.
OWN_DEV = """set -e
dev=$1; shift
mount -t tmpfs none "$dev"
for name in null zero urandom; do
	touch "$dev/$name"; mount --bind "/dev/$name" "$dev/$name"
done
mkdir -p "$dev/pts" "$dev/serial/by-id"; mount --bind /dev/pts "$dev/pts"
while [ "$1" != -- ]; do ln -s "${1#*=}" "$dev/${1%%=*}"; shift; done
shift
mount --rbind "$dev" /dev
exec "$@"
"""
UNSHARE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
BY_ID = "usb-Maker_Model_SERIAL42-if03-port0"


@pytest.fixture
def own_dev(tmp_path):
    """A function: the doctor without an address, with these in /dev."""
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        pytest.skip("mount namespaces are not allowed here")
    folder = tmp_path / "dev"
    folder.mkdir()

    def ask(*words, status, **links):
        done = subprocess.run(
            [*UNSHARE, "sh", "-c", OWN_DEV, "sh", folder,
             *(f"{name}={target}" for name, target in links.items()), "--",
             "iotsafe", "doctor", *map(str, words)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
            env=dict(os.environ, PCSCLITE_CSOCK_NAME=str(tmp_path / "none")))
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout.decode()

    return ask


def test_all_ports_are_tried_until_one_has_the_applet(own_dev, tmp_path):
    report = tmp_path / "report"
    with Sim(tmp_path) as sim, far_end(lambda came: b"") as silent:
        page = own_dev("--report", report, status=HEALTHY, ttyUSB0=silent,
                       ttyUSB1=os.readlink(sim.link),
                       **{f"serial/by-id/{BY_ID}": "../../ttyUSB1"})
    assert "Nothing answers at this port." in page
    assert f"--card at:/dev/serial/by-id/{BY_ID}" in page
    assert page.endswith("\nHealthy.\n")
    assert BY_ID not in report.read_text()
    ports = json.loads(report.read_text())["ports"]
    assert [each["path"] for each in ports] == ["/dev/ttyUSB0", "/dev/ttyUSB1"]
    assert ports[1]["by_id"].endswith("usb-Maker_Model_(hidden)-if03-port0")


def test_of_many_failures_the_nearest_to_working_is_told_last(
        own_dev, tmp_path):
    with (Sim(tmp_path, "--fault", "no-applet") as sim,
          far_end(lambda came: b"") as silent):
        page = own_dev(status=PROBLEM, ttyUSB0=os.readlink(sim.link),
                       ttyUSB1=silent)
    assert "First: This SIM has no IoT SAFE applet.\n" in page
    assert "Not healthy: 1 problem" in page


def test_a_host_without_modems_is_told(own_dev):
    page = own_dev(status=PROBLEM)
    assert "First: No modem with a card was found on this host." in page
    assert "--card sim:" in page


# --- readers ----------------------------------------------------------------------


def test_readers_and_their_cards(tmp_path):
    missing = run("pcsc:", PCSCLITE_CSOCK_NAME=str(tmp_path / "none"))
    check(missing, "problem", "no-pcscd", "(pcscd) is not running.",
          "systemctl start pcscd.socket")
    pcscd = Pcscd().start()
    try:
        check(run("pcsc:", **pcscd.environment), "problem", "no-card",
              "There is no card in the reader.", "Put it in")
        check(run("pcsc:NoSuchReader", **pcscd.environment), "problem",
              "which-reader", "No reader has this name", "the names")
        card = Card(pcscd).wait()
        said = run("pcsc:", status=HEALTHY, **pcscd.environment)
        assert found(said, "signature") and said["healthy"]
        card.close()
    finally:
        pcscd.close()
