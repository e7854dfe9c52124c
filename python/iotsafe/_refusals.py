# SPDX-License-Identifier: LGPL-2.1-or-later
"""What OpenSSL has and a session of this library has not: refused by name,
never ignored."""

from __future__ import annotations

import os
import ssl
from typing import Any, Optional

from . import _failures

# openssl/ssl.h; the newer ones have no name in older releases of Python.
_OP_ENABLE_KTLS = 0x8
_ALWAYS_SO = ssl.VERIFY_X509_TRUSTED_FIRST | 0x80000  # and PARTIAL_CHAIN


class Refusals(ssl.SSLContext):
    """The attributes and methods of a context that refuse.

    What they do not refuse ssl's context keeps."""

    _keylog: Optional[str] = None

    @property
    def maximum_version(self) -> ssl.TLSVersion:
        return super().maximum_version

    @maximum_version.setter
    def maximum_version(self, value: int) -> None:
        if value not in (
            ssl.TLSVersion.TLSv1_2,
            ssl.TLSVersion.TLSv1_3,
            ssl.TLSVersion.MAXIMUM_SUPPORTED,
        ):
            raise _failures.not_here(
                f"maximum_version = {value!r}", "there are TLS 1.2 and 1.3"
            )
        ssl.SSLContext.maximum_version.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def options(self) -> ssl.Options:
        return super().options

    @options.setter
    def options(self, value: int) -> None:
        if value & _OP_ENABLE_KTLS:
            raise _failures.not_here("OP_ENABLE_KTLS", "no kernel TLS")
        ssl.SSLContext.options.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def verify_flags(self) -> ssl.VerifyFlags:
        return super().verify_flags

    @verify_flags.setter
    def verify_flags(self, value: int) -> None:
        refused = value & ~_ALWAYS_SO
        if refused:
            raise _failures.not_here(
                f"verify_flags {ssl.VerifyFlags(refused)!r}",
                "GnuTLS verifies by rules of its own, without CRLs",
            )
        ssl.SSLContext.verify_flags.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def hostname_checks_common_name(self) -> bool:
        return True

    @hostname_checks_common_name.setter
    def hostname_checks_common_name(self, value: bool) -> None:
        if not value:
            raise _failures.not_here(
                "hostname_checks_common_name = False",
                "GnuTLS looks at it where there is no other name",
            )

    @property  # type: ignore[override]
    def keylog_filename(self) -> Optional[str]:
        return self._keylog

    @keylog_filename.setter
    def keylog_filename(self, value: Any) -> None:
        if value not in (None, os.environ.get("SSLKEYLOGFILE")):
            raise _failures.not_here(
                "keylog_filename",
                "GnuTLS writes to what SSLKEYLOGFILE in the environment names",
            )
        self._keylog = value

    @property  # type: ignore[override]
    def sni_callback(self) -> None:
        return None

    @sni_callback.setter
    def sni_callback(self, value: Any) -> None:
        if value is not None:
            raise _failures.not_here("sni_callback", "only servers have one")

    @property
    def _msg_callback(self) -> None:
        return None

    @_msg_callback.setter
    def _msg_callback(self, value: Any) -> None:
        if value is not None:
            raise _failures.not_here("_msg_callback", "GnuTLS has none")

    def set_servername_callback(self, server_name_callback: Any) -> None:
        self.sni_callback = server_name_callback

    def set_npn_protocols(self, npn_protocols: Any) -> None:
        raise _failures.not_here("set_npn_protocols", "use ALPN")

    def load_dh_params(self, path: Any, *_: Any) -> None:
        raise _failures.not_here("load_dh_params", "only servers have them")

    def set_psk_client_callback(self, callback: Any) -> None:
        if callback is not None:
            raise _failures.not_here(
                "set_psk_client_callback", "iotsafe.TLSSocket has psk="
            )

    def set_psk_server_callback(self, callback: Any, *_: Any) -> None:
        if callback is not None:
            raise _failures.not_here(
                "set_psk_server_callback", "only servers have one"
            )
