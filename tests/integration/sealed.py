# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/seal.md once more, from the standards alone: HKDF (RFC 5869) over
Python's HMAC, AES-256-GCM (NIST SP 800-38D) over openssl's AES, COSE_Encrypt0
(RFC 9052) by hand. It shares nothing with the library."""

import hashlib
import hmac
import struct
import subprocess


def hkdf(secret, info, size):
    prk = hmac.digest(bytes(32), secret, hashlib.sha256)
    out = block = b""
    for i in range(1, -(-size // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([i]), hashlib.sha256)
        out += block
    return out[:size]


def aes(key, blocks):
    """AES-256 of each block of 16 bytes."""
    command = ["openssl", "enc", "-aes-256-ecb", "-nopad", "-K", key.hex()]
    return subprocess.run(
        command, input=blocks, check=True, capture_output=True
    ).stdout


def multiply(x, y):
    """In GF(2^128), bits as SP 800-38D 6.3 counts them."""
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def ghash(key, aad, text):
    def padded(data):
        return data + bytes(-len(data) % 16)

    data = padded(aad) + padded(text)
    data += struct.pack(">QQ", len(aad) * 8, len(text) * 8)
    y = 0
    for at in range(0, len(data), 16):
        y = multiply(y ^ int.from_bytes(data[at : at + 16], "big"), key)
    return y.to_bytes(16, "big")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def gcm(key, nonce, aad, text, decrypt=False):
    """What comes out, and the tag over the ciphertext."""
    count = -(-len(text) // 16)
    counters = b"".join(
        nonce + struct.pack(">I", i) for i in range(1, count + 2)
    )
    stream = aes(key, bytes(16) + counters)
    out = xor(text, stream[32:])
    tag = ghash(
        int.from_bytes(stream[:16], "big"), aad, text if decrypt else out
    )
    return out, xor(tag, stream[16:32])


def string(data):
    """A byte string of CBOR."""
    size = len(data)
    if size < 24:
        return bytes([0x40 | size]) + data
    if size < 256:
        return bytes([0x58, size]) + data
    if size < 65536:
        return b"\x59" + struct.pack(">H", size) + data
    return b"\x5a" + struct.pack(">I", size) + data


PROTECTED = bytes.fromhex("a10103")


def keys(secret, kid, sender):
    out = hkdf(secret, b"iotsafe seal v1" + sender.encode() + kid, 44)
    return out[:32], out[32:]


def parts(secret, kid, number, extra, sender):
    """Key, nonce, Enc_structure, Partial IV."""
    key, iv = keys(secret, kid, sender)
    nonce = xor(iv, number.to_bytes(12, "big"))
    aad = b"\x83\x68Encrypt0" + string(PROTECTED) + string(extra)
    short = number.to_bytes(max(1, -(-number.bit_length() // 8)), "big")
    return key, nonce, aad, short


def seal(secret, kid, number, text, extra=b"", sender="c"):
    key, nonce, aad, short = parts(secret, kid, number, extra, sender)
    out, tag = gcm(key, nonce, aad, text)
    unprotected = b"\xa2\x04" + string(kid) + b"\x06" + string(short)
    return b"\xd0\x83" + string(PROTECTED) + unprotected + string(out + tag)


def open_sealed(message, secret, kid, number, extra=b"", sender="c"):
    """The text of a message whose number is known; fails if it is not what
    seal() makes of that text."""
    key, nonce, aad, _ = parts(secret, kid, number, extra, sender)
    size = len(message) - len(seal(secret, kid, number, b"", extra, sender))
    for head in (0, 1, 2, 4):
        body = message[len(message) - 16 - max(size - head, 0) : -16]
        text, _ = gcm(key, nonce, aad, body, decrypt=True)
        if seal(secret, kid, number, text, extra, sender) == message:
            return text
    raise ValueError("not sealed by the other end")
