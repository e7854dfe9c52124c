# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe doctor` before broken set-ups: each gets the sentence a person
needs, and the next step."""

import json
import pathlib
import re
import socket
import stat
import subprocess

import pytest
from command import iotsafe
from doctor import HEALTHY, PROBLEM, check, found, run
from farside import Sim

# Everything here that waits for a deadline waits so long (milliseconds).
LIMIT = "timeout=4000"


# --- cards ---------------------------------------------------------------------

# What is wrong -> attributes of sim:, and what the doctor says.
CARDS = {
    "no SIM": (
        "fault=no-sim", "problem", "no-sim",
        "The modem has no SIM.", "Put the SIM in"),
    "SIM busy for ever": (
        "fault=busy%3D1000000&timeout=1500", "problem", "sim-busy",
        "The SIM is busy and stays so.", "restart the modem"),
    "PIN required": (
        "fault=cme%3D70:11", "problem", "pin",
        "The SIM wants its PIN.", "AT+CPIN"),
    "PUK required": (
        "fault=cme%3D70:12", "problem", "puk",
        "The SIM's PIN is blocked; it wants its PUK.", "operator's letter"),
    "modem locked to another SIM": (
        "fault=cme%3D70:5", "problem", "sim-lock",
        "locked to another SIM", "unlocked"),
    "SIM fails": (
        "fault=cme%3D70:13,cme%3DA4:13&quirk=no-cgla", "problem",
        "sim-failure", "cannot talk to the SIM", "Clean the contacts"),
    "modem asleep": (
        "fault=cme%3D70:3,cme%3DA4:3&quirk=no-cgla", "problem", "asleep",
        "may be asleep", "AT+CFUN=1"),
    "modem without any way": (
        "quirk=no-csim,no-cgla", "problem", "no-way",
        "refuses every command that reaches the SIM", "MBIM or QMI"),
    "SIM without the applet": (
        "fault=no-applet", "problem", "no-applet",
        "This SIM has no IoT SAFE applet.", "aid=HEX"),
    "applet that nobody may select": (
        "fault=sw%3DA4:6985", "problem", "closed-applet",
        "lets nobody select it", "End other programs"),
    "private key missing": (
        "fault=no-key", "problem", "no-key",
        "no private key that can sign", "iotsafe generate"),
    "certificate missing": (
        "fault=no-certificate", "problem", "no-certificate",
        "The key has no certificate on the card.", "iotsafe csr"),
    "certificate of another key": (
        "fault=wrong-certificate", "problem", "other-key",
        "The certificate on the card is of another key.", "iotsafe csr"),
    "certificate that cannot be read": (
        "fault=truncate%3DB0", "problem", "unreadable-certificate",
        "A certificate of the card cannot be read.", "trace"),
    "SIM changed in the middle": (
        "fault=die%3D2B", "problem", "swapped",
        "is another one than a moment ago", "contacts"),
    "SIM taken out in the middle": (
        "fault=pull%3D2A", "problem", "no-sim",
        "The modem has no SIM.", "Put the SIM in"),
    "card without a list": (
        "quirk=no-get-data", "problem", "no-list",
        "does not list its objects", "--key id="),
    "signature does not verify": (
        "fault=flip-signature", "problem", "bad-signature",
        "A signature of the card does not verify.", "Do not use this card"),
    "answer cut": (
        "fault=truncate%3D2B", "problem", "cut",
        "An answer of the card arrives cut.", "piece=50"),
    "garbled answers": (
        "fault=garble%3D2B", "problem", "garbled",
        "An answer of the card arrives damaged.", "cable"),
    "modem resets": (
        "fault=restart%3D8", "warning", "reset",
        "was reset while it was being examined", "power supply"),
    "6985": (
        "fault=sw%3D2A:6985", "problem", "conditions",
        "conditions are not satisfied (6985)", "restart the modem"),
    "6982": (
        "fault=sw%3D2A:6982", "problem", "denied",
        "access is not allowed (6982)", "PIN"),
    "other status word": (
        "fault=sw%3DCD:6F00,sw%3D2A:6F00", "problem", "refused",
        "refuses a command", "trace"),
    "no AT+CSIM, but AT+CGLA": (
        "quirk=no-csim", "note", "csim-refused",
        "does not carry AT+CSIM to the card; AT+CCHO and AT+CGLA work",
        "interface=cgla"),
    "slow exchanges": (
        "card-ms=84:700", "warning", "slow",
        "One exchange with the card takes 7", "baud="),
    "slow signature": (
        "card-ms=2B:2200", "warning", "slow-signature",
        "One signature takes 2", "DTLS"),
    "card silent to one command": (
        "fault=silence%3DCB&timeout=1000", "problem", "timeout",
        "got no answer in time", "--timeout"),
    "silent to AT+CSIM, but not to AT+CGLA": (
        "fault=silence%3DA4&timeout=1000", "warning", "other-way",
        "AT+CCHO and AT+CGLA does", "Add interface=cgla to the address."),
}


@pytest.mark.parametrize("what", CARDS)
def test_each_broken_card_gets_its_sentence(what):
    attributes, level, id, text, next = CARDS[what]
    if "timeout=" not in attributes:
        attributes += f"&{LIMIT}"
    status = PROBLEM if level == "problem" else HEALTHY
    check(run(f"sim:?{attributes}", status=status), level, id, text, next)


def test_a_card_without_objects():
    check(run("sim:blank"), "problem", "no-objects",
          "The applet is empty", "personalised")


def test_a_card_for_pre_shared_keys_alone_is_healthy():
    check(run("sim:psk", status=HEALTHY), "note", "psk-only",
          "made for pre-shared keys", "--psk")


def test_all_channels_taken():
    said = run(f"sim:?quirk=max-channels%3D0,no-cgla&interface=csim&{LIMIT}")
    check(said, "problem", "no-channel",
          "All logical channels of the card are taken.", "restart the modem")


# --- certificates ----------------------------------------------------------------


def certtool(*words):
    subprocess.run(["certtool", *map(str, words)], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)


class Authority:
    """A CA, and cards with certificates of it."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate, self.key = folder / "ca.pem", folder / "ca-key.pem"
        self._new_key(self.key)
        self._template("ca", "cert_signing_key", days=4000)
        certtool("--generate-self-signed", "--no-text",
                 "--load-privkey", self.key, "--outfile", self.certificate,
                 "--template", folder / "template")

    def _new_key(self, path):
        certtool("--generate-privkey", "--key-type", "ecdsa", "--curve",
                 "secp256r1", "--no-text", "--outfile", path)

    def _template(self, *words, days=None, dates=None):
        lines = ['cn = "Somebody"' if "ca" not in words else 'cn = "Own CA"',
                 *words]
        if days:
            lines.append(f"expiration_days = {days}")
        else:
            lines += [f'activation_date = "{dates[0]} 12:00:00"',
                      f'expiration_date = "{dates[1]} 12:00:00"']
        (self.folder / "template").write_text("\n".join(lines) + "\n")

    def issue(self, name, **validity):
        """(key, certificate) of a new client."""
        key = self.folder / f"{name}-key.pem"
        certificate = self.folder / f"{name}.pem"
        self._new_key(key)
        self._template("signing_key", "tls_www_client", **validity)
        certtool("--generate-certificate", "--no-text", "--load-privkey", key,
                 "--load-ca-certificate", self.certificate,
                 "--load-ca-privkey", self.key,
                 "--template", self.folder / "template",
                 "--outfile", certificate)
        return key, certificate

    def card(self, *clients, with_ca=True):
        """The address of a card that holds these."""
        objects = []
        for number, (key, certificate) in enumerate(clients):
            objects += ["--key", key, "--id", f"0{number + 1}"]
            objects += ["--certificate", certificate, "--id", f"1{number}"]
        if with_ca:
            objects += ["--certificate", self.certificate, "--id", "20"]
        store = self.folder / "store"
        subprocess.run(["iotsafe-sim", "personalise", "--store", store,
                        "--profile", "blank", *map(str, objects)], check=True,
                       capture_output=True)
        return f"sim:blank?store={store}"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_a_card_with_a_good_certificate_is_healthy(authority):
    said = run(authority.card(authority.issue("a", days=400)), status=HEALTHY)
    assert {each["level"] for each in said["findings"]} <= {"ok", "note"}
    assert "Own CA" in found(said, "chain")["text"]


def test_an_expired_certificate(authority):
    client = authority.issue("a", dates=("2019-01-01", "2020-02-29"))
    check(run(authority.card(client)), "problem", "expired",
          "The certificate expired on 2020-02-29.", "iotsafe csr")


def test_a_certificate_that_is_not_yet_valid(authority):
    client = authority.issue("a", dates=("2090-01-01", "2091-01-01"))
    check(run(authority.card(client)), "problem", "not-yet-valid",
          "not valid before 2090-01-01", "clock")


def test_a_certificate_that_expires_soon(authority):
    check(run(authority.card(authority.issue("a", days=10)), status=HEALTHY),
          "warning", "expires-soon", "The certificate expires on", "csr")


def test_an_issuer_that_nobody_knows(authority):
    card = authority.card(authority.issue("a", days=400), with_ca=False)
    check(run(card, status=HEALTHY), "warning", "chain-incomplete",
          '"CN=Own CA", is neither on the card nor known', "server")


def test_several_identities(authority):
    card = authority.card(authority.issue("a", days=400),
                          authority.issue("b", days=400))
    said = run(card)
    check(said, "problem", "several", "several identities", "--key NAME")
    detail = found(said, "several")["detail"]
    assert "id=01" in detail and "id=02" in detail


# --- manners ---------------------------------------------------------------------


def test_a_healthy_card_is_told_with_its_number_and_times():
    said = run("sim:?card-ms=2B:120", status=HEALTHY)
    assert said["healthy"] is True and said["first"] is None
    assert said["interface"] == "csim"
    assert said["signature_ms"] >= 120 > said["exchange_ms"] > 0
    assert "ICCID" in found(said, "card")["text"]
    ways = found(said, "ways")["text"]
    assert "AT+CSIM with a logical channel" in ways and "AT+CGLA" in ways
    # The modem's own channel is left alone.
    assert "basic channel" not in ways


def test_nothing_is_changed_and_one_signature_made_and_said_before(tmp_path):
    with Sim(tmp_path, "--profile", "full") as sim:
        done = iotsafe("doctor", "--card", f"at:{sim.link}", card=None,
                       status=HEALTHY)
        log = sim.log
    assert sum("signature" in each for each in log) == 1
    harmless = {"70", "A4", "B0", "C0", "CB", "CD", "84", "2A", "2B", "B2",
                "F2"}
    assert {each["command"][2:4] for each in log} <= harmless
    assert done.stderr.startswith(b"iotsafe: the card makes one signature now")


def test_the_page_ends_with_what_matters_most():
    page = iotsafe("doctor", card="sim:?fault=wrong-certificate",
                   status=PROBLEM).stdout.decode().splitlines()
    assert page[-3:-1] == [
        "Not healthy: 1 problem, 0 warnings.",
        "First: The certificate on the card is of another key."]
    assert page[-1].startswith("Next: Have the certificate issued")
    page = iotsafe("doctor", card="sim:").stdout.decode()
    assert page.endswith("\nHealthy.\n")


def test_the_report_is_private_and_names_nobody(tmp_path):
    report = tmp_path / "report.json"
    card = f"sim:?store={tmp_path}/store"
    words = ("doctor", "--card", card, "--report", report)
    iotsafe(*words, card=None, HOME=str(tmp_path))
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    said = json.loads(text)
    assert said["healthy"] and found(said, "certificate")
    for secret in ("CN=", str(tmp_path), socket.gethostname()):
        assert len(secret) < 3 or secret not in text, secret
    assert re.search(r"ICCID\) is \d{6}\(hidden\)", found(said, "card")["text"])
    assert not re.search(r"\d{15}", text)
    iotsafe(*words, "--subject", card=None, HOME=str(tmp_path))
    assert "CN=iotsafe-sim gsma client" in report.read_text()


@pytest.mark.parametrize("line", ["AT%2BCPIN=4711", "AT;AT+CPIN=%224711%22"])
@pytest.mark.parametrize("name", ["init", "exit"])
def test_the_report_hides_what_an_address_has_for_the_modem(
    line, name, tmp_path
):
    report = tmp_path / "report.json"
    with Sim(tmp_path) as sim:
        card = f"at:{sim.link}?{name}={line}&timeout=60000"
        subprocess.run(
            ["iotsafe", "--card", card, "doctor", "--report", report],
            capture_output=True, timeout=120,
        )
    assert "4711" not in report.read_text()
    assert "(hidden)&timeout=60000" in report.read_text()


def test_a_report_that_cannot_be_written_is_told(tmp_path):
    done = iotsafe("doctor", "--report", tmp_path / "no" / "report",
                   card="sim:", status=1)
    assert b"cannot write" in done.stderr


def test_the_page_has_every_id():
    top = pathlib.Path(__file__).resolve().parents[2]
    page = (top / "docs/doctor.md").read_text()
    ids = set()
    for path in top.glob("tools/doctor*.c"):
        ids.update(re.findall(
            r'(?:LEVEL_[A-Z]+|level|IOTSAFE_ERR_[A-Z]+, "[^"]*"),\s*'
            r'"([a-z-]+)",', path.read_text()))
    assert len(ids) > 50
    assert {id for id in ids if f"`{id}`" not in page} == set()


def test_a_wrong_address_is_told():
    check(run("nonsense:"), "problem", "address", "The address is not right.",
          "docs/addresses.md")


def test_a_trace_can_be_had_beside_it():
    done = iotsafe("doctor", "--trace", "all", card="sim:")
    assert b"iotsafe apdu SELECT: " in done.stderr
    assert b"iotsafe at> AT+CSIM=" in done.stderr
