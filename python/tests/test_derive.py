# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and codes that the card derives, against Python's own HMAC and the
openssl command, which know the secrets from the simulator's store."""

import hashlib
import hmac
import subprocess
import sys

import iotsafe
import pytest

from conftest import run


@pytest.fixture
def psk(full, store):
    return (store / "full/secret-01.bin").read_bytes()


def prf(secret, label, seed, size):
    """P_SHA256 of RFC 5246 section 5."""
    seed = label.encode() + seed
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]


def premaster(psk, other=None):
    """RFC 4279 section 2; with another secret RFC 5489 section 2."""
    other = bytes(len(psk)) if other is None else other
    return b"".join(
        len(each).to_bytes(2, "big") + each for each in (other, psk)
    )


@pytest.mark.parametrize("size", [1, 12, 32, 48, 255])
def test_the_prf_of_a_secret_brought_along(full, size):
    secret = bytes(range(48))
    assert full.prf("master secret", b"seed", size, secret=secret) == prf(
        secret, "master secret", b"seed", size
    )


def test_the_prf_of_a_secret_on_the_card(full, psk):
    assert full.prf("master secret", bytes(64), 48, "psk") == prf(
        premaster(psk), "master secret", bytes(64), 48
    )


def test_the_prf_of_both(full, psk):
    shared = hashlib.sha256(b"ECDHE").digest()
    assert full.prf("x", b"seed", 48, "psk", shared) == prf(
        premaster(psk, shared), "x", b"seed", 48
    )


def test_the_prf_without_any_secret_is_refused(full):
    with pytest.raises(iotsafe.Error):
        full.prf("label", b"seed", 12)


@pytest.mark.parametrize("size", [0, 256, 2**31])
def test_a_prf_of_no_or_too_many_bytes_is_refused(full, size):
    with pytest.raises((iotsafe.ArgumentError, OverflowError)):
        full.prf("label", b"seed", size, "psk")


def test_a_key_that_is_none_or_another_kind_derives_nothing(full):
    with pytest.raises(iotsafe.AbsentError):
        full.prf("label", b"seed", 12, "nobody")
    with pytest.raises(iotsafe.Error):
        full.prf("label", b"seed", 12, "cmac")
    with pytest.raises(iotsafe.Error):
        full.mac("psk", b"data")


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("salt", [b"", b"salt"])
def test_hkdf_is_that_of_rfc_5869(full, digest, salt):
    size = hashlib.new(digest).digest_size
    extracted = full.hkdf_extract(b"secret" * 6, salt, digest)
    assert extracted == hmac.digest(salt or bytes(size), b"secret" * 6, digest)
    expanded = iotsafe.hkdf_expand(extracted, b"info", 100, digest)
    assert expanded == run(
        "openssl", "kdf", "-keylen", "100", "-kdfopt", f"digest:{digest}",
        "-kdfopt", "mode:EXPAND_ONLY", "-kdfopt", f"hexkey:{extracted.hex()}",
        "-kdfopt", f"hexinfo:{b'info'.hex()}", "-binary", "HKDF",
    )


def test_hkdf_has_its_limits(full):
    assert len(iotsafe.hkdf_expand(bytes(32), b"", 255 * 32)) == 255 * 32
    for size in (0, 255 * 32 + 1):
        with pytest.raises(iotsafe.ArgumentError):
            iotsafe.hkdf_expand(bytes(32), b"info", size)
    with pytest.raises(iotsafe.ArgumentError, match="md5"):
        iotsafe.hkdf_expand(bytes(16), b"info", 16, "md5")
    with pytest.raises(iotsafe.ArgumentError, match="md5"):
        full.hkdf_extract(bytes(16), algorithm="md5")


@pytest.mark.parametrize("size", [0, 1, 16, 17, 300, 1000])
def test_openssl_makes_the_same_code_of_a_message(full, store, size):
    data = bytes(i & 255 for i in range(size))
    key = (store / "full/secret-02.bin").read_bytes()
    assert full.mac("cmac", data) == run(
        "openssl", "mac", "-cipher", "AES-128-CBC", "-macopt",
        f"hexkey:{key.hex()}", "-binary", "CMAC", input=data,
    )


@pytest.mark.parametrize("context", [b"", b"broker.example"])
def test_a_derived_psk_is_what_the_server_computes(full, psk, context):
    seed = hashlib.sha256(b"device-7").digest()
    seed += hashlib.sha256(context).digest()
    assert full.psk("device-7", "psk", context) == prf(
        premaster(psk), "iotsafe psk", seed, 32
    )


def test_the_only_secret_key_that_derives_needs_no_name(address):
    with iotsafe.open(address("psk")) as card:
        assert card.psk("device-7") == card.psk("device-7", "psk")


def test_secrets_stay_out_of_the_trace(address):
    script = (
        "import sys, iotsafe\n"
        "iotsafe.trace('apdu', 'at')\n"
        "card = iotsafe.open(sys.argv[1])\n"
        "print(card.prf('x', b'seed', 32, 'psk').hex())\n"
        "print(card.psk('device-7', 'psk').hex())\n"
        "print(card.hkdf_extract(b'secret' * 8, b'salt').hex())\n"
        "print((b'secret' * 8).hex())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, address("full")],
        check=True, capture_output=True, text=True,
    )
    secrets = done.stdout.split()
    assert len(secrets) == 4 and done.stderr
    for secret in secrets:
        assert secret.upper() not in done.stderr.upper()
