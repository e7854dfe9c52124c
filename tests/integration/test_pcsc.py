# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards in a reader: the link pcsc: through a real pcscd, with iotsafe-sim as
the card and opensc-tool beside us."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from command import answer, iotsafe, sentence, text
from pcscd import PATIENCE, Card, Pcscd, until

READER = "Virtual PCD 00 00"
DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def daemon():
    """One for the tests that do not harm it."""
    pcscd = Pcscd().start()
    yield pcscd
    pcscd.close()


@pytest.fixture
def pcscd():
    """One to be harmed."""
    pcscd = Pcscd().start()
    yield pcscd
    pcscd.close()


@pytest.fixture
def put_in(request):
    """Puts cards in; takes them out in the end."""
    cards = []

    def put(pcscd, *options):
        cards.append(Card(pcscd, *options).wait())
        return cards[-1]

    yield put
    for card in cards:
        card.close()
        # The next test has its own card.
        if card.pcscd.child:
            until("empty reader", lambda: not card.pcscd.has_card())


def at(pcscd, address="pcsc:", **more):
    return dict(pcscd.environment, card=address, **more)


def sign(pcscd, address="pcsc:", **more):
    return answer("sign", "--digest", DIGEST, **at(pcscd, address, **more))


# What every card can do.


@pytest.mark.parametrize(
    "atr, address, spoken",
    [
        ("t0", "pcsc:", "T=0"),
        ("t1", "pcsc:", "T=1"),
        ("both", "pcsc:", "T=0"),
        ("both", "pcsc:?protocol=t1", "T=1"),
    ],
)
def test_lists_and_signs_over(daemon, put_in, atr, address, spoken):
    card = put_in(daemon, "--atr", atr)
    done = iotsafe("list", "--trace", "apdu", **at(daemon, address))
    trace = done.stderr.decode()
    assert f'pcsc: "{READER}", {spoken}' in trace
    assert "client-cert" in done.stdout.decode()
    # Le stands behind data where the protocol takes it.
    info = text("info", **at(daemon, address))
    assert re.search(
        rf"le-behind-data +{'yes' if spoken == 'T=1' else 'no'}", info
    )
    assert re.search(r"identity-signatures +verified", info)
    assert sign(daemon, address)["signature"]
    assert card.channels() == 0


@pytest.mark.parametrize(
    "address",
    ["pcsc:", "pcsc:0", f"pcsc:{READER}", "pcsc:virtual", "pcsc:%56irtual"],
)
def test_a_reader_is_found_as(daemon, put_in, address):
    put_in(daemon)
    assert "client" in text("list", **at(daemon, address))


def test_a_reader_that_is_not_there_is_an_error_with_those_that_are(
    daemon, put_in
):
    put_in(daemon)
    line, said = sentence("list", status=10, **at(daemon, "pcsc:Gemalto"))
    assert said["code"] == "ERR_ABSENT"
    assert f'0 "{READER}", 1 "Virtual PCD 00 01" (empty)' in line
