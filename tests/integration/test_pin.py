# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SIM with a PIN: who gives it, when it is sent, and when never."""

import os
import shutil
import subprocess
import sys

import pytest
from farside import Sim

# All but what the command does asks through the modules of the languages.
by_module = pytest.mark.plain_build

# Long enough not to stand in a signature or certificate by chance.
PIN = "246813"
MANY = "timeout=60000"

# Signs over the card of the first word, twice; the second is a PIN to give by
# a function, "" for none.
PROGRAM = """
import sys, iotsafe
address, pin = sys.argv[1:]
asked = []
def give(iccid, tries):
    asked.append((iccid, tries))
    return pin
if pin:
    iotsafe.set_pin(give)
for _ in range(2):
    try:
        with iotsafe.open(address) as card:
            card.key("label=client").sign(bytes(32))
        print("signed", len(asked))
    except iotsafe.Error as error:
        print(type(error).__name__, error)
"""

LUA = """
local iotsafe = require "iotsafe"
iotsafe.set_pin(function (iccid, tries)
    assert(#iccid >= 18 and tries == 3)
    return arg[2]
end)
local card = assert(iotsafe.open(arg[1]))
local key = assert(card:key("label=client"))
assert(key:sign("sha256", ("x"):rep(32)))
print("signed")
"""

# The card wants it of whoever uses a key; or the modem, before anything.
QUIRKS = ["pin=246813", "pin=246813,pin-modem"]


@pytest.fixture(params=QUIRKS, ids=["card", "modem"])
def quirks(request):
    return request.param


@pytest.fixture
def start(tmp_path):
    """A SIM that has its number already."""
    started = []

    def run(quirks):
        sim = Sim(tmp_path, "--quirk", quirks)
        started.append(sim)
        return sim

    yield run
    for sim in started:
        sim.stop()


def number(folder):
    raw = (folder / "gsma/iccid").read_bytes().hex()
    return "".join(raw[i + 1] + raw[i] for i in range(0, len(raw), 2))


def run(sim, more="", pin="", environment=()):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"at:{sim.link}?{MANY}{more}", pin],
        env=dict(os.environ, IOTSAFE_TRACE="all", **dict(environment)),
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not pin or pin not in done.stderr, "masked"
    assert PIN not in done.stderr.replace(str(sim.link), "")
    assert "323436383133FFFF" not in done.stderr
    return done.stdout.splitlines()


def pin_file(folder, text, mode=0o600):
    path = folder / "pin"
    path.write_text(text)
    path.chmod(mode)
    return f"&pin-file={path}"


def tries(sim):
    return sum(
        each["command"][2:4] == "20" and len(each["command"]) > 10
        for each in sim.log
    )


@by_module
def test_comes_from_a_file(start, quirks, tmp_path):
    sim = start(quirks)
    text = f"# cards of this gateway\n89990000000000000000 9999\n" \
           f"{number(tmp_path)} {PIN}\n"
    assert run(sim, pin_file(tmp_path, text)) == ["signed 0"] * 2


def test_comes_with_the_command(start, quirks, tmp_path):
    """The second run finds the card open: it is not reset in between."""
    sim = start(quirks)
    address = f"at:{sim.link}?{MANY}{pin_file(tmp_path, f'{number(tmp_path)} {PIN}')}"
    for _ in range(2):
        command = ["iotsafe", "--card", address, "sign", "--digest", "00" * 32]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


@by_module
def test_comes_from_the_environment(start, quirks, tmp_path):
    sim = start(quirks)
    said = run(sim, "&pin-env=SIM_PIN",
               environment={"SIM_PIN": f"{number(tmp_path)} {PIN}"}.items())
    assert said == ["signed 0"] * 2


@by_module
def test_comes_from_a_function_that_is_asked_once(start, quirks):
    assert run(start(quirks), pin=PIN) == ["signed 1"] * 2


@by_module
@pytest.mark.parametrize("lua", [
    each for each in ("lua5.1", "lua5.3", "lua5.4", "luajit")
    if shutil.which(each)
])
def test_comes_from_a_function_of_lua(start, quirks, lua, tmp_path):
    script = tmp_path / "pin.lua"
    script.write_text(LUA)
    done = subprocess.run(
        [lua, script, f"at:{start(quirks).link}?{MANY}", PIN],
        capture_output=True, text=True, timeout=120,
    )
    assert done.stdout == "signed\n", done.stderr


@by_module
def test_is_not_asked_for_where_the_card_wants_none(start):
    assert run(start("max-channels=3"), pin=PIN) == ["signed 0"] * 2


@by_module
def test_that_is_wrong_is_tried_once_in_the_life_of_a_process(start, quirks):
    sim = start(quirks)
    first, second = run(sim, pin="7777")
    assert first.startswith("PinError")
    assert "has refused one in this process" in second
    # Another process has one try more, then nobody has.
    assert "has refused one" not in run(sim, pin="7777")[0]
    for said in run(sim, pin="7777"):
        assert "has 1 try left: none is sent automatically" in said


@by_module
@pytest.mark.parametrize("left, words", [(1, "1 try"), (0, "0 tries")])
def test_is_never_sent_when_a_mistake_would_block_it(start, quirks, left, words):
    sim = start(f"{quirks},pin-tries={left}")
    for said in run(sim, pin=PIN):
        assert said.startswith("PinError")
        assert f"has {words} left: none is sent automatically" in said
    assert tries(sim) == 0


@by_module
def test_is_sent_to_no_other_card(start, quirks, tmp_path):
    sim = start(quirks)
    more = pin_file(tmp_path, f"89990000000000000000 {PIN}\n")
    for said in run(sim, more):
        assert said.startswith("PinError") and "has none for the card" in said
        assert number(tmp_path) in said
    assert tries(sim) == 0


@by_module
def test_is_not_sent_to_a_card_without_a_number(start, tmp_path):
    sim = start("pin=246813,pin-modem,no-iccid")
    for said in run(sim, pin=PIN):
        assert "ICCID cannot be read" in said


@by_module
def test_file_must_be_nobody_elses(start, quirks, tmp_path):
    sim = start(quirks)
    for mode in (0o640, 0o604):
        text = f"{number(tmp_path)} {PIN}\n"
        for said in run(sim, pin_file(tmp_path, text, mode)):
            assert "its mode has to be 0600" in said or "6982" in said
    assert tries(sim) == 0


@by_module
@pytest.mark.parametrize("digits", ["12", "123456789", "12a4", ""])
def test_file_that_is_garbled_gives_none(start, digits, tmp_path):
    sim = start(QUIRKS[1])
    more = pin_file(tmp_path, f"{number(tmp_path)} {digits}\n")
    for said in run(sim, more):
        assert "no four to eight digits" in said
    assert tries(sim) == 0


# Begins a signature ahead, and then signs: who is asked for the PIN, and when.
AHEAD = """
import sys, iotsafe
asked = []
def give(iccid, tries):
    asked.append(tries)
    return sys.argv[2]
iotsafe.set_pin(give)
with iotsafe.open(sys.argv[1]) as card:
    key = card.key("label=client")
    print("prepared", key.prepare(), asked)
    key.sign(bytes(32))
    print("signed", asked)
    print("prepared", key.prepare(), asked)
"""


@by_module
def test_is_not_sent_for_a_signature_that_is_only_begun_ahead(start):
    sim = start(QUIRKS[0])
    done = subprocess.run(
        [sys.executable, "-c", AHEAD, f"at:{sim.link}?{MANY}", PIN],
        capture_output=True, text=True, timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "prepared False []", "signed [3]", "prepared True [3]"]


@by_module
def test_without_anybody_to_give_it_the_refusal_is_told(start):
    assert "6982" in run(start(QUIRKS[0]))[0]


@by_module
def test_of_a_locked_modem_is_missed(start):
    assert run(start(QUIRKS[1]))[0].startswith("PinError")


# Signs with one handle until it is told that the card is another one.
SWAPPED = """
import sys, iotsafe
iotsafe.set_pin(lambda iccid, tries: sys.argv[2])
with iotsafe.open(sys.argv[1]) as card:
    key = card.key("label=client")
    for _ in range(3):
        try:
            key.sign(bytes(32))
            print("signed")
        except iotsafe.Error as error:
            print(type(error).__name__, error)
"""


@by_module
def test_of_one_card_is_not_sent_to_the_one_that_takes_its_place(tmp_path):
    """The modem asks for a PIN before the new card's channel can be opened."""
    quirks = "pin=246813,pin-modem"
    with Sim(tmp_path, "--quirk", quirks, "--fault", "swap=2B@1-1") as sim:
        done = subprocess.run(
            [sys.executable, "-c", SWAPPED, f"at:{sim.link}?{MANY}", PIN],
            env=dict(os.environ, IOTSAFE_TRACE="all"),
            capture_output=True, text=True, timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("card: sends the PIN of") == 1, done.stderr
    assert "signed" not in done.stdout
    assert "was changed: its ICCID is" in done.stdout.splitlines()[-1]
