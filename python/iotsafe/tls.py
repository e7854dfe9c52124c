# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and DTLS sockets whose client key is in the SIM."""

from __future__ import annotations

import contextlib
import socket
import warnings
from typing import Any, Optional, Sequence, Tuple, Union

from . import _core
from ._session import UNSET, Pin, Session, Unset
from ._values import Bytes, Path
from .card import Card
from .errors import ArgumentError, ClosedError, Error, UseAfterCloseError
from .key import Key

_RECORD_MAX = 16384
_EMPTY_MAX = 16  # pieces: who floods us is not waited for
_TCP_CLOSE = 7  # state of a connection that was reset, in linux/tcp.h


def _no_flags(flags: int) -> None:
    if flags:
        raise ArgumentError("flags have no meaning on a TLS socket")


class TLSSocket(Session):
    """A TLS connection over a connected socket, or DTLS over a datagram one.

    The socket is taken over, whatever happens: closed when this fails, and
    when this is closed. Its time-out is kept.

    ``key`` is a :class:`Key`, or a name on ``card``. Without it ``card`` gives
    its identity, and without both there is no client certificate.
    ``certificate`` replaces the key's own: by a name on the card, a path that
    begins with a slash, or the bytes themselves.

    The server is trusted if its certificate leads to one of ``ca_file``,
    ``ca_data`` (PEM or DER) or ``card_ca`` (a name on the card; True: every
    CA there), or, where none is given, to one of the system's; and if it is
    for ``server_name``. That must be given; None takes any name.
    ``verify=False`` trusts everybody.

    Instead of CAs, ``ca_key`` names the public key on the card with which
    the card itself verifies the server's topmost certificate; ``pin`` is the
    server's own public key, DER or the name of one on the card, or a list of
    these. With ``raw_key`` our side too shows a public key and no
    certificate.

    ``psk`` takes a pre-shared key in the place of all certificates: an
    identity, or that and the name of the secret key on the card. With
    ``psk_kind`` "derived" the card gives a key for the identity and for
    ``psk_context``; with "card" it computes the secrets of each session, TLS
    1.2 only.

    A server with a pin or a pre-shared key is known by that alone: its name
    and its dates are not looked at, and ``server_name`` may be left out.

    Connections of an open card with the same server resume one another,
    without the card, as far as the server remembers: where name and port, key,
    certificate and what the server is verified by are the same. With
    ``resume=False`` the card signs for this one, and none resumes it.
    ``session`` is the :attr:`session` of an earlier connection, to go on with
    that one. ``card_random`` has the card make the client's random number.

    A peer that hangs up without good-bye ends the data too, as many do;
    without ``suppress_ragged_eofs`` it is a :class:`ClosedError`, as a
    connection that was cut off always is.

    Calls wait as the socket's time-out says, and Ctrl-C ends the wait. With
    time-out 0 a call that would wait raises a :class:`WantError`: wait as
    :meth:`poll` says, then make the same call again. One thread may receive
    while another one sends.
    """

    server_side = False

    _sock: Optional[socket.socket] = None
    _shut = False  # our side, by us

    def __init__(
        self,
        sock: socket.socket,
        key: Union[Key, str, None] = None,
        certificate: Union[Bytes, Path, None] = None,
        *,
        card: Optional[Card] = None,
        ca_file: Optional[Path] = None,
        ca_data: Optional[Bytes] = None,
        card_ca: Union[str, bool, None] = None,
        ca_key: Optional[str] = None,
        pin: Union[Pin, Sequence[Pin], None] = None,
        raw_key: bool = False,
        psk: Union[str, Tuple[str, Optional[str]], None] = None,
        psk_kind: str = "derived",
        psk_context: Bytes = b"",
        session: Optional[Bytes] = None,
        resume: bool = True,
        card_random: bool = False,
        server_name: Union[str, None, Unset] = UNSET,
        alpn: Optional[Sequence[str]] = None,
        minimum_version: Optional[str] = None,
        maximum_version: Optional[str] = None,
        priority: Optional[str] = None,
        verify: bool = True,
        do_handshake: bool = True,
        suppress_ragged_eofs: bool = True,
    ) -> None:
        super().__init__(sock.gettimeout(), verify)
        self._take(sock, suppress_ragged_eofs)
        try:
            datagram = self.type == socket.SOCK_DGRAM
            self._tls = self._new(key, card, datagram)
            self._set_certificate(key, certificate)
            self._set_trust(ca_file, ca_data, card_ca)
            self._set_server_key(ca_key, pin)
            self._set_psk(psk, psk_kind, psk_context)
            if isinstance(server_name, Unset) and (pin or psk):
                server_name = None
            self._set_server_name(server_name)
            self._set_versions(minimum_version, maximum_version, priority)
            self._set_handshake(session, resume, raw_key, card_random)
            if alpn:
                _core.tls_set_alpn(self._tls, ",".join(alpn))
            if do_handshake:
                self._first_handshake()
        except BaseException:
            self._drop()
            raise

    def _take(self, sock: socket.socket, ragged_end_is_end: bool) -> None:
        """Takes the socket over."""
        if isinstance(sock, TLSSocket):
            raise TypeError("a TLS socket cannot carry another one")
        self._closed = False
        self._io_refs = 0  # files of makefile() that are still open
        self._ragged_end_is_end = ragged_end_is_end
        self.family, self.type, self.proto = sock.family, sock.type, sock.proto
        self._sock = socket.socket(
            self.family, self.type, self.proto, sock.detach()
        )

    def _first_handshake(self) -> None:
        if self._timeout == 0:
            raise ArgumentError(
                "a socket with time-out 0 needs a handshake of its own: "
                "do_handshake=False, do_handshake_on_connect=False"
            )
        self.do_handshake()

    # Talking

    def do_handshake(self) -> None:
        """Agrees on keys with the server; the card signs once."""
        fd = self.fileno()
        self._call("handshake", self._deadline(), _core.tls_handshake, fd)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Up to ``size`` bytes as soon as there are some; b"" when the peer
        has closed. With DTLS one datagram."""
        _no_flags(flags)
        if size < 0:
            raise ArgumentError("a negative size")
        if size == 0:
            return b""
        try:
            return self._call(
                "receive",
                self._deadline(),
                _core.tls_receive,
                min(size, _RECORD_MAX),
            )
        except ClosedError:
            if self._ragged_end_is_end and self._peer_has_finished():
                return b""
            raise

    def recv_into(
        self,
        buffer: Union[bytearray, memoryview],
        nbytes: Optional[int] = None,
        flags: int = 0,
    ) -> int:
        """The same into a buffer; gives the number of bytes."""
        view = memoryview(buffer).cast("B")
        data = self.recv(min(nbytes or len(view), len(view)), flags)
        view[: len(data)] = data
        return len(data)

    def read(
        self,
        size: int = 1024,
        buffer: Union[bytearray, memoryview, None] = None,
    ) -> Union[bytes, int]:
        """:meth:`recv` or, with a buffer, :meth:`recv_into`."""
        if buffer is None:
            return self.recv(size)
        return self.recv_into(buffer, size)

    def send(self, data: Bytes, flags: int = 0) -> int:
        """Sends some of the bytes; gives how many. With DTLS one datagram."""
        _no_flags(flags)
        return self._send(memoryview(data).cast("B"), self._deadline())

    write = send

    def sendall(self, data: Bytes, flags: int = 0) -> None:
        """Sends all of the bytes within one time-out."""
        _no_flags(flags)
        view = memoryview(data).cast("B")
        deadline = self._deadline()
        while view:
            view = view[self._send(view, deadline) :]

    def _send(self, view: memoryview, deadline: Optional[float]) -> int:
        if self.type != socket.SOCK_DGRAM:
            view = view[:_RECORD_MAX]
        return self._call("send", deadline, _core.tls_send, view)

    def pending(self) -> int:
        """How many bytes can be received without the descriptor: nothing
        that waits for the descriptor knows of them."""
        with self._lock:
            return _core.tls_pending(self._opened())

    # The reference counting of socket.socket, which its makefile() and the
    # files it makes rely on: http.client closes the socket before it reads
    # the answer.
    makefile = socket.socket.makefile

    def _decref_socketios(self) -> None:
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed:
            self.close()

    # The socket below

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise UseAfterCloseError("the TLS socket was closed")
        return self._sock

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return -1 if self._sock is None else self._sock.fileno()

    def _peer_has_finished(self) -> bool:
        """Whether the peer has ended its side, rather than cut us off."""
        if self._sock is None:
            return False
        if self._shut:  # both sides have ended: that is a closed state too
            return True
        try:
            info = self._sock.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 1
            )
        except OSError:  # not TCP
            return True
        return info[0] != _TCP_CLOSE

    def get_inheritable(self) -> bool:
        return self._socket().get_inheritable()

    def set_inheritable(self, inheritable: bool) -> None:
        self._socket().set_inheritable(inheritable)

    def getpeername(self) -> Any:
        return self._socket().getpeername()

    def getsockname(self) -> Any:
        return self._socket().getsockname()

    def getsockopt(self, level: int, option: int, *size: int) -> Any:
        return self._socket().getsockopt(level, option, *size)

    def setsockopt(self, level: int, option: int, *value: Any) -> None:
        self._socket().setsockopt(level, option, *value)

    # Leaving

    def close(self) -> None:
        """Says good-bye if that goes at once, and closes the socket, after
        the last file of :meth:`makefile`. Calling it again does no harm."""
        self._closed = True
        if self._io_refs <= 0:
            self._say_goodbye()
            self._empty()
            self._drop()

    def shutdown(self, how: int) -> None:
        """Says good-bye, unless only receiving ends, and shuts the socket
        down."""
        if how != socket.SHUT_RD:
            self._say_goodbye()
            self._shut = True
        self._socket().shutdown(how)

    def unwrap(self) -> socket.socket:
        """Says good-bye, waits for the peer's, and gives back the socket
        without TLS. What the peer still sends before that is dropped."""
        deadline = self._deadline()
        self._call("close", deadline, _core.tls_close)
        while self._call("close", deadline, _core.tls_receive, _RECORD_MAX):
            pass
        sock = self._socket()
        sock.settimeout(self._timeout)
        self._sock = None
        self._drop()
        return sock

    def detach(self) -> int:
        """Forgets the session without a word and gives up the descriptor."""
        fd = self._socket().detach()
        self._drop()
        return fd

    def _say_goodbye(self) -> None:
        with self._lock:
            if self._tls is None:
                return
            try:
                _core.tls_close(self._tls, 0)
            except Error:
                pass  # the peer learns it from the end of the connection

    def _empty(self) -> None:
        """Takes what nobody read, tickets of TLS 1.3 at least: closing the
        socket over it would reset the connection, and the peer would lose
        what it has not read of ours."""
        sock = self._sock
        if sock is None or self.type == socket.SOCK_DGRAM:
            return
        with contextlib.suppress(OSError):
            for _ in range(_EMPTY_MAX):
                if not sock.recv(_RECORD_MAX, socket.MSG_DONTWAIT):
                    break

    def _drop(self) -> None:
        # The session first: while it works it uses the descriptor.
        with self._lock:
            self._tls = None
            sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def __enter__(self) -> TLSSocket:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._sock is not None:
            warnings.warn(
                f"unclosed {self!r}", ResourceWarning, source=self
            )
            self._drop()

    def __repr__(self) -> str:
        if self._sock is None:
            return "<iotsafe.TLSSocket closed>"
        return (
            f"<iotsafe.TLSSocket fd={self.fileno()} "
            f"server_name={self.server_hostname!r}>"
        )
