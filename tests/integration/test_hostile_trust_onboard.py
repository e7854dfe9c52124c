# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Trust Onboard SIM that lies: each lie is an error with its name, inside
the deadline, and costs no try of the PIN."""

import time

import pytest
from command import answer, iotsafe
from tob import AVAILABLE, SIGNING, Card

SIGN = ("sign", "--digest", "00" * 32, "--key")
# Seconds: the deadline of tob.py, and what a process needs on a busy machine.
LIMIT = 15

# Fault -> command, exit status, words of the sentence.
FAULTS = {
    "dir-count=0": (["cert", AVAILABLE], 10, 'no file "available"'),
    "dir-count=1": ([*SIGN, AVAILABLE], 10, 'no private key "available"'),
    "dir-id=0": (["cert", AVAILABLE], 10, "0000, is not on the card"),
    "dir-id=65535": ([*SIGN, AVAILABLE], 10, "FFFF, is not on the card"),
    "key-bits=0": ([*SIGN, SIGNING], 10, "has a key of 0 bits"),
    "key-bits=512": ([*SIGN, SIGNING], 10, "has a key of 512 bits"),
    "key-bits=65535": ([*SIGN, SIGNING], 10, "has a key of 65535 bits"),
    "no-size": (["list"], 12, "has no size"),
    "fcp-size=0": (["list"], 12, "directory: 0 bytes"),
    "fcp-size=1": (["cert", SIGNING], 12, "directory: 1 bytes"),
    "fcp-size=65535": (["list"], 12, "more than can be read"),
    "zlib-bomb": (["cert", SIGNING], 12, "compressed form does not give"),
    "zlib-size=1": (["cert", SIGNING], 12, "the 1 bytes that it says"),
    "zlib-size=65535": (["cert", SIGNING], 12, "65535 bytes that it says"),
    "zlib-cut": (["cert", SIGNING], 12, "compressed form does not give"),
    "label-size=0": (["cert", AVAILABLE], 10, 'no file "available"'),
    "label-size=255": ([*SIGN, AVAILABLE], 10, 'no private key "available"'),
    "value-size=0": (["cert", AVAILABLE], 12, "no X.509 certificate"),
    "value-size=65535": ([*SIGN, AVAILABLE], 12, "do not hold the value"),
    "noise-key": (["key", AVAILABLE, "--out", "key.pem"], 12, "are none"),
    "signature-size=0": ([*SIGN, SIGNING], 12, "a signature of 0 bytes"),
    "signature-size=255": ([*SIGN, SIGNING], 12, "255 bytes, not 256"),
    "signature-size=300": ([*SIGN, SIGNING], 12, "300 bytes, not 256"),
    "corrupt=2A": ([*SIGN, SIGNING], 13, "does not verify"),
}


@pytest.fixture(scope="module")
def tob(tmp_path_factory):
    return Card(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lie_is_named_in_time_and_costs_no_try(tob, fault, monkeypatch):
    words, status, sentence = FAULTS[fault]
    monkeypatch.chdir(tob.folder)
    start = time.monotonic()
    said = answer(*words, status=status,
                  card=tob.address(fault=fault.replace("=", "%3D")))["error"]
    assert time.monotonic() - start < LIMIT
    assert sentence in said["text"], said
    assert not (tob.folder / "key.pem").exists()
    assert tob.tries() == 3


@pytest.mark.parametrize("fault", ["zlib-bomb", "noise-key", "value-size=0",
                                   "signature-size=0"])
def test_a_lie_about_one_identity_leaves_the_other_alone(tob, fault):
    other = SIGNING if fault in ("noise-key", "value-size=0") else AVAILABLE
    iotsafe(*SIGN, other, card=tob.address(fault=fault.replace("=", "%3D")))


@pytest.mark.parametrize("pin", ["", "123", "123456789", "0" * 300, "00 00"],
                         ids=["none", "3", "9", "300", "blank"])
def test_a_pin_file_that_is_garbled_costs_no_try(tob, pin):
    path = tob.file("garbled", f"{tob.iccid} applet=mias {pin}\n")
    card = tob.address(pin=False, **{"pin-file": path})
    said = answer(*SIGN, SIGNING, card=card, status=9)["error"]
    assert "6982" in said["text"] or "PIN" in said["text"], said
    assert tob.tries() == 3


def test_a_card_that_tells_no_tries_is_sent_no_pin_by_itself(tob):
    card = tob.address(quirk="no-tries")
    said = answer(*SIGN, SIGNING, card=card, status=9)["error"]
    assert "does not tell how many" in said["text"]
    answer("pin", "tries", card=card, status=17)
    done = iotsafe("pin", "verify", "--pin-file", tob.pins, card=card)
    assert b"does not tell how many tries" in done.stderr
    assert tob.tries() == 3


@pytest.mark.parametrize("tries", [1, 0])
def test_the_last_try_is_never_spent_by_itself(tob, tries):
    card = tob.address(quirk=f"tob-tries={tries}")
    for key in (SIGNING, AVAILABLE):
        said = answer(*SIGN, key, card=card, status=9)["error"]
        assert "none is sent automatically" in said["text"]
    assert answer("pin", "tries", card=card)["tries"] == tries


def test_a_pin_whose_answer_is_lost_is_not_repeated(tob):
    """It may have been wrong: the card alone knows."""
    wrong = tob.file("wrong", f"{tob.iccid} applet=mias 9999\n")
    card = tob.address(pin=False, timeout=1500, fault="silence%3D20@2",
                       **{"pin-file": wrong})
    start = time.monotonic()
    done = iotsafe(*SIGN, SIGNING, card=card, status=5)
    assert time.monotonic() - start < LIMIT
    assert b"VERIFY PIN: " in done.stderr and b"not repeated" in done.stderr
    assert tob.tries() >= 2
    iotsafe("pin", "verify", "--pin-file", tob.pins, card=tob.address())
