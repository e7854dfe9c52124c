# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every operation, with a far side that falls silent at each of its
exchanges: it ends by its deadline or when another thread cancels it, and the
card serves again as soon as the far side does."""

import concurrent.futures
import hashlib
import subprocess
import time

import iotsafe
import pytest
from line import Line

DIGEST = hashlib.sha256(b"hello").digest()
PATIENT = 30  # seconds, where nothing is silent
LIMIT = 0.1  # the shortest there is
SLACK = 2  # for a machine that has other things to do

# Name: what is made ready before the far side falls silent, and the operation.
OPERATIONS = {
    "info": (None, lambda card, _: card.info),
    # Who asks for all looks for other applets too, whose channel is closed
    # whatever the far side says.
    "objects": (None, lambda card, _: card.objects("applet=iotsafe")),
    "key": (None, lambda card, _: card.key()),
    "certificate": (None, lambda card, _: card.certificate()),
    "public key": (None, lambda card, _: card.public_key("id=01")),
    "read": (None, lambda card, _: card.read("config")),
    "random": (None, lambda card, _: card.random(300)),
    "apdu": (None, lambda card, _: card.apdu(bytes.fromhex("8084000008"))),
    "mac": (None, lambda card, _: card.mac("cmac", b"data")),
    "prf": (None, lambda card, _: card.prf("label", b"seed", 48, name="psk")),
    "hkdf": (None, lambda card, _: card.hkdf_extract(b"secret", b"salt")),
    "psk": (None, lambda card, _: card.psk("me", name="psk")),
    "generate": (None, lambda card, _: card.generate("ecdh")),
    "put": (
        lambda card: card.public_key("id=01"),
        lambda card, spki: card.put_public_key("peer", spki),
    ),
    "verify": (
        lambda card: card.key().sign(DIGEST),
        lambda card, made: card.verify("id=01", made, DIGEST),
    ),
    "verify a message": (
        lambda card: card.key().sign_message(b"hello"),
        lambda card, made: card.verify_message(
            "id=01", made, b"hello", mode="full-text"
        ),
    ),
    "agree": (
        lambda card: (card.generate("ecdh"), card.public_key("id=01")),
        lambda card, pair: pair[0].agree(pair[1], "peer"),
    ),
    "sign": (
        lambda card: card.key(),
        lambda card, key: key.sign(DIGEST),
    ),
    "sign at once": (
        None,
        lambda card, _: card.key("client").sign(DIGEST),
    ),
    "sign a message": (
        lambda card: card.key(),
        lambda card, key: key.sign_message(b"x" * 600, mode="full-text"),
    ),
    "chain": (None, lambda card, _: card.key().chain),
    "the key's own": (None, lambda card, _: card.key("client").public_key),
    "csr": (lambda card: card.key(), lambda card, key: key.csr("CN=me")),
    "jws": (lambda card: card.key(), lambda card, key: key.jws(b"text")),
}


def open_card(line):
    return iotsafe.open(line.address, PATIENT)


def lines_of(line, prepare, run):
    """How many lines the operation needs where nothing goes wrong."""
    with open_card(line) as card:
        thing = prepare(card) if prepare else None
        before = line.lines
        run(card, thing)
        return line.lines - before


def failure_of(function, *arguments):
    """The error's name and sentence, and the seconds until it came. Not the
    error itself: its traceback would keep the card open."""
    start = time.monotonic()
    try:
        function(*arguments)
    except iotsafe.Error as error:
        return f"{error.name}: {error}", time.monotonic() - start
    pytest.fail("did not fail")


def check_healthy(card, line):
    line.heal()
    card.set_timeout(PATIENT)
    assert len(card.random(4)) == 4


def end_by_deadline(line, prepare, run, lines):
    with open_card(line) as card:
        thing = prepare(card) if prepare else None
        card.set_timeout(LIMIT)
        line.dumb_after(lines)
        error, seconds = failure_of(run, card, thing)
        assert error.startswith("ERR_TIMEOUT: "), error
        assert seconds < LIMIT + SLACK
        check_healthy(card, line)


def end_by_cancel(line, prepare, run, lines):
    with open_card(line) as card:
        thing = prepare(card) if prepare else None
        line.dumb_after(lines)
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            running = other.submit(failure_of, run, card, thing)
            assert line.struck.wait(PATIENT)
            start = time.monotonic()
            card.cancel()
            error, _ = running.result()
        assert error.startswith("ERR_CANCELLED: "), error
        assert time.monotonic() - start < SLACK
        check_healthy(card, line)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_ends_wherever_the_far_side_falls_silent(name):
    prepare, run = OPERATIONS[name]
    with Line("--profile", "full") as line:
        count = lines_of(line, prepare, run)
        assert count > 0
        for lines in range(count):
            end_by_deadline(line, prepare, run, lines)
        # First, last and between: the wait is the same one.
        for lines in {0, count // 2, count - 1}:
            end_by_cancel(line, prepare, run, lines)


@pytest.mark.parametrize("quirk", ["echo", "no-csim"])
def test_opening_ends_wherever_the_far_side_falls_silent(quirk):
    with Line("--quirk", quirk) as line:
        before = line.lines
        open_card(line).close()
        for lines in range(line.lines - before - 1):  # the last is good-bye
            line.dumb_after(lines)
            error, seconds = failure_of(
                iotsafe.open, f"{line.address}?timeout=100"
            )
            assert error.startswith("ERR_TIMEOUT: "), error
            assert seconds < LIMIT + SLACK
            line.heal()
        open_card(line).close()


def test_closing_a_silent_card_ends_soon():
    with Line() as line:
        card = open_card(line)
        line.dumb_after(0)
        start = time.monotonic()
        card.close()
        assert time.monotonic() - start < 2 + SLACK


# Limits by the address.


def seconds_of(line, address, function):
    """How long the operation waits for a far side that is silent."""
    with iotsafe.open(address) as card:
        line.dumb_after(0)
        error, seconds = failure_of(function, card)
        line.heal()
    assert error.startswith("ERR_TIMEOUT: "), error
    return seconds


@pytest.mark.parametrize(
    "attributes, least",
    [
        ("timeout=300", 0.3),
        ("timeout=300&timeout-generate=1500", 1.5),
        ("timeout=1500&timeout-generate=300", 0.3),
    ],
)
def test_making_a_key_has_a_limit_of_its_own(attributes, least):
    with Line() as line:
        seconds = seconds_of(
            line,
            f"{line.address}?{attributes}",
            lambda card: card.generate("ecdh"),
        )
    # A card that is opened in this time at all.
    assert least <= seconds < least + SLACK


# Cards behind sockets, by their names.


def test_a_socket_of_the_file_system(tmp_path):
    path = tmp_path / "modem"
    with subprocess.Popen(
        ["socat", f"UNIX-LISTEN:{path}", "EXEC:iotsafe-sim --stdio"]
    ) as socat:
        while not path.exists():
            assert socat.poll() is None
            time.sleep(0.01)
        with iotsafe.open(f"unix:{path}", PATIENT) as card:
            assert card.info["link"] == "unix"
            assert len(card.random(8)) == 8
        assert socat.wait(PATIENT) == 0


def test_a_command_line_with_socat():
    card = 'exec:socat -t5 - "EXEC:iotsafe-sim --stdio"'
    with iotsafe.open(card, PATIENT) as card:
        assert len(card.random(8)) == 8


def test_sockets_that_are_not_there_are_told():
    said, _ = failure_of(iotsafe.open, "unix:@iotsafe-test-nobody")
    assert "nobody listens" in said
    said, _ = failure_of(iotsafe.open, "unix:/nonexistent/modem")
    assert "no such port" in said
    for name in ("unix:", "unix:@"):
        said, _ = failure_of(iotsafe.open, name)
        assert "names no socket" in said
