# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS and DTLS sockets whose client key is in the SIM."""

from __future__ import annotations

import os
import re
import select
import socket
import threading
import time
import warnings
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
from .card import Bytes, Card, Key, milliseconds
from .errors import (
    AbsentError,
    ArgumentError,
    ClosedError,
    Error,
    TimeoutError,
    UseAfterCloseError,
    WantCardError,
    WantError,
)

Path = Union[str, "os.PathLike[str]"]
T = TypeVar("T")

_RECORD_MAX = 16384
_TCP_CLOSE = 7  # state of a connection that was reset, in linux/tcp.h


class _Unset:
    """Stands for an argument left out, where None has a meaning."""


_UNSET = _Unset()


def _version_number(version: Optional[str]) -> int:
    numbers = {None: 0, "TLSv1.2": 12, "TLSv1.3": 13}
    if version not in numbers:
        raise ArgumentError(f"{version!r} is neither TLSv1.2 nor TLSv1.3")
    return numbers[version]


def _no_flags(flags: int) -> None:
    if flags:
        raise ArgumentError("flags have no meaning on a TLS socket")


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
    poller = select.poll()
    poller.register(fd, events)
    poller.poll(wait)
    return True


class TLSSocket:
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

    A peer that hangs up without good-bye ends the data too, as many do;
    without ``suppress_ragged_eofs`` it is a :class:`ClosedError`, as a
    connection that was cut off always is.

    Calls wait as the socket's time-out says, and Ctrl-C ends the wait. With
    time-out 0 a call that would wait raises a :class:`WantError`: wait as
    :meth:`poll` says, then make the same call again. One thread may receive
    while another one sends.
    """

    server_side = False

    _tls: Optional[_core.iotsafe_tls] = None
    _sock: Optional[socket.socket] = None

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
        server_name: Union[str, None, _Unset] = _UNSET,
        alpn: Optional[Sequence[str]] = None,
        minimum_version: Optional[str] = None,
        maximum_version: Optional[str] = None,
        priority: Optional[str] = None,
        verify: bool = True,
        do_handshake: bool = True,
        suppress_ragged_eofs: bool = True,
    ) -> None:
        if isinstance(sock, TLSSocket):
            raise TypeError("a TLS socket cannot carry another one")
        self._lock = threading.Lock()
        self._closed = False
        self._io_refs = 0  # files of makefile() that are still open
        self._verify = verify
        self._ragged_end_is_end = suppress_ragged_eofs
        self._timeout = sock.gettimeout()
        self.server_hostname: Optional[str] = None
        self.family, self.type, self.proto = sock.family, sock.type, sock.proto
        self._sock = socket.socket(
            self.family, self.type, self.proto, sock.detach()
        )
        try:
            self._tls = self._session(key, card)
            self._set_certificate(key, certificate)
            self._set_trust(ca_file, ca_data, card_ca)
            self._set_server_name(server_name)
            self._set_versions(minimum_version, maximum_version, priority)
            if alpn:
                _core.tls_set_alpn(self._tls, ",".join(alpn))
            if do_handshake:
                self._first_handshake()
        except BaseException:
            self._drop()
            raise

    # Before the handshake

    def _session(
        self, key: Union[Key, str, None], card: Optional[Card]
    ) -> _core.iotsafe_tls:
        datagram = self.type == socket.SOCK_DGRAM
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
            # The library takes names: this is one for bytes in memory.
            with open(os.memfd_create("certificate"), "wb", 0) as file:
                file.write(certificate)
                name = f"/proc/self/fd/{file.fileno()}"
                _core.tls_set_certificate(tls, name)
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

    def _set_server_name(self, name: Union[str, None, _Unset]) -> None:
        if isinstance(name, _Unset):
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

    def _first_handshake(self) -> None:
        if self._timeout == 0:
            raise ArgumentError(
                "a socket with time-out 0 needs do_handshake=False"
            )
        self.do_handshake()

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
                raise TimeoutError(
                    f"TLS {what}: waited {self._timeout:g} s for the {whom}"
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
        try:
            info = self._sock.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 1
            )
        except OSError:  # not TCP
            return True
        return info[0] != _TCP_CLOSE

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
            self._drop()

    def shutdown(self, how: int) -> None:
        """Says good-bye, unless only receiving ends, and shuts the socket
        down."""
        if how != socket.SHUT_RD:
            self._say_goodbye()
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
