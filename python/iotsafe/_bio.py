# SPDX-License-Identifier: LGPL-2.1-or-later
"""The session that :meth:`iotsafe.ssl.SSLContext.wrap_bio` gives.

The library works on descriptors. Here it gets one end of a pair of sockets;
what comes out of the other end goes into the outgoing buffer, and what is in
the incoming one goes in there, as much as there is room for: the rest stays
where it is until the session has made room.
"""

from __future__ import annotations

import socket
import ssl
import warnings
from typing import TYPE_CHECKING, Any, Callable, TypeVar, Union

from . import _core, _failures, errors
from ._connection import Connection
from ._session import _POLLIN, _poll, _wait_for
from ._values import Bytes

if TYPE_CHECKING:
    from ._context import SSLContext

T = TypeVar("T")

_RECORD_MAX = 16384
_PIECE = 65536
# Always set from the start, where ssl has it.
_OP_IGNORE_UNEXPECTED_EOF = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


class SSLObject(Connection):
    """A TLS session with the members and manners of :class:`ssl.SSLObject`.

    No call waits for the network, but ``do_handshake`` waits for the card
    where that has to sign.
    """

    _ended = False  # the incoming buffer was, and the session knows
    _said_goodbye = False

    def __init__(
        self,
        context: SSLContext,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool,
        server_hostname: Union[str, bytes, None],
        session: Any,
    ) -> None:
        if server_side:
            # asyncio asks for it with the first client, and tells nobody.
            warnings.warn(
                "iotsafe.ssl: server_side: only clients have a card",
                RuntimeWarning,
                stacklevel=3,
            )
        super().__init__(0, context.verify_mode != ssl.CERT_NONE)
        self._incoming, self._outgoing = incoming, outgoing
        self._rest = b""  # out of the incoming buffer, not in the pair yet
        self._near, self._far = socket.socketpair()
        self._far.setblocking(False)
        self._begin(context, server_side, server_hostname, session)

    def __del__(self) -> None:
        self._tls = None  # which uses the descriptor
        for end in ("_near", "_far"):
            if hasattr(self, end):
                getattr(self, end).close()

    def _move(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        """Goes on between two other buffers, with nothing lost."""
        self._rest += self._incoming.read()
        outgoing.write(self._outgoing.read())
        self._incoming, self._outgoing = incoming, outgoing

    # Between the buffers and the pair

    def _feed(self) -> None:
        while True:
            self._rest = self._rest or self._incoming.read(_PIECE)
            if not self._rest:
                break
            try:
                self._rest = self._rest[self._far.send(self._rest) :]
            except BlockingIOError:
                return
        if self._incoming.eof and not self._ended:
            self._ended = True
            self._far.shutdown(socket.SHUT_WR)

    def _drain(self) -> int:
        count = 0
        while True:
            try:
                data = self._far.recv(_PIECE)
            except BlockingIOError:
                return count
            self._outgoing.write(data)
            count += len(data)

    def _has_input(self) -> bool:
        """Whether the session has not taken all that it was fed."""
        return _wait_for(self._near.fileno(), _POLLIN, 0)

    def _wait_for_card(self) -> None:
        with self._lock:
            fd, events, limit = _core.tls_poll(self._opened())
        _poll(fd, events, limit, None)

    def _run(self, what: str, function: Callable[..., T], *rest: Any) -> T:
        """Makes a call of the library as often as it takes, until it wants
        what is not in the incoming buffer."""
        while True:
            self._feed()
            try:
                return self._call(what, None, function, *rest)
            except errors.WantCardError:
                self._wait_for_card()
            except errors.WantWriteError:
                if not self._drain():
                    raise
            except errors.WantReadError:
                self._drain()
                self._feed()
                if not self._has_input():
                    raise
            finally:
                self._drain()

    # As ssl has it

    def do_handshake(self) -> None:
        """Goes on with the handshake; the card signs once."""
        self._start()
        self._run("handshake", _core.tls_handshake, self._near.fileno())
        self._finish()

    def read(
        self,
        len: int = 1024,
        buffer: Union[bytearray, memoryview, None] = None,
    ) -> Union[bytes, int]:
        """Up to ``len`` bytes, or with a buffer how many went into it; b"" or
        0 when the peer has closed."""
        if buffer is None:
            return self._receive(len)
        view = memoryview(buffer).cast("B")
        data = self._receive(min(len, view.nbytes) if len > 0 else view.nbytes)
        size = memoryview(data).nbytes
        view[:size] = data
        return size

    def _receive(self, size: int) -> bytes:
        if size < 0:
            raise _failures.argument("a negative size")
        if size == 0:
            return b""
        return self._run_to_end("receive", min(size, _RECORD_MAX))

    def _run_to_end(self, what: str, size: int) -> bytes:
        try:
            return self._run(what, _core.tls_receive, size)
        except _failures.EOFError:
            ignored = self._context.options & _OP_IGNORE_UNEXPECTED_EOF
            if self._finished and self._ended and ignored:
                return b""
            raise

    def write(self, data: Bytes) -> int:
        """Encrypts the bytes, all of them as OpenSSL does: trio and anyio do
        not look at how many it was."""
        if self._said_goodbye:
            raise _failures.ZeroReturnError("TLS send: the session was closed")
        view = memoryview(data).cast("B")
        sent = 0
        while sent < view.nbytes:
            sent += self._run("send", _core.tls_send, view[sent:])
        return sent

    def unwrap(self) -> None:
        """Says good-bye, and waits for the peer's: raises SSLWantReadError
        until that has come. What comes before it is dropped; what comes
        behind it is in the incoming buffer again."""
        if not self._said_goodbye:
            self._run("close", _core.tls_close)
            self._said_goodbye = True
        while self._run_to_end("close", _RECORD_MAX):
            pass
        behind = b""
        while self._has_input():
            data = self._near.recv(_PIECE)
            behind += data
            if not data:
                break
        behind += self._rest + self._incoming.read()
        self._rest = b""
        if behind and not self._ended:
            self._incoming.write(behind)
