# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a card's list tells of its objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Tuple

from . import _core


class Flag(enum.IntFlag):
    """What an object is and what a key may do."""

    ACTIVE = _core.OBJECT_ACTIVE
    READABLE = _core.OBJECT_READABLE
    UPDATABLE = _core.OBJECT_UPDATABLE
    VOLATILE = _core.OBJECT_VOLATILE
    CERTIFICATE = _core.OBJECT_CERTIFICATE
    SOFTWARE = _core.OBJECT_SOFTWARE
    SIGN = _core.OBJECT_SIGN
    GENERATE = _core.OBJECT_GENERATE
    AGREE = _core.OBJECT_AGREE
    DERIVE = _core.OBJECT_DERIVE
    DECRYPT = _core.OBJECT_DECRYPT


@dataclass(frozen=True)
class Object:
    """What the card's list tells of one object. A copy: it needs no card."""

    #: "iotsafe", "mias" or "mf".
    applet: str
    #: As in names: "private", "public", "secret-key", "cert" or "data".
    type: str
    id: bytes
    #: For people. Bytes that are no UTF-8 appear as ``\\xNN``.
    label: str
    #: As on the card, 0 to 60 bytes.
    raw_label: bytes
    flags: Flag
    #: "P-256", "RSA-2048", …; "" for a file.
    key_type: str
    #: "ecdsa-sha256", … that the key signs or verifies with.
    algorithms: Tuple[str, ...]
    #: A file's size in bytes, 0 for the rest.
    size: int
    #: A name that finds just this object.
    name: str

    @property
    def software(self) -> bool:
        """Whether it is a private key that the card gives out: it signs on
        this host."""
        return bool(self.flags & Flag.SOFTWARE)


_TYPES = {
    _core.CLASS_PRIVATE_KEY: "private",
    _core.CLASS_PUBLIC_KEY: "public",
    _core.CLASS_SECRET_KEY: "secret-key",
}


def _type_of(handle: _core.iotsafe_object, flags: Flag) -> str:
    of_file = "cert" if flags & Flag.CERTIFICATE else "data"
    return _TYPES.get(_core.object_class(handle), of_file)


def _names_of(algorithms: int) -> Tuple[str, ...]:
    bits = (1 << i for i in range(algorithms.bit_length()))
    names = (_core.algorithm_name(bit) for bit in bits if algorithms & bit)
    return tuple(name for name in names if name)


def record(handle: _core.iotsafe_object) -> Object:
    flags = Flag(_core.object_flags(handle))
    label = _core.object_label(handle)
    return Object(
        applet=_core.object_applet(handle),
        type=_type_of(handle, flags),
        id=_core.object_id(handle),
        label=label.decode("utf-8", "backslashreplace"),
        raw_label=label,
        flags=flags,
        key_type=_core.object_key_type(handle),
        algorithms=_names_of(_core.object_algorithms(handle)),
        size=_core.object_size(handle),
        name=_core.object_name(handle),
    )
