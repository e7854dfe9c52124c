# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the card computes, computed by somebody else: OpenSSL and Python."""

import hashlib
import hmac
import subprocess
import tempfile


def openssl(*words, data=b""):
    done = subprocess.run(
        ["openssl", *map(str, words)], input=data, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def in_file(folder, data):
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(data)
    return file.name


def der_of_rs(signature):
    """r and s, one behind the other, as RFC 3279 has them."""
    half = len(signature) // 2
    numbers = b""
    for part in (signature[:half], signature[half:]):
        number = part.lstrip(b"\0") or b"\0"
        number = b"\0" * (number[0] >> 7) + number
        numbers += bytes([2, len(number)]) + number
    return bytes([0x30, len(numbers)]) + numbers


def signature_is_good(folder, spki, algorithm, data, signature):
    kind, _, hash_name = algorithm.rpartition("-")
    options = []
    if kind == "ecdsa":
        signature = der_of_rs(signature)
    if kind == "rsa-pss":
        options = ["-sigopt", "rsa_padding_mode:pss"]
        options += ["-sigopt", "rsa_pss_saltlen:digest"]
    done = subprocess.run(
        ["openssl", "dgst", f"-{hash_name}", "-keyform", "DER"]
        + ["-verify", in_file(folder, spki), *options]
        + ["-signature", in_file(folder, signature)],
        input=data,
        capture_output=True,
    )
    return done.returncode == 0


def rs_of_der(der, half=32):
    """The opposite of der_of_rs()."""
    numbers, at = [], 2
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big"))
        at += 2 + size
    return b"".join(number.to_bytes(half, "big") for number in numbers)


def sign(key, algorithm, data):
    """A signature in the library's form by a key in a PEM file."""
    kind, _, hash_name = algorithm.rpartition("-")
    options = []
    if kind == "rsa-pss":
        options = ["-sigopt", "rsa_padding_mode:pss"]
        options += ["-sigopt", "rsa_pss_saltlen:digest"]
    signature = openssl("dgst", f"-{hash_name}", "-sign", key, *options,
                        data=data)
    return rs_of_der(signature) if kind == "ecdsa" else signature


class Peer:
    """The other end of a key agreement."""

    def __init__(self, folder, curve="prime256v1"):
        self.folder = folder
        self.key = f"{folder}/peer-{curve}.pem"
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
                f"ec_paramgen_curve:{curve}", "-out", self.key)
        self.spki = openssl("pkey", "-in", self.key, "-pubout",
                            "-outform", "DER")

    def agree(self, spki):
        return openssl("pkeyutl", "-derive", "-inkey", self.key,
                       "-peerform", "DER", "-peerkey",
                       in_file(self.folder, spki))


def prf(secret, label, seed, size):
    """P_SHA256 of RFC 5246 section 5."""
    seed = label.encode() + seed
    out, a = b"", seed
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + seed, "sha256")
    return out[:size]


def psk_premaster(psk, other=None):
    """RFC 4279 section 2, and RFC 5489 section 2 with ECDHE."""
    other = bytes(len(psk)) if other is None else other
    return (len(other).to_bytes(2, "big") + other
            + len(psk).to_bytes(2, "big") + psk)


def hkdf_extract(hash_name, secret, salt):
    size = hashlib.new(hash_name).digest_size
    return hmac.digest(salt or bytes(size), secret, hash_name)


def cmac(key, data):
    return bytes.fromhex(
        openssl("mac", "-cipher", "AES-128-CBC", "-macopt",
                f"hexkey:{key.hex()}", "CMAC", data=data).decode())
