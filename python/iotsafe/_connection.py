# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the two kinds of connection of :mod:`iotsafe.ssl` have in common: the
socket and the session between two buffers."""

from __future__ import annotations

import hashlib
import ssl
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from . import _ciphers, _core, _failures, errors
from ._session import Session

if TYPE_CHECKING:
    from ._context import SSLContext

T = TypeVar("T")


class SSLSession:
    """What resumes a session later without the card, as the ``session`` of
    another connection. Holds a secret."""

    timeout = 0  # the server's business, which GnuTLS does not tell
    ticket_lifetime_hint = 0
    has_ticket = True

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.time = int(time.time())
        self.id = hashlib.sha256(data).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SSLSession) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle a session: it is a secret")


class Connection(Session):
    """A session with the settings of a context, whose failures are ssl's."""

    server_side = False

    _started = False
    _finished = False

    def _begin(
        self,
        context: SSLContext,
        server_side: bool,
        server_hostname: Union[str, bytes, None],
        session: Any,
    ) -> None:
        self._context = context
        if server_side:
            raise _failures.not_here("server_side", "only clients have a card")
        hostname = context._ascii(server_hostname)
        _failures.calling(context._new_session, self, hostname)
        if session is not None:
            self._offer(session)

    def _offer(self, session: Any) -> None:
        if not isinstance(session, SSLSession):
            raise TypeError("Value is not a SSLSession.")
        if self._finished:
            raise _failures.argument("Cannot set session after handshake.")
        data = memoryview(session._data)
        _failures.calling(_core.tls_set_session, self._opened(), data)

    def _call(
        self,
        what: str,
        deadline: Optional[float],
        function: Callable[..., T],
        *arguments: Any,
    ) -> T:
        # OpenSSL shakes hands with the first byte if nobody has asked it to.
        if what in ("send", "receive") and not self._finished:
            self.do_handshake()
        try:
            return super()._call(what, deadline, function, *arguments)
        except errors.Error as error:
            raise _failures.of(error) from None

    def do_handshake(self) -> None:
        raise NotImplementedError

    def _start(self) -> None:
        """A handshake begins, or goes on."""
        if not self._started:
            self._started = True
            self._context._count("connect")

    def _finish(self) -> None:
        """The handshake is done."""
        if not self._finished:
            self._finished = True
            hits = ["hits"] if self.session_reused else []
            self._context._count("connect_good", *hits)

    @property
    def context(self) -> SSLContext:
        return self._context

    @context.setter
    def context(self, context: Any) -> None:
        raise _failures.not_here("context", "only servers change it")

    @property  # type: ignore[override]
    def session(self) -> Optional[SSLSession]:
        """What resumes this session later; None while there is nothing: with
        TLS 1.3 it comes with the first data."""
        data = self._if_open(lambda: super(Connection, self).session)
        return None if data is None else SSLSession(data)

    @session.setter
    def session(self, session: Any) -> None:
        self._offer(session)

    @property  # type: ignore[override]
    def session_reused(self) -> Optional[bool]:
        """Whether an earlier session was resumed, without the card."""
        return self._if_open(lambda: super(Connection, self).session_reused)

    def _if_open(self, ask: Callable[[], T]) -> Optional[T]:
        """None once closed: logs ask what was agreed on, and ssl says so."""
        try:
            return ask()
        except errors.UseAfterCloseError:
            return None

    def version(self) -> Optional[str]:
        """ "TLSv1.3" or "TLSv1.2"; None before the handshake, and once
        closed."""
        return self._if_open(super().version)

    def selected_alpn_protocol(self) -> Optional[str]:
        """The protocol agreed on by ALPN, None if none."""
        return self._if_open(super().selected_alpn_protocol)

    def cipher(self) -> Optional[Tuple[str, Optional[str], int]]:
        """The cipher suite's name as OpenSSL has it, the version and the
        secret bits; None before the handshake, and once closed."""
        found = self._if_open(super().cipher)
        if found is None:
            return None
        name, version, bits = found
        return _ciphers.openssl_name(name), version, bits

    def getpeercert(
        self, binary_form: bool = False
    ) -> Union[Dict[str, Any], bytes, None]:
        """The server's certificate: DER, or what :mod:`ssl` makes of it,
        which is empty where the server was not verified."""
        self._opened()
        if not self._finished:
            raise ValueError("handshake not done yet")  # as ssl says it
        return super().getpeercert(binary_form)

    def pending(self) -> int:
        """How many bytes can be received without the network."""
        with self._lock:
            return 0 if self._tls is None else _core.tls_pending(self._tls)

    def get_unverified_chain(self) -> List[bytes]:
        """The server's certificates as it sent them, DER."""
        return self.peer_chain()

    def get_channel_binding(self, cb_type: str = "tls-unique") -> bytes:
        """Channel binding (RFC 9266): "tls-exporter"."""
        if cb_type != "tls-exporter":
            raise _failures.not_here(
                f"get_channel_binding({cb_type!r})", 'there is "tls-exporter"'
            )
        return _failures.calling(
            self.export, "EXPORTER-Channel-Binding", 32, b""
        )

    def compression(self) -> None:
        """None: GnuTLS has no compression."""

    def shared_ciphers(self) -> None:
        """None, as always with clients."""

    def selected_npn_protocol(self) -> None:
        """None: this is ALPN's forerunner."""

    def verify_client_post_handshake(self) -> None:
        raise _failures.not_here(
            "verify_client_post_handshake", "only servers can"
        )
