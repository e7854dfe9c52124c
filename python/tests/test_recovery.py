# SPDX-License-Identifier: LGPL-2.1-or-later
"""A card, a modem or a port that goes and comes back while it is used: what was
under way is done once, visibly, or not at all."""

import os
import re
import signal
import subprocess
import time

import iotsafe
import pytest
from farside import Sim

HASH = bytes(range(32))
LIMIT = 60000  # milliseconds: what counts is that it is not needed


@pytest.fixture
def sim(request, tmp_path):
    with Sim(tmp_path, *getattr(request, "param", [])) as sim:
        yield sim


def address(sim):
    return f"at:{sim.link}?timeout={LIMIT}"


def fault(text):
    return pytest.mark.parametrize("sim", [["--fault", text]], indirect=True)


def signed(sim):
    return sum(1 for each in sim.log if each.get("signature"))


def names(sim):
    return [each["name"] for each in sim.log]


def traced(sim, *words):
    done = subprocess.run(
        ["iotsafe", "--card", address(sim), "--trace", "apdu", *words],
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


# ---- the port ----


@fault("unplug=2B@1")
def test_a_modem_that_was_unplugged_signs_when_it_is_back(sim):
    before = os.readlink(sim.link)
    with iotsafe.open(address(sim)) as card:
        key = card.key("label=client")
        assert key.sign(HASH, "sha256")  # verified by the library
        assert os.readlink(sim.link) != before, "under another number"
    assert signed(sim) == 1


@fault("unplug=2B@1")
def test_a_trace_shows_that_it_was_waited_for(sim):
    lines = traced(sim, "sign", "--digest", HASH.hex())
    assert re.search("card: opening again after: .*modem has gone", lines)
    assert f"link: waiting for {sim.link}" in lines


def test_a_port_that_stays_away_is_told_in_time(sim):
    with iotsafe.open(address(sim)) as card:
        key = card.key("label=client")
        sim.stop()
        card.set_timeout(1)
        start = time.monotonic()
        with pytest.raises(iotsafe.ClosedError, match="gone.*no such port"):
            key.sign(HASH, "sha256")
        assert 0.9 < time.monotonic() - start < 30


# ---- the modem ----


@fault("modem-reset=2B@1-1")
def test_a_modem_that_says_that_it_has_restarted_is_asked_again(sim):
    lines = traced(sim, "sign", "--digest", HASH.hex())
    assert "opening again after" in lines and "has restarted" in lines
    assert signed(sim) == 1


# ---- the card ----


@fault("card-reset=2B@1-1")
def test_a_signature_is_repeated_whole(sim):
    traced(sim, "sign", "--digest", HASH.hex())
    sent = [each for each in names(sim) if each.startswith("COMPUTE SIG")]
    # The first UPDATE found no channel, so the card has no name for it.
    assert sent == [
        "COMPUTE SIGNATURE INIT",
        "COMPUTE SIGNATURE INIT",
        "COMPUTE SIGNATURE UPDATE",
    ]
    assert signed(sim) == 1


@fault("swap=2B@1-1")
def test_another_sim_signs_nothing_until_the_card_is_opened_anew(sim):
    with iotsafe.open(address(sim)) as card:
        number = card.iccid
        key = card.key("label=client")
        for _ in range(2):
            with pytest.raises(iotsafe.ClosedError) as told:
                key.sign(HASH, "sha256")
            assert number in str(told.value)
        assert signed(sim) == 0
        with iotsafe.open(address(sim)) as other:
            assert other.iccid != number
            assert other.iccid in str(told.value)
            assert other.key("label=client").sign(HASH, "sha256")


@fault("swap=A4@3-3")
def test_another_sim_on_the_basic_channel_signs_nothing(sim):
    """It is selected there for every turn, and no channel gets lost."""
    with iotsafe.open(f"{address(sim)}&interface=basic") as card:
        key = card.key("label=client")
        with pytest.raises(iotsafe.ClosedError, match="was changed"):
            key.sign(HASH, "sha256")
    assert signed(sim) == 0


# ---- what must not be done twice ----


def made(sim):
    return names(sim).count("GENERATE KEY PAIR")


@fault("modem-reset=B9@1-1")
def test_a_pair_of_which_nothing_is_known_is_not_made_again(sim):
    with iotsafe.open(address(sim)) as card:
        with pytest.raises(iotsafe.ModemError, match="not repeated"):
            card.generate("label=ecdh")
        assert made(sim) == 0
        assert card.generate("label=ecdh")
    assert made(sim) == 1


@fault("card-reset=B9@1-1")
def test_a_pair_that_the_card_refused_to_make_is_made_on_a_new_channel(sim):
    with iotsafe.open(address(sim)) as card:
        assert card.generate("label=ecdh")
    assert made(sim) == 1, "6881, then done"
    assert names(sim).count("MANAGE CHANNEL") >= 2


# ---- channels ----


@pytest.mark.parametrize("sim", [["--quirk", "max-channels=1"]], indirect=True)
def test_a_channel_that_was_lost_with_a_link_makes_room(sim, tmp_path):
    """A process that was killed holds the only one there is."""
    held = subprocess.Popen(
        ["python3", "-c",
         "import iotsafe, sys, time; c = iotsafe.open(sys.argv[1]);"
         "print('open', flush=True); time.sleep(600)", address(sim)],
        stdout=subprocess.PIPE, text=True,
    )
    assert held.stdout.readline() == "open\n"
    held.send_signal(signal.SIGKILL)
    held.wait()
    held.stdout.close()
    with iotsafe.open(address(sim)) as card:
        assert card.key("label=client").sign(HASH, "sha256")
