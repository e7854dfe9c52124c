# SPDX-License-Identifier: LGPL-2.1-or-later
"""drive.c in Python."""

import sys

import iotsafe


def octets(text):
    return None if text == "-" else bytes.fromhex(text)


def name(text):
    return None if text == "-" else text


MODES = {"0": None, "1": "full-text", "2": "last-block", "3": "host"}


def info(card):
    print("\n".join(f"{key}={value}" for key, value in card.info.items()))


def objects(card):
    print("\n".join(each.name for each in card.objects()))


def sign(card, key, algorithm, mode, data):
    return card.key(name(key)).sign_message(
        octets(data), algorithm, mode=MODES[mode])


def verify(card, key, algorithm, mode, data, signature):
    card.verify_message(key, octets(signature), octets(data), algorithm,
                        mode=MODES[mode])


def put(card, key, spki):
    card.put_public_key(key, octets(spki))
    return card.public_key(key)


def agree(card, key, slot, spki):
    return card.key(name(key)).agree(octets(spki), slot=name(slot))


def prf(card, key, secret, label, seed, size):
    return card.prf(label, octets(seed), int(size), name=name(key),
                    secret=octets(secret))


OPERATIONS = {
    "info": info,
    "list": objects,
    "random": lambda card, size: card.random(int(size)),
    "public-key": lambda card, key: card.public_key(name(key)),
    "read": lambda card, file: card.read(file),
    "sign": sign,
    "verify": verify,
    "mac": lambda card, key, data: card.mac(key, octets(data)),
    "generate": lambda card, key: card.generate(name(key)).public_key,
    "put": put,
    "agree": agree,
    "prf": prf,
    "hkdf": lambda card, algorithm, secret, salt: card.hkdf_extract(
        octets(secret), octets(salt), algorithm),
}

try:
    with iotsafe.open() as opened:
        print((OPERATIONS[sys.argv[1]](opened, *sys.argv[2:]) or b"").hex())
except iotsafe.Error as error:
    print(error.name, error, sep="\t")
