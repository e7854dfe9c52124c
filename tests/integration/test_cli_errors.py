# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `iotsafe` says and how it ends when something is wrong: the command
line, the card, a file, the terminal; and when it is told to stop."""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
from command import answer, iotsafe, sentence, text
from farside import Sim

HERE = pathlib.Path(__file__).parent

# Wrong use.

WRONG_USES = [
    ([], "give a command"),
    (["frob"], "no such command: frob"),
    (["list", "--frob"], "no such option: --frob"),
    (["list", "-x"], "no such option: -x"),
    (["list", "--json=yes"], "--json takes no value"),
    (["list", "--card"], "--card needs a value"),
    (["list", "--key", "id=01"], "list takes no --key"),
    (["list", "a", "b"], "list takes [NAME]"),
    (["info", "a"], "info takes no argument"),
    (["list", "--timeout", "soon"], '--timeout takes milliseconds, not "soon"'),
    (["list", "--trace", "all,"], "--trace takes apdu, at or all"),
    (["list", "colour=red"], "colour"),
    (["list", "id=0g"], "0g"),
    (["random"], "random takes N"),
    (["random", "0"], "from 1"),
    (["random", "1x"], "from 1"),
    (["random", "1", "--hex", "--raw"], "either --raw or --hex"),
    (["random", "1", "--out", "-", "--json"], "both want standard output"),
    (["sign", "--hash", "md5"], 'not "md5"'),
    (["sign", "--digest", "00"], "a hash has 32, 48 or 64"),
    (["sign", "--digest", "xy"], "hexadecimal"),
    (["sign", "--digest", "00" * 32, "--hash", "sha512"], "sha512 has 64"),
    (["sign", "--digest", "00" * 32, "file"], "either --digest or a file"),
    (["sign", "--raw", "--der"], "either --raw or --der"),
    (["cert", "--der", "--chain"], "one certificate"),
    (["apdu"], "apdu takes HEX..."),
    (["apdu", "00A4"], "has 2 bytes, a command has 4 to 261"),
    (["apdu", "00A4040"], "hexadecimal"),
    (["apdu", "00" * 262], "4 to 261"),
    (["apdu", "00" * 999], "at most 261 bytes"),
    (["connect"], "connect takes HOST:PORT"),
    (["connect", "localhost"], "is not HOST:PORT"),
    (["connect", "::1:443"], "in brackets"),
    (["connect", "[::1]443"], "is not HOST:PORT"),
    (["connect", "localhost:65536"], "a port is a number up to 65535"),
    (["connect", "localhost:99999999999999999999"], "up to 65535"),
    (["tunnel", "127.0.0.1:70000", "x:1"], "up to 65535"),
    (["tunnel", "127.0.0.1:0", "x:70000"], "up to 65535"),
    (["connect", "localhost:1", "--tls", "1.1"], "--tls takes 1.2 or 1.3"),
    (["connect", "localhost:1", "--tls", "1.2", "--dtls"], "leave out --tls"),
    (["connect", "h:1", "--insecure", "--card-ca"], "trusts everybody"),
]


@pytest.mark.parametrize("words,reason", WRONG_USES)
def test_wrong_use_is_told_with_status_2(words, reason):
    said, error = sentence(*words, status=2)
    assert reason in said
    assert error["code"] == "ERR_ARG" and reason in error["text"]


def test_no_card_tells_how_to_give_one():
    said, _ = sentence("list", card=None, status=2)
    assert "--card" in said and "IOTSAFE_CARD" in said and "sim:" in said


def test_options_stand_before_or_after_the_command():
    for words in (
        ["--card", "sim:", "--json", "list"],
        ["list", "--card", "sim:", "--json"],
        ["--card=sim:", "list", "--json"],
    ):
        assert json.loads(text(*words, card=None))["objects"]


def test_help_tells_options_and_statuses():
    for words in (["--help"], ["-h"]):
        help = text(*words, card=None)
        for name in "info list cert pubkey random sign connect apdu".split():
            assert f"  {name} " in help
            assert "Usage: iotsafe " + name in text(name, "--help", card=None)
        assert re.search("^ +10  no such SIM", help, re.M)
    assert re.fullmatch(
        r"iotsafe \d+\.\d+\.\d+ .*\n", text("--version", card=None)
    )


# What goes wrong.

FAILURES = [
    ("at:/dev/no-such-port", ["list"], 3, "no-such-port"),
    ("sim:?fault=deaf&timeout=500", ["list"], 5, ""),
    ("sim:?fault=no-sim", ["list"], 10, "SIM"),
    ("sim:?fault=no-applet", ["list"], 10, "6A82"),
    ("sim:?fault=busy%3D10000&timeout=1500", ["list"], 4, "busy"),
    ("sim:", ["sign", "--key", "label=nobody"], 10, "nobody"),
    ("sim:", ["cert", "label=nobody"], 10, "nobody"),
    ("sim:", ["pubkey", "label=nobody"], 10, "nobody"),
    ("sim:", ["cert", "type=cert"], 11, "intermediate"),
    ("sim:?fault=no-key", ["sign"], 10, ""),
    ("sim:?fault=no-certificate", ["cert"], 10, "certificate"),
    ("sim:?fault=wrong-certificate", ["cert"], 13, "another key"),
    ("sim:?fault=sw%3D2B:6985", ["sign"], 7, "6985"),
    ("sim:?fault=sw%3D2B:6982", ["sign"], 8, "6982"),
    ("sim:?fault=truncate%3D2B", ["sign"], 12, ""),
    ("sim:?fault=garble%3D2B", ["sign"], 12, ""),
    ("sim:?fault=flip-signature", ["sign"], 13, "verify"),
    ("sim:?fault=cme%3D2B:3", ["sign"], 6, ""),
    ("sim:?fault=die%3D2A", ["sign"], 16, ""),
    ("sim:?fault=silence%3D2B&timeout=700", ["sign"], 5, ""),
]


@pytest.mark.parametrize("card,words,status,reason", FAILURES)
def test_a_failure_has_its_sentence_and_status(card, words, status, reason):
    said, error = sentence(*words, card=card, status=status)
    assert reason in said
    # Each start of the software SIM makes a card with another number, and a
    # busy machine has slow answers in one of the two.
    told, reported = (
        re.sub("[0-9]{18,20}|; others took up to [0-9]+ ms: [^(]* may do", "",
               each)
        for each in (said, error["text"])
    )
    assert told == "iotsafe: " + reported
    if re.fullmatch("[0-9A-F]{4}", reason):
        assert error["status"] == reason


def test_a_port_in_use_is_told(tmp_path):
    with Sim(tmp_path) as sim:
        port = os.open(sim.link, os.O_RDWR | os.O_NOCTTY)
        try:
            fcntl.flock(port, fcntl.LOCK_EX)
            said, _ = sentence("list", card=f"at:{sim.link}", status=4)
        finally:
            os.close(port)
        assert str(sim.link) in said
        assert answer("list", card=f"at:{sim.link}")["objects"]


def test_timeout_limits_opening_and_signing():
    for fault in ("deaf", "silence%3D2B"):
        words = ["sign", "--timeout", "500"]
        sentence(*words, card=f"sim:?fault={fault}", status=5)


def test_files_that_cannot_be_used_are_told(tmp_path):
    for words, reason in (
        (["sign", tmp_path / "none"], "No such file"),
        (["sign", tmp_path], "Is a directory"),
        (["cert", "--out", tmp_path / "no/dir"], "No such file"),
        (["sign", "--out", "/dev/full"], "No space left"),
    ):
        said, error = sentence(*words, status=1)
        assert reason in said and error["code"] == "ERR_FILE"


def test_a_full_disk_is_no_success():
    with open("/dev/full", "w") as full:
        for words in (["list"], ["list", "--json"], ["random", "8", "--raw"]):
            done = subprocess.run(
                ["iotsafe", *words, "--card", "sim:"],
                stdout=full,
                stderr=subprocess.PIPE,
            )
            assert done.returncode == 1
            assert b"cannot write to standard output" in done.stderr


@pytest.mark.parametrize(
    "redirection,words,status,reason",
    [
        (">&-", ["list"], 1, b"standard output: Bad file descriptor"),
        (">&-", ["list", "--json"], 1, b"output: Bad file descriptor"),
        ("<&-", ["sign"], 1, b"standard input: Bad file descriptor"),
        ("2>&-", ["list"], 0, b""),
    ],
)
def test_a_missing_descriptor_is_no_port(redirection, words, status, reason):
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", "iotsafe", *words],
        env=dict(os.environ, IOTSAFE_CARD="sim:"),
        capture_output=True,
    )
    assert done.returncode == status and reason in done.stderr


# Cards that lie.


def hostile(label):
    """A list of one private key with this label."""
    inner = b"\x74" + bytes([len(label)]) + label
    inner += bytes.fromhex("840101600101 4A0101 4B0113 4E0101 610101 920104")
    inner += bytes.fromhex("91020001")
    data = b"\xc1" + bytes([len(inner)]) + inner
    script = HERE / "hostile_modem.py"
    return f"exec:{sys.executable} {script} {data.hex()}"


@pytest.mark.parametrize(
    "label",
    [b"\x1b[2J", b"a\nb", b"\xff\xfe", b"\xc2\x9b2J", b"\xe2\x80\xaegpj"],
)
def test_a_label_cannot_steer_the_terminal(label):
    shown = iotsafe("list", card=hostile(label), LC_ALL="C.UTF-8").stdout
    assert b"hex:" + label.hex().encode() in shown
    assert re.fullmatch(rb"[ -~\n]*", shown)
    plain = iotsafe("list", "--json", card=hostile(label)).stdout
    assert re.fullmatch(rb"[ -~]*\n", plain)
    each = json.loads(plain)["objects"][0]
    assert bytes.fromhex(each["label_hex"]) == label
    if label == b"\xff\xfe":
        assert each["label"] is None
    else:
        assert each["label"] == label.decode()


def test_a_label_in_other_letters_is_shown_where_the_terminal_can():
    label = "Schlüssel".encode()
    shown = iotsafe("list", card=hostile(label), LC_ALL="C.UTF-8").stdout
    assert label in shown
    shown = iotsafe("list", card=hostile(label), LC_ALL="C").stdout
    assert label not in shown and label.hex().encode() in shown


# Terminals and signals.


def run_on_terminal(*words, seconds=30):
    """What it wrote to the terminal that is its standard error."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["iotsafe", *words], stderr=theirs, stdout=subprocess.DEVNULL
    )
    os.close(theirs)
    said = b""
    try:
        while data := os.read(ours, 4096):
            said += data
    except OSError:
        pass
    os.close(ours)
    child.wait(seconds)
    return said.decode()


def test_a_long_wait_is_shown_on_a_terminal_only():
    card = "sim:?card-ms=2B:3500"
    said = run_on_terminal("sign", "--digest", "00" * 32, "--card", card)
    assert "waiting for the card... 2 s" in said
    assert "waiting for the card... 3 s" in said
    assert said.endswith("\r")
    done = iotsafe("sign", "--digest", "00" * 32, card=card)
    assert done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_no_channel_open(number, tmp_path):
    with Sim(tmp_path, "--fault", "silence=2B") as sim:
        child = subprocess.Popen(
            ["iotsafe", "sign", "--digest", "00" * 32, "--trace", "at"],
            env=dict(os.environ, IOTSAFE_CARD=f"at:{sim.link}"),
            stderr=subprocess.PIPE,
        )
        with child.stderr:
            while b"AT+CSIM=78" not in child.stderr.readline():
                assert child.poll() is None
            sent = time.monotonic()
            child.send_signal(number)
            child.stderr.read()
        assert child.wait(5) == -number
        assert time.monotonic() - sent < 5, "that was the card's time limit"
        commands = [each["command"] for each in sim.log]
        assert commands[0].startswith("0070000")
        assert re.match("0.7080", commands[-1])
        assert answer("list", card=f"at:{sim.link}")["objects"]


def test_an_ignored_signal_stays_ignored():
    done = subprocess.run(
        ["sh", "-c", "trap '' INT; kill -INT $$; exec iotsafe list"],
        env=dict(os.environ, IOTSAFE_CARD="sim:"),
        stdout=subprocess.PIPE,
    )
    assert done.returncode == 0 and done.stdout
