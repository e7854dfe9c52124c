# SPDX-License-Identifier: LGPL-2.1-or-later
"""Failures of :mod:`iotsafe.ssl`: each is the exception of this package and
the one that callers of :mod:`ssl` catch.

They have ``code`` and ``status``, and what ssl's have: the error number first,
``library`` and ``reason``. Only what ssl itself makes a ``ValueError`` is one: a
certificate that was not accepted.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, Callable, Dict, Tuple, Type, TypeVar

from . import _core, errors

T = TypeVar("T")


class _Mixed(errors.Error):
    """What all of them have in common."""

    number: int = ssl.SSL_ERROR_SSL
    library = "IOTSAFE"
    word = ""  # OpenSSL's for it, where programs ask for that

    def __init__(self, text: str = "", status: int = 0) -> None:
        # errors.Error would have the text alone, and ssl's print the number
        # and the text.
        words = f"[SSL: {self.word}] {text}" if self.word else text
        OSError.__init__(self, self.number, words)
        self.status = status
        self.reason = self.word or _core.error_name(self.code)
        self.verify_code, self.verify_message = self.code, text

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.verify_message, self.status)


class WantReadError(_Mixed, errors.WantReadError, ssl.SSLWantReadError):
    """The socket has to become readable first."""

    number = ssl.SSL_ERROR_WANT_READ

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """redis looks whether it is ssl's own, not one derived from it."""
        return ssl.SSLWantReadError


class WantWriteError(_Mixed, errors.WantWriteError, ssl.SSLWantWriteError):
    """The socket has to become writable first."""

    number = ssl.SSL_ERROR_WANT_WRITE

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return ssl.SSLWantWriteError


class WantCardError(_Mixed, errors.WantCardError, ssl.SSLWantWriteError):
    """The card has to answer first: :meth:`SSLSocket.poll` says what to wait
    for. Who only knows of sockets waits for this one to become writable,
    which it is, and asks again."""

    number = ssl.SSL_ERROR_WANT_WRITE


class EOFError(
    _Mixed, errors.ClosedError, ConnectionResetError, ssl.SSLEOFError
):
    """The peer, the card or the handle has gone. A ConnectionResetError too,
    since who keeps connections open tries again after that one."""

    number = ssl.SSL_ERROR_EOF


class ZeroReturnError(_Mixed, errors.ClosedError, ssl.SSLZeroReturnError):
    """The TLS session was closed in good order."""

    number = ssl.SSL_ERROR_ZERO_RETURN


class TimeoutError(errors.TimeoutError, socket.timeout):
    """The deadline passed. No SSLError, as in ssl."""


class CertVerificationError(
    _Mixed, errors.UntrustedError, ssl.SSLCertVerificationError
):
    """The server could not be authenticated. Do not connect."""

    word = "CERTIFICATE_VERIFY_FAILED"


class TLSError(_Mixed, errors.TLSError, ssl.SSLError, ConnectionError):
    """TLS failed, or the peer ended it. A ConnectionError too: with TLS 1.3 a
    server refuses a certificate when the handshake is long done, and paho's
    thread dies of what is no ConnectionError then."""


class NotHereError(
    _Mixed, errors.UnsupportedError, NotImplementedError, ssl.SSLError
):
    """A setting of OpenSSL's that means nothing here."""


_KINDS: Dict[Type[errors.Error], Type[errors.Error]] = {
    errors.WantReadError: WantReadError,
    errors.WantWriteError: WantWriteError,
    errors.WantCardError: WantCardError,
    errors.ClosedError: EOFError,
    errors.TLSError: TLSError,
    errors.TimeoutError: TimeoutError,
    errors.UntrustedError: CertVerificationError,
    # Of a closed socket ssl too says EBADF and no more.
    errors.UseAfterCloseError: errors.UseAfterCloseError,
}

# All others: the card's and the caller's failures, with an SSLError.
for _kind in errors._BY_CODE.values():
    if _kind not in _KINDS:
        _mixed = type(
            _kind.__name__,
            (_Mixed, _kind, ssl.SSLError),
            {"__doc__": _kind.__doc__, "__module__": __name__},
        )
        globals()[_kind.__name__] = _KINDS[_kind] = _mixed


def of(error: errors.Error) -> errors.Error:
    """The same failure as callers of ssl know it."""
    kind = _KINDS.get(type(error))
    if kind is None or kind is type(error):
        return error
    return kind(str(error), error.status)


def calling(function: Callable[..., T], *arguments: Any) -> T:
    """Calls a function of this package that raises plain exceptions."""
    try:
        return function(*arguments)
    except errors.Error as error:
        raise of(error) from None


def argument(text: str) -> errors.Error:
    """The caller passed something invalid; no ValueError, see errors.py."""
    return of(errors.ArgumentError(text))


def not_here(what: str, why: str) -> NotHereError:
    """The refusal of a setting, by its name."""
    return NotHereError(f"{what}: {why}")
