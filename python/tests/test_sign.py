# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures, checked by the openssl command."""

import hashlib

import iotsafe
import pytest

from conftest import run

MESSAGE = b"what was said"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.fixture
def verify(tmp_path):
    """Fails unless openssl takes the DER signature for the message's."""

    def check(spki, signature, message=MESSAGE, digest="sha256"):
        for name, data in (("key", spki), ("sig", signature), ("msg", message)):
            (tmp_path / name).write_bytes(data)
        run("openssl", "dgst", f"-{digest}", "-keyform", "DER",
            "-verify", tmp_path / "key", "-signature", tmp_path / "sig",
            tmp_path / "msg")

    return check


@pytest.mark.parametrize("profile", ["gsma", "zariot", "thales", "quantag"])
def test_openssl_takes_the_signature_of_every_card(address, verify, profile):
    with iotsafe.open(address(profile)) as card, card.key() as key:
        verify(key.public_key, key.sign(DIGEST, der=True))
        assert card.counters["signatures"] == 1


def test_openssl_refuses_the_signature_of_something_else(card, verify):
    key = card.key()
    with pytest.raises(AssertionError):
        verify(key.public_key, key.sign(DIGEST, der=True), b"another message")


def test_a_message_is_hashed_here(card, verify):
    key = card.key("client")
    verify(key.public_key, key.sign_message(MESSAGE, "sha256", der=True))


def test_the_plain_form_is_r_and_s(card, verify):
    key = card.key()
    signature = key.sign(DIGEST)
    assert len(signature) == 64
    verify(key.public_key, iotsafe._core.signature_to_der(signature))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_takes_every_kind_of_bytes(card, verify, kind):
    key = card.key()
    verify(key.public_key, key.sign(kind(DIGEST), "ecdsa-sha256", der=True))


def test_a_digest_of_the_wrong_size_is_refused(card):
    with pytest.raises(iotsafe.ArgumentError):
        card.key().sign(DIGEST[:-1])
    assert card.counters["signatures"] == 0


def test_an_algorithm_nobody_knows_is_refused(card):
    with pytest.raises(iotsafe.ArgumentError, match="md5"):
        card.key().sign(bytes(16), "md5")
    with pytest.raises(iotsafe.ArgumentError, match="md5"):
        card.key().sign_message(MESSAGE, "md5")


def test_an_algorithm_of_another_kind_of_key_is_refused(card):
    with pytest.raises(iotsafe.UnsupportedError):
        card.key().sign(DIGEST, "rsa-pkcs1-sha256")


def test_text_is_no_message(card):
    with pytest.raises(TypeError):
        card.key().sign_message("text")
    with pytest.raises(TypeError):
        card.key().sign("text")


def test_another_certificate_must_be_of_the_same_key(card, store):
    key = card.key()
    own = key.certificate
    key.use_certificate(own)
    assert key.certificate == own
    with pytest.raises(iotsafe.VerifyError):
        key.use_certificate((store / "ca.pem").read_bytes())
