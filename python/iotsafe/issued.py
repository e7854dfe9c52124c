# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a certificate leads to a root that is trusted."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Optional, Union

from . import _core
from ._values import Bytes, Path


def _seconds(at: Union[datetime, float, None]) -> int:
    if at is None:
        return -1
    if not isinstance(at, datetime):
        return int(at)
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone.utc)
    return int(at.timestamp())


def verify_certificate(
    data: Bytes,
    bundle: Path,
    at: Union[datetime, float, None] = None,
    ignore_ca_expiry: bool = False,
) -> None:
    """Verifies a certificate (DER, or PEM with more of its chain behind it)
    with the CA certificates of a file, or of the files of a directory; raises
    :class:`UntrustedError` with the reason.

    ``at`` is the time at which it has to be valid, a datetime (of UTC where
    it has no zone) or seconds since 1970; None: now. ``ignore_ca_expiry``
    takes CA certificates that have expired all the same, as the first ones of
    Trust Onboard have.
    """
    flags = _core.VERIFY_IGNORE_CA_EXPIRY if ignore_ca_expiry else 0
    _core.certificate_verify(memoryview(data), bundle, _seconds(at), flags)
