# SPDX-License-Identifier: LGPL-2.1-or-later
"""The socket that :meth:`iotsafe.ssl.SSLContext.wrap_socket` gives."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    NoReturn,
    Optional,
    Union,
)

from . import _failures
from ._connection import Connection
from ._values import Bytes
from .tls import TLSSocket

if TYPE_CHECKING:
    from ._context import SSLContext

_PIECE = 16384


class _FileEnd:
    """What the files of a socket hold of it. They go on without TLS when that
    is taken off; the socket itself never does."""

    def __init__(self, tls: SSLSocket) -> None:
        self.__dict__["_tls"] = tls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls._plain or self._tls, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tls, name, value)

    def _decref_socketios(self) -> None:
        self._tls._decref_socketios()


class SSLSocket(Connection, TLSSocket):
    """A TLS connection with the members and manners of
    :class:`ssl.SSLSocket`. No subclass of it, nor of ``socket.socket``: that
    would be a second owner of the descriptor."""

    _plain: Optional[socket.socket] = None  # for files, once unwrapped

    def __init__(
        self,
        context: SSLContext,
        sock: socket.socket,
        server_side: bool,
        do_handshake_on_connect: bool,
        suppress_ragged_eofs: bool,
        server_hostname: Union[str, bytes, None],
        session: Any,
    ) -> None:
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) != (
            socket.SOCK_STREAM
        ):
            raise _failures.not_here(
                "wrap_socket", "only streams; DTLS is iotsafe.TLSSocket's"
            )
        if isinstance(sock, (ssl.SSLSocket, TLSSocket)):
            raise _failures.not_here(
                "wrap_socket", "TLS in TLS goes through wrap_bio"
            )
        Connection.__init__(
            self, sock.gettimeout(), context.verify_mode != ssl.CERT_NONE
        )
        self.suppress_ragged_eofs = suppress_ragged_eofs
        self.do_handshake_on_connect = do_handshake_on_connect
        self._take(sock, suppress_ragged_eofs)
        try:
            self._begin(context, server_side, server_hostname, session)
            self._connected = self._is_connected()
            if self._connected and do_handshake_on_connect:
                _failures.calling(self._first_handshake)
        except BaseException:
            self._drop()
            raise

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """For isinstance(): ftplib and websocket-client ask whether this is
        an ssl.SSLSocket, and take it for a plain one otherwise. asyncio asks
        too, to turn those away that have time-out 0; it can work on ours."""
        return SSLSocket if self._timeout == 0 else ssl.SSLSocket

    @property
    def _sslobj(self) -> Optional[SSLSocket]:
        """What httpcore asks which protocol was agreed on, of a socket that
        is ssl's; ssl has None there before there is a session."""
        return self if self._finished and self._tls else None

    def _is_connected(self) -> bool:
        try:
            self.getpeername()
        except OSError as error:
            if error.errno == errno.ENOTCONN:
                return False
            raise
        return True

    def bind(self, address: Any) -> None:
        """Gives the socket below an address of its own."""
        self._socket().bind(address)

    def connect(self, address: Any) -> None:
        """Connects the socket below, and shakes hands."""
        if self._connected:
            raise OSError(errno.EISCONN, "the socket is connected already")
        sock = self._socket()
        sock.settimeout(self._timeout)
        sock.connect(address)
        self._connected = True
        if self.do_handshake_on_connect:
            self.do_handshake()

    def connect_ex(self, address: Any) -> int:
        """The same; gives the error number of a connection that failed."""
        if self._connected:
            return errno.EISCONN
        sock = self._socket()
        sock.settimeout(self._timeout)
        result = sock.connect_ex(address)
        if not result:
            self._connected = True
            if self.do_handshake_on_connect:
                self.do_handshake()
        return result

    def do_handshake(self, block: bool = False) -> None:
        """Agrees on keys with the server; the card signs once. With
        ``block`` it waits even if the time-out is 0."""
        if not self._connected:
            self.getpeername()  # or says that it is not connected
            self._connected = True
        self._start()
        timeout = self._timeout
        if block and timeout == 0:
            self._timeout = None
        try:
            TLSSocket.do_handshake(self)
        finally:
            self._timeout = timeout
        self._finish()

    def makefile(self, *arguments: Any, **options: Any) -> Any:
        """As that of a socket."""
        if self._plain is not None:
            self._opened()  # says that it is not
        return socket.socket.makefile(
            _FileEnd(self), *arguments, **options  # type: ignore[arg-type]
        )

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Up to so many bytes as soon as there are some; b"" when the peer
        has closed."""
        return super().recv(buflen, flags)

    def read(
        self,
        len: int = 1024,
        buffer: Union[bytearray, memoryview, None] = None,
    ) -> Union[bytes, int]:
        """The same or, with a buffer, how many bytes went into it."""
        return super().read(len, buffer)

    def unwrap(self) -> socket.socket:
        """Says good-bye, waits for the peer's, and gives back the socket
        without TLS. Files of :meth:`makefile` go on with that, as those of
        ssl do: ftplib keeps its own when it takes TLS off (CCC). The end of
        this socket is the end of that one, which with ssl is the same."""
        self._plain = super().unwrap()
        return self._plain

    def shutdown(self, how: int) -> None:
        """Says good-bye, unless only receiving ends, and shuts the socket
        down."""
        if self._plain is not None:
            self._plain.shutdown(how)
        else:
            super().shutdown(how)

    def close(self) -> None:
        """Says good-bye if that goes at once, and closes the socket, after
        the last file of :meth:`makefile`. Calling it again does no harm."""
        super().close()
        if self._plain is not None and self._io_refs <= 0:
            self._plain.close()

    def detach(self) -> int:
        """Forgets the session without a word and gives up the descriptor;
        -1 once closed."""
        if self._plain is not None:
            return self._plain.detach()
        return -1 if self._sock is None else super().detach()

    def send(self, data: Bytes, flags: int = 0) -> int:
        """Sends all of the bytes, as OpenSSL does where it may wait; with
        time-out 0 some of them. Gives how many."""
        if self._timeout == 0:
            return super().send(data, flags)
        self.sendall(data, flags)
        return memoryview(data).nbytes

    write = send

    @property
    def timeout(self) -> Optional[float]:
        return self._timeout

    def sendfile(
        self, file: BinaryIO, offset: int = 0, count: Optional[int] = None
    ) -> int:
        """Sends a file, or ``count`` bytes of it; gives how many went."""
        if self._timeout == 0:
            raise _failures.argument("sendfile wants a socket that may wait")
        total = 0
        file.seek(offset)
        while count is None or total < count:
            size = _PIECE if count is None else min(_PIECE, count - total)
            piece = file.read(size)
            if not piece:
                break
            self.sendall(piece)
            total += len(piece)
        file.seek(offset + total)
        return total

    # What no TLS socket can

    def dup(self) -> NoReturn:
        raise _failures.not_here("dup", "a session has one socket")

    def sendto(self, *_: Any) -> NoReturn:
        raise _failures.not_here("sendto", "the socket is connected: send")

    def sendmsg(self, *_: Any) -> NoReturn:
        raise _failures.not_here("sendmsg", "it would send without TLS")

    def recvfrom(self, *_: Any) -> NoReturn:
        raise _failures.not_here("recvfrom", "the socket is connected: recv")

    def recvfrom_into(self, *_: Any) -> NoReturn:
        raise _failures.not_here("recvfrom_into", "use recv_into")

    def recvmsg(self, *_: Any) -> NoReturn:
        raise _failures.not_here("recvmsg", "it would receive without TLS")

    def recvmsg_into(self, *_: Any) -> NoReturn:
        raise _failures.not_here("recvmsg_into", "use recv_into")

    def listen(self, *_: Any) -> NoReturn:
        raise _failures.not_here("listen", "only clients have a card")

    def accept(self) -> NoReturn:
        raise _failures.not_here("accept", "only clients have a card")

    def __repr__(self) -> str:
        return TLSSocket.__repr__(self).replace("TLSSocket", "ssl.SSLSocket")
