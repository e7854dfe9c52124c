# SPDX-License-Identifier: LGPL-2.1-or-later
"""The card for :mod:`requests`:

    session = requests.Session()
    session.mount("https://", iotsafe.requests.CardAdapter())
"""

from __future__ import annotations

from typing import Any, Optional

from requests import certs, exceptions  # type: ignore[import]
from requests.adapters import HTTPAdapter  # type: ignore[import]

from ._context import SSLContext

__all__ = ["CardAdapter"]


class CardAdapter(HTTPAdapter):  # type: ignore[misc]
    """Makes the HTTPS connections of a session with this context; None: with
    one for the card in IOTSAFE_CARD.

    The CAs of ``verify`` are loaded into the context, and the system's where
    nothing is said: to what the context trusts already.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "_context"]

    def __init__(
        self, context: Optional[SSLContext] = None, **options: Any
    ) -> None:
        self._context = context or SSLContext()
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> Any:
        options["ssl_context"] = self._context
        return super().init_poolmanager(*arguments, **options)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        options["ssl_context"] = self._context
        return super().proxy_manager_for(proxy, **options)

    def cert_verify(
        self, conn: Any, url: str, verify: Any, cert: Any
    ) -> None:
        secure = url.lower().startswith("https")
        if secure and not verify and self._context.check_hostname:
            # urllib3 would fail later, with a ValueError of ssl's.
            raise exceptions.SSLError(
                "verify=False: this adapter's context checks names; set its "
                "check_hostname to False first"
            )
        super().cert_verify(conn, url, verify, cert)
        # Since 2.32 requests takes it that a context has the system's.
        if secure and verify is True:
            conn.ca_certs = certs.where()
