# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cipher suites by OpenSSL's names, and lists of them as GnuTLS takes them.

OpenSSL chooses among suites, GnuTLS among their parts: key exchanges, ciphers
and MACs, of which it then offers every combination. A list is turned into
parts whose combinations are all in the list, never into more.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from . import _failures


class Suite(NamedTuple):
    """A cipher suite of TLS 1.2."""

    name: str  # OpenSSL's
    exchange: str  # GnuTLS's names of the parts
    cipher: str
    mac: str

    @property
    def bits(self) -> int:
        return 128 if "128" in self.cipher else 256

    @property
    def iana(self) -> str:
        """The name of the IANA's registry, which the library gives."""
        parts = [self.exchange, "WITH", self.cipher]
        if self.cipher.startswith("CHACHA20"):
            parts.append("SHA256")
        elif "CCM" not in self.cipher:
            parts.append(self.name.rpartition("-")[2])
        return "TLS_" + "_".join(parts).replace("-", "_")


#: OpenSSL's word, the cipher, the MAC, the exchanges it goes with.
_EC, _DH, _RSA = ("ECDHE-ECDSA", "ECDHE-RSA"), ("DHE-RSA",), ("RSA",)
_ALL = _EC + _DH + _RSA
_CCM = ("ECDHE-ECDSA", "DHE-RSA", "RSA")
_PARTS = (
    ("AES256-GCM-SHA384", "AES-256-GCM", "AEAD", _ALL),
    ("CHACHA20-POLY1305", "CHACHA20-POLY1305", "AEAD", _EC + _DH),
    ("AES128-GCM-SHA256", "AES-128-GCM", "AEAD", _ALL),
    ("AES256-CCM", "AES-256-CCM", "AEAD", _CCM),
    ("AES128-CCM", "AES-128-CCM", "AEAD", _CCM),
    ("AES256-CCM8", "AES-256-CCM-8", "AEAD", _CCM),
    ("AES128-CCM8", "AES-128-CCM-8", "AEAD", _CCM),
    ("AES256-SHA384", "AES-256-CBC", "SHA384", _EC),
    ("AES256-SHA256", "AES-256-CBC", "SHA256", _DH + _RSA),
    ("AES128-SHA256", "AES-128-CBC", "SHA256", _ALL),
    ("AES256-SHA", "AES-256-CBC", "SHA1", _ALL),
    ("AES128-SHA", "AES-128-CBC", "SHA1", _ALL),
)


def _suites() -> Iterable[Suite]:
    for exchange in _ALL:
        for word, cipher, mac, exchanges in _PARTS:
            if exchange in exchanges:
                front = "" if exchange == "RSA" else f"{exchange}-"
                yield Suite(front + word, exchange, cipher, mac)


SUITES = {each.name: each for each in _suites()}
_OPENSSL_NAMES = {each.iana: each.name for each in SUITES.values()}

# What GnuTLS offers by default; keywords choose among these alone, so that
# "ALL" does not mean less safety than saying nothing.
_USUAL = [
    each
    for each in SUITES.values()
    if each.mac in ("AEAD", "SHA1") and not each.cipher.endswith("CCM-8")
]


def _of(pattern: str, part: str) -> Set[str]:
    return {
        each.name
        for each in _USUAL
        if re.fullmatch(pattern, getattr(each, part))
    }


_EVERY = _of(".*", "name")
_KEYWORDS: Dict[str, Set[str]] = {
    word: chosen
    for words, chosen in (
        ("ALL HIGH TLSv1.2 FIPS", _EVERY),
        ("DEFAULT", _EVERY - _of(".*CCM", "cipher")),
        ("ECDHE EECDH kECDHE kEECDH ECDH", _of("ECDHE.*", "exchange")),
        ("DHE EDH kDHE kEDH DH", _of("DHE.*", "exchange")),
        ("RSA kRSA", _of("RSA", "exchange")),
        ("aRSA", _of(".*RSA", "exchange")),
        ("ECDSA aECDSA", _of(".*ECDSA", "exchange")),
        ("AES", _of("AES.*", "cipher")),
        ("AES128", _of("AES-128.*", "cipher")),
        ("AES256", _of("AES-256.*", "cipher")),
        ("AESGCM", _of(".*GCM", "cipher")),
        ("AESCCM COMPLEMENTOFDEFAULT", _of(".*CCM", "cipher")),
        ("CHACHA20", _of("CHACHA20.*", "cipher")),
        ("SHA SHA1 SSLv3 TLSv1 TLSv1.0", _of("SHA1", "mac")),
        ("SHA256", _of(".*-SHA256", "name")),
        ("SHA384", _of(".*-SHA384", "name")),
    )
    for word in words.split()
}
# Never offered: taken out for nothing, and put in for nothing, as by an
# OpenSSL that was built without them.
_NEVER = set(
    "SSLv2 eNULL NULL aNULL ADH AECDH LOW MEDIUM EXPORT EXP MD5 RC2 RC4 DES 3DES "
    "IDEA SEED CAMELLIA CAMELLIA128 CAMELLIA256 ARIA ARIA128 ARIA256 ARIAGCM "
    "AESCCM8 DSS aDSS kDHd kDHr kDH kECDHr kECDHe kECDH aECDH aDH PSK kPSK "
    "aPSK kECDHEPSK kDHEPSK kRSAPSK SRP kSRP aSRP KRB5 kKRB5 aKRB5 GOST "
    "aGOST aGOST01 kGOST GOST94 GOST89MAC kFZA aFZA eFZA FZA".split()
)


def _is_never(suite: str) -> bool:
    """Whether this names a suite with a part that is never offered, such as
    DES-CBC3-SHA, which lists for old servers have."""
    return "-" in suite and (
        suite.startswith(("ECDH-", "DH-"))
        or not _NEVER.isdisjoint(suite.split("-"))
    )


def _chosen(text: str, listed: str) -> List[str]:
    """What one word of the list stands for, in our order."""
    if text in SUITES:
        return [text]
    if _is_never(text):
        return []
    chosen = set(_EVERY)
    for word in text.split("+"):
        if word not in _KEYWORDS and word not in _NEVER:
            raise _failures.not_here(
                f"set_ciphers({listed!r})", f"{word!r} is not known here"
            )
        chosen &= _KEYWORDS.get(word, set())
    return [name for name in SUITES if name in chosen]


def _words(listed: str) -> Tuple[List[str], Optional[int]]:
    """The words of a list of OpenSSL's, and the security level in it."""
    words, level = [], None
    listed = listed.replace("@", ":@")  # DEFAULT@SECLEVEL=1
    for word in filter(None, re.split("[:, ;]+", listed)):
        asked = re.fullmatch("@SECLEVEL=([0-5])", word)
        if asked:
            level = int(asked[1])
        elif word != "@STRENGTH":  # GnuTLS has an order of its own
            words.append(word)
    return words, level


def _listed(words: List[str], listed: str) -> List[str]:
    """The suites that the words choose (openssl-ciphers(1)), best first."""
    names: List[str] = []
    banned: Set[str] = set()
    for word in words:
        found = _chosen(word.lstrip("!-+"), listed)
        if word[0] == "!":
            banned.update(found)
        if word[0] in "!-":
            names = [name for name in names if name not in found]
        elif word[0] != "+":  # which only moves to the end
            names += [x for x in found if x not in names + list(banned)]
    return names


def _combinations(suites: Iterable[Suite]) -> Set[str]:
    """What GnuTLS offers if it is given the parts of these."""
    exchanges, ciphers, macs = (set(part) for part in tuple(zip(*suites))[1:])
    return {
        each.name
        for each in SUITES.values()
        if each.exchange in exchanges
        and each.cipher in ciphers
        and each.mac in macs
    }


def _fitting(names: List[str], listed: str) -> List[Suite]:
    """Those of the list that GnuTLS can offer without offering others."""
    allowed = set(names)
    taken: List[Suite] = []
    exchanges = dict.fromkeys(SUITES[name].exchange for name in names)
    for exchange in exchanges:
        more = [SUITES[x] for x in names if SUITES[x].exchange == exchange]
        if _combinations(taken + more) <= allowed:
            taken += more
        elif exchange in _EC or not taken:
            extra = sorted(_combinations(taken + more) - allowed)
            raise _failures.not_here(
                f"set_ciphers({listed!r})",
                f"GnuTLS would offer {', '.join(extra)} too",
            )
    return taken


class Choice:
    """A list of cipher suites, and what is said to GnuTLS for it."""

    def __init__(self, listed: str) -> None:
        words, self.level = _words(listed)
        names = _listed(words, listed)
        if not names:
            raise _failures.argument(
                f"set_ciphers({listed!r}): no cipher can be selected"
            )
        self.suites = _fitting(names, listed)
        self.has_tls13 = any(
            re.fullmatch("AES-.*GCM|CHACHA.*|AES-128-CCM.*", each.cipher)
            for each in self.suites
        )

    @property
    def priority(self) -> str:
        words = []
        for kind, part in (("KX", 1), ("CIPHER", 2), ("MAC", 3)):
            words.append(f"-{kind}-ALL")
            parts = dict.fromkeys(each[part] for each in self.suites)
            words += [f"+{each}" for each in parts]
        return ":" + ":".join(words)


def openssl_name(name: str) -> str:
    """OpenSSL's name for the IANA's; they are the same in TLS 1.3."""
    return _OPENSSL_NAMES.get(name, name)


def describe(choice: Optional[Choice], tls13: bool) -> List[Dict[str, Any]]:
    """What :meth:`ssl.SSLContext.get_ciphers` tells, of our choice."""
    suites = _USUAL if choice is None else choice.suites
    found = [_record(x.name, "TLSv1.2", x.bits, x.mac) for x in suites]
    ciphers = {each.cipher for each in suites}
    if not tls13:
        return found
    first = [
        _record(name, "TLSv1.3", bits, "AEAD")
        for name, cipher, bits in (
            ("TLS_AES_256_GCM_SHA384", "AES-256-GCM", 256),
            ("TLS_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305", 256),
            ("TLS_AES_128_GCM_SHA256", "AES-128-GCM", 128),
            ("TLS_AES_128_CCM_SHA256", "AES-128-CCM", 128),
            ("TLS_AES_128_CCM_8_SHA256", "AES-128-CCM-8", 128),
        )
        if cipher in ciphers
    ]
    return first + found


def _record(name: str, version: str, bits: int, mac: str) -> Dict[str, Any]:
    return {
        "name": name,
        "protocol": version,
        "strength_bits": bits,
        "alg_bits": bits,
        "aead": mac == "AEAD",
        "description": f"{name} {version} {bits} bits",
    }
