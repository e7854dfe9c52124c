# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where Python's :mod:`ssl` stood: contexts whose client key is in the SIM.

    context = iotsafe.ssl.create_default_context()
    urllib.request.urlopen("https://…", context=context)

Every library that takes an :class:`ssl.SSLContext` takes this one. What is
not defined here is ssl's own: ``iotsafe.ssl.CERT_REQUIRED``, ``SSLError``….
docs/python.md says what each setting means.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as _ssl
import time
from typing import Any, List, Optional, Tuple

from . import _failures
from ._bio import SSLObject
from ._connection import SSLSession
from ._context import SSLContext, create_default_context
from ._tls_socket import SSLSocket

__all__ = [
    "SSLContext",
    "SSLObject",
    "SSLSession",
    "SSLSocket",
    "create_default_context",
    "open_connection",
]

# They would give a connection of OpenSSL's, without the card.
_NOT_OURS = ("wrap_socket", "get_server_certificate", "SSLContext")

_PIECE = 16384


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name in _NOT_OURS:
        message = f"module {__name__!r} has no attribute {name!r}"
        if hasattr(_ssl, name) and name[:2] != "__":
            message += ": ssl's own would connect without the card"
        raise AttributeError(message)
    return getattr(_ssl, name)


def __dir__() -> List[str]:
    others = [x for x in dir(_ssl) if x[0] != "_" and x not in _NOT_OURS]
    return sorted({*globals(), *others})


class _Ready(_ssl.SSLContext):
    """Gives asyncio a session whose handshake is done."""

    session: SSLObject

    def wrap_bio(  # type: ignore[override]
        self, incoming: _ssl.MemoryBIO, outgoing: _ssl.MemoryBIO, **_: Any
    ) -> SSLObject:
        self.session._move(incoming, outgoing)
        return self.session


def _exchange(
    session: SSLObject,
    sock: socket.socket,
    incoming: _ssl.MemoryBIO,
    outgoing: _ssl.MemoryBIO,
) -> bool:
    """One step of a handshake; True when it was the last."""
    try:
        session.do_handshake()
        finished = True
    except _ssl.SSLWantReadError:
        finished = False
    if outgoing.pending:
        sock.sendall(outgoing.read())
    if not finished:
        data = sock.recv(_PIECE)
        incoming.write(data) if data else incoming.write_eof()
    return finished


def _shake_hands(
    context: SSLContext, host: str, port: int, name: str, timeout: float
) -> Tuple[socket.socket, SSLObject]:
    """Connects and shakes hands; waits, so it is work for a thread."""
    end = time.monotonic() + timeout
    incoming, outgoing = _ssl.MemoryBIO(), _ssl.MemoryBIO()
    sock = socket.create_connection((host, port), timeout)
    try:
        session = context.wrap_bio(incoming, outgoing, server_hostname=name)
        while not _exchange(session, sock, incoming, outgoing):
            left = end - time.monotonic()
            if left <= 0:
                raise _too_late(timeout)
            sock.settimeout(left)
    except BaseException:
        with contextlib.suppress(OSError):
            sock.sendall(outgoing.read())  # an alert that says why
        sock.close()
        raise
    return sock, session


def _too_late(timeout: float) -> Exception:
    return _failures.TimeoutError(
        f"TLS handshake timed out: not done in {timeout:g} s"
    )


def _discard(work: asyncio.Future[Tuple[socket.socket, SSLObject]]) -> None:
    """Nobody waits for this connection any more."""
    if not work.cancelled() and work.exception() is None:
        work.result()[0].close()


async def open_connection(
    host: str,
    port: int,
    *,
    ssl: SSLContext,
    server_hostname: Optional[str] = None,
    timeout: float = 60.0,
    **options: Any,
) -> Tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As :func:`asyncio.open_connection`, but the loop runs on while the card
    signs: connecting and the handshake are done in a thread."""
    name = server_hostname or host
    loop = asyncio.get_running_loop()
    work = loop.run_in_executor(
        None, _shake_hands, ssl, host, port, name, timeout
    )
    try:
        sock, session = await asyncio.wait_for(asyncio.shield(work), timeout)
    except asyncio.CancelledError:
        work.add_done_callback(_discard)
        raise
    except asyncio.TimeoutError:
        work.add_done_callback(_discard)
        raise _too_late(timeout) from None
    ready = _Ready(_ssl.PROTOCOL_TLS_CLIENT)
    ready.session = session
    return await asyncio.open_connection(
        sock=sock, ssl=ready, server_hostname=name, **options
    )
