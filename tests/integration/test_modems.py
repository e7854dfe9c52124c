# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modems in every manner that real ones are known to have: whole commands
with each, and the way to the card that comes out."""

import pytest
from command import answer, iotsafe, openssl, sentence, text
from farside import Sim

# Attributes of the address, and the interface that is found.
MODEMS = {
    # the line
    "no echo off": ("quirk=echo", "csim"),
    "no quotation marks": ("quirk=no-quotes", "csim"),
    "no blank": ("quirk=no-space", "csim"),
    "blanks": ("quirk=space-colon", "csim"),
    "lower-case answers": ("quirk=lower-hex", "csim"),
    "upper case only": ("quirk=upper-only", "csim"),
    "blank lines": ("quirk=blank-lines", "csim"),
    "CR alone": ("quirk=cr-only", "csim"),
    "LF alone": ("quirk=lf-only", "csim"),
    "unsolicited lines everywhere": ("quirk=urc,urc-after", "csim"),
    "unsolicited lines behind the OK": ("quirk=urc-after", "csim"),
    "in pieces": ("quirk=split=16", "csim"),
    "old text in front": ("quirk=stale", "csim"),
    "a late OK": ("quirk=late-ok", "csim"),
    "OK first": ("quirk=ok-first", "csim"),
    "OK first, AT+CGLA": ("quirk=ok-first&interface=cgla", "cgla"),
    "a length that lies": ("quirk=wrong-length", "csim"),
    "answers cut at 256": ("quirk=cut-256,le-61xx", "csim"),
    "answers cut at 256, AT+CGLA": ("quirk=cut-256,le-61xx,no-csim", "cgla"),
    # errors
    "no AT+CMEE": ("quirk=no-cmee,no-csim", "cgla"),
    "busy at first": ("fault=busy=2", "csim"),
    "busy at first, in words": ("fault=busy=2&quirk=cme-text", "csim"),
    "a SIM that is slow to start": ("quirk=sim-slow=700", "csim"),
    "a SIM that is slow to start, AT+CGLA": (
        "quirk=sim-slow=700,no-csim,cme-text",
        "cgla",
    ),
    # what gets lost
    "sleeps through the first command": ("quirk=lose-first&timeout=3000", "csim"),
    "boots": ("quirk=boot=700&timeout=3000", "csim"),
    # so long that a host which is late itself misses it rarely
    "needs 60 ms between commands": ("quirk=pause=60", "csim"),
    "drops the first SELECT": ("quirk=lose-select", "csim"),
    "drops a command now and then": ("quirk=lose-some=9", "csim"),
    "drops a command now and then, AT+CGLA": ("quirk=lose-some=9,no-csim", "cgla"),
    # what is refused
    "no test forms": ("quirk=no-csim-test,no-cgla-test", "csim"),
    "silent test forms": ("quirk=silent-test", "csim"),
    "silent test forms, AT+CGLA": ("quirk=silent-test,no-csim", "cgla"),
    "a fifth byte that is the length": ("quirk=strict-p3", "csim"),
    "commands of less than 128 bytes": ("quirk=long-ignored=256", "csim"),
    "fetches by itself": ("quirk=fetches", "csim"),
    "fetches by itself, AT+CGLA": ("quirk=fetches,no-csim", "cgla"),
    "GET RESPONSE of class 0X": ("quirk=c0-class-0x", "csim"),
    "GET RESPONSE of class 0X, AT+CGLA": (
        "quirk=c0-class-0x,no-csim",
        "cgla",
    ),
    # channels
    "the number in the class, AT+CGLA": ("quirk=no-csim,cgla-class", "cgla"),
    "no AT+CCHC": ("quirk=no-csim,no-cchc,max-channels=1", "cgla"),
    "channels that are of no use": ("quirk=basic-only", "cgla"),
    "channels of no use, no AT+CGLA": ("quirk=basic-only,no-cgla", "basic"),
    "no channels at all": ("quirk=no-channels,no-cgla", "basic"),
    "the same, and ERROR alone": (
        "quirk=no-channels,no-cgla,plain-error",
        "basic",
    ),
    "the basic channel wanted": ("interface=basic", "basic"),
    # what must be said first
    "asleep": ("quirk=asleep&init=AT+ECSIMSLEEP=0", "csim"),
    "asleep again and again": (
        "quirk=asleep=3&init=AT+ECSIMSLEEP=0",
        "csim",
    ),
    "asleep, AT+CGLA": (
        "quirk=asleep=3,no-csim&init=AT+ECSIMSLEEP=0",
        "cgla",
    ),
    "wants to be locked": (
        "quirk=lock&init=AT+CSIM=1&exit=AT+CSIM=0",
        "csim",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("card")


@pytest.fixture(scope="module")
def key(folder):
    """The card's public key, from a modem without fault."""
    path = folder / "key.pem"
    path.write_text(text("pubkey", card=f"sim:?store={folder}"))
    return path


def check_signature(card, folder, key):
    letter = folder / "letter"
    letter.write_bytes(b"a letter\n" * 40)
    iotsafe("sign", letter, "--der", "--out", folder / "signature", card=card)
    verified = openssl(
        *("dgst", "-sha256", "-verify", key),
        *("-signature", folder / "signature", letter),
    )
    assert verified == b"Verified OK\n"


@pytest.mark.parametrize("manner", MODEMS)
def test_a_modem_of_this_manner_serves(manner, folder, key):
    attributes, interface = MODEMS[manner]
    card = f"sim:?store={folder}&{attributes}"
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == interface
    check_signature(card, folder, key)


# Nothing is left behind, nothing is done in secret.


def trace(*words, card):
    return iotsafe(*words, card=card, IOTSAFE_TRACE="all").stderr.decode()


def test_the_basic_channel_is_seen_in_the_trace_and_in_info():
    card = "sim:?quirk=no-channels,no-cgla"
    said = trace("random", 8, card=card)
    assert "channel: interface=cgla after: " in said
    assert "channel: interface=basic after: " in said
    assert "SELECT: 00A40400" in said and "MANAGE CHANNEL close" not in said
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == "basic" and facts["channel"] == "0"


def test_without_AT_CCHC_the_card_closes_the_channel(tmp_path):
    quirks = "no-csim,no-cchc,max-channels=1"
    with Sim(tmp_path, "--quirk", quirks) as sim:
        # With one channel in all, one left open would be missed here.
        for _ in range(3):
            text("random", 8, card=f"at:{sim.link}?interface=cgla")
        closed = [each for each in sim.log if each["command"] == "0170800000"]
    assert len(closed) == 3


def test_what_was_locked_is_unlocked():
    said = trace(
        "random", 8, card="sim:?quirk=lock&init=AT+CSIM=1&exit=AT+CSIM=0"
    )
    lines = [line for line in said.splitlines() if "at> " in line]
    assert lines[-1].endswith("AT+CSIM=0")


def test_three_ways_that_fail_are_told_in_one_sentence():
    said, error = sentence("list", card="sim:?quirk=asleep", status=6)
    assert error["code"] == "ERR_MODEM"
    for words in ("MANAGE CHANNEL open: ", "AT+CCHO: ", "SELECT: "):
        assert words in said


def test_an_init_command_that_is_refused_is_named():
    said, _ = sentence("list", card="sim:?init=AT+NOPE", status=6)
    assert "to AT+NOPE" in said
    sentence("list", card="sim:?init=NOPE", status=2)


def test_a_list_that_arrives_cut_leaves_the_objects_to_be_named(folder, key):
    """A card that insists on its length (6Cxx) behind such a modem."""
    card = f"sim:?store={folder}&quirk=cut-256"
    said, error = sentence("list", card=card, status=12)
    assert "truncated (256 digits of " in said
    iotsafe("sign", "--key", "id=01", key, card=card)
