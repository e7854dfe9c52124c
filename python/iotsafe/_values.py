# SPDX-License-Identifier: LGPL-2.1-or-later
"""The words and values of callers to those of the library."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO, Iterable, Optional, Union

from . import _core
from .errors import ArgumentError, UnsupportedError

Bytes = Union[bytes, bytearray, memoryview]
#: A message: its bytes, or a file to read them from.
Message = Union[Bytes, BinaryIO]
Path = Union[str, "os.PathLike[str]"]

_PIECE = 65536
_MESSAGE_MAX = 0xFFFFFF  # three bytes of length, IoT.05 clause 2.5.14
_RAW_SIZE = 64  # r and s on the curves of IoT SAFE
_DER_MAX = 72  # the longest ECDSA-Sig-Value of them

_HASHES = {
    "sha256": _core.SHA256,
    "sha384": _core.SHA384,
    "sha512": _core.SHA512,
    "sha1": _core.RSA_PKCS1_SHA1,
    "sha224": _core.RSA_PKCS1_SHA224,
}

_MODES = {
    None: _core.MODE_HOST,
    "host": _core.MODE_HOST,
    "full-text": _core.MODE_FULL_TEXT,
    "last-block": _core.MODE_LAST_BLOCK,
}


def milliseconds(seconds: float) -> int:
    """Time as the library counts it; rounded up, so that a wait for some time
    never becomes no wait at all."""
    return -int(-seconds * 1000 // 1)


def algorithm_bits(name: str) -> int:
    bits = _core.algorithm_from_name(name)
    if not bits:
        raise ArgumentError(f"no such algorithm: {name!r}")
    return bits


def mode_number(name: Optional[str]) -> int:
    if name not in _MODES:
        raise ArgumentError(
            f"no such mode: {name!r}; there are host, full-text and last-block"
        )
    return _MODES[name]


def joined(words: Union[str, Iterable[str], None]) -> Optional[str]:
    """Several words as the library takes them, one string with commas."""
    if words is None or isinstance(words, str):
        return words or None
    each = list(words)
    if any("," in word for word in each):
        raise ArgumentError("one of several words contains a comma")
    return ",".join(each) or None


def hash_message(message: Message, bits: int) -> bytes:
    """The digest of a message for an algorithm; a file is read in pieces."""
    names = [name for name, of in _HASHES.items() if bits & of]
    if len(names) != 1:
        raise UnsupportedError("this algorithm does not sign a hash")
    digest = hashlib.new(names[0])
    if isinstance(message, (bytes, bytearray, memoryview)):
        digest.update(message)
        return digest.digest()
    for piece in iter(lambda: _read(message, _PIECE), b""):
        digest.update(piece)
    return digest.digest()


def whole_message(message: Message) -> memoryview:
    """The bytes of a message that the card takes part in hashing."""
    if isinstance(message, (bytes, bytearray, memoryview)):
        return memoryview(message)
    pieces = bytearray()
    while len(pieces) <= _MESSAGE_MAX:
        piece = _read(message, _PIECE)
        if not piece:
            return memoryview(pieces)
        pieces += piece
    raise ArgumentError(f"the file has more than {_MESSAGE_MAX} bytes")


def _read(file: object, size: int) -> bytes:
    read = getattr(file, "read", None)
    if read is None:
        raise TypeError("a message is bytes or a file opened for bytes")
    piece = read(size)
    if piece is None:
        raise BlockingIOError("the file has nothing to read yet")
    if not isinstance(piece, bytes):
        raise TypeError("the file gives text; open it for bytes")
    return piece


def plain_signature(signature: Bytes) -> memoryview:
    """A signature as the card takes it: that of an RSA key as it is; one in
    DER, which two numbers of a curve never fill to 64 bytes in practice, as
    those two numbers."""
    view = memoryview(signature).cast("B")
    in_der = view[:1] == b"\x30" and len(view) <= _DER_MAX
    if not in_der or len(view) == _RAW_SIZE:
        return view
    return memoryview(_core.signature_from_der(view, _RAW_SIZE // 2))
