# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards: the objects on them, and all they do without a private key."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, TypeVar

from . import _core, _wait, x509
from ._values import (
    Bytes,
    Message,
    algorithm_bits,
    hash_message,
    milliseconds,
    mode_number,
    plain_signature,
    whole_message,
)
from .errors import ArgumentError, UseAfterCloseError
from .key import Key
from .objects import Object, record

T = TypeVar("T")

_RANDOM_MAX = 65536  # of one call of the library

def _read(card: _core.iotsafe_card, name: str) -> bytes:
    return _core.file_read(_core.file_open(card, name))


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
    def iccid(self) -> str:
        """The number of the SIM or eSIM profile, "" if it cannot be read.

        It never changes: where another card is found in its place, every
        call raises ClosedError until the card is opened anew.
        """
        return _core.card_iccid(self._opened())

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
        return [record(each) for each in records]

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
        return x509.first(self.read(name))

    def public_key(self, name: Optional[str] = None) -> bytes:
        """The public key of this name, a DER SubjectPublicKeyInfo; None: the
        identity's."""
        return self._call(_core.card_public_key, name)

    def read(self, name: str) -> bytes:
        """The whole file of this name: a label, "id=0102", or the type alone
        if the card has just one such file."""
        return self._call(_read, name)

    def generate(self, name: Optional[str] = None) -> Key:
        """Makes a new key pair in the slot of this private key; None: in the
        only one that can. The former key is lost. Cards take seconds."""
        handle = self._opened()
        return Key(handle, self._call(_core.key_generate, name))

    def put_public_key(self, name: str, spki: Bytes) -> None:
        """Puts a public key (DER SubjectPublicKeyInfo) into the public-key
        object of this name."""
        self._call(_core.card_put_public_key, name, memoryview(spki))

    def verify(
        self,
        name: str,
        signature: Bytes,
        digest: Bytes,
        algorithm: str = "sha256",
    ) -> None:
        """Has the card verify the signature of a digest with its public key
        of this name; raises :class:`VerifyError` if it is none of that key.
        ECDSA signatures may be r and s or DER."""
        bits, plain = algorithm_bits(algorithm), plain_signature(signature)
        hashed = memoryview(digest)
        self._call(_core.card_verify, name, bits, hashed, plain)

    def verify_message(
        self,
        name: str,
        signature: Bytes,
        data: Message,
        algorithm: str = "sha256",
        mode: Optional[str] = None,
    ) -> None:
        """The same for a message; see :meth:`Key.sign_message`."""
        bits, number = algorithm_bits(algorithm), mode_number(mode)
        if number == _core.MODE_HOST:
            digest = hash_message(data, bits)
            return self.verify(name, signature, digest, algorithm)
        whole, plain = whole_message(data), plain_signature(signature)
        self._call(_core.card_verify_data, name, bits, number, whole, plain)

    def mac(self, name: str, data: Bytes) -> bytes:
        """The AES-CMAC of data by the secret key of this name, 16 bytes."""
        return self._call(_core.card_mac, name, memoryview(data))

    def prf(
        self,
        label: str,
        seed: Bytes,
        size: int,
        name: Optional[str] = None,
        secret: Optional[Bytes] = None,
    ) -> bytes:
        """The pseudo-random function of TLS 1.2, computed by the card: 1 to
        255 bytes of the secret key of this name as a pre-shared key, of
        ``secret``, or of both, an ECDHE premaster and a pre-shared key."""
        given = None if secret is None else memoryview(secret)
        return self._call(
            _core.card_prf, name, given, label, memoryview(seed), size
        )

    def hkdf_extract(
        self, secret: Bytes, salt: Bytes = b"", algorithm: str = "sha256"
    ) -> bytes:
        """HKDF-Extract (RFC 5869), computed by the card; what follows is
        :func:`hkdf_expand`."""
        bits, extracted = algorithm_bits(algorithm), memoryview(secret)
        return self._call(
            _core.card_hkdf_extract, bits, extracted, memoryview(salt)
        )

    def psk(
        self,
        identity: str,
        name: Optional[str] = None,
        context: Bytes = b"",
    ) -> bytes:
        """A key for both ends of TLS-PSK, 32 bytes, derived by the card from
        the secret key of this name for this identity and context."""
        return self._call(_core.card_psk, name, identity, memoryview(context))

    def pin_tries(self, applet: Optional[str] = None) -> Optional[int]:
        """How often the PIN of an applet, "mias" or "mf", may still be wrong;
        asking costs no try. None: it was given already, and the card does not
        tell while it holds. Without ``applet``: that of the identity."""
        return self._call(_core.card_pin_tries, applet)

    def pin_verify(self, pin: str, applet: Optional[str] = None) -> None:
        """Sends the PIN of an applet, once, whatever number of tries is left.
        It holds as long as the card is open. :class:`PinError`: it was wrong
        or is blocked, and the text has how many tries are left."""
        self._call(_core.card_pin_verify, applet, pin)

    def pin_change(
        self, old: str, new: str, applet: Optional[str] = None
    ) -> None:
        """Gives an applet another PIN; a wrong old one costs a try."""
        self._call(_core.card_pin_change, applet, old, new)

    def random(self, size: int) -> bytes:
        """Random bytes made by the card, as many as asked for."""
        if size <= _RANDOM_MAX:
            return self._call(_core.card_random, size)
        pieces = bytearray()
        while len(pieces) < size:
            pieces += self.random(min(size - len(pieces), _RANDOM_MAX))
        return bytes(pieces)

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
    """Chooses what goes to standard error, one line each: "apdu" and "at", or
    nothing. Secrets are masked. "failure" is for programs that give GnuTLS
    names like `iotsafe:` (pycurl, GIO): why it was told no more than a
    number."""
    bits = {
        "apdu": _core.TRACE_APDU,
        "at": _core.TRACE_AT,
        "failure": _core.TRACE_FAILURE,
    }
    try:
        _core.trace_set(sum(bits[each] for each in set(what)))
    except KeyError as unknown:
        raise ArgumentError(f"no such trace: {unknown}") from None


def set_pin(function: Optional[Callable[[str, int], Optional[str]]]) -> None:
    """Gives the function that is asked for a PIN, for the whole process.

    It gets the card's ICCID and how many tries are left, two or more, and gives
    the digits or None; it must not use the card. A PIN that was refused is
    never asked for again in this process. None takes the function away.
    """
    _core.pin_set(function)


def set_applet_pin(
    function: Optional[Callable[[str, str, int], Optional[str]]]
) -> None:
    """The same for the PINs of applets: those of Trust Onboard, "mias" and
    "mf". It gets the ICCID, the applet and how many tries are left, and gives
    four to eight characters or None."""
    _core.pin_set_applet(function)
