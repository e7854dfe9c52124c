# SPDX-License-Identifier: LGPL-2.1-or-later
"""A certificate in DER to the dictionary that :mod:`ssl` makes of one.

Only for showing and for old-fashioned checks of names: GnuTLS has verified
the certificate before. Of the extensions those are told that ssl tells: other
names of the subject, and where issuers and revocations are.
"""

from __future__ import annotations

import socket
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from .errors import FormatError

# X.690 8: tags that occur in a certificate (RFC 5280 4.1)
_INTEGER = 0x02
_OCTETS = 0x04
_OID = 0x06
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18
_SEQUENCE = 0x30
_SET = 0x31
_VERSION = 0xA0
_EXTENSIONS = 0xA3

_STRINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}

_ATTRIBUTES = {
    "2.5.4.3": "commonName",
    "2.5.4.4": "surname",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "countryName",
    "2.5.4.7": "localityName",
    "2.5.4.8": "stateOrProvinceName",
    "2.5.4.9": "streetAddress",
    "2.5.4.10": "organizationName",
    "2.5.4.11": "organizationalUnitName",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.42": "givenName",
    "2.5.4.43": "initials",
    "2.5.4.46": "dnQualifier",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "userId",
    "0.9.2342.19200300.100.1.25": "domainComponent",
    "1.2.840.113549.1.9.1": "emailAddress",
}

# RFC 5280 4.2.1.6, 4.2.1.13, 4.2.2.1
_SUBJECT_ALT_NAME = "2.5.29.17"
_CRL_POINTS = "2.5.29.31"
_AUTHORITY_ACCESS = "1.3.6.1.5.5.7.1.1"
_EMPTY = b"\x30\x00"  # an extension that says nothing
_URI = 0x86

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

Name = Tuple[Tuple[Tuple[str, str], ...], ...]


def first(data: bytes) -> bytes:
    """The first of certificates that stand behind one another, as DER."""
    return data[: element_size(data) or len(data)]


def element_size(data: bytes) -> int:
    """The size of the SEQUENCE in front; 0 if it is none (X.690 8.1.3)."""
    if len(data) < 2 or data[0] != 0x30:
        return 0
    if data[1] < 0x80:
        return 2 + data[1]
    count = data[1] & 0x7F
    if not 1 <= count <= 3 or len(data) < 2 + count:
        return 0
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


class _Reader:
    """The elements of one constructed element, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise FormatError("certificate: an element is longer than it")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _length(self) -> int:
        first = self._take(1)[0]
        if first < 0x80:
            return first
        if not 0x81 <= first <= 0x84:
            raise FormatError("certificate: not DER")
        return int.from_bytes(self._take(first & 0x7F), "big")

    def any(self) -> Tuple[int, bytes]:
        tag = self._take(1)[0]
        return tag, self._take(self._length())

    def one(self, tag: int) -> bytes:
        found, content = self.any()
        if found != tag:
            raise FormatError(
                f"certificate: element {found:02X} where {tag:02X} belongs"
            )
        return content

    def optional(self, tag: int) -> Optional[bytes]:
        if self._data[self._at : self._at + 1] != bytes([tag]):
            return None
        return self.one(tag)

    def inside(self, tag: int) -> _Reader:
        return _Reader(self.one(tag))

    def __iter__(self) -> Iterator[Tuple[int, bytes]]:
        while self._at < len(self._data):
            yield self.any()


def _oid(content: bytes) -> str:
    numbers: List[int] = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        raise FormatError("certificate: an empty object identifier")
    first = min(numbers[0] // 40, 2)
    numbers[:1] = [first, numbers[0] - 40 * first]
    return ".".join(map(str, numbers))


def _text(tag: int, content: bytes) -> str:
    return content.decode(_STRINGS.get(tag, "latin-1"), "backslashreplace")


def _name(content: bytes) -> Name:
    """RFC 5280 4.1.2.4: sets of attributes in a sequence."""
    parts = []
    for _, part in _Reader(content):
        attributes = []
        for _, attribute in _Reader(part):
            reader = _Reader(attribute)
            oid = _oid(reader.one(_OID))
            value = _text(*reader.any())
            attributes.append((_ATTRIBUTES.get(oid, oid), value))
        parts.append(tuple(attributes))
    return tuple(parts)


def _time(tag: int, content: bytes) -> str:
    """RFC 5280 4.1.2.5: always with seconds, always in Z."""
    text = content.decode("ascii", "replace")
    if tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    month, day = text[4:6], text[6:8]
    if not (len(text) == 15 and text[:14].isdecimal() and text[14] == "Z"):
        raise FormatError(f"certificate: no time: {text!r}")
    if tag not in (_UTC_TIME, _GENERALIZED_TIME) or not 1 <= int(month) <= 12:
        raise FormatError(f"certificate: no time: {text!r}")
    clock = f"{text[8:10]}:{text[10:12]}:{text[12:14]}"
    return f"{_MONTHS[int(month) - 1]} {int(day):2} {clock} {text[:4]} GMT"


def _address(content: bytes) -> str:
    """OpenSSL does not shorten those of IPv6."""
    if len(content) == 4:
        return socket.inet_ntop(socket.AF_INET, content)
    if len(content) != 16:
        return "<invalid>"
    pairs = zip(content[::2], content[1::2])
    return ":".join(f"{high << 8 | low:X}" for high, low in pairs)


def _alternative(tag: int, content: bytes) -> Tuple[str, Any]:
    """RFC 5280 4.2.1.6, GeneralName."""
    if tag == 0x81:
        return "email", _text(0x16, content)
    if tag == 0x82:
        return "DNS", _text(0x16, content)
    if tag == _URI:
        return "URI", _text(0x16, content)
    if tag == 0x87:
        return "IP Address", _address(content)
    if tag == 0x88:
        return "Registered ID", _oid(content)
    if tag == 0xA4:
        return "DirName", _name(_Reader(content).one(_SEQUENCE))
    return "othername", "<unsupported>"


def _extensions(content: Optional[bytes]) -> Dict[str, bytes]:
    """What is in each, by its identifier."""
    found: Dict[str, bytes] = {}
    if content is None:
        return found
    for _, extension in _Reader(_Reader(content).one(_SEQUENCE)):
        reader = _Reader(extension)
        oid = _oid(reader.one(_OID))
        reader.optional(0x01)  # critical or not
        found[oid] = reader.one(_OCTETS)
    return found


def _alternatives(content: bytes) -> Tuple[Tuple[str, Any], ...]:
    names = _Reader(content).inside(_SEQUENCE)
    return tuple(_alternative(*each) for each in names)


def _crl_points(content: bytes) -> Tuple[str, ...]:
    """The URIs among the full names of all points."""
    found = []
    for _, point in _Reader(content).inside(_SEQUENCE):
        name = _Reader(point).optional(0xA0)
        full = None if name is None else _Reader(name).optional(0xA0)
        for tag, value in _Reader(full or b""):
            if tag == _URI:
                found.append(_text(0x16, value))
    return tuple(found)


def _access(content: bytes, method: str) -> Tuple[str, ...]:
    found = []
    for _, description in _Reader(content).inside(_SEQUENCE):
        reader = _Reader(description)
        is_it = _oid(reader.one(_OID)) == method
        tag, value = reader.any()
        if is_it and tag == _URI:
            found.append(_text(0x16, value))
    return tuple(found)


def _access_to(method: str) -> Callable[[bytes], Tuple[str, ...]]:
    return lambda content: _access(content, method)


_TOLD: Tuple[Tuple[str, str, Callable[[bytes], Tuple[Any, ...]]], ...] = (
    ("subjectAltName", _SUBJECT_ALT_NAME, _alternatives),
    ("OCSP", _AUTHORITY_ACCESS, _access_to("1.3.6.1.5.5.7.48.1")),
    ("caIssuers", _AUTHORITY_ACCESS, _access_to("1.3.6.1.5.5.7.48.2")),
    ("crlDistributionPoints", _CRL_POINTS, _crl_points),
)


def _told(extensions: Dict[str, bytes]) -> Iterator[Tuple[str, Any]]:
    """What ssl tells of them, in its order; nothing of what cannot be read,
    but names, by which somebody is known, must be."""
    for key, oid, read in _TOLD:
        try:
            said = read(extensions.get(oid, _EMPTY))
        except FormatError:
            if oid == _SUBJECT_ALT_NAME:
                raise
            continue
        if said:
            yield key, said


def _version(content: Optional[bytes]) -> int:
    """Counted from 0 in the certificate, and left out if it is 0."""
    if content is None:
        return 1
    return int.from_bytes(_Reader(content).one(_INTEGER), "big") + 1


def _serial(content: bytes) -> str:
    digits = f"{int.from_bytes(content, 'big'):X}"
    return digits.zfill(len(digits) + len(digits) % 2)


def describe(der: bytes) -> Dict[str, Any]:
    """What :meth:`ssl.SSLSocket.getpeercert` gives for this certificate."""
    fields = _Reader(der).inside(_SEQUENCE).inside(_SEQUENCE)
    version = fields.optional(_VERSION)
    serial = fields.one(_INTEGER)
    fields.one(_SEQUENCE)  # signature algorithm
    issuer = _name(fields.one(_SEQUENCE))
    validity = fields.inside(_SEQUENCE)
    not_before = _time(*validity.any())
    not_after = _time(*validity.any())
    subject = _name(fields.one(_SEQUENCE))
    fields.one(_SEQUENCE)  # public key
    fields.optional(0x81)
    fields.optional(0x82)
    extensions = _extensions(fields.optional(_EXTENSIONS))
    described: Dict[str, Any] = {
        "subject": subject,
        "issuer": issuer,
        "version": _version(version),
        "serialNumber": _serial(serial),
        "notBefore": not_before,
        "notAfter": not_after,
    }
    described.update(_told(extensions))
    return described
