# SPDX-License-Identifier: LGPL-2.1-or-later
"""The SIM card as the TLS identity of a Linux device.

    with iotsafe.open("at:/dev/ttyUSB2") as card:
        key = card.key("client")
        tls = iotsafe.TLSSocket(sock, key, server_name="broker.example")
        tls.sendall(b"hello")

Cards are named by addresses, objects on them as in iotsafe.h: ``client`` or
``label=client;type=private`` or ``id=01``; None is the card's identity.
Importing the package also registers the URL scheme ``iotsafe:`` with GnuTLS
for this process.

:class:`iotsafe.SSLContext` stands where an :class:`ssl.SSLContext` stood, for
libraries that take one (:mod:`iotsafe.ssl`); :mod:`iotsafe.requests` is for
requests.

Every object may be used from any thread. One that was opened before ``fork``
raises :class:`ClosedError` in the child.

Secrets that come out (:meth:`Key.agree`, :meth:`Card.prf`, …) are bytes, which
Python cannot wipe: let go of them soon, and leave a key on the card where the
card can do the work.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any
from typing import List as _List

from ._core import version as _version
from .card import Card, open, set_applet_pin, set_pin, trace
from .errors import (
    AbsentError,
    AmbiguousError,
    ArgumentError,
    BusyError,
    CancelledError,
    CardError,
    ClosedError,
    DeniedError,
    Error,
    FormatError,
    LinkError,
    ModemError,
    OutOfMemoryError,
    PinError,
    TimeoutError,
    TLSError,
    UnsupportedError,
    UntrustedError,
    UseAfterCloseError,
    VerifyError,
    WantCardError,
    WantError,
    WantReadError,
    WantWriteError,
)
from .issued import verify_certificate
from .key import Key
from .objects import Flag, Object
from .seal import Seal, hkdf_expand
from .tls import TLSSocket

if _TYPE_CHECKING:
    from .ssl import SSLContext as SSLContext

__version__ = _version()

__all__ = [
    "AbsentError",
    "AmbiguousError",
    "ArgumentError",
    "BusyError",
    "CancelledError",
    "Card",
    "CardError",
    "ClosedError",
    "DeniedError",
    "Error",
    "Flag",
    "FormatError",
    "Key",
    "LinkError",
    "ModemError",
    "Object",
    "OutOfMemoryError",
    "PinError",
    "Seal",
    "TLSError",
    "TLSSocket",
    "TimeoutError",
    "UnsupportedError",
    "UntrustedError",
    "UseAfterCloseError",
    "VerifyError",
    "WantCardError",
    "WantError",
    "WantReadError",
    "WantWriteError",
    "hkdf_expand",
    "open",
    "set_applet_pin",
    "set_pin",
    "trace",
    "verify_certificate",
]


def __getattr__(name: str) -> _Any:
    # They load OpenSSL's ssl module, which many programs do without.
    if name not in ("ssl", "SSLContext"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(".ssl", __name__)
    return module if name == "ssl" else module.SSLContext


def __dir__() -> _List[str]:
    return sorted({*globals(), "ssl", "SSLContext"})
