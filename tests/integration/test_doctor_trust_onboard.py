# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe doctor` before a Trust Onboard SIM: which identity, its PIN, and
issuers that have expired."""

import pytest
from doctor import HEALTHY, PROBLEM, check, found, run
from tob import AVAILABLE, SIGNING, Card


@pytest.fixture
def tob(tmp_path):
    return Card(tmp_path)


def test_two_identities_are_told_apart(tob):
    said = run(tob.address())
    check(said, "problem", "several", "two identities", SIGNING)
    assert AVAILABLE in found(said, "several")["next"]
    assert "never leaves it" in found(said, "trust-onboard")["text"]


@pytest.mark.parametrize("key", [SIGNING, AVAILABLE])
def test_a_named_identity_is_well_but_for_its_issuer(tob, key):
    said = run(tob.address(), "--key", key, status=HEALTHY)
    assert "verifies" in found(said, "signature")["text"]
    check(said, "warning", "chain-incomplete", "neither on the card",
          "--complete")


def test_a_pin_that_nobody_gives(tob):
    said = run(tob.address(pin=False), "--key", SIGNING)
    check(said, "problem", "applet-pin", "nobody gives it",
          f"`{tob.iccid} applet=mias PIN`")
    other = tob.file("other", "89990000000000000000 applet=mias 0000\n")
    said = run(tob.address(pin=False, **{"pin-file": other}), "--key", SIGNING)
    check(said, "problem", "applet-pin", "nobody gives it", "pin-file=FILE")
    assert tob.tries() == 3


def test_a_wrong_pin(tmp_path):
    tob = Card(tmp_path, pin="9999")
    check(run(tob.address(), "--key", SIGNING), "problem", "pin-wrong",
          "PIN is wrong", "iotsafe pin tries")
    assert tob.tries() == 2


@pytest.mark.parametrize("quirk, id, next", [
    ("tob-tries=1", "pin-last-try", "--last-try"),
    ("tob-tries=0", "pin-blocked", "who sold the SIM"),
    ("no-iccid", "pin-no-iccid", "iotsafe_card_pin_verify"),
    ("no-tries", "pin-untold", "iotsafe_card_pin_verify"),
    ("no-tries", "pin-untold", "pin-blind=yes"),
    ("no-tries", "pin-untold", "each start with a wrong one costs a try"),
])
def test_a_pin_that_is_not_sent(tob, quirk, id, next):
    check(run(tob.address(quirk=quirk), "--key", AVAILABLE), "problem", id,
          "PIN", next)


def test_issuers_that_have_expired_are_explained(tob):
    said = run(tob.address(quirk="g1"), "--key", AVAILABLE, status=HEALTHY)
    expired = [each for each in said["findings"]
               if each["id"] == "issuer-expired"]
    assert len(expired) == 2
    assert "2020-12-04" in expired[0]["text"]
    assert "--ignore-ca-expiry" in expired[0]["next"]


@pytest.mark.parametrize("fault, id", [
    ("noise-key", "garbled"), ("no-size", "garbled"),
    ("flip-signature", "bad-signature")])
def test_a_card_that_lies(tob, fault, id):
    key = AVAILABLE if fault == "noise-key" else SIGNING
    said = run(tob.address(fault=fault), "--key", key, status=PROBLEM)
    assert found(said, id)["level"] == "problem"


def test_a_name_that_no_key_has(tob):
    check(run(tob.address(), "--key", "nobody"), "problem", "no-such-key",
          "no private key of this name", "iotsafe list")
