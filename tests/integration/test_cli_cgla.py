# SPDX-License-Identifier: LGPL-2.1-or-later
"""AT+CCHO, AT+CGLA and AT+CCHC: whole commands with modems that have no other
way to a channel, and with those that have it in their own manner."""

import os
import pathlib
import subprocess

import pytest
from command import answer, iotsafe, openssl, sentence, text
from farside import Server, Sim

# Attributes of the address, the interface that comes out, the channel's name.
MODEMS = {
    "both": ("", "csim", "1"),
    "both, AT+CGLA wanted": ("interface=cgla", "cgla", "5"),
    "no AT+CGLA": ("quirk=no-cgla", "csim", "1"),
    "no AT+CSIM": ("quirk=no-csim", "cgla", "5"),
    "says ERROR alone": ("quirk=no-csim,plain-error", "cgla", "5"),
    "errors in words": ("quirk=no-csim,cme-text", "cgla", "5"),
    "AT+CSIM on the basic channel": ("quirk=basic-only", "cgla", "5"),
    "no name in front": ("quirk=no-csim,ccho-bare", "cgla", "5"),
    "a handle": ("quirk=no-csim,ccho-handle", "cgla", "000000000385a7cf"),
    "a bare handle": (
        "quirk=no-csim,ccho-bare,ccho-handle,urc,echo,blank-lines,split",
        "cgla",
        "000000000385a7cf",
    ),
    "a line for AT+CCHC": ("quirk=no-csim,cchc-line", "cgla", "5"),
    "plain answers": (
        "quirk=no-csim,no-quotes,no-space,lower-hex,stale,wrong-length",
        "cgla",
        "5",
    ),
    "one channel": ("quirk=no-csim,max-channels=1", "cgla", "5"),
}


@pytest.fixture(params=MODEMS)
def modem(request, folder):
    """Its address, the interface, the channel."""
    attributes, interface, channel = MODEMS[request.param]
    return f"sim:?store={folder}&{attributes}", interface, channel


def names(card):
    return text("list", "--json", card=card).replace(card, "")


def check_signature(card, folder):
    letter = folder / "letter"
    letter.write_bytes(b"a letter\n" * 40)
    iotsafe("sign", letter, "--der", "--out", folder / "signature", card=card)
    (folder / "key.pem").write_text(text("pubkey", card=card))
    verified = openssl(
        *("dgst", "-sha256", "-verify", folder / "key.pem"),
        *("-signature", folder / "signature", letter),
    )
    assert verified == b"Verified OK\n"


def test_list_and_sign(modem, folder):
    card, interface, channel = modem
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == interface and facts["channel"] == channel
    assert names(card) == names(f"sim:?store={folder}")
    check_signature(card, folder)


@pytest.mark.parametrize("maker", range(1, 6))
def test_the_number_of_the_card_by_its_maker_s_command(maker, folder):
    """Each in the form of its maker."""
    number = answer("info", card=f"sim:?store={folder}")["card"]["iccid"]
    card = f"sim:?store={folder}&quirk=no-csim,no-crsm,maker-iccid={maker}"
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == "cgla" and facts["iccid"] == number


def test_a_modem_that_has_no_command_for_the_number(folder):
    card = f"sim:?store={folder}&quirk=no-csim,no-crsm"
    assert "iccid" not in answer("info", card=card)["card"]
    check_signature(card, folder)


def connect(card, folder):
    """What it cost the card."""
    with Server(folder) as server:
        done = answer(
            *("connect", f"127.0.0.1:{server.port}"),
            *("--ca", folder / "ca.pem", "--name", "localhost"),
            card=card,
        )
        verdict, _ = server.client()
    assert verdict == "The certificate is trusted."
    assert done["authenticated"] and done["certificate_used"]
    return done["card"]["handshake"]


def test_connect(modem, folder):
    card, _, _ = modem
    cost = connect(card, folder)
    assert cost["signatures"] == 1 and cost["exchanges"] == 3


def test_a_signature_costs_what_it_did(folder):
    """AT+CSIM as without the other way; that has a longer line, by the
    handle and its comma, three times."""
    csim = connect(f"sim:?store={folder}", folder)
    cgla = connect(f"sim:?store={folder}&interface=cgla", folder)
    assert csim["bytes_sent"] + csim["bytes_received"] == 377
    assert cgla["bytes_sent"] + cgla["bytes_received"] == 377 + 3 * 2


@pytest.mark.parametrize("profile", ["ntt", "zariot", "thales", "odd", "rsa"])
def test_every_card(profile, tmp_path):
    card = f"sim:{profile}?store={tmp_path}&interface=cgla"
    check_signature(card, tmp_path)


# Where no channel can be had.


def test_neither_way_is_told_in_one_sentence():
    said, error = sentence("list", card="sim:?quirk=no-csim,no-cgla", status=6)
    assert error["code"] == "ERR_MODEM"
    assert "AT+CSIM: modem" in said and "AT+CCHO: modem" in said


def test_no_other_way_than_the_address_says():
    said, _ = sentence("list", card="sim:?interface=csim&quirk=no-csim", status=6)
    assert "CCHO" not in said
    said, _ = sentence("list", card="sim:?interface=cgla&quirk=no-cgla", status=6)
    assert "CSIM" not in said
    sentence("list", card="sim:?interface=qmi", status=2)


def test_a_SIM_without_the_applet(tmp_path):
    for way in ("interface=cgla", "quirk=no-csim"):
        said, error = sentence(
            "list", card=f"sim:?fault=no-applet&{way}", status=10
        )
        assert error["code"] == "ERR_ABSENT" and "no IoT SAFE applet" in said


# What goes wrong on the way.


@pytest.mark.parametrize("quirk", ["", "ccho-bare", "ccho-handle"])
@pytest.mark.parametrize("fault", ["reset", "restart"])
def test_a_reset_anywhere(fault, quirk, tmp_path):
    """The signature is right, whichever command the reset stands before."""
    for after in range(1, 9):
        folder = tmp_path / str(after)
        folder.mkdir()
        more = f"&quirk={quirk}" if quirk else ""
        check_signature(
            f"sim:?store={folder}&interface=cgla&fault={fault}={after}{more}",
            folder,
        )


def test_a_silent_modem_and_no_channel_left_open(tmp_path):
    with Sim(
        tmp_path,
        *("--fault", "silence=2B@1", "--quirk", "no-csim,max-channels=1"),
    ) as sim:
        card = f"at:{sim.link}?timeout=1500"
        letter = pathlib.Path(__file__)
        done = subprocess.run(
            ["iotsafe", "sign", letter],
            env=dict(os.environ, IOTSAFE_CARD=card),
            capture_output=True,
            timeout=10,
        )
        assert b"AT+CGLA: the modem did not answer in time" in done.stderr
        # With one channel in all, a leaked one would be missed here.
        assert len(text("random", 8, "--hex", card=card)) == 17


def test_a_channel_lost_to_noise_is_closed_when_none_is_left(tmp_path):
    """Not before: it could be a stranger's."""
    faults = ("--quirk", "max-channels=1", "--fault", "garble=70@1-1")
    with Sim(tmp_path, *faults) as sim:
        card = f"at:{sim.link}?interface=csim"
        said = iotsafe("random", "8", card=card, status=12).stderr
        assert b"MANAGE CHANNEL open" in said and b"garbled" in said
        for _ in range(2):
            iotsafe("random", "8", card=card)
