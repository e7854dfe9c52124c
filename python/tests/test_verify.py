# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the card verifies, and the keys it makes and takes for that and for
key agreement; the other side is the openssl command."""

import hashlib
import io

import iotsafe
import pytest

from conftest import HostKey

MESSAGE = b"what was said" * 20
DIGEST = hashlib.sha256(MESSAGE).digest()
MODES = [None, "host", "full-text", "last-block"]


def spoil(signature):
    return signature[:-1] + bytes([signature[-1] ^ 1])


@pytest.fixture
def slot(full, host_key):
    """The name of a public key on the card: the host's."""
    full.put_public_key("verify", host_key.spki)
    return "verify"


def test_the_card_has_the_key_that_was_put_there(full, slot, host_key):
    assert full.public_key(slot) == host_key.spki


def test_the_card_takes_the_signature_of_openssl(full, slot, host_key):
    signature = host_key.sign(MESSAGE)
    raw = iotsafe._core.signature_from_der(signature, 32)
    for form in (signature, raw, bytearray(raw), memoryview(signature)):
        assert full.verify(slot, form, DIGEST) is None


def test_the_card_refuses_what_was_not_signed(full, slot, host_key):
    signature = host_key.sign(MESSAGE)
    other = hashlib.sha256(b"something else").digest()
    with pytest.raises(iotsafe.VerifyError) as caught:
        full.verify(slot, signature, other)
    assert caught.value.code == -15
    with pytest.raises(iotsafe.VerifyError):
        full.verify(slot, spoil(signature), DIGEST)
    with pytest.raises(iotsafe.VerifyError):
        full.verify("ca-key", signature, DIGEST)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_a_message_is_verified_in_every_mode(
    full, slot, host_key, mode, digest
):
    signature = host_key.sign(MESSAGE, digest)
    full.verify_message(slot, signature, MESSAGE, digest, mode)
    full.verify_message(slot, signature, io.BytesIO(MESSAGE), digest, mode)
    with pytest.raises(iotsafe.VerifyError):
        full.verify_message(slot, signature, MESSAGE + b"!", digest, mode)
    with pytest.raises(iotsafe.VerifyError):
        full.verify_message(slot, spoil(signature), MESSAGE, digest, mode)


@pytest.mark.parametrize("name, algorithm", [
    ("client", "ecdsa-sha256"),
    ("brainpool", "sha256"),
    ("client", "sha512"),
])
@pytest.mark.parametrize("mode", MODES)
def test_the_card_takes_its_own_signature(full, name, algorithm, mode):
    signature = full.key(name).sign_message(MESSAGE, algorithm)
    full.verify_message(name, signature, MESSAGE, algorithm, mode)
    with pytest.raises(iotsafe.VerifyError):
        full.verify_message(name, signature, b"other", algorithm, mode)


def test_a_signature_longer_than_a_command_is_not_verified(full):
    signature = full.key("rsa").sign(DIGEST, "rsa-pkcs1-sha256")
    with pytest.raises(iotsafe.UnsupportedError):
        full.verify("rsa", signature, DIGEST, "rsa-pkcs1-sha256")


def test_the_signature_of_another_size_is_no_signature(full, slot):
    for size in (0, 1, 63, 65, 73, 255):
        with pytest.raises(iotsafe.Error):
            full.verify(slot, b"\x30" * size, DIGEST)


def test_verifying_needs_a_name_an_algorithm_and_a_mode(full, slot):
    with pytest.raises(iotsafe.AbsentError, match="nobody"):
        full.verify("nobody", bytes(range(64)), DIGEST)
    with pytest.raises(iotsafe.ArgumentError, match="md5"):
        full.verify(slot, bytes(64), bytes(16), "md5")
    with pytest.raises(iotsafe.ArgumentError, match="half"):
        full.verify_message(slot, bytes(64), MESSAGE, mode="half")
    with pytest.raises(iotsafe.ArgumentError):
        full.verify(slot, bytes(range(64)), DIGEST[:-1])


def test_a_public_key_that_is_none_is_refused(full, host_key):
    point = bytearray(host_key.spki)
    point[-1] ^= 1
    for data in (b"", b"key", host_key.spki[:-1], point):
        with pytest.raises(iotsafe.Error):
            full.put_public_key("verify", data)


def test_a_key_that_may_not_be_written_is_denied(full, host_key):
    with pytest.raises(iotsafe.DeniedError):
        full.put_public_key("ca-key", host_key.spki)


def test_the_card_makes_a_key_pair_anew_each_time(full):
    first = full.generate("ecdh")
    assert isinstance(first, iotsafe.Key)
    one = first.public_key
    two = full.generate("ecdh").public_key
    assert len(one) == len(two) == 91
    assert one != two
    assert full.public_key("ecdh") == two


def test_a_key_that_cannot_be_made_anew_is_kept(full):
    kept = full.public_key("client")
    with pytest.raises(iotsafe.UnsupportedError):
        full.generate("client")
    assert full.public_key("client") == kept


@pytest.mark.parametrize("curve, name, peer", [
    ("P-256", "ecdh", "peer"),
    ("brainpoolP256r1", "ecdh-brainpool", "peer-brainpool"),
])
def test_both_ends_agree_on_a_secret(full, tmp_path, curve, name, peer):
    host = HostKey(tmp_path, curve)
    key = full.generate(name)
    secret = key.agree(host.spki, peer)
    assert len(secret) == 32
    assert secret == host.agree(key.public_key)
    assert key.agree(slot=peer) == secret


def test_every_peer_has_a_secret_of_its_own(full, tmp_path):
    key = full.generate("ecdh")
    one, two = (
        key.agree(HostKey(tmp_path).spki, "peer") for _ in range(2)
    )
    assert one != two


def test_a_point_beside_the_curve_agrees_on_nothing(full, host_key):
    point = bytearray(host_key.spki)
    point[-1] ^= 1
    key = full.generate("ecdh")
    with pytest.raises(iotsafe.Error):
        key.agree(point, "peer")


def test_a_key_for_signatures_agrees_on_nothing(full, host_key):
    with pytest.raises(iotsafe.Error) as caught:
        full.key("client").agree(host_key.spki, "peer")
    assert caught.type in (
        iotsafe.UnsupportedError, iotsafe.CardError, iotsafe.DeniedError
    )


CALLS = [
    lambda card, data: card.verify("client", data, data),
    lambda card, data: card.verify_message("client", data, data),
    lambda card, data: card.put_public_key("verify", data),
    lambda card, data: card.mac("cmac", data),
    lambda card, data: card.prf("label", data, 12, "psk"),
    lambda card, data: card.prf("label", b"seed", 12, secret=data),
    lambda card, data: card.hkdf_extract(data),
    lambda card, data: card.hkdf_extract(b"secret", data),
    lambda card, data: card.psk("device-7", "psk", data),
]


@pytest.mark.parametrize("call", CALLS)
def test_text_and_closed_cards_are_refused(full, call):
    for wrong in ("text", 7, [1]):
        with pytest.raises(TypeError):
            call(full, wrong)
    full.close()
    with pytest.raises(iotsafe.UseAfterCloseError, match="card was closed"):
        call(full, bytes(32))


KEY_CALLS = [
    lambda key, data: key.agree(data),
    lambda key, data: key.jws(data),
    lambda key, data: key.sign_message(data, mode="full-text"),
    lambda key, data: key.sign_message(data),
]


@pytest.mark.parametrize("call", KEY_CALLS)
def test_text_and_closed_keys_are_refused(full, call):
    key = full.key("client")
    for wrong in ("text", 7, [1]):
        with pytest.raises(TypeError):
            call(key, wrong)
    key.close()
    with pytest.raises(iotsafe.UseAfterCloseError, match="key was closed"):
        call(key, bytes(32))


def test_names_are_text_without_zero_bytes(full):
    for call in (
        lambda name: full.verify(name, bytes(64), DIGEST),
        lambda name: full.put_public_key(name, b"key"),
        lambda name: full.mac(name, b"data"),
        lambda name: full.generate(name),
        lambda name: full.psk(name),
        lambda name: full.key("client").csr(name),
        lambda name: full.key("client").jws(b"", kid=name),
    ):
        with pytest.raises(ValueError, match="null"):
            call("a\0b")
        with pytest.raises(TypeError):
            call(7)


REFUSED = [
    ("2C", lambda card, key: card.verify("client", bytes(range(64)), DIGEST)),
    ("2D", lambda card, key: card.verify("client", bytes(range(64)), DIGEST)),
    ("24", lambda card, key: card.put_public_key("verify", key)),
    ("D8", lambda card, key: card.put_public_key("verify", key)),
    ("B9", lambda card, key: card.generate("ecdh")),
    ("48", lambda card, key: card.prf("label", b"seed", 12, "psk")),
    ("4A", lambda card, key: card.hkdf_extract(bytes(32), b"salt")),
    ("2B", lambda card, key: card.mac("cmac", b"data")),
]


@pytest.mark.parametrize("ins, call", REFUSED)
def test_what_the_card_refuses_is_told_with_its_word(
    address, host_key, ins, call
):
    with iotsafe.open(address("full", fault=f"sw={ins}:6F42")) as card:
        with pytest.raises(iotsafe.CardError, match="6F42") as caught:
            call(card, host_key.spki)
        assert caught.value.status == 0x6F42
    with iotsafe.open(address("full", fault=f"sw={ins}:6982")) as card:
        with pytest.raises(iotsafe.DeniedError):
            call(card, host_key.spki)
