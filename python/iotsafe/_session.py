# SPDX-License-Identifier: LGPL-2.1-or-later
"""The half of a TLS socket that is not about sockets: what is asked of the
session, waiting for it, and what it has agreed on."""

from __future__ import annotations

import os
import re
import select
import threading
import time
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from . import _core, x509
from ._values import Bytes, Path, milliseconds
from .card import Card
from .errors import (
    AbsentError,
    ArgumentError,
    TimeoutError,
    UseAfterCloseError,
    WantCardError,
    WantError,
)
from .key import Key

Pin = Union[str, Bytes]
T = TypeVar("T")


class Unset:
    """Stands for an argument left out, where None has a meaning."""


UNSET = Unset()

_POLLIN, _POLLOUT = 1, 4  # of poll.h, the same on every Linux

_PSK_KINDS = {"derived": _core.PSK_DERIVED, "card": _core.PSK_CARD}


def _version_number(version: Optional[str]) -> int:
    numbers = {None: 0, "TLSv1.2": 12, "TLSv1.3": 13}
    if version not in numbers:
        raise ArgumentError(f"{version!r} is neither TLSv1.2 nor TLSv1.3")
    return numbers[version]


def _poll(
    fd: int, events: int, limit: int, deadline: Optional[float]
) -> bool:
    """Waits for a descriptor; False if the deadline passes first. Both are
    kept by the system call, and signals are served meanwhile."""
    wait = None if limit < 0 else limit
    if deadline is not None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        left = milliseconds(remaining)
        wait = left if wait is None else min(wait, left)
    _wait_for(fd, events, wait)
    return True


def _wait_for(fd: int, events: int, wait: Optional[int]) -> bool:
    """Whether a descriptor is ready, within so many milliseconds."""
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(fd, events)
        return bool(poller.poll(wait))
    # eventlet takes poll() away, and lets others run in its own select().
    seconds = None if wait is None else wait / 1000
    reading = [fd] if events & _POLLIN else []
    writing = [fd] if events & _POLLOUT else []
    return any(select.select(reading, writing, [], seconds))


class Session:
    """A session of the library, one thread at a time in it."""

    _tls: Optional[_core.iotsafe_tls] = None

    def __init__(self, timeout: Optional[float], verify: bool) -> None:
        self._lock = threading.Lock()
        self._timeout = timeout
        self._verify = verify
        self.server_hostname: Optional[str] = None

    def __getstate__(self) -> Any:
        # A copy would close what the original goes on with.
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    # Before the handshake

    @staticmethod
    def _new(
        key: Union[Key, str, None], card: Optional[Card], datagram: bool
    ) -> _core.iotsafe_tls:
        options = _core.TLS_DATAGRAM if datagram else 0
        if isinstance(key, Key):
            tls = _core.tls_new(key._opened()[0], options)
            _core.tls_set_key(tls, key.object.name)
            return tls
        if card is None:
            if key is not None:
                raise ArgumentError(f"key {key!r}: on which card?")
            return _core.tls_new(None, options)
        tls = _core.tls_new(card._opened(), options)
        if key is not None:
            _core.tls_set_key(tls, key)
        return tls

    def _set_certificate(
        self,
        key: Union[Key, str, None],
        certificate: Union[Bytes, Path, None],
    ) -> None:
        if certificate is None and isinstance(key, Key):
            certificate = key._certificate
        if certificate is None:
            return
        tls = self._opened()
        if isinstance(certificate, (bytes, bytearray, memoryview)):
            _core.tls_set_certificate_data(tls, memoryview(certificate))
        elif isinstance(certificate, str):
            _core.tls_set_certificate(tls, certificate)
        else:
            _core.tls_set_certificate(tls, os.path.abspath(certificate))

    def _set_trust(
        self,
        ca_file: Optional[Path],
        ca_data: Optional[Bytes],
        card_ca: Union[str, bool, None],
    ) -> None:
        tls = self._opened()
        if ca_file is not None:
            _core.tls_set_ca_file(tls, ca_file)
        if ca_data is not None:
            _core.tls_set_ca_data(tls, memoryview(ca_data))
        if card_ca:
            name = None if card_ca is True else card_ca
            _core.tls_set_ca_card(tls, name)
        if not self._verify:
            _core.tls_set_verify(tls, 0)

    def _set_server_key(
        self,
        ca_key: Optional[str],
        pin: Union[Pin, Sequence[Pin], None],
    ) -> None:
        """Public keys that stand in the place of CA certificates."""
        tls = self._opened()
        if ca_key is not None:
            _core.tls_set_ca_key(tls, ca_key)
        if pin is None:
            return
        if isinstance(pin, (str, bytes, bytearray, memoryview)):
            pin = [pin]
        for each in pin:
            if isinstance(each, str):
                _core.tls_set_pin_card(tls, each)
            else:
                _core.tls_set_pin(tls, memoryview(each))

    def _set_psk(
        self,
        psk: Union[str, Tuple[str, Optional[str]], None],
        kind: str,
        context: Bytes,
    ) -> None:
        if psk is None:
            return
        if kind not in _PSK_KINDS:
            raise ArgumentError(f"{kind!r} is neither derived nor card")
        identity, name = (psk, None) if isinstance(psk, str) else psk
        _core.tls_set_psk(
            self._opened(),
            identity,
            name,
            _PSK_KINDS[kind],
            memoryview(context),
        )

    def _set_handshake(
        self,
        session: Optional[Bytes],
        resume: bool,
        raw_key: bool,
        card_random: bool,
    ) -> None:
        tls = self._opened()
        if resume:
            _core.tls_set_resume(tls, 1)
        if session is not None:
            _core.tls_set_session(tls, memoryview(session))
        if raw_key:
            _core.tls_set_raw_key(tls, 1)
        if card_random:
            _core.tls_set_card_random(tls, 1)

    def _set_server_name(self, name: Union[str, None, Unset]) -> None:
        if isinstance(name, Unset):
            return
        _core.tls_set_server_name(self._opened(), name)
        self.server_hostname = name

    def _set_versions(
        self,
        minimum: Optional[str],
        maximum: Optional[str],
        priority: Optional[str],
    ) -> None:
        tls = self._opened()
        if minimum or maximum:
            _core.tls_set_versions(
                tls, _version_number(minimum), _version_number(maximum)
            )
        if priority is not None:
            _core.tls_set_priority(tls, priority)

    # Waiting

    def _opened(self) -> _core.iotsafe_tls:
        if self._tls is None:
            raise UseAfterCloseError("the TLS socket was closed")
        return self._tls

    def _deadline(self) -> Optional[float]:
        if self._timeout is None:
            return None
        return time.monotonic() + self._timeout

    def _call(
        self,
        what: str,
        deadline: Optional[float],
        function: Callable[..., T],
        *arguments: Any,
    ) -> T:
        """Makes a call of the library, which itself never waits, as often as
        it takes until the deadline."""
        while True:
            with self._lock:
                tls = self._opened()
                try:
                    return function(tls, *arguments, 0)
                except WantError as want:
                    if self._timeout == 0:
                        raise
                    whom = "card" if isinstance(want, WantCardError) else "peer"
                    fd, events, limit = _core.tls_poll(tls)
            if not _poll(fd, events, limit, deadline):
                raise TimeoutError(  # in ssl's words, which programs look for
                    f"TLS {what} timed out: waited {self._timeout:g} s for "
                    f"the {whom}"
                )

    def poll(self) -> Tuple[int, int, int]:
        """What the call that raised a :class:`WantError` waits for: a
        descriptor, events as in :func:`select.poll`, and how many
        milliseconds at most, -1 for no limit."""
        with self._lock:
            return _core.tls_poll(self._opened())

    def settimeout(self, seconds: Optional[float]) -> None:
        """Limits each call; None waits for ever, 0 not at all."""
        if seconds is not None and not seconds >= 0:
            raise ValueError("a time-out is 0 or more")
        self._timeout = seconds

    def gettimeout(self) -> Optional[float]:
        return self._timeout

    def setblocking(self, flag: bool) -> None:
        self.settimeout(None if flag else 0.0)

    def getblocking(self) -> bool:
        return self._timeout != 0

    # What was agreed

    def version(self) -> Optional[str]:
        """ "TLSv1.3", "TLSv1.2" or "DTLSv1.2"; None before the handshake."""
        with self._lock:
            version = _core.tls_version(self._opened())
        return version.replace("TLS", "TLSv") or None

    def cipher(self) -> Optional[Tuple[str, Optional[str], int]]:
        """The cipher suite's IANA name, the version and the secret bits;
        None before the handshake."""
        with self._lock:
            suite = _core.tls_cipher_suite(self._opened())
        if not suite:
            return None
        bits = re.search("_(128|256)_", suite)
        return suite, self.version(), int(bits[1]) if bits else 256

    def selected_alpn_protocol(self) -> Optional[str]:
        """The protocol agreed on by ALPN, None if none."""
        with self._lock:
            return _core.tls_alpn(self._opened()) or None

    @property
    def certificate_used(self) -> bool:
        """Whether the server asked for a certificate and got the card's."""
        with self._lock:
            return bool(_core.tls_certificate_used(self._opened()))

    @property
    def session(self) -> Optional[bytes]:
        """What resumes this session later, without the card, as the
        ``session`` of another TLS socket; None while there is nothing: with
        TLS 1.3 it comes with the first data. A secret."""
        with self._lock:
            tls = self._opened()
            if not _core.tls_version(tls):
                return None
            try:
                return _core.tls_session(tls)
            except AbsentError:
                return None

    @property
    def session_reused(self) -> bool:
        """Whether an earlier session was resumed, without the card."""
        with self._lock:
            return bool(_core.tls_resumed(self._opened()))

    def peer_chain(self) -> List[bytes]:
        """The server's certificates as it sent them, DER, its own first."""
        chain: List[bytes] = []
        with self._lock:
            tls = self._opened()
            try:
                while True:
                    one = _core.tls_peer_certificate(tls, len(chain))
                    chain.append(one)
            except AbsentError:
                return chain

    def getpeercert(
        self, binary_form: bool = False
    ) -> Union[Dict[str, Any], bytes, None]:
        """The server's certificate: DER, or what :mod:`ssl` makes of it,
        which is empty where the server was not verified."""
        chain = self.peer_chain()
        if not chain:
            return None
        if binary_form:
            return chain[0]
        return x509.describe(chain[0]) if self._verify else {}

    def export(
        self, label: str, size: int, context: Optional[Bytes] = None
    ) -> bytes:
        """Keying material for the application (RFC 5705)."""
        with self._lock:
            return _core.tls_export(self._opened(), label, context, size)
