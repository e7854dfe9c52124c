# SPDX-License-Identifier: LGPL-2.1-or-later
"""qmi: with a modem that speaks it at the level of messages, on its device,
behind the name of the proxy, and behind the real qmi-proxy."""

import os
import subprocess
import time

import doctor
import pytest
import qmimodem
from cardmodem import (
    Card,
    Holder,
    Opener,
    Terminal,
    Unix,
    end_owner,
    is_taken,
    own_network,
)
from command import answer, iotsafe, openssl, sentence, text
from farside import Server
from pcscd import until
from qmimodem import ALLOCATE, APDU, LOGICAL_CHANNEL, OPEN_CHANNEL, READ, QmiModem

REAL_PROXY = "/usr/libexec/qmi-proxy"


@pytest.fixture(scope="module", autouse=True)
def network():
    with own_network() as own:
        if not own and is_taken("qmi-proxy"):
            pytest.skip("this machine's own qmi-proxy or mbim-proxy is running")
        yield


@pytest.fixture
def modem(folder):
    modem = QmiModem(folder)
    yield modem
    modem.end()


@pytest.fixture
def device(modem, tmp_path):
    """Its device is a socket: one program after the other."""
    path = str(tmp_path / "cdc-wdm0")
    far = Unix(path, modem.serve)
    yield f"qmi:{path}"
    far.end()


@pytest.fixture
def proxy(modem, tmp_path):
    """The modem itself has the proxy's name."""
    modem.proxy = True
    path = tmp_path / "cdc-wdm1"
    path.touch()
    far = Unix(b"\0qmi-proxy", modem.serve)
    yield f"qmi:{path}?proxy=yes"
    far.end()


@pytest.fixture
def terminal(modem):
    """A real qmi-proxy, started by the library, with the modem's terminal;
    where that may not be started, the terminal itself."""
    if not os.access(REAL_PROXY, os.X_OK):
        pytest.fail(f"{REAL_PROXY} is missing (package libqmi-proxy)")
    far = Terminal(modem.serve)
    yield f"qmi:{far.path}"
    end_owner("qmi-proxy")
    far.end()


@pytest.fixture(params=["device", "proxy", "terminal"])
def card(request, modem):
    """Its address; afterwards nothing is left open."""
    yield request.getfixturevalue(request.param)
    assert modem.card.channels == set()
    assert modem.clients == set()


def check_signature(card, folder, **environment):
    letter = folder / "letter"
    letter.write_bytes(b"a letter\n" * 40)
    iotsafe(
        *("sign", letter, "--der", "--out", folder / "signature"),
        card=card,
        **environment,
    )
    (folder / "key.pem").write_text(text("pubkey", card=card))
    verified = openssl(
        *("dgst", "-sha256", "-verify", folder / "key.pem"),
        *("-signature", folder / "signature", letter),
    )
    assert verified == b"Verified OK\n"


def labels(card):
    objects = answer("list", "--json", card=card)["objects"]
    return {each["label"] for each in objects}


def test_a_signature(card, modem, tmp_path):
    check_signature(card, tmp_path)
    assert qmimodem.SYNC not in modem.seen or "pts" in card
    facts = answer("info", card=card)["card"]
    assert facts["interface"] == "qmi" and facts["channel"] == "1"
    assert facts["iccid"] == modem.card.number


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
    assert done["card"]["handshake"]["signatures"] == 1


@pytest.mark.skipif(os.geteuid(), reason="qmi-proxy serves root alone")
def test_two_programs_at_once_through_one_proxy(terminal, modem, tmp_path):
    """Each has a client and a channel of its own."""
    letter = tmp_path / "letter"
    letter.write_bytes(b"a letter")
    iotsafe("list", card=terminal)
    environment = dict(os.environ, IOTSAFE_CARD=terminal)
    programs = [
        subprocess.Popen(
            ["iotsafe", "sign", letter, "--der", "--out", f"{letter}{number}"],
            env=environment,
        )
        for number in range(3)
    ]
    assert [program.wait(60) for program in programs] == [0, 0, 0]
    (tmp_path / "key.pem").write_text(text("pubkey", card=terminal))
    for number in range(3):
        verified = openssl(
            *("dgst", "-sha256", "-verify", tmp_path / "key.pem"),
            *("-signature", f"{letter}{number}", letter),
        )
        assert verified == b"Verified OK\n"
    assert modem.card.channels == set() and modem.clients == set()


HOLDER = """
import iotsafe, sys
with iotsafe.open(sys.argv[1]) as card:
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.mark.plain_build
def test_a_refusal_does_not_close_what_another_process_uses(proxy, modem):
    """Through a proxy nobody has the card alone."""
    holder = subprocess.Popen(
        ["python3", "-c", HOLDER, proxy],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    with holder:
        assert holder.stdout.readline() == "open\n"
        (used,) = modem.card.channels
        modem.ways.errors = {OPEN_CHANNEL: (3, None)}
        refused = subprocess.run(
            ["iotsafe", "--card", proxy, "info"], capture_output=True, timeout=60
        )
        assert refused.returncode and b"modem" in refused.stderr
        assert modem.card.channels == {used}


def test_the_class_byte_carries_the_channel(device, modem):
    labels(device)
    assert modem.card.classes and all(cla & 3 == 1 for cla in modem.card.classes)


def test_a_channel_that_is_no_number_of_a_class_byte(device, modem):
    modem.ways.channel = 77
    assert "client" in labels(device)
    assert all(cla & 0x43 == 0 for cla in modem.card.classes)
    assert modem.card.channels == set()


# What modems do, and the operation succeeds all the same.

PATIENT = {
    "indications and answers of others": {"noise": True},
    "in pieces": {"split": True, "noise": True},
    "joined": {"joined": True},
    "a SIM that is starting": {"not_ready": 3},
}


@pytest.mark.parametrize("ways", PATIENT.values(), ids=PATIENT)
def test_what_is_put_up_with(ways, device, modem, tmp_path):
    vars(modem.ways).update(ways)
    check_signature(device, tmp_path)
    assert modem.card.channels == set() and modem.clients == set()


@pytest.mark.parametrize("error", [17, 48, 71, 94])
def test_the_other_request_where_one_is_not_liked(error, device, modem):
    modem.ways.errors[OPEN_CHANNEL] = (error, None)
    assert "client" in labels(device)
    assert modem.card.channels == set()


def test_a_late_answer_is_nobody_s(device, modem, tmp_path):
    """The first command is given up; its answer comes before the second's."""
    modem.ways.late.add(APDU)
    said, error = sentence("list", card=f"{device}?timeout=700", status=5)
    assert "did not answer in time" in said
    modem.ways.late.clear()
    check_signature(device, tmp_path)


# What cannot be put up with: the code, words of the sentence.

REFUSALS = {
    "bad slot": (OPEN_CHANNEL, 3, None, 6, "error 3 Internal"),
    "no channel": (OPEN_CHANNEL, 68, None, 4, "no free logical channel"),
    "no channel, says the card": (OPEN_CHANNEL, 3, 0x6A81, 4, "answered 6A81"),
    "no applet": (OPEN_CHANNEL, 80, None, 10, "no IoT SAFE applet"),
    "no applet, says the card": (OPEN_CHANNEL, 3, 0x6A82, 10, "answered 6A82"),
    "firmware says no": (OPEN_CHANNEL, 82, None, 8, "error 82 AccessDenied"),
    "no SIM": (OPEN_CHANNEL, 102, None, 10, "no SIM in the modem"),
    "no room, but not for a channel": (ALLOCATE, 68, None, 4, "Resources\n"),
    "no file, but not of a channel": (APDU, 80, None, 6, "SimFileNotFound\n"),
    "no clients": (ALLOCATE, 5, None, 4, "error 5 ClientIdsExhausted"),
    "a number that nobody knows": (APDU, 4711, None, 6, "error 4711"),
    "the card's word": (APDU, 3, 0x6982, 8, "card answered 6982"),
    "the card's word is that all is well": (APDU, 3, 0x9000, 6, "error 3"),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_refusals_have_a_sentence(case, device, modem, tmp_path):
    request, number, status, code, words = case
    modem.ways.errors[request] = (number, status)
    said, _ = sentence("random", "8", card=device, status=code)
    assert words in f"{said}\n"
    modem.ways.errors.clear()
    check_signature(device, tmp_path)
    assert modem.card.channels == set() and modem.clients == set()


@pytest.mark.parametrize("request_id", [ALLOCATE, OPEN_CHANNEL, APDU])
def test_a_SIM_that_stays_unready_is_told_at_the_deadline(
    request_id, device, modem
):
    """It has answered all the time."""
    modem.ways.errors[request_id] = (37, None)
    said, _ = sentence("list", card=f"{device}?timeout=900", status=4)
    assert "error 37 UimUninitialized: the SIM is not ready" in said
    assert modem.card.channels == set() and modem.clients == set()


DOCTOR = {
    "not ready": (OPEN_CHANNEL, 37, "not-ready", "slot that the modem uses"),
    "no clients": (ALLOCATE, 5, "no-client", "restart the modem"),
    "firmware says no": (OPEN_CHANNEL, 82, "forbidden", "(at:)"),
    "no such request": (APDU, 94, "no-request", "(at:)"),
    "refused": (APDU, 3, "no-way", "slot="),
}


@pytest.mark.parametrize("case", DOCTOR.values(), ids=DOCTOR)
def test_the_doctor_s_words_are_about_this_modem(case, device, modem):
    request, number, id, advice = case
    modem.ways.errors[request] = (number, None)
    said = doctor.run(f"{device}?timeout=1500")
    doctor.check(said, "problem", id, "", advice)
    # Refusals are no resets.
    assert [each["id"] for each in said["findings"]].count("reset") == 0


def test_two_applets_take_turns_on_the_only_channel(tmp_path):
    """The modem says so without the card's word."""
    modem = QmiModem(
        *(tmp_path, "--profile", "trust-onboard-iotsafe"),
        *("--quirk", "max-channels=1"),
    )
    path = str(tmp_path / "cdc-wdm2")
    far = Unix(path, modem.serve)
    listed = text("list", card=f"qmi:{path}")
    assert "applet=mias" in listed and "client" in listed
    assert modem.card.channels == set()
    far.end()
    modem.end()


def test_a_channel_without_the_applet_is_closed(tmp_path):
    """The modem calls it a success, and passes the card's refusal on."""
    modem = QmiModem(
        *(tmp_path, "--profile", "trust-onboard", "--quirk", "max-channels=1")
    )
    modem.ways.keeps = True
    path = str(tmp_path / "cdc-wdm2")
    far = Unix(path, modem.serve)
    assert "applet=mias" in text("list", card=f"qmi:{path}")
    said, _ = sentence("list", card=f"qmi:{path}?aid=A000000099", status=10)
    assert "no IoT SAFE applet (card answered 6A82" in said
    assert modem.card.channels == set()
    far.end()
    modem.end()


def test_neither_request_to_open_is_there(device, modem):
    modem.ways.errors[OPEN_CHANNEL] = modem.ways.errors[LOGICAL_CHANNEL] = (71, None)
    said, _ = sentence("list", card=device, status=17)
    assert "UIM Logical Channel" in said and "no such request" in said


@pytest.mark.parametrize("request_id", [ALLOCATE, OPEN_CHANNEL, APDU])
@pytest.mark.parametrize("way", ["silent", "wrong_transaction"])
def test_silence_ends_at_the_deadline(way, request_id, device, modem, tmp_path):
    getattr(modem.ways, way).add(request_id)
    start = time.monotonic()
    said, _ = sentence("list", card=f"{device}?timeout=600", status=5)
    assert "did not answer in time" in said
    # Two programs, each with its operation and its good-bye.
    assert time.monotonic() - start < 2 * (0.6 + 2 + 5)
    getattr(modem.ways, way).clear()
    check_signature(device, tmp_path)


@pytest.mark.parametrize("request_id", [ALLOCATE, OPEN_CHANNEL, APDU])
@pytest.mark.parametrize("way", ["device", "proxy"])
def test_a_modem_that_hangs_up(way, request_id, modem, request, tmp_path):
    card = request.getfixturevalue(way)
    modem.ways.hang_up.add(request_id)
    said, _ = sentence("list", card=card, status=16)
    wanted = {"device": "the modem has gone", "proxy": "qmi-proxy closed"}
    assert wanted[way] in said
    modem.ways.hang_up.clear()
    check_signature(card, tmp_path)


CUTS = {
    "the last byte is missing": lambda tlvs: tlvs[:-1],
    "nothing": lambda tlvs: b"",
    "no result": lambda tlvs: tlvs[7:],
    "a length too great": lambda tlvs: tlvs[:7] + b"\x10\xff\xff" + tlvs[10:],
    "a result alone": lambda tlvs: tlvs[:7],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("request_id", [ALLOCATE, OPEN_CHANNEL, APDU])
def test_what_is_truncated_is_told(request_id, cut, device, modem, tmp_path):
    modem.ways.cut[request_id] = cut
    said, _ = sentence("list", card=device, status=12)
    assert "truncated or garbled" in said
    modem.ways.cut.clear()


def test_a_long_response_is_told(device, modem):
    modem.ways.long = True
    said, _ = sentence("list", card=device, status=17)
    assert "long response of 700 bytes" in said


@pytest.mark.plain_build
def test_a_client_that_the_modem_forgot_is_asked_for_anew(device, modem, tmp_path):
    """In the middle of a handshake's operations, as after a reset."""
    script = (
        "import iotsafe, sys\n"
        "card = iotsafe.open(sys.argv[1])\n"
        "card.random(8)\n"
        "input()\n"
        "assert len(card.random(8)) == 8\n"
    )
    program = subprocess.Popen(
        ["/usr/bin/python3", "-c", script, device], stdin=subprocess.PIPE
    )
    until("random number", lambda: APDU in modem.seen and len(modem.seen) > 2)
    modem.clients.clear()
    program.communicate(b"\n", 60)
    assert program.returncode == 0
    assert modem.seen.count(ALLOCATE) == 2


@pytest.mark.plain_build
def test_a_proxy_that_ends_again_and_again_costs_no_channel(modem, tmp_path):
    """The modem does not hear of it, and has three to give."""
    modem.proxy = True
    path = tmp_path / "cdc-wdm1"
    path.touch()
    far = Unix(b"\0qmi-proxy", modem.serve)
    with Holder(f"qmi:{path}?proxy=yes") as holder:
        for _ in range(5):
            far.end()
            far = Unix(b"\0qmi-proxy", modem.serve)
            assert holder.use() == "the same card"
            assert len(modem.card.channels) == 1
    far.end()
    assert modem.card.channels == set()


@pytest.mark.plain_build
def test_nor_does_one_that_ends_before_a_card_is_closed(modem, tmp_path):
    modem.proxy = True
    path = tmp_path / "cdc-wdm1"
    path.touch()
    far = Unix(b"\0qmi-proxy", modem.serve)
    with Opener(f"qmi:{path}?proxy=yes") as opener:
        for _ in range(5):
            assert len(modem.card.channels) == 1
            far.end()
            far = Unix(b"\0qmi-proxy", modem.serve)
            opener.open_anew()
    far.end()
    assert modem.card.channels == set()


@pytest.mark.plain_build
def test_a_lost_channel_that_cannot_be_had_again_is_told_with_why(device, modem):
    with Holder(device) as holder:
        modem.card.channels.clear()
        modem.ways.errors[OPEN_CHANNEL] = (68, None)
        said = holder.use()
        assert "Send APDU: modem answered error 48 InvalidArgument" in said
        assert "; then: " in said and "no free logical channel" in said
        modem.ways.errors.clear()
        assert holder.use() == "the same card"


@pytest.mark.plain_build
def test_a_child_gets_the_device_when_its_parent_has_ended(modem):
    """Without a word, as daemon(3) lets it end."""
    script = (
        "import iotsafe, os, sys, time\n"
        "card = iotsafe.open(sys.argv[1])\n"
        "parent = os.getpid()\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "while os.getppid() == parent:\n"
        "    time.sleep(0.001)\n"
        "print(len(iotsafe.open(sys.argv[1]).random(8)), flush=True)\n"
    )
    far = Terminal(modem.serve)
    program = subprocess.run(
        ["/usr/bin/python3", "-c", script, f"qmi:{far.path}?proxy=no"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    far.end()
    assert program.stdout == b"8\n", program.stderr


# Which card it is.


@pytest.mark.plain_build
def test_another_card_in_the_slot_is_told_by_both_numbers(device, modem, tmp_path):
    """The modem forgets its clients with the old card, or goes on."""
    for forgets in (True, False):
        first = modem.card.number
        with Holder(device) as holder:
            assert holder.iccid == first and holder.use() == "the same card"
            modem.swap(Card(tmp_path / str(forgets)))
            if forgets:
                modem.clients.clear()
            assert modem.card.number != first
            said = holder.use()
            assert said.startswith("ClosedError")
            assert f"its ICCID is {modem.card.number}, was {first}" in said
        assert modem.card.channels == set()


ANSWERS_WITHOUT = {
    "refused": lambda ways: ways.errors.update({READ: (71, None)}),
    "the card says no": lambda ways: ways.errors.update({READ: (3, 0x6982)}),
    "silent": lambda ways: ways.silent.add(READ),
    "truncated": lambda ways: ways.cut.update({READ: lambda tlvs: tlvs[:-1]}),
    "empty": lambda ways: ways.cut.update({READ: lambda tlvs: tlvs[:7]}),
    "nine bytes": lambda ways: ways.cut.update(
        {READ: lambda tlvs: tlvs[:7] + b"\x11\x0b\0\x09\0" + tlvs[-9:]}
    ),
}


@pytest.mark.parametrize("spoil", ANSWERS_WITHOUT.values(), ids=ANSWERS_WITHOUT)
def test_a_modem_that_does_not_tell_the_number_serves(spoil, device, modem, tmp_path):
    spoil(modem.ways)
    start = time.monotonic()
    check_signature(device, tmp_path)
    assert "iccid" not in answer("info", card=device)["card"]
    assert time.monotonic() - start < 20
    assert modem.seen.count(READ) == 3  # one a program
    assert modem.card.channels == set() and modem.clients == set()


def test_a_slot_whose_number_cannot_be_asked_for_serves(device, modem):
    """Its session type is not known: nothing is asked."""
    sentence("list", card=f"{device}?slot=5", status=6)
    assert READ not in modem.seen


# Addresses.


def test_what_an_address_may_say(device, tmp_path):
    for wrong in ("slot=0", "slot=x", "proxy=maybe", "baud=9600"):
        sentence("list", card=f"{device}?{wrong}", status=2)
    sentence("list", card="qmi:", status=2)
    said, _ = sentence("list", card="qmi:/dev/cdc-wdm77", status=3)
    assert "no such port" in said
    said, _ = sentence("list", card=f"{device}?slot=2", status=6)
    assert "no such slot" in said


def test_the_proxy_is_left_alone_where_it_is_not_wanted(proxy, modem):
    said, _ = sentence("list", card=proxy.replace("yes", "no"), status=3)
    assert modem.seen == []


def test_a_proxy_of_a_stranger_is_not_trusted(tmp_path):
    if os.geteuid():
        pytest.skip("needs root to be somebody else")
    (tmp_path / "device").touch()
    listen = (
        "import os, socket\n"
        "os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "s.bind(b'\\0qmi-proxy')\n"
        "s.listen()\n"
        "print(flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-c", listen],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as stranger:
        stranger.stdout.readline()
        said, _ = sentence(
            "list", card=f"qmi:{tmp_path}/device?proxy=yes", status=3
        )
        stranger.communicate(b"\n", 20)
    assert "another user (65534)" in said


@pytest.mark.plain_build
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
        ["/usr/bin/python3", "-c", script, f"{device}?timeout=600000"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        until("command for the card", lambda: APDU in modem.seen)
        said, _ = program.communicate(b"\n", 60)
    assert b"cancelled" in said and program.returncode == 0
    assert modem.card.channels == set()
