# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trust Onboard's two identities, their PIN, and what their vendor's SDK
does, checked by the openssl command."""

from datetime import datetime

import iotsafe
import pytest
from conftest import run

MESSAGE = b"what was said"
SIGNING, AVAILABLE = "applet=mias;label=signing", "applet=mias;label=available"
PINS = {"mias": "0000", "mf": "1111"}


@pytest.fixture
def asked():
    """Gives every PIN, and tells who was asked for."""
    asked = []

    def give(iccid, applet, tries):
        asked.append((iccid, applet, tries))
        return PINS[applet]

    iotsafe.set_applet_pin(give)
    yield asked
    iotsafe.set_applet_pin(None)


@pytest.fixture
def tob(address):
    with iotsafe.open(address("trust-onboard")) as card:
        yield card


@pytest.fixture
def bundle(tob, store):
    return store / "trust-onboard-bundle.pem"


def encrypt(key, text, folder):
    (folder / "public").write_bytes(key.public_key)
    return run("openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey",
               folder / "public", "-keyform", "DER", "-pkeyopt",
               "rsa_padding_mode:pkcs1", input=text)


def test_objects_tell_their_applet_and_which_key_is_software(tob, asked):
    found = {(each.label, each.type): each for each in tob.objects()}
    assert {each.applet for each in found.values()} == {"mias"}
    signing, available = found["signing", "private"], found[
        "available", "private"]
    assert not signing.software and available.software
    assert iotsafe.Flag.DECRYPT in signing.flags & available.flags
    assert "rsa-pkcs1-sha1" in signing.algorithms
    assert not any("pss" in each for each in signing.algorithms)


@pytest.mark.parametrize("name", [SIGNING, AVAILABLE])
def test_both_identities_sign_with_every_hash(tob, asked, verify, name):
    key = tob.key(name)
    for digest in ("sha1", "sha224", "sha256", "sha384", "sha512"):
        signature = key.sign_message(MESSAGE, f"rsa-pkcs1-{digest}")
        verify(key.public_key, signature, MESSAGE, digest)


def test_the_function_is_asked_once_for_the_applets_pin(tob, asked):
    key = tob.key(SIGNING)
    for _ in range(2):
        key.sign_message(MESSAGE)
    assert asked == [(tob.iccid, "mias", 3)]


def test_both_applets_of_the_first_generation_ask(address, asked):
    with iotsafe.open(address("trust-onboard-preview")) as card:
        for applet in ("mf", "mias"):
            card.key(f"applet={applet};label=available").export()
    assert [applet for _, applet, _ in asked] == ["mf", "mias"]


@pytest.mark.parametrize("name", [SIGNING, AVAILABLE])
def test_both_identities_decrypt(tob, asked, tmp_path, name):
    key = tob.key(name)
    assert key.decrypt(encrypt(key, b"a secret", tmp_path)) == b"a secret"
    with pytest.raises(iotsafe.Error):
        key.decrypt(b"too short")


def test_the_available_key_is_given_out_and_the_other_is_not(
    tob, asked, tmp_path
):
    key = tob.key(AVAILABLE)
    (tmp_path / "key").write_bytes(key.export(pem=True))
    public = run("openssl", "pkey", "-in", tmp_path / "key", "-pubout",
                 "-outform", "DER")
    assert public == key.public_key
    assert key.export()[:1] == b"\x30"
    with pytest.raises(iotsafe.DeniedError):
        tob.key(SIGNING).export()


def test_tries_are_told_and_a_wrong_pin_costs_one(tob):
    assert tob.pin_tries() == tob.pin_tries("mias") == 3
    with pytest.raises(iotsafe.PinError, match="2 tries left") as failure:
        tob.pin_verify("9999")
    assert failure.value.status == 0x63C2
    assert tob.pin_tries() == 2
    tob.pin_verify("0000")
    assert tob.pin_tries() is None
    tob.key(SIGNING).sign_message(MESSAGE)


@pytest.mark.parametrize("pin", ["", "123", "123456789", "1" * 300, "é123"])
def test_what_cannot_be_a_pin_costs_no_try(tob, pin):
    with pytest.raises(iotsafe.ArgumentError, match="nothing was sent"):
        tob.pin_verify(pin)
    with pytest.raises(iotsafe.ArgumentError, match="nothing was sent"):
        tob.pin_change("0000", pin)
    assert tob.pin_tries() == 3


def test_a_changed_pin_is_the_new_one(tob):
    tob.pin_change("0000", "24681357", "mias")
    with pytest.raises(iotsafe.PinError):
        tob.pin_verify("0000")
    tob.pin_verify("24681357")


def test_a_blocked_pin_says_so(address):
    with iotsafe.open(address("trust-onboard", quirk="tob-tries=0")) as card:
        assert card.pin_tries() == 0
        with pytest.raises(iotsafe.PinError, match="blocked"):
            card.pin_verify("0000")


def test_an_applet_that_is_none_and_one_without_pin(tob, card):
    with pytest.raises(iotsafe.ArgumentError):
        tob.pin_tries("visa")
    with pytest.raises(iotsafe.AbsentError):
        tob.pin_tries("mf")
    with pytest.raises(iotsafe.UnsupportedError):
        card.pin_tries()


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_function_that_raises_gives_no_pin(tob):
    iotsafe.set_applet_pin(lambda *_: 1 / 0)
    try:
        with pytest.raises(iotsafe.PinError, match="gave none"):
            tob.key(SIGNING).sign_message(MESSAGE)
    finally:
        iotsafe.set_applet_pin(None)
    assert tob.pin_tries() == 3


def test_a_chain_is_completed_and_verified(tob, bundle):
    key = tob.key(SIGNING)
    assert len(key.chain) == 1
    key.complete_chain(bundle)
    assert len(key.chain) == 2
    iotsafe.verify_certificate(key.certificate, bundle)


def test_expired_issuers_are_refused_unless_told_otherwise(address, store):
    with iotsafe.open(address("trust-onboard", quirk="g1")) as card:
        leaf = card.key(SIGNING).certificate
    bundle = store / "trust-onboard-bundle.pem"
    with pytest.raises(iotsafe.UntrustedError, match="CA.*has expired on"):
        iotsafe.verify_certificate(leaf, bundle)
    iotsafe.verify_certificate(leaf, bundle, ignore_ca_expiry=True)
    iotsafe.verify_certificate(leaf, bundle, at=datetime(2020, 6, 30))
    iotsafe.verify_certificate(leaf, bundle, at=1593475200)
    with pytest.raises(iotsafe.UntrustedError, match="not valid before"):
        iotsafe.verify_certificate(leaf, bundle, at=0)


def test_a_certificate_of_others_is_not_trusted(tob, store):
    with pytest.raises(iotsafe.UntrustedError, match="root"):
        iotsafe.verify_certificate(
            tob.key(SIGNING).certificate, store / "ca.pem")
    with pytest.raises(iotsafe.LinkError):
        iotsafe.verify_certificate(
            tob.key(SIGNING).certificate, store / "none.pem")
    with pytest.raises(iotsafe.FormatError):
        iotsafe.verify_certificate(b"", store / "ca.pem")


@pytest.mark.parametrize("name", [SIGNING, AVAILABLE])
def test_no_signature_is_begun_ahead(tob, asked, name):
    key = tob.key(name)
    key.sign_message(MESSAGE)
    before = tob.counters["exchanges"]
    assert key.prepare() is False
    assert tob.counters["exchanges"] == before
