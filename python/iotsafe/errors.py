# SPDX-License-Identifier: LGPL-2.1-or-later
"""The exceptions: one class for each code of the library.

Each carries ``code`` (the number in iotsafe.h), ``name`` (its name there),
``status`` (the card's status word, 0 if it was not the card) and one sentence
that says what failed. Where Python has a class for the same thing, ours is a
subclass of it too, so ``except TimeoutError`` works as well.

None is a ``ValueError``: some callers of TLS sockets take that for "no server
name, please" and connect again without checking it.
"""

import builtins
import errno

from . import _core


class Error(OSError):
    """Something failed. The subclasses tell what."""

    code: int = 0

    def __init__(self, text: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.status = status

    @property
    def name(self) -> str:
        """The name of the code in C without its prefix: ``ERR_TIMEOUT``."""
        return _core.error_name(self.code)


class ArgumentError(Error):
    """The caller passed something invalid."""

    code = _core.ERR_ARG


class OutOfMemoryError(Error, MemoryError):
    """No memory."""

    code = _core.ERR_MEMORY


class UnsupportedError(Error):
    """This build, modem, card or key cannot."""

    code = _core.ERR_SUPPORT


class LinkError(Error):
    """The port is missing or unplugged, or a system call failed."""

    code = _core.ERR_IO


class BusyError(Error):
    """Another program holds the port, or the SIM is busy."""

    code = _core.ERR_BUSY


class TimeoutError(Error, builtins.TimeoutError):
    """The deadline passed."""

    code = _core.ERR_TIMEOUT


class CancelledError(Error):
    """Another thread called :meth:`Card.cancel`."""

    code = _core.ERR_CANCELLED


class ModemError(Error):
    """The modem answered ERROR or +CME ERROR."""

    code = _core.ERR_MODEM


class CardError(Error):
    """The card answered a status word other than 9000."""

    code = _core.ERR_CARD


class DeniedError(CardError, PermissionError):
    """The card refused because access is not allowed."""

    code = _core.ERR_DENIED


class PinError(CardError, PermissionError):
    """A PIN is needed, wrong or blocked. Never repeat blindly."""

    code = _core.ERR_PIN


class AbsentError(Error, LookupError):
    """No such SIM, applet, key, file or certificate."""

    code = _core.ERR_ABSENT


class AmbiguousError(Error, LookupError):
    """Several objects match; the text lists them."""

    code = _core.ERR_AMBIGUOUS


class FormatError(Error):
    """An answer could not be understood."""

    code = _core.ERR_FORMAT


class VerifyError(Error):
    """A signature does not verify, or key and certificate differ."""

    code = _core.ERR_VERIFY


class TLSError(Error):
    """TLS failed; GnuTLS's words are in the text."""

    code = _core.ERR_TLS


class UntrustedError(TLSError):
    """The peer could not be authenticated. Do not connect."""

    code = _core.ERR_UNTRUSTED


class ClosedError(Error, ConnectionError):
    """The peer, the card or the handle has gone."""

    code = _core.ERR_CLOSED


class UseAfterCloseError(ClosedError):
    """This object was closed by this program."""

    def __init__(self, text: str = "", status: int = 0) -> None:
        super().__init__(text, status)
        self.errno = errno.EBADF


class WantError(Error, BlockingIOError):
    """Not yet: wait as :meth:`TLSSocket.poll` says, then call again."""

    def __init__(self, text: str = "", status: int = 0) -> None:
        super().__init__(text or "the operation would block", status)
        self.errno = errno.EAGAIN


class WantReadError(WantError):
    """The socket has to become readable first."""

    code = _core.WANT_READ


class WantWriteError(WantError):
    """The socket has to become writable first."""

    code = _core.WANT_WRITE


class WantCardError(WantError):
    """The card has to answer first."""

    code = _core.WANT_CARD


_BY_CODE = {
    each.code: each
    for each in (
        ArgumentError,
        OutOfMemoryError,
        UnsupportedError,
        LinkError,
        BusyError,
        TimeoutError,
        CancelledError,
        ModemError,
        CardError,
        DeniedError,
        PinError,
        AbsentError,
        AmbiguousError,
        FormatError,
        VerifyError,
        TLSError,
        UntrustedError,
        ClosedError,
        WantReadError,
        WantWriteError,
        WantCardError,
    )
}


def failure(code: int, text: str, status: int) -> Error:
    """The exception for a result of the library; the extension calls this."""
    kind = _BY_CODE.get(code)
    if kind is None:
        error = Error(text, status)
        error.code = code
        return error
    if issubclass(kind, WantError):
        return kind()
    return kind(text, status)
