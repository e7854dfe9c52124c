# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards, the objects on them, and keys that sign."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar, Union

from . import _core, _wait
from .errors import AbsentError, ArgumentError, UseAfterCloseError

Bytes = Union[bytes, bytearray, memoryview]
T = TypeVar("T")


class Flag(enum.IntFlag):
    """What an object is and what a key may do."""

    ACTIVE = _core.OBJECT_ACTIVE
    READABLE = _core.OBJECT_READABLE
    UPDATABLE = _core.OBJECT_UPDATABLE
    VOLATILE = _core.OBJECT_VOLATILE
    CERTIFICATE = _core.OBJECT_CERTIFICATE
    SIGN = _core.OBJECT_SIGN
    GENERATE = _core.OBJECT_GENERATE
    AGREE = _core.OBJECT_AGREE
    DERIVE = _core.OBJECT_DERIVE


@dataclass(frozen=True)
class Object:
    """What the card's list tells of one object. A copy: it needs no card."""

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


def _record(handle: _core.iotsafe_object) -> Object:
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


def _read(card: _core.iotsafe_card, name: str) -> bytes:
    return _core.file_read(_core.file_open(card, name))


def milliseconds(seconds: float) -> int:
    """Time as the library counts it; rounded up, so that a wait for some time
    never becomes no wait at all."""
    return -int(-seconds * 1000 // 1)


class Key:
    """A private key on a card; :meth:`Card.key` finds it.

    It stays usable, and keeps the card open, after the :class:`Card` it came
    from was closed.
    """

    def __init__(
        self, card: _core.iotsafe_card, handle: _core.iotsafe_key
    ) -> None:
        self._card: Optional[_core.iotsafe_card] = card
        self._handle: Optional[_core.iotsafe_key] = handle
        self._certificate: Optional[Bytes] = None

    def close(self) -> None:
        """Lets go of the card. Calling it again does no harm."""
        self._card = self._handle = None

    def __enter__(self) -> Key:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._handle is None:
            return "<iotsafe.Key closed>"
        return f"<iotsafe.Key {self.object.name!r}>"

    def _opened(self) -> Tuple[_core.iotsafe_card, _core.iotsafe_key]:
        card, handle = self._card, self._handle
        if card is None or handle is None:
            raise UseAfterCloseError("the key was closed")
        return card, handle

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        card, handle = self._opened()
        return _wait.for_card(card, function, handle, *arguments)

    def sign(
        self, digest: Bytes, algorithm: str = "sha256", der: bool = False
    ) -> bytes:
        """Signs a digest on the card.

        ``algorithm`` is a hash, "sha256", or says more, "ecdsa-sha256". The
        signature is r and s one behind the other, or with ``der`` the ASN.1
        form that X.509 and most programs use; for RSA it is the block.
        """
        bits = _core.algorithm_from_name(algorithm)
        if not bits:
            raise ArgumentError(f"no such algorithm: {algorithm!r}")
        signature = self._call(_core.key_sign, bits, memoryview(digest))
        if der and not self.object.key_type.startswith("RSA"):
            return _core.signature_to_der(signature)
        return signature

    def sign_message(
        self, data: Bytes, algorithm: str = "sha256", der: bool = False
    ) -> bytes:
        """Hashes a message here and signs the digest on the card."""
        if not _core.algorithm_from_name(algorithm):
            raise ArgumentError(f"no such algorithm: {algorithm!r}")
        digest = hashlib.new(algorithm.rpartition("-")[2], data).digest()
        return self.sign(digest, algorithm, der)

    @property
    def object(self) -> Object:
        """What the card's list tells of the key."""
        return _record(_core.key_object(self._opened()[1]))

    @property
    def public_key(self) -> bytes:
        """The public key, a DER SubjectPublicKeyInfo."""
        return self._call(_core.key_public_key)

    @property
    def certificate(self) -> bytes:
        """The key's own certificate, DER."""
        return self._call(_core.key_certificate, 0)

    @property
    def chain(self) -> List[bytes]:
        """The key's certificate and those that lead to its root, DER."""
        chain: List[bytes] = []
        try:
            while True:
                chain.append(self._call(_core.key_certificate, len(chain)))
        except AbsentError:
            if not chain:
                raise
        return chain

    def use_certificate(self, data: Bytes) -> None:
        """Takes this certificate (DER, or PEM with its chain behind it)
        instead of the one on the card, for this object."""
        self._call(_core.key_set_certificate, memoryview(data))
        self._certificate = bytes(data)

    @property
    def verifies(self) -> bool:
        """Whether signatures are verified before they are given out."""
        return bool(self._call(_core.key_verifies))


class Card:
    """A SIM reached over one link.

    ``address`` says how; None takes the environment variable IOTSAFE_CARD.
    ``timeout`` limits every later operation, in seconds; what limits the
    opening too is ``timeout=`` in the address, in milliseconds.

    The link closes when the card, its keys and its TLS sockets have all been
    closed or collected.
    """

    def __init__(
        self, address: Optional[str] = None, timeout: Optional[float] = None
    ) -> None:
        self._handle: Optional[_core.iotsafe_card] = None
        handle = _wait.for_card(None, _core.card_open, address)
        if timeout is not None:
            _core.card_set_timeout(handle, milliseconds(timeout))
        self._handle = handle

    def close(self) -> None:
        """Lets go of the card. Calling it again does no harm."""
        self._handle = None

    def __enter__(self) -> Card:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._handle is None:
            return "<iotsafe.Card closed>"
        return f"<iotsafe.Card {self.address!r}>"

    def _opened(self) -> _core.iotsafe_card:
        handle = self._handle
        if handle is None:
            raise UseAfterCloseError("the card was closed")
        return handle

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        handle = self._opened()
        return _wait.for_card(handle, function, handle, *arguments)

    @property
    def address(self) -> str:
        """The canonical address: the same text for the same card."""
        return _core.card_address(self._opened())

    @property
    def info(self) -> Dict[str, str]:
        """What is known of link, applet and card, for people."""
        info = self._call(_core.card_info)
        return {
            _core.info_name(info, i): _core.info_value(info, i)
            for i in range(_core.info_count(info))
        }

    @property
    def counters(self) -> Dict[str, int]:
        """What went over the link since the card was opened; the time spent
        waiting for it is in microseconds."""
        handle = self._opened()
        return {
            "exchanges": _core.card_counter(handle, _core.EXCHANGES),
            "bytes_sent": _core.card_counter(handle, _core.BYTES_SENT),
            "bytes_received": _core.card_counter(handle, _core.BYTES_RECEIVED),
            "signatures": _core.card_counter(handle, _core.SIGNATURES),
            "link_time": _core.card_counter(handle, _core.LINK_TIME),
        }

    def set_timeout(self, seconds: float) -> None:
        """Limits one operation, for everyone who uses this card."""
        _core.card_set_timeout(self._opened(), milliseconds(seconds))

    def cancel(self) -> None:
        """Ends what is under way or queued on this card, in every thread,
        with :class:`CancelledError`."""
        _core.card_cancel(self._opened())

    def objects(self, name: Optional[str] = None) -> List[Object]:
        """The objects that match ``name``; None: all."""
        found = self._call(_core.card_list, name)
        records = iter(lambda: _core.list_next(found), None)
        return [_record(each) for each in records]

    def key(self, name: Optional[str] = None) -> Key:
        """The private key of this name; None: the identity. Costs no
        signature."""
        handle = self._opened()
        return Key(handle, self._call(_core.key_open, name))

    def certificate(self, name: Optional[str] = None) -> bytes:
        """The certificate of this name, DER; None: the identity's."""
        if name is None:
            with self.key() as key:
                return key.certificate
        return self.read(name)

    def public_key(self, name: Optional[str] = None) -> bytes:
        """The public key of this name, a DER SubjectPublicKeyInfo; None: the
        identity's."""
        return self._call(_core.card_public_key, name)

    def read(self, name: str) -> bytes:
        """The whole file of this name."""
        return self._call(_read, name)

    def random(self, size: int) -> bytes:
        """Random bytes made by the card, 1 to 65536."""
        return self._call(_core.card_random, size)

    def apdu(self, command: Bytes) -> bytes:
        """Sends one command on the applet's channel, channel bits 0, and
        gives the answer with its status word, whatever that is. For
        experts."""
        return self._call(_core.card_transact, memoryview(command))


def open(
    address: Optional[str] = None, timeout: Optional[float] = None
) -> Card:
    """Opens the card at ``address``; see :class:`Card`."""
    return Card(address, timeout)


def trace(*what: str) -> None:
    """Chooses what goes to standard error, one line each: "apdu", "at", both
    or nothing. Secrets are masked."""
    bits = {"apdu": _core.TRACE_APDU, "at": _core.TRACE_AT}
    try:
        _core.trace_set(sum(bits[each] for each in set(what)))
    except KeyError as unknown:
        raise ArgumentError(f"no such trace: {unknown}") from None
