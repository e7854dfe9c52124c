# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom a context trusts: CA certificates out of files, folders and bytes, read
once for all contexts and again where a file has changed."""

from __future__ import annotations

import base64
import binascii
import os
import re
import threading
from typing import Any, Dict, List, Optional, Tuple, Union

from . import _core, _failures, errors, x509
from ._values import Bytes, Path

Certificates = Tuple[bytes, ...]
_Stamp = Tuple[int, int, int]

_CACHE_MAX = 64
_FILE_MAX = 8 << 20  # that of all systems together is under 1 MiB
_PEM = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----"
    rb"(.*?)-----END (?:X509 )?CERTIFICATE-----",
    re.DOTALL,
)
# What OpenSSL looks for in a folder (openssl-rehash(1)).
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")

#: Where systems keep their CAs in one file.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, OpenWrt, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine
)

_lock = threading.Lock()
_cache: Dict[str, Tuple[_Stamp, Certificates]] = {}


def from_pem(text: bytes, what: str) -> Certificates:
    try:
        found = [base64.b64decode(each) for each in _PEM.findall(text)]
    except binascii.Error:
        raise _failures.argument(f"{what}: bad base64 in PEM") from None
    if not found:
        raise _failures.argument(f"{what}: no certificate in it")
    return tuple(found)


def from_der(data: bytes) -> Certificates:
    """Certificates one behind the other, as ssl takes them."""
    found = []
    while data:
        size = x509.element_size(data)
        if not 0 < size <= len(data):
            raise _failures.argument("cadata: neither DER nor text in PEM")
        found.append(data[:size])
        data = data[size:]
    return tuple(found)


def _check(certificates: Certificates, what: str) -> Certificates:
    """What GnuTLS would not take is told when it is loaded."""
    tls = _core.tls_new(None, 0)
    for each in certificates:
        try:
            _core.tls_set_ca_data(tls, each)
        except errors.Error as error:
            raise _failures.argument(f"{what}: {error}") from None
    return certificates


def read_file(path: Path) -> Certificates:
    """The certificates of a PEM file, out of the cache while it stays what it
    was."""
    name = os.path.abspath(os.fspath(path))
    # No FIFO may hold us up before it is refused.
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        stat = os.fstat(fd)
        stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
        with _lock:
            known = _cache.get(name)
        if known is not None and known[0] == stamp:
            return known[1]
        text = file.read(_FILE_MAX + 1) or b""
    if len(text) > _FILE_MAX:
        raise _failures.argument(f"CA file {name}: larger than 8 MiB")
    found = _check(from_pem(text, f"CA file {name}"), f"CA file {name}")
    with _lock:
        if len(_cache) >= _CACHE_MAX:
            _cache.clear()
        _cache[name] = stamp, found
    return found


def read_folder(path: Path) -> Certificates:
    """The certificates that OpenSSL would find in a folder."""
    found: List[bytes] = []
    for name in sorted(os.listdir(path)):
        if _HASHED.fullmatch(name):
            found += read_file(os.path.join(path, name))
    return tuple(found)


class Trust:
    """Whom one context trusts. What was read stays trusted when its file
    changes, and the new content is added when it is loaded again."""

    def __init__(self) -> None:
        self._certificates: Dict[bytes, None] = {}
        self._card_names: List[str] = []
        self._system = False

    def __bool__(self) -> bool:
        return bool(self._certificates or self._card_names or self._system)

    def load(
        self,
        cafile: Optional[Path],
        capath: Optional[Path],
        cadata: Union[str, Bytes, None],
    ) -> None:
        if cafile is not None:
            self._add(read_file(cafile))
        if capath is not None:
            self._add(read_folder(capath))
        if isinstance(cadata, str):
            text = cadata.encode("ascii", "replace")
            self._add(_check(from_pem(text, "cadata"), "cadata"))
        elif cadata is not None:
            self._add(_check(from_der(bytes(cadata)), "cadata"))

    def load_card(self, name: str) -> None:
        """Trusts a file of the card, or with no name every root on it."""
        if name not in self._card_names:
            self._card_names.append(name)

    def _add(self, certificates: Certificates) -> None:
        # All at once, so that other threads may load meanwhile.
        self._certificates.update(dict.fromkeys(certificates))

    def load_system(self) -> None:
        """The system's CAs, or those that OpenSSL's variables name."""
        file = os.environ.get("SSL_CERT_FILE")
        folder = os.environ.get("SSL_CERT_DIR")
        if file and os.path.isfile(file):
            self._add(read_file(file))
        if folder and os.path.isdir(folder):
            self._add(read_folder(folder))
        if not file and not folder:
            self._system = True

    def _system_certificates(self) -> Certificates:
        for path in _BUNDLES:
            if os.path.isfile(path):
                return read_file(path)
        return ()

    def all(self) -> List[bytes]:
        """Every certificate that is not in the card, DER."""
        found = dict(self._certificates)
        if self._system:
            found.update(dict.fromkeys(self._system_certificates()))
        return list(found)

    def apply(self, tls: _core.iotsafe_tls) -> None:
        """Tells a new session."""
        if self._system and not self._certificates and not self._card_names:
            return  # the library's own default
        for each in self.all():
            _core.tls_set_ca_data(tls, each)
        for name in self._card_names:
            _core.tls_set_ca_card(tls, name or None)


def statistics(certificates: List[bytes]) -> Dict[str, Any]:
    """As :meth:`ssl.SSLContext.cert_store_stats`."""
    count = len(certificates)
    return {"x509": count, "crl": 0, "x509_ca": count}
