# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets put to use without a card: message protection, more keys."""

from __future__ import annotations

import threading
from typing import Optional

from . import _core
from ._values import Bytes, Path, algorithm_bits
from .errors import UseAfterCloseError


class Seal:
    """Protects small messages without TLS, each a COSE_Encrypt0 (RFC 9052).

    ``secret``, 16 to 1024 bytes, is what both ends got from
    :meth:`Key.agree` or :meth:`Card.prf`; ``kid`` names it, 1 to 64 bytes,
    in every message. The other end is the ``server``.

    The file ``state`` keeps the counters, one file for each secret and one
    process at a time. With ``create`` it is made, which is right once in the
    life of a secret: a counter that began anew would give messages away.
    """

    def __init__(
        self,
        secret: Bytes,
        kid: Bytes,
        state: Path,
        server: bool = False,
        create: bool = False,
    ) -> None:
        options = _core.SEAL_SERVER if server else 0
        if create:
            options |= _core.SEAL_CREATE
        self._lock = threading.Lock()
        self._handle: Optional[_core.iotsafe_seal] = _core.seal_new(
            memoryview(secret), memoryview(kid), state, options
        )

    def encrypt(self, data: Bytes, extra: Optional[Bytes] = None) -> bytes:
        """Encrypts a message, at most 65536 bytes. ``extra`` is protected
        with it and not sent: the other end has to know it."""
        with self._lock:
            return _core.seal_encrypt(self._opened(), data, extra)

    def decrypt(self, data: Bytes, extra: Optional[Bytes] = None) -> bytes:
        """Decrypts a message. :class:`VerifyError`: it is not from the other
        end, was changed, was seen before, or is older than the 64 newest;
        :class:`FormatError`: it is no sealed message at all."""
        with self._lock:
            return _core.seal_decrypt(self._opened(), data, extra)

    def _opened(self) -> _core.iotsafe_seal:
        if self._handle is None:
            raise UseAfterCloseError("the seal was closed")
        return self._handle

    def close(self) -> None:
        """Wipes the secret and lets go of the file. Calling it again does no
        harm."""
        with self._lock:
            self._handle = None

    def __enter__(self) -> Seal:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def hkdf_expand(
    secret: Bytes, info: Bytes, size: int, algorithm: str = "sha256"
) -> bytes:
    """HKDF-Expand (RFC 5869), computed here: up to 255 times the hash's size
    of key from what :meth:`Card.hkdf_extract` gave."""
    bits = algorithm_bits(algorithm)
    return _core.hkdf_expand(bits, secret, info, size)
