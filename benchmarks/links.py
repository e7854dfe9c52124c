# SPDX-License-Identifier: LGPL-2.1-or-later
"""The links that the software SIM knows by name, and what they allow at best."""

import subprocess


class Exchange:
    """What one ECDSA P-256 signature over AT+CSIM takes at least: exchanges,
    characters on the line, characters between modem and card (T=0)."""

    COUNT = 3
    LINE = 377
    CARD = 138


class Link:
    def __init__(self, name, terms, network):
        self.name = name
        self.terms = terms
        self.network = network
        self.given = []

    def change(self, text):
        """A term in the place of the link's own: "baud=9600"."""
        self.terms.update([named(text)])
        self.given.append(text)

    def __getitem__(self, term):
        return float(self.terms[term])

    @property
    def options(self):
        """For the address of a card."""
        return "&".join(["link=" + self.name, *self.given])

    def line_ms(self, characters):
        return characters * 10e3 / self["baud"] if self["baud"] else 0.0

    @property
    def card_ms(self):
        return sum(float(self.terms.get("card-ms " + part,
                                        self.terms["card-ms"]))
                   for part in ("init", "sign", "fetch"))

    def signature_ms(self, exchanges=Exchange.COUNT, line=Exchange.LINE):
        """The limit for one signature: what is beyond is ours, or this
        machine's."""
        return (exchanges * self["modem-ms"]
                + (exchanges - 1) * self["gap-ms"]
                + self.line_ms(line)
                + Exchange.CARD * self["char-us"] / 1000
                + self.card_ms)

    def round_trip_ms(self):
        return 2 * float(self.network["delay-ms"])


def named(word):
    """"card-ms=sign:55" is the term "card-ms sign"."""
    name, _, value = word.partition("=")
    if ":" in value:
        part, _, value = value.partition(":")
        name += " " + part
    return name, value


def read_links(program):
    """The table of `iotsafe-sim links`."""
    printed = subprocess.run([program, "links"], stdout=subprocess.PIPE,
                             check=True).stdout.decode()
    links = {}
    for row in printed.splitlines():
        terms, _, more = row.partition(" | ")
        name, *words = terms.split()
        other = dict(map(named, more.split()))
        terms = dict(map(named, words))
        terms["char-us"] = other.pop("char-us")
        links[name] = Link(name, terms, other)
    return links
