# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of IoT SAFE in their modes: what to ask of the library for
each, and how somebody else checks what came out."""

import os
from typing import Callable, NamedTuple

from . import far

LONG = bytes(range(256)) * 2 + b"end"  # several commands, no whole block


class Case(NamedTuple):
    """One operation of drive.c, and what is true of its output."""

    words: list
    good: Callable  # of the output, and of those of what comes before
    before: list = []  # operations that it needs first


class Row(NamedTuple):
    command: str
    mode: str
    # What the simulator's log must show: the command in hexadecimal.
    seen: str
    # From a card, the case; None where the card has no object for it.
    case: Callable
    # What the simulator is told to do to the command, and the code that it
    # must cause.
    breakage: str
    code: str

    @property
    def title(self):
        return f"{self.command} {self.mode}".strip()



def signing(kind, mode, hash_name, key_type="P-256", data=LONG):
    algorithm = f"{kind}-{hash_name}"

    def case(card):
        key = card.private(algorithm, key_type)
        if not key:
            return None
        return Case(
            ["sign", key["name"], algorithm, mode, data.hex()],
            lambda out: far.signature_is_good(
                card.folder, card.spki(key), algorithm, data, out),
        )

    return case


def verifying(kind, mode, hash_name, key_type="P-256", data=LONG):
    algorithm = f"{kind}-{hash_name}"

    def case(card):
        key = card.private(algorithm, key_type)
        public = key and card.public_of(key)
        if not public:
            return None
        signature = card.signature(key, algorithm, data)
        return Case(
            ["verify", public["name"], algorithm, mode, data.hex(),
             signature.hex()],
            lambda out: out == b"",
        )

    return case


def information(card):
    return Case(["info"], lambda out: b"applet-version=" in out)


def listing(card):
    return Case(
        ["list"],
        lambda out: sorted(out.decode().splitlines())
        == sorted(each["name"] for each in card.objects),
    )


def random(card):
    return Case(["random", 32], lambda out: len(out) == 32 and any(out))


def reading(card):
    files = [*card.all("cert"), *card.all("data")]
    file = next(filter(card.content, files), None)
    return file and Case(
        ["read", file["name"]], lambda out: out == card.content(file))


def public_key(card):
    public = card.find("public", active=True)
    return public and Case(
        ["public-key", public["name"]], lambda out: out == card.spki(public))


def generating(card):
    key = card.find("private", usage="generate")
    return key and Case(
        ["generate", key["name"]],
        lambda out: out == far.openssl(
            "pkey", "-pubin", "-inform", "DER", "-outform", "DER", data=out),
    )


def putting(card):
    public = card.slot()
    if not public:
        return None
    peer = far.Peer(card.folder)
    return Case(["put", public["name"], peer.spki.hex()],
                lambda out: out == peer.spki)


def agreeing(card):
    key, public = card.find("private", "P-256", "agree"), card.slot()
    if not key or not public:
        return None
    peer = far.Peer(card.folder)
    return Case(
        ["agree", key["name"], public["name"], peer.spki.hex()],
        lambda out, spki: out == peer.agree(spki),
        [["generate", key["name"]]],
    )


def prf_of_secret(card):
    secret, seed = os.urandom(48), os.urandom(64)
    return Case(
        ["prf", "-", secret.hex(), "key expansion", seed.hex(), 104],
        lambda out: out == far.prf(secret, "key expansion", seed, 104),
    ) if card.derives() else None


def prf_of_psk(card):
    key, seed = card.find("secret-key", "HMAC", active=True), os.urandom(64)
    if not key:
        return None
    premaster = far.psk_premaster(card.secret(key))
    return Case(
        ["prf", key["name"], "-", "master secret", seed.hex(), 48],
        lambda out: out == far.prf(premaster, "master secret", seed, 48),
    )


def prf_of_psk_and_ecdhe(card):
    key, seed, shared = card.find("secret-key", "HMAC", active=True), os.urandom(64), os.urandom(32)
    if not key:
        return None
    premaster = far.psk_premaster(card.secret(key), shared)
    return Case(
        ["prf", key["name"], shared.hex(), "master secret", seed.hex(), 48],
        lambda out: out == far.prf(premaster, "master secret", seed, 48),
    )


def extracting(hash_name):
    def case(card):
        secret, salt = os.urandom(32), os.urandom(32)
        return Case(
            ["hkdf", hash_name, secret.hex(), salt.hex()],
            lambda out: out == far.hkdf_extract(hash_name, secret, salt),
        ) if card.derives() else None

    return case


def authenticating(card):
    key = card.find("secret-key", usage="sign", active=True)
    return key and Case(
        ["mac", key["name"], LONG.hex()],
        lambda out: out == far.cmac(card.secret(key), LONG),
    )


def signature_rows(command, make, ins_init, ins):
    kinds = (
        ("ecdsa", "P-256", "ECDSA P-256"),
        ("ecdsa", "brainpoolP256r1", "ECDSA brainpoolP256r1"),
        ("rsa-pkcs1", "RSA-2048", "RSA PKCS#1 v1.5"),
        ("rsa-pss", "RSA-2048", "RSA-PSS"),
    )
    modes = (("full text", 1), ("last block", 2), ("hash", 3))
    for kind, key_type, title in kinds:
        # An RSA signature does not fit into one command beside what it signs,
        # and no source shows how a card takes it in two.
        if command == "VERIFY SIGNATURE" and kind != "ecdsa":
            continue
        # GnuTLS does not know the curve: what is wrong is not seen here.
        blind = command == "COMPUTE SIGNATURE" and "brain" in key_type
        breakage = (
            (f"garbage={ins}", "ERR_FORMAT")
            if blind
            else (f"corrupt={ins}", "ERR_VERIFY")
        )
        for mode_name, mode in modes:
            for hash_name in ("sha256", "sha384", "sha512"):
                yield Row(
                    command,
                    f"{mode_name}, {title}, {hash_name}",
                    f"^..{ins_init}00.*A1010{mode}",
                    make(kind, mode, hash_name, key_type),
                    *breakage,
                )


def wrong(ins, code):
    """The simulator's answer looks well and is wrong."""
    return f"corrupt={ins}", code


def cut(ins):
    """What nobody could tell from good bytes is cut in half instead."""
    return f"truncate={ins}", "ERR_FORMAT"


ROWS = [
    Row("GET DATA", "application", "^..CB0000", information,
        *cut("CB")),
    Row("GET DATA", "object list", "^..CB0100", listing, *wrong("CB", "ERR_FORMAT")),
    Row("READ FILE", "", "^..B0", reading, *cut("B0")),
    Row("READ PUBLIC KEY", "", "^..CD", public_key,
        *wrong("CD", "ERR_FORMAT")),
    Row("GET RANDOM", "", "^..84", random, *wrong("84", "ERR_FORMAT")),
    Row("GENERATE KEY PAIR", "", "^..B9", generating,
        *wrong("B9", "ERR_FORMAT")),
    Row("PUT PUBLIC KEY", "", "^..D880", putting,
        *wrong("D8", "ERR_VERIFY")),
    Row("COMPUTE DH", "", "^..46", agreeing, *cut("46")),
    Row("COMPUTE PRF", "0, a secret given", "^..4800", prf_of_secret,
        *wrong("48", "ERR_VERIFY")),
    Row("COMPUTE PRF", "1, pre-shared key", "^..4801", prf_of_psk,
        *cut("48")),
    Row("COMPUTE PRF", "2, pre-shared key and ECDHE", "^..4802",
        prf_of_psk_and_ecdhe, *cut("48")),
    *(
        Row("COMPUTE HKDF", f"Extract, {name}", "^..4A", extracting(name),
            *wrong("4A", "ERR_VERIFY"))
        for name in ("sha256", "sha384", "sha512")
    ),
    *signature_rows("COMPUTE SIGNATURE", signing, "2A", "2B"),
    Row("COMPUTE SIGNATURE", "AES-CMAC", "^..2A00.*920108", authenticating,
        "garbage=2B", "ERR_FORMAT"),
    *signature_rows("VERIFY SIGNATURE", verifying, "2C", "2D"),
]
