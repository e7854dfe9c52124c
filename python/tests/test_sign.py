# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures, checked by the openssl command."""

import hashlib

import iotsafe
import pytest

MESSAGE = b"what was said"
DIGEST = hashlib.sha256(MESSAGE).digest()


@pytest.mark.parametrize("profile", ["gsma", "zariot", "thales", "quantag"])
def test_openssl_takes_the_signature_of_every_card(address, verify, profile):
    with iotsafe.open(address(profile)) as card, card.key() as key:
        verify(key.public_key, key.sign(DIGEST, der=True), MESSAGE)
        assert card.counters["signatures"] == 1


def test_openssl_refuses_the_signature_of_something_else(card, verify):
    key = card.key()
    with pytest.raises(AssertionError):
        verify(key.public_key, key.sign(DIGEST, der=True), b"another message")


def test_a_message_is_hashed_here(card, verify):
    key = card.key("client")
    verify(
        key.public_key, key.sign_message(MESSAGE, "sha256", der=True), MESSAGE
    )


MODES = [None, "host", "full-text", "last-block"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_a_message_of_any_size_is_signed_in_every_mode(
    full, verify, mode, size
):
    message = bytes(range(256))[:64] * 16
    message = message[:size]
    key = full.key("client")
    verify(key.public_key, key.sign_message(message, der=True, mode=mode),
           message)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_every_hash_is_used_in_every_mode(full, verify, mode, digest):
    key = full.key("client")
    signature = key.sign_message(MESSAGE, digest, der=True, mode=mode)
    verify(key.public_key, signature, MESSAGE, digest)


@pytest.mark.parametrize("mode", MODES)
def test_openssl_takes_the_signature_of_a_brainpool_key(full, verify, mode):
    key = full.key("brainpool")
    signature = key.sign_message(MESSAGE, der=True, mode=mode)
    verify(key.public_key, signature, MESSAGE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding, options", [
    ("pkcs1", ["-sigopt", "rsa_padding_mode:pkcs1"]),
    ("pss", ["-sigopt", "rsa_padding_mode:pss", "-sigopt",
             "rsa_pss_saltlen:digest"]),
])
def test_openssl_takes_the_signature_of_an_rsa_key(
    full, verify, rsa_key, mode, padding, options
):
    key = full.key("rsa")
    signature = key.sign_message(
        MESSAGE, f"rsa-{padding}-sha256", der=True, mode=mode
    )
    assert len(signature) == 256
    verify(rsa_key(), signature, MESSAGE, "sha256", *options)


@pytest.mark.parametrize("mode", MODES)
def test_a_message_can_be_a_file(full, verify, mode, tmp_path):
    path = tmp_path / "message"
    message = MESSAGE * 6000  # read in more than one piece
    path.write_bytes(message)
    key = full.key("client")
    with path.open("rb") as file:
        signature = key.sign_message(file, der=True, mode=mode)
    verify(key.public_key, signature, message)


def test_the_mode_says_how_much_goes_to_the_card(full):
    key = full.key("client")
    key.sign(DIGEST)
    sent = []
    for mode in ("host", "last-block", "full-text"):
        before = full.counters["bytes_sent"]
        key.sign_message(bytes(2000), mode=mode)
        sent.append(full.counters["bytes_sent"] - before)
    host, last_block, full_text = sent
    assert host < last_block < 1000 < full_text


def test_a_file_of_text_or_without_bytes_is_no_message(card, tmp_path):
    (tmp_path / "text").write_text("text")
    key = card.key()
    with (tmp_path / "text").open() as file:
        with pytest.raises(TypeError, match="text"):
            key.sign_message(file)

    class Later:
        def read(self, size):
            return None

    with pytest.raises(BlockingIOError):
        key.sign_message(Later())
    assert card.counters["signatures"] == 0


def test_a_file_that_no_card_takes_is_refused_before_the_card(card):
    class Long:
        left = 20000000

        def read(self, size):
            self.left -= size
            return bytes(size) if self.left > 0 else b""

    before = card.counters["exchanges"]
    with pytest.raises(iotsafe.ArgumentError, match="16777215"):
        card.key().sign_message(Long(), mode="full-text")
    assert card.counters["signatures"] == 0
    assert card.counters["exchanges"] - before < 20


def test_a_mode_nobody_knows_is_refused(card):
    with pytest.raises(iotsafe.ArgumentError, match="half.*last-block"):
        card.key().sign_message(MESSAGE, mode="half")


def test_an_algorithm_without_a_hash_signs_no_message(card):
    with pytest.raises(iotsafe.UnsupportedError):
        card.key().sign_message(MESSAGE, "aes-cmac")


def test_the_plain_form_is_r_and_s(card, verify):
    key = card.key()
    signature = key.sign(DIGEST)
    assert len(signature) == 64
    verify(
        key.public_key, iotsafe._core.signature_to_der(signature), MESSAGE
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_takes_every_kind_of_bytes(card, verify, kind):
    key = card.key()
    signature = key.sign(kind(DIGEST), "ecdsa-sha256", der=True)
    verify(key.public_key, signature, MESSAGE)


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


def test_a_signature_that_was_prepared_takes_one_exchange_less(address):
    with iotsafe.open(address(quirk="direct")) as card:
        key = card.key("client")
        key.sign_message(b"first")
        assert key.prepare() is True
        before = card.counters["exchanges"]
        key.sign_message(b"second")
        assert card.counters["exchanges"] == before + 1
        key.sign_message(b"third")
        assert card.counters["exchanges"] == before + 3


def test_nothing_is_prepared_where_the_address_says_no(address):
    with iotsafe.open(address(ahead="no")) as card:
        key = card.key("client")
        before = card.counters["exchanges"]
        assert key.prepare() is False
        assert card.counters["exchanges"] == before


def test_a_key_that_is_closed_prepares_nothing(card):
    key = card.key("client")
    key.close()
    with pytest.raises(iotsafe.ClosedError):
        key.prepare()
