# SPDX-License-Identifier: LGPL-2.1-or-later
"""--timeout: one limit for all that a command does with the card, however many
operations that are, and however little each is late."""

import time

import pytest
from command import answer, iotsafe
from farside import Sim

DIGEST = ("--digest", "00" * 32)
# Every operation is quick enough, and all of them are not.
SLOW = "card-ms=250"
LIMIT = 2000
# A channel is closed at the end; the machine may be slow.
GOODBYE = 2.0 + 4.0

COMMANDS = {
    "info": ("info",),
    "list and sign": ("sign", *DIGEST),
    "csr": ("csr", "CN=client"),
}


def late(*words, card, status=5):
    start = time.monotonic()
    done = iotsafe("--timeout", LIMIT, *words, card=card, status=status)
    took = time.monotonic() - start
    assert LIMIT / 1000 <= took < LIMIT / 1000 + GOODBYE
    return done.stderr.decode()


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_all_operations_together_have_one_limit(words, tmp_path):
    card = f"sim:?store={tmp_path}&{SLOW}"
    said = late(*words, card=card)
    assert said.count("\n") == 1
    assert "the time of the whole command was up" in said or "in time" in said
    # It is the limit that ends it, not the card.
    iotsafe("--timeout", 60000, *words, card=card)


def test_the_failure_is_a_time_out_in_json_too():
    card = f"sim:?{SLOW}"
    said = answer("--timeout", LIMIT, "info", card=card, status=5)["error"]
    assert said["code"] == "ERR_TIMEOUT"


def test_a_shared_port_is_no_exception(tmp_path):
    """Each operation is a turn that opens a channel and closes it."""
    with Sim(tmp_path, "--card-ms", "250") as sim:
        card = f"at:{sim.link}?share=yes"
        late("sign", *DIGEST, card=card)
        iotsafe("--timeout", 60000, "sign", *DIGEST, card=card)


@pytest.mark.parametrize("fault", ["silence", "silence%3DCB"])
def test_the_doctor_of_a_dead_card_ends_by_its_limit(fault):
    """Whatever other ways there are to try."""
    start = time.monotonic()
    done = iotsafe(
        *("--timeout", LIMIT, "doctor"), card=f"sim:?fault={fault}", status=19
    )
    assert time.monotonic() - start < LIMIT / 1000 + GOODBYE
    assert b"Not healthy" in done.stdout


def test_the_doctor_calls_nothing_healthy_that_it_had_no_time_for():
    card = f"sim:?{SLOW}"
    found = answer("--timeout", LIMIT, "doctor", card=card, status=19)
    ids = {each["id"]: each["level"] for each in found["findings"]}
    assert ids["time-up"] == "problem"
    assert not found["healthy"]
