# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cards in a reader: the link pcsc: through a real pcscd, with iotsafe-sim as
the card and opensc-tool beside us."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
import tob
from command import answer, iotsafe, sentence, text
from errorpage import documented
from farside import Server, make_server_certificate
from pcscd import PATIENCE, Card, Pcscd, until
from pcscuser import User
from vpcdrelay import Relay

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
            card.out()


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


def test_a_handshake_with_the_card(daemon, put_in, tmp_path):
    make_server_certificate(tmp_path)
    put_in(daemon, "--store", tmp_path)
    with Server(tmp_path) as server:
        said = answer(
            *("connect", f"127.0.0.1:{server.port}", "--name", "localhost"),
            *("--ca", tmp_path / "ca.pem"),
            **at(daemon),
        )
        verdict, _ = server.client()
    assert verdict == "The certificate is trusted."
    assert said["certificate_used"] is True
    assert said["card"]["handshake"]["signatures"] == 1


# Errors, as docs/errors.md has them.


def expect(what, code, said):
    expected, pattern = documented("Cards in readers")[what]
    assert code == expected, said
    assert re.fullmatch(pattern, said), said


def happens(what, pcscd, address="pcsc:", **more):
    command = ["iotsafe", "--json", "sign", "--digest", DIGEST]
    done = subprocess.run(
        command,
        env=dict(os.environ, IOTSAFE_CARD=address, **pcscd.environment),
        capture_output=True,
        timeout=PATIENCE,
    )
    error = json.loads(done.stdout)["error"]
    expect(what, error["code"], error["text"])


ROWS = {
    "no card in any reader": (False, "pcsc:"),
    "no card in this reader": (False, "pcsc:0"),
    "no such reader": (True, "pcsc:Gemalto"),
    "no reader of this number": (True, "pcsc:7"),
    "the card speaks T=0 alone": (True, "pcsc:?protocol=t1"),
}


@pytest.mark.parametrize("what", ROWS)
def test_says_so_when(daemon, put_in, what):
    full, address = ROWS[what]
    if full:
        put_in(daemon)
    happens(what, daemon, address)


def test_says_so_when_pcscd_is_not_running(pcscd):
    pcscd.kill()
    happens("pcscd is not running", pcscd)


def test_says_so_when_there_is_no_reader(pcscd):
    pcscd.kill()
    pcscd.readers(False)
    pcscd.start()
    happens("no reader", pcscd)


def test_says_so_when_two_readers_have_cards(daemon, put_in):
    put_in(daemon)
    second = Card(daemon, port=daemon.port + 1)
    try:
        until("second card", lambda: daemon.log().count("Card inserted into") > 1
              and "inserted into Virtual PCD 00 01" in daemon.log())
        happens("cards in two readers", daemon)
        assert sign(daemon, "pcsc:1")["signature"]
    finally:
        second.close()


def test_says_so_when_pcscd_does_not_answer(pcscd):
    pcscd.stop()
    happens("pcscd does not answer", pcscd, "pcsc:?timeout=1000")


def test_says_so_when_another_program_holds_the_reader(daemon, put_in):
    put_in(daemon)
    with User("other", daemon.environment) as other:
        assert other.do("connect", "exclusive", READER) == "ok"
        happens("another program holds the reader", daemon)


def test_says_so_when_another_transaction_lasts(daemon, put_in):
    put_in(daemon)
    with User("other", daemon.environment) as other:
        assert other.do("connect", "shared", READER) == "ok"
        assert other.do("begin") == "ok"
        what = "another program's transaction lasts"
        happens(what, daemon, "pcsc:?timeout=1000")
        assert other.do("end") == "ok"
    assert sign(daemon)["signature"]


def test_says_so_when_the_card_never_answers(pcscd, put_in):
    put_in(pcscd, "--fault", "silence=2B")
    happens("the card never answers", pcscd, "pcsc:?timeout=3000")


def test_an_answer_that_is_too_long_leaves_no_channel_open(pcscd):
    """GET RANDOM gives 300 bytes, on a channel that the card has opened."""
    relay = Relay(pcscd, lambda command, answer: (
        bytes(300) + answer[-2:] if command[1] == 0x84 else answer))
    card = Card(pcscd, port=relay.port).wait()
    try:
        said, _ = sentence("random", "8", **at(pcscd), status=12)
        assert "more than the 258 bytes" in said
        assert card.channels() == 0
        assert sign(pcscd)["signature"]
        assert card.channels() == 0
    finally:
        card.close()
        relay.close()


def test_every_documented_error_has_its_test():
    names = {name.replace("test_says_so_when_", "").replace("_", " ")
             for name in globals()}
    others = {
        "pcscd is not running": "pcscd is not running",
        "no reader": "there is no reader",
        "cards in two readers": "two readers have cards",
        "another program holds the reader": "another program holds the reader",
        "another program's transaction lasts": "another transaction lasts",
        "the card never answers": "the card never answers",
        "pcscd does not answer": "pcscd does not answer",
    }
    assert set(documented("Cards in readers")) == set(ROWS) | set(others)
    assert set(others.values()) <= names


# Beside other programs, and through what they do.


@pytest.fixture
def us(daemon, put_in):
    """A program of ours that has signed once, and its card."""
    with User("us", daemon.environment) as user:
        user.sim = put_in(daemon)
        assert user.do("open", "pcsc:?") == "ok"
        assert user.do("sign") == "ok"
        yield user


@pytest.mark.plain_build
def test_opensc_tool_and_we_use_one_card(daemon, us):
    done = daemon.tool("-r", "0", "-s", "00:A4:00:04:02:3F:00")
    assert "SW1=0x90" in done.stdout, done
    assert us.do("sign") == "ok"


@pytest.mark.plain_build
def test_a_reset_by_another_program_is_survived(daemon, us):
    with User("other", daemon.environment) as other:
        assert other.do("connect", "shared", READER) == "ok"
        assert other.do("reset") == "ok"
        assert us.sim.channels() == 0
        assert us.do("sign") == "ok"
    assert us.sim.channels() == 1


@pytest.mark.plain_build
def test_a_card_that_is_taken_out_and_put_back(daemon, us):
    us.sim.faults("no-sim")
    us.sim.out()
    said = us.do("sign")
    assert said.startswith("ERR_CLOSED")
    assert "the card was taken out: put it back" in said
    said = us.do("sign")
    assert said.startswith("ERR_ABSENT") and "has a card in it" in said
    us.sim.faults()
    us.sim.wait()
    assert us.do("sign") == "ok"


@pytest.mark.plain_build
def test_a_card_that_is_pulled_out_in_a_signature(daemon, us):
    us.sim.faults("pull=2B")
    said = us.do("sign")
    assert said.startswith(("ERR_IO", "ERR_CLOSED", "ERR_ABSENT"))
    assert "card" in said and "bytes" not in said


@pytest.mark.plain_build
def test_pcscd_killed_in_a_signature_and_started_again(pcscd, put_in, tmp_path):
    log = tmp_path / "log"
    sim = put_in(pcscd, "--card-ms", "2B:2000", "--log", log)
    with User("us", pcscd.environment) as us:
        assert us.do("open", "pcsc:?") == "ok"
        us.begin("sign")
        until("signature under way", lambda: "SIGNATURE UPDATE" in log.read_text())
        pcscd.kill()
        said = us.end()
        assert said.startswith(("ERR_CLOSED", "ERR_IO")) and "pcscd" in said
        assert us.do("sign").startswith("ERR_IO")
        pcscd.start()
        sim.wait()
        assert us.do("sign") == "ok"


@pytest.mark.plain_build
def test_a_transaction_of_another_ends_by_deadline_and_cancel(daemon, put_in):
    sim = put_in(daemon)
    with User("us", daemon.environment) as us, User(
        "other", daemon.environment
    ) as other:
        assert us.do("open", "pcsc:?", "1500") == "ok"
        assert us.do("sign") == "ok"
        assert other.do("connect", "shared", READER) == "ok"
        assert other.do("begin") == "ok"
        for _ in range(2):
            said = us.do("sign")
            assert said.startswith("ERR_BUSY 1.") or "ERR_BUSY 2." in said
        assert us.do("cancelled").startswith("ERR_CANCELLED 0.")
        assert other.do("end") == "ok"
        assert us.do("sign") == "ok"
        # Ours has ended, too.
        assert other.do("begin") == "ok"
        assert other.do("end") == "ok"
        assert us.do("close") == "ok"
        assert us.do("threads") == "ok"
        assert sim.channels() == 0


@pytest.mark.plain_build
def test_a_dead_card_ends_by_deadline_and_serves_again(pcscd, put_in):
    sim = put_in(pcscd)
    with User("us", pcscd.environment) as us:
        assert us.do("open", "pcsc:?", "1500") == "ok"
        assert us.do("sign") == "ok"
        sim.faults("silence")
        assert us.do("sign").startswith("ERR_TIMEOUT")
        assert "has still not answered" in us.do("sign")
        assert us.do("cancelled").startswith("ERR_CANCELLED 0.")
        # A card that is dead is taken out and put back.
        sim.faults("no-sim")
        sim.out()
        sim.faults()
        sim.wait()
        assert us.do("sign") == "ok"
        assert us.do("close") == "ok"
        assert us.do("threads") == "ok"


@pytest.mark.plain_build
def test_a_late_answer_is_nobody_s_and_costs_no_channel(pcscd):
    late, told = threading.Event(), []

    def change(command, answer):
        told.append(command[1])
        if command[1] == 0x2B:
            late.wait(PATIENCE)
        return answer

    relay = Relay(pcscd, change)
    card = Card(pcscd, port=relay.port).wait()
    try:
        with User("us", pcscd.environment) as us:
            assert us.do("open", "pcsc:?", "2000") == "ok"
            for _ in range(2):
                late.clear()
                assert us.do("sign").startswith("ERR_TIMEOUT")
                assert "has still not answered" in us.do("sign")
                late.set()
                assert us.do("sign") == "ok"
            assert told.count(0x70) == 1
            assert us.do("close") == "ok"
            assert us.do("threads") == "ok"
        assert card.channels() == 0
    finally:
        late.set()
        card.close()
        relay.close()


@pytest.mark.plain_build
def test_two_processes_take_turns(daemon, put_in):
    sim = put_in(daemon, "--quirk", "strict-session,max-channels=1")
    address = "pcsc:?share=yes&"
    with User("us", daemon.environment) as one, User(
        "us", daemon.environment
    ) as two:
        for user in (one, two):
            user.begin("open", address)
        assert [one.end(), two.end()] == ["ok", "ok"]
        for _ in range(8):
            for user in (one, two):
                user.begin("sign")
            assert [one.end(), two.end()] == ["ok", "ok"]
    assert sim.channels() == 0


def test_objects_of_trust_onboard_keep_their_names_in_turns(daemon, put_in, tmp_path):
    """What a data object is called stands in it, and each turn lists anew."""
    card = tob.Card(tmp_path)
    put_in(daemon, "--profile", card.profile, "--store", str(tmp_path))
    address = f"pcsc:?share=yes&pin-file={card.pins}"
    for name in (tob.SIGNING, tob.AVAILABLE):
        said = answer("sign", "--digest", DIGEST, "--key", name,
                      **at(daemon, address))
        assert said["verified"]
    assert b"PRIVATE KEY" in iotsafe(
        "key", tob.AVAILABLE, "--out", "-", **at(daemon, address)).stdout


def test_a_link_without_its_module_says_so(tmp_path):
    """The library alone, somewhere else."""
    library = pathlib.Path(os.environ["IOTSAFE_BUILD"]) / "core/libiotsafe.so.0"
    shutil.copy(library, tmp_path)
    path = f"{tmp_path}:{os.environ['LD_LIBRARY_PATH']}"
    line, said = sentence("list", card="pcsc:", status=17, LD_LIBRARY_PATH=path)
    assert said["code"] == "ERR_SUPPORT"
    assert "needs the module iotsafe/link-pcsc.so" in line


def test_a_module_of_another_version_is_refused(tmp_path):
    library = pathlib.Path(os.environ["IOTSAFE_BUILD"]) / "core/libiotsafe.so.0"
    shutil.copy(library, tmp_path)
    (tmp_path / "iotsafe").mkdir()
    source = tmp_path / "module.c"
    source.write_text(
        'const struct { const char *version; const void *kind; }\n'
        'iotsafe_link_module = {"0.0.1", 0};\n'
    )
    module = tmp_path / "iotsafe/link-pcsc.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", module, source], check=True
    )
    path = f"{tmp_path}:{os.environ['LD_LIBRARY_PATH']}"
    line, _ = sentence("list", card="pcsc:", status=17, LD_LIBRARY_PATH=path)
    assert f"{module} belongs to libiotsafe 0.0.1, this is" in line
