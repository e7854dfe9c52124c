# SPDX-License-Identifier: LGPL-2.1-or-later
"""mbim: through libmbim, with and without the real mbim-proxy, and a modem
that speaks it at the level of messages."""

import os
import subprocess
import time

import doctor
import pytest
from cardmodem import (
    Card,
    Holder,
    Opener,
    Terminal,
    end_owner,
    is_taken,
    own_network,
)
from command import answer, iotsafe, openssl, sentence, text
from farside import Server
from mbimmodem import (
    APDU,
    BUSY,
    CLOSE,
    CLOSE_CHANNEL,
    COMMAND,
    NOT_INITIALIZED,
    OPEN_CHANNEL,
    READY,
    MbimModem,
)
from pcscd import until

pytestmark = pytest.mark.plain_build


@pytest.fixture(scope="module", autouse=True)
def network():
    with own_network() as own:
        if not own and is_taken("mbim-proxy"):
            pytest.skip("this machine's own qmi-proxy or mbim-proxy is running")
        yield


@pytest.fixture
def modem(folder):
    modem = MbimModem(folder)
    yield modem
    modem.end()


@pytest.fixture
def proxy(modem):
    """Through the real proxy, which libmbim starts."""
    if os.geteuid():
        pytest.skip("mbim-proxy serves root alone")
    far = Terminal(modem.serve)
    yield f"mbim:{far.path}"
    end_owner("mbim-proxy")
    far.end()


@pytest.fixture
def device(modem):
    far = Terminal(modem.serve)
    yield f"mbim:{far.path}?proxy=no"
    far.end()


@pytest.fixture(params=["proxy", "device"])
def card(request, modem):
    """Its address; afterwards no channel is left open."""
    yield request.getfixturevalue(request.param)
    assert modem.card.channels == set()


def sign(card, letter):
    iotsafe("sign", letter, "--der", "--out", f"{letter}.signature", card=card)


def check(card, folder, *letters):
    (folder / "key.pem").write_text(text("pubkey", card=card))
    for letter in letters:
        verified = openssl(
            *("dgst", "-sha256", "-verify", folder / "key.pem"),
            *("-signature", f"{letter}.signature", letter),
        )
        assert verified == b"Verified OK\n"


def check_signature(card, folder):
    letter = folder / "letter"
    letter.write_bytes(b"a letter\n" * 40)
    sign(card, letter)
    check(card, folder, letter)


def test_two_applets_take_turns_on_the_only_channel(tmp_path):
    """The modem says so without the card's word."""
    modem = MbimModem(
        *(tmp_path, "--profile", "trust-onboard-iotsafe"),
        *("--quirk", "max-channels=1"),
    )
    far = Terminal(modem.serve)
    listed = text("list", card=f"mbim:{far.path}?proxy=no")
    assert "applet=mias" in listed and "client" in listed
    assert modem.card.channels == set()
    far.end()
    modem.end()


def test_a_channel_without_the_applet_is_closed(tmp_path):
    """The modem calls it a success, and passes the card's refusal on."""
    modem = MbimModem(
        *(tmp_path, "--profile", "trust-onboard", "--quirk", "max-channels=1")
    )
    modem.ways.keeps = True
    far = Terminal(modem.serve)
    card = f"mbim:{far.path}?proxy=no"
    assert "applet=mias" in text("list", card=card)
    said, _ = sentence("list", card=f"{card}&aid=A000000099", status=10)
    assert "no IoT SAFE applet (card answered 6A82" in said
    assert modem.card.channels == set()
    far.end()
    modem.end()


def test_a_signature(card, modem, tmp_path):
    check_signature(card, tmp_path)
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == "mbim" and facts["channel"] == "1"
    assert facts["iccid"] == modem.card.number
    # It would end the data connection of others.
    assert (CLOSE, 0) not in modem.seen


def test_a_handshake(card, folder):
    with Server(folder) as server:
        done = answer(
            *("connect", f"127.0.0.1:{server.port}"),
            *("--ca", folder / "ca.pem", "--name", "localhost"),
            card=card,
        )
        verdict, _ = server.client()
    assert verdict == "The certificate is trusted."
    assert done["authenticated"] and done["certificate_used"]


def test_programs_at_once_through_one_proxy(proxy, modem, tmp_path):
    letters = [tmp_path / str(number) for number in range(3)]
    iotsafe("list", card=proxy)
    programs = []
    for letter in letters:
        letter.write_bytes(letter.name.encode())
        programs.append(
            subprocess.Popen(
                ["iotsafe", "sign", letter, "--der", "--out", f"{letter}.signature"],
                env=dict(os.environ, IOTSAFE_CARD=proxy),
            )
        )
    assert [program.wait(60) for program in programs] == [0, 0, 0]
    check(proxy, tmp_path, *letters)
    assert modem.card.channels == set()


def test_the_class_byte_carries_the_channel(device, modem):
    iotsafe("list", card=device)
    assert modem.card.classes and all(cla & 3 == 1 for cla in modem.card.classes)
    assert modem.types == {0}


def test_a_channel_that_is_no_number_of_a_class_byte(device, modem):
    modem.ways.channel = 4711
    iotsafe("list", card=device)
    assert all(cla & 0x43 == 0 for cla in modem.card.classes)
    assert modem.card.channels == set()


def test_the_extended_type_is_found_and_remembered(device, modem, tmp_path):
    modem.ways.extended = True
    check_signature(device, tmp_path)
    assert modem.types == {0, 1}
    modem.seen.clear()
    iotsafe("random", "8", card=device)
    assert modem.seen.count((3, APDU)) <= 4 and modem.card.channels == set()


@pytest.mark.parametrize("version_3", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_the_number_of_the_card_however_it_is_told(version_3, turned, device, modem):
    modem.ways.version_3, modem.ways.turned = version_3, turned
    facts = answer("info", card=device)["card"]
    assert facts["iccid"] == modem.card.number


def test_another_card_in_the_slot_is_told_by_both_numbers(device, modem, tmp_path):
    first = modem.card.number
    with Holder(device) as holder:
        assert holder.iccid == first and holder.use() == "the same card"
        modem.swap(Card(tmp_path))
        assert modem.card.number != first
        said = holder.use()
        assert said.startswith("ClosedError")
        assert f"its ICCID is {modem.card.number}, was {first}" in said
    assert modem.card.channels == set()


ANSWERS_WITHOUT = {
    "refused": lambda ways: ways.status.update({READY: 9}),
    "silent": lambda ways: ways.silent.add(READY),
    "truncated": lambda ways: ways.cut.update({READY: lambda buffer: buffer[:-8]}),
    "empty": lambda ways: ways.cut.update({READY: lambda buffer: b""}),
    "no number": lambda ways: ways.cut.update(
        {READY: lambda buffer: buffer[:-40] + "twenty digits, no!  ".encode("utf-16le")}
    ),
    "a place outside": lambda ways: ways.cut.update(
        {READY: lambda buffer: buffer[:12] + b"\xff\xff\xff\x7f" + buffer[16:]}
    ),
}


@pytest.mark.parametrize("spoil", ANSWERS_WITHOUT.values(), ids=ANSWERS_WITHOUT)
def test_a_modem_that_does_not_tell_the_number_serves(spoil, device, modem, tmp_path):
    spoil(modem.ways)
    check_signature(device, tmp_path)
    assert "iccid" not in answer("info", card=device)["card"]
    assert modem.seen.count((3, READY)) == 3  # one a program
    assert modem.card.channels == set()


PATIENT = {
    "indications and answers of others": {"noise": True},
    "in pieces": {"split": True, "noise": True},
}


@pytest.mark.parametrize("ways", PATIENT.values(), ids=PATIENT)
def test_what_is_put_up_with(ways, device, modem, tmp_path):
    vars(modem.ways).update(ways)
    check_signature(device, tmp_path)
    assert modem.card.channels == set()


def test_a_late_answer_is_nobody_s(proxy, modem, tmp_path):
    modem.ways.late.add(APDU)
    said, _ = sentence("list", card=f"{proxy}?timeout=900", status=5)
    assert "did not answer in time" in said
    modem.ways.late.clear()
    check_signature(proxy, tmp_path)


REFUSALS = {
    "no channel": (OPEN_CHANNEL, 0x87430001, 4, "no free logical channel"),
    "no applet": (OPEN_CHANNEL, 0x87430002, 10, "no IoT SAFE applet"),
    "firmware has it not": (OPEN_CHANNEL, 9, 17, "NoDeviceSupport"),
    "no SIM": (OPEN_CHANNEL, 3, 10, "no SIM in the modem"),
    "PIN": (OPEN_CHANNEL, 5, 9, "the SIM wants its PIN"),
    "failure": (OPEN_CHANNEL, 2, 6, "status 2 Failure"),
    "invalid channel": (APDU, 0x87430003, 6, "invalid logical channel"),
    "a number that nobody knows": (APDU, 0x87439999, 6, "status 0x87439999"),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_refusals_have_a_sentence(case, device, modem, tmp_path):
    request, status, code, words = case
    modem.ways.status[request] = status
    said, _ = sentence("random", "8", card=device, status=code)
    assert words in said
    modem.ways.status.clear()
    check_signature(device, tmp_path)
    assert modem.card.channels == set()


DOCTOR = {
    "not ready": (OPEN_CHANNEL, NOT_INITIALIZED, "not-ready", "slot"),
    "firmware has it not": (OPEN_CHANNEL, 9, "no-request", "(at:)"),
    "not allowed": (OPEN_CHANNEL, 28, "forbidden", "(at:)"),
    "refused": (APDU, 0x87430003, "no-way", "(at:)"),
}


@pytest.mark.parametrize("case", DOCTOR.values(), ids=DOCTOR)
def test_the_doctor_s_words_are_about_this_modem(case, device, modem):
    request, status, id, advice = case
    modem.ways.status[request] = status
    said = doctor.run(f"{device}&timeout=1500")
    doctor.check(said, "problem", id, "", advice)


@pytest.mark.parametrize("cid", [OPEN_CHANNEL, APDU, CLOSE_CHANNEL, READY])
def test_a_busy_sim_is_asked_again(cid, card, modem, tmp_path):
    modem.ways.busy[cid] = [BUSY, NOT_INITIALIZED, BUSY]
    check_signature(card, tmp_path)
    assert modem.ways.busy[cid] == []


@pytest.mark.parametrize("status", [BUSY, NOT_INITIALIZED])
@pytest.mark.parametrize("cid", [OPEN_CHANNEL, APDU])
def test_a_sim_that_stays_busy_is_told_at_the_deadline(
    cid, status, device, modem, tmp_path
):
    modem.ways.status[cid] = status
    start = time.monotonic()
    said, _ = sentence("list", card=f"{device}&timeout=1500", status=4)
    assert "Busy" in said or "the SIM is not ready" in said
    assert time.monotonic() - start < 2 * (1.5 + 2 + 5)
    assert modem.seen.count((COMMAND, cid)) >= 2
    modem.ways.status.clear()
    check_signature(device, tmp_path)
    assert modem.card.channels == set()


def test_the_card_s_word_is_told(device, modem):
    said, _ = sentence("list", card=f"{device}&aid=A000000099", status=10)
    assert "6A82" in said and modem.card.channels == set()
    # No other way to ask would find it: once for each of two programs.
    assert modem.seen.count((COMMAND, OPEN_CHANNEL)) == 2


@pytest.mark.parametrize("cid", [OPEN_CHANNEL, APDU])
def test_silence_ends_at_the_deadline(cid, device, modem, tmp_path):
    modem.ways.silent.add(cid)
    start = time.monotonic()
    said, _ = sentence("list", card=f"{device}&timeout=800", status=5)
    assert "did not answer in time" in said
    assert time.monotonic() - start < 2 * (0.8 + 2 + 5)
    modem.ways.silent.clear()
    check_signature(device, tmp_path)


CUTS = {
    "the last bytes are missing": lambda buffer: buffer[:-4],
    "nothing": lambda buffer: b"",
    "a size too great": lambda buffer: buffer[:4] + b"\xff\xff\0\0" + buffer[8:],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_what_is_truncated_is_told(cut, device, modem, tmp_path):
    modem.ways.cut[APDU] = cut
    said, _ = sentence("random", "8", card=device, status=12)
    assert "truncated or garbled" in said or "has 65535 bytes" in said
    modem.ways.cut.clear()
    check_signature(device, tmp_path)


def test_a_close_that_fails_is_no_failure(device, modem):
    modem.ways.status[CLOSE_CHANNEL] = 0x87430003
    iotsafe("list", card=device)


def test_what_an_address_may_say(device):
    for wrong in ("slot=1", "baud=9600"):
        sentence("list", card=f"{device}&{wrong}", status=2)
    sentence("list", card=device.replace("=no", "=maybe"), status=2)
    sentence("list", card="mbim:", status=2)
    said, _ = sentence("list", card="mbim:/dev/cdc-wdm77", status=3)
    assert "no such port" in said


def test_a_proxy_that_ends_is_told_and_the_next_one_serves(proxy, modem, tmp_path):
    script = (
        "import iotsafe, sys\n"
        "card = iotsafe.open(sys.argv[1])\n"
        "card.random(8)\n"
        "print(flush=True)\n"
        "sys.stdin.readline()\n"
        "assert len(card.random(8)) == 8\n"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", script, proxy],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        program.stdout.readline()
        end_owner("mbim-proxy")
        program.communicate(b"\n", 60)
    assert program.returncode == 0


def test_a_proxy_that_ends_again_and_again_costs_no_channel(proxy, modem):
    """The modem does not hear of it, and has three to give."""
    with Holder(proxy) as holder:
        for _ in range(5):
            end_owner("mbim-proxy")
            assert holder.use() == "the same card"
            assert len(modem.card.channels) == 1
    assert modem.card.channels == set()


def test_nor_does_one_that_ends_before_a_card_is_closed(proxy, modem):
    with Opener(proxy) as opener:
        for _ in range(5):
            assert len(modem.card.channels) == 1
            end_owner("mbim-proxy")
            opener.open_anew()
    assert modem.card.channels == set()


NOBODY = """
import iotsafe, os, sys
try:  # so that its module is loaded while it can be read
    iotsafe.open("mbim:/dev/cdc-wdm77")
except iotsafe.Error:
    pass
if not os.geteuid():
    os.setgid(65534)
    os.setuid(65534)
try:
    iotsafe.open(sys.argv[1])
except iotsafe.LinkError as error:
    print(error)
"""


def test_who_is_not_root_is_told_that_the_proxy_is(modem):
    far = Terminal(modem.serve)
    os.chmod(far.path, 0o666)
    try:
        done = subprocess.run(
            ["/usr/bin/python3", "-c", NOBODY, f"mbim:{far.path}"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        far.end()
    assert "mbim-proxy (it serves root alone" in done.stdout, done.stderr


def test_a_wait_can_be_cancelled(device, modem):
    """From another thread, long before the deadline."""
    modem.ways.silent.add(APDU)
    script = (
        "import iotsafe, sys, threading\n"
        "card = iotsafe.open(sys.argv[1])\n"
        "threading.Thread(target=lambda: (sys.stdin.readline(), card.cancel()))"
        ".start()\n"
        "try:\n"
        "    card.random(8)\n"
        "except iotsafe.CancelledError as error:\n"
        "    print(error)\n"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", script, f"{device}&timeout=600000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        until("command for the card", lambda: (3, APDU) in modem.seen)
        said, _ = program.communicate(b"\n", 60)
    assert b"cancelled" in said and program.returncode == 0
    assert modem.card.channels == set()
