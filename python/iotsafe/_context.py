# SPDX-License-Identifier: LGPL-2.1-or-later
"""The context of :mod:`iotsafe.ssl`: settings as ssl's context has them, and
what they mean to a session of this library."""

from __future__ import annotations

import copy
import os
import ssl
import threading
from typing import Any, Dict, Iterable, List, Optional, Tuple, Type, Union

from . import _ciphers, _core, _failures, _names, x509
from ._bio import SSLObject
from ._refusals import Refusals
from ._session import Session
from ._tls_socket import SSLSocket
from ._trust import Trust, statistics
from ._values import Bytes, Path
from .card import Card
from .card import open as open_card
from .key import Key

AnyPath = Union[Path, bytes, "os.PathLike[bytes]"]
#: A card, its address, or None for what IOTSAFE_CARD says.
CardLike = Union[Card, str, None]

_CLIENTS = (
    ssl.PROTOCOL_TLS_CLIENT,
    ssl.PROTOCOL_TLS,
    ssl.PROTOCOL_TLSv1_2,
)
_CURVES = {
    "prime256v1": "SECP256R1",
    "secp384r1": "SECP384R1",
    "secp521r1": "SECP521R1",
    "x25519": "X25519",
    "x448": "X448",
}
# OpenSSL's security levels in GnuTLS's words: 80, 112, 128, 192, 256 bits.
_PROFILES = ("", "LOW", "MEDIUM", "HIGH", "ULTRA", "FUTURE")
_LEVEL_OF_OLD = 2  # where Python does not tell it, before 3.10
_OP_LEGACY_SERVER_CONNECT = 0x4
_ALPN_MAX = 8  # of the C API; 32 characters are GnuTLS's limit
_STATISTICS = (
    "number connect connect_good connect_renegotiate accept accept_good "
    "accept_renegotiate hits misses timeouts cache_full"
).split()


class SSLContext(Refusals):
    """Where an :class:`ssl.SSLContext` stood: the sockets that it wraps are
    GnuTLS sessions that show the card's certificate, and the card signs.

    ``card`` is a :class:`iotsafe.Card` or an address; without it the card is
    opened when it is first needed, as IOTSAFE_CARD says. ``key`` and
    ``certificate`` are as for :class:`iotsafe.TLSSocket`; without them it is
    the card's identity. Where ``card`` stands a ``PROTOCOL_`` of ssl's may
    stand, too.

    With ``resume`` connections of this card with the same server resume one
    another by themselves, without the card; ssl's do not, nor do ours unless
    they are told to.

    docs/python.md says what each setting means here; what means nothing is
    refused by name.
    """

    sslsocket_class: Type[SSLSocket] = SSLSocket  # type: ignore[assignment]
    sslobject_class: Type[SSLObject] = SSLObject  # type: ignore[assignment]

    def __new__(
        cls,
        card: Union[CardLike, int] = None,
        protocol: Optional[int] = None,
        **_: Any,
    ) -> SSLContext:
        if isinstance(card, int):
            protocol = card
        if protocol is None:
            protocol = ssl.PROTOCOL_TLS_CLIENT
        if protocol not in _CLIENTS:
            raise _failures.not_here(
                f"protocol {protocol!r}", "TLS 1.2 and 1.3, as a client"
            )
        return super().__new__(cls, protocol)

    def __init__(
        self,
        card: Union[CardLike, int] = None,
        protocol: Optional[int] = None,
        *,
        key: Union[Key, str, None] = None,
        certificate: Union[Bytes, Path, None] = None,
        resume: bool = False,
    ) -> None:
        #: May be changed; connections begun later go by it.
        self.resume = resume
        self._card = None if isinstance(card, int) else card
        self._own: Optional[Card] = None  # opened by us
        self._owner = 0  # the process that did
        self._identity = key, certificate
        self._trust = Trust()
        self._opening = threading.Lock()
        self._choice: Optional[_ciphers.Choice] = None
        self._group: Optional[str] = None
        self._alpn: List[str] = []
        self._counts = dict.fromkeys(_STATISTICS, 0)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")

    # Who we are

    @property
    def card(self) -> Card:
        """The card, which is opened if it is not yet."""
        if isinstance(self._card, Card):
            return self._card
        with self._opening:
            # A child process has no use of what its parent opened.
            if self._own is None or self._owner != os.getpid():
                self._own = _failures.calling(open_card, self._card)
                self._owner = os.getpid()
            return self._own

    def load_cert_chain(
        self,
        certfile: AnyPath,
        keyfile: Optional[AnyPath] = None,
        password: Any = None,
    ) -> None:
        """Chooses certificate and key by names: ``iotsafe:`` is the card's
        identity, ``iotsafe:label=client?card=at:/dev/ttyUSB2`` one key of
        one card. ``certfile`` may be a PEM file with the certificate of the
        card's key. Nothing is asked of the card yet."""
        if password is not None:
            raise _failures.not_here(
                "load_cert_chain(password=)",
                "a PIN is given by pin-file= or iotsafe.set_pin",
            )
        name = os.fsdecode(certfile)
        key_name = None if keyfile is None else os.fsdecode(keyfile)
        if key_name is not None and not _names.is_name(key_name):
            raise _failures.not_here(
                f"load_cert_chain(keyfile={key_name!r})",
                "the private key is in the card; name it iotsafe:…, or leave "
                "it out",
            )
        key = None if key_name is None else self._own_name(key_name)
        certificate: Optional[Path] = None
        if not _names.is_name(name):
            _names.refuse_private_key(name)
            certificate = os.path.abspath(name)
        elif key_name is None and "type=cert" not in name:
            key = self._own_name(name)
        else:
            certificate = self._own_name(name) or None
        self._identity = key or None, certificate

    def _own_name(self, name: str) -> str:
        """The name alone; its card becomes the context's."""
        object_name, address = _names.split(name)
        if address is None:
            return object_name
        with self._opening:
            if self._card not in (None, address) or (
                self._own is not None and self._card is None
            ):
                raise _failures.argument(
                    f"{name}: this context has another card already"
                )
            self._card = address
        return object_name

    # Whom we trust

    def load_verify_locations(  # type: ignore[override]
        self,
        cafile: Optional[AnyPath] = None,
        capath: Optional[AnyPath] = None,
        cadata: Union[str, Bytes, None] = None,
    ) -> None:
        """Trusts CA certificates of a PEM file, of a folder as OpenSSL has
        them, or of bytes; ``iotsafe:`` as the file is every root on the card,
        and with a name behind it one file there."""
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")
        file = None if cafile is None else os.fsdecode(cafile)
        if file is not None and _names.is_name(file):
            self._trust.load_card(self._own_name(file))
            file = None
        folder = None if capath is None else os.fsdecode(capath)
        self._trust.load(file, folder, cadata)

    def set_default_verify_paths(self) -> None:
        """Trusts the CAs of the system."""
        self._trust.load_system()

    def cert_store_stats(self) -> Dict[str, int]:
        return statistics(self._trust.all())

    def get_ca_certs(self, binary_form: bool = False) -> Any:
        found = self._trust.all()
        if binary_form:
            return found
        return [x509.describe(each) for each in found]

    # What is offered

    def set_ciphers(self, ciphers: str) -> None:
        """Cipher suites of TLS 1.2 by OpenSSL's names and words. GnuTLS
        leaves out the same ciphers in TLS 1.3."""
        self._choice = _ciphers.Choice(ciphers)

    def get_ciphers(self) -> List[Any]:
        """The cipher suites that are offered."""
        lowest, highest = self._versions()
        return [
            each
            for each in _ciphers.describe(self._choice, highest == 13)
            if lowest == 12 or each["protocol"] == "TLSv1.3"
        ]

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        protocols = list(alpn_protocols)
        if len(protocols) > _ALPN_MAX:
            raise _failures.argument(f"ALPN: {_ALPN_MAX} protocols at most")
        for each in protocols:
            if not 1 <= len(each.encode("ascii")) <= 32 or "," in each:
                raise _failures.argument(
                    f"ALPN protocol {each!r}: 1 to 32 characters, no comma"
                )
        self._alpn = protocols

    def set_ecdh_curve(self, name: str) -> None:
        if name.lower() not in _CURVES:
            raise _failures.not_here(
                f"set_ecdh_curve({name!r})", f"there are {', '.join(_CURVES)}"
            )
        self._group = _CURVES[name.lower()]

    def _versions(self) -> Tuple[int, int]:
        """Lowest and highest version, by all that says so."""
        options = self.options
        lowest = 13 if options & ssl.OP_NO_TLSv1_2 else 12
        highest = 12 if options & ssl.OP_NO_TLSv1_3 else 13
        if self.minimum_version == ssl.TLSVersion.TLSv1_3:
            lowest = 13
        if self.maximum_version == ssl.TLSVersion.TLSv1_2:
            highest = 12
        if self.protocol == ssl.PROTOCOL_TLSv1_2:
            highest = 12
        if self._choice is not None and not self._choice.has_tls13:
            highest = 12
        if lowest > highest:
            raise _failures.argument(
                "minimum_version, maximum_version, options and set_ciphers "
                "leave no version of TLS"
            )
        return lowest, highest

    def _priority(self) -> str:
        """All the rest, as GnuTLS takes it."""
        level = getattr(self, "security_level", _LEVEL_OF_OLD)
        text = "NORMAL"
        if self._choice is not None:
            text += self._choice.priority
            if self._choice.level is not None:
                level = self._choice.level
        if self._group is not None:
            text += f":-GROUP-ALL:+GROUP-{self._group}"
        if _PROFILES[level]:
            text += f":%PROFILE_{_PROFILES[level]}"
        if not self.options & _OP_LEGACY_SERVER_CONNECT:
            text += ":%SAFE_RENEGOTIATION"
        if self.options & ssl.OP_NO_TICKET:
            text += ":%NO_TICKETS"
        return text

    # Sessions

    def _new_session(
        self, session: Session, hostname: Optional[str]
    ) -> _core.iotsafe_tls:
        """A session of the library with all settings of this context."""
        key, certificate = self._identity
        card = None if isinstance(key, Key) else self.card
        tls = session._tls = session._new(key, card, False)
        session._set_certificate(key, certificate)
        session._set_server_name(hostname)
        _core.tls_set_versions(tls, *self._versions())
        _core.tls_set_priority(tls, self._priority())
        if self._alpn:
            _core.tls_set_alpn(tls, ",".join(self._alpn))
        if self.resume:
            _core.tls_set_resume(tls, 1)
        if self.verify_mode == ssl.CERT_NONE:
            _core.tls_set_verify(tls, _core.VERIFY_NONE)
        elif not self._trust:
            raise _failures.CertVerificationError(
                "no CA certificates to verify the server with: "
                "load_verify_locations or load_default_certs"
            )
        else:
            self._trust.apply(tls)
            if not self.check_hostname:
                _core.tls_set_verify(tls, _core.VERIFY_CHAIN)
        return tls

    def _ascii(self, hostname: Union[str, bytes, None]) -> Optional[str]:
        """The name as it is sent. Never a ValueError, see errors.py."""
        if self.check_hostname and not hostname:
            raise _failures.argument("check_hostname requires server_hostname")
        try:
            name = self._encode_hostname(hostname)  # type: ignore
        except UnicodeError as error:
            raise _failures.argument(
                f"server_hostname {hostname!r}: {error}"
            ) from None
        if name and "\0" in name:
            raise _failures.argument(f"server_hostname {hostname!r}: a NUL")
        return name

    def wrap_socket(  # type: ignore[override]
        self,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: Union[str, bytes, None] = None,
        session: Any = None,
    ) -> SSLSocket:
        """A TLS socket in the place of ``sock``, which is taken over and is
        closed if this fails."""
        return self.sslsocket_class(
            self,
            sock,
            server_side,
            do_handshake_on_connect,
            suppress_ragged_eofs,
            server_hostname,
            session,
        )

    def wrap_bio(  # type: ignore[override]
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: Union[str, bytes, None] = None,
        session: Any = None,
    ) -> SSLObject:
        """A TLS session between two buffers. ``do_handshake`` waits for the
        card where that has to sign; :func:`iotsafe.ssl.open_connection` has
        it wait in a thread."""
        return self.sslobject_class(
            self, incoming, outgoing, server_side, server_hostname, session
        )

    def session_stats(self) -> Dict[str, int]:
        return copy.copy(self._counts)

    def _count(self, *names: str) -> None:
        with self._opening:
            for name in names:
                self._counts[name] += 1


def create_default_context(
    card: Union[CardLike, ssl.Purpose] = None,
    purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH,
    *,
    cafile: Optional[Path] = None,
    capath: Optional[Path] = None,
    cadata: Union[str, Bytes, None] = None,
    key: Union[Key, str, None] = None,
    certificate: Union[Bytes, Path, None] = None,
    resume: bool = False,
) -> SSLContext:
    """As :func:`ssl.create_default_context`: servers are verified, by the
    CAs given or else by the system's."""
    if isinstance(card, ssl.Purpose):
        card, purpose = None, card  # type: ignore[assignment]
    if purpose is not ssl.Purpose.SERVER_AUTH:
        raise _failures.not_here(f"{purpose}", "only clients have a card")
    context = SSLContext(
        card, key=key, certificate=certificate, resume=resume
    )
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    else:
        context.load_default_certs()
    return context
