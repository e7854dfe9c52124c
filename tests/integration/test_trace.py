# SPDX-License-Identifier: LGPL-2.1-or-later
"""A trace is recorded, told field by field by `iotsafe trace`, and served
again as a card by `iotsafe-sim --replay`."""

import json
import re
import subprocess

import pytest
from command import answer, iotsafe, sentence, text

DIGEST = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
SESSIONS = {
    "list": ("list",),
    "sign": ("sign", "--digest", DIGEST),
    "cert": ("cert", "--chain"),
}
PROFILES = ("gsma", "zariot", "thales", "quantag", "ntt", "odd")

# The walk of one signature by a card that somebody traced (iot-safe.md 7.3),
# as the library would have written it down.
ZARIOT = f"""\
iotsafe apdu COMPUTE SIGNATURE INIT: 812A00010F8403303036A1010391020001920104 \
-> 9000 (6.667 ms)
iotsafe apdu COMPUTE SIGNATURE UPDATE: 812B8001229E20{DIGEST} -> 6143 (1.0 ms)
iotsafe apdu COMPUTE SIGNATURE UPDATE: 81C0000043 -> 330040{"5A" * 64}9000 \
(16.222 ms)
""".replace("(1.0 ms)", "(70.347 ms)")


def record(folder, *words, card="sim:", what="all"):
    """(standard output, file of the trace) of a command."""
    done = iotsafe(*words, card=card, IOTSAFE_TRACE=what)
    path = folder / "trace"
    path.write_bytes(done.stderr)
    return done.stdout, path


def told(path, **options):
    return text("trace", path, card=None, **options)


def fields(said):
    """The fields of each exchange, as (name, hex, words)."""
    return [[(field["name"], field["hex"], field["words"])
             for field in line["fields"]]
            for line in said["lines"] if line["kind"] == "exchange"]


@pytest.fixture
def zariot(tmp_path):
    path = tmp_path / "zariot"
    path.write_text(ZARIOT)
    return path


# Told.


def test_trust_onboards_commands_have_their_own_names(tmp_path):
    """The same instructions mean other things in IoT.05."""
    path = tmp_path / "trace"
    path.write_text(f"""\
apdu MANAGE SECURITY ENVIRONMENT: 012241B606800142840131 -> 9000 (1.000 ms)
apdu PSO HASH: 012A90A0229020{DIGEST} -> 9000 (1.000 ms)
apdu PSO COMPUTE SIGNATURE: 012A9E9A00 -> 6100 (1.000 ms)
apdu VERIFY PIN: 01200081 -> 63C3 (1.000 ms)
apdu CHANGE REFERENCE DATA: 8124008109043030303031313131 -> 63C2 (1.000 ms)
""")
    told = fields(answer("trace", path, card=None))
    words = {name: word for each in told for name, _, word in each}
    names = [dict((f[0], f[2]) for f in each)["instruction"] for each in told]
    assert names == ["MANAGE SECURITY ENVIRONMENT", "PSO HASH",
                     "PSO COMPUTE SIGNATURE", "VERIFY PIN",
                     "CHANGE REFERENCE DATA"]
    assert ("data", "800142840131", "algorithm 42, key 31") in told[0]
    assert "tries of the PIN are left" in words["status"]
    assert ("data", "", "a PIN, not shown") in told[4]


def test_each_field_of_a_signature_is_told(zariot):
    init, update, fetch = fields(answer("trace", zariot, card=None))
    assert init == [
        ("class", "81", "applet's own, channel 1"),
        ("instruction", "2a", "COMPUTE SIGNATURE INIT"),
        ("P1", "00", "open a session"),
        ("P2", "01", "session 1"),
        ("data", "8403303036a1010391020001920104", None),
        ("84 private key id", "303036", None),
        ("A1 mode of operation", "03", "pad and sign: the host hashes"),
        ("91 hash", "0001", "SHA-256"),
        ("92 signature algorithm", "04", "ECDSA"),
        ("status", "9000", "done"),
    ]
    assert ("9E hash to sign", DIGEST.lower(), None) in update
    assert update[-1] == ("status", "6143", "done; more data waits")
    # Fetched by GET RESPONSE, and still known for what it is.
    assert ("33 signature", "5a" * 64, None) in fetch


def test_times_and_lines_are_told(zariot):
    said = answer("trace", zariot, card=None)
    assert [line["milliseconds"] for line in said["lines"]] == [
        6.667, 70.347, 16.222]
    assert said["exchanges"] == 3 and said["milliseconds"] == 93.236
    page = told(zariot)
    assert "2  COMPUTE SIGNATURE UPDATE  (line 2, 70.347 ms)" in page
    assert page.endswith("3 exchanges in 93.236 ms, 0 errors\n")


def test_standard_input_and_a_journal_are_traces_too(zariot):
    journal = "".join(f"Nov 21 08:00:01 gateway app[7]: {line}\n"
                      for line in ZARIOT.splitlines())
    noise = "something else\n" + journal + "\x1b[31mand noise\xff\n"
    said = iotsafe("trace", "-", card=None, input=noise.encode("latin-1"))
    assert re.sub(r"line \d+", "", said.stdout.decode()) == re.sub(
        r"line \d+", "", told(zariot))


@pytest.mark.parametrize("profile", PROFILES)
def test_all_that_a_card_says_is_understood(tmp_path, profile):
    # Pages of a list are cut anywhere, and the rest of an object alone means
    # nothing.
    card = f"sim:{profile}" + ("?quirk=paged-list=off" * (profile == "odd"))
    _, path = record(tmp_path, "info", card=card)
    for exchange in fields(answer("trace", path, card=None)):
        for name, _, words in exchange[:-1]:
            assert "unknown" not in f"{name} {words}", (name, words)
            assert name != "rest", exchange


def test_failures_and_remarks_are_told(tmp_path):
    _, path = record(tmp_path, "list", "applet=iotsafe",
                     card="sim:?quirk=no-csim")
    kinds = [line["kind"] for line in answer("trace", path, card=None)["lines"]]
    assert kinds.count("error") == 1 and kinds.count("remark") == 1
    page = told(path)
    assert "error:          ERR_MODEM: sim: AT+CSIM" in page
    assert "remark:         channel: " in page


def test_secrets_are_told_to_be_missing(tmp_path):
    _, path = record(tmp_path, "psk", "--hex", "someone", card="sim:full")
    page = told(path)
    assert "COMPUTE PRF" in page
    assert "not in the trace: secret" in page
    assert "32 bytes, not in the trace: secret" in page


def test_a_pin_is_not_told_even_where_a_trace_has_it(tmp_path):
    path = tmp_path / "trace"
    path.write_text("apdu VERIFY PIN: 002000010831323334FFFFFFFF -> 63C2 "
                    "(9.000 ms)\n")
    page = told(path)
    assert "a PIN, not shown" in page and "31323334" not in page


def test_what_is_no_trace_is_told(tmp_path):
    path = tmp_path / "letter"
    path.write_text("Dear Sir,\n")
    said, error = sentence("trace", path, card=None, status=12)
    assert "no line of a trace" in said and "IOTSAFE_TRACE" in said
    sentence("trace", tmp_path / "nothing", card=None, status=1)


def test_a_line_that_was_cut_is_named_and_the_rest_told(tmp_path):
    path = tmp_path / "trace"
    lines = ZARIOT.splitlines()
    path.write_text("\n".join([lines[0], lines[1][:80], lines[2]]))
    done = iotsafe("trace", path, card=None, status=12)
    assert b"line 2 is an exchange that cannot be understood" in done.stderr
    assert b"330040" in done.stdout


def test_a_line_without_end_is_no_trouble(tmp_path):
    path = tmp_path / "trace"
    path.write_bytes(b"iotsafe apdu X: " + b"00" * 100_000 + b"\n"
                     + ZARIOT.encode())
    done = iotsafe("trace", path, card=None, status=12)
    assert b"3 exchanges" in done.stdout and b"line 1 is" in done.stderr


# Served again.


@pytest.mark.parametrize("what", SESSIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_recorded_session_can_be_had_again(tmp_path, what, profile):
    words = SESSIONS[what]
    first, path = record(tmp_path, *words, card=f"sim:{profile}")
    assert iotsafe(*words, card=f"sim:?replay={path}").stdout == first


def test_a_session_over_cgla_can_be_had_again_either_way(tmp_path):
    first, path = record(tmp_path, "list", card="sim:?interface=cgla")
    for way in ("csim", "cgla"):
        card = f"sim:?replay={path}&interface={way}"
        assert iotsafe("list", card=card).stdout == first


def test_behind_its_end_the_record_begins_again(tmp_path):
    from farside import Sim

    first, path = record(tmp_path, "list")
    with Sim(tmp_path, "--replay", path) as sim:
        for _ in range(3):
            assert iotsafe("list", card=f"at:{sim.link}").stdout == first


def test_another_command_gets_6f00_and_a_line_in_the_log(tmp_path):
    _, path = record(tmp_path, "list", "applet=iotsafe")
    log = tmp_path / "log"
    done = iotsafe("sign", "--digest", DIGEST, status=7,
                   card=f"sim:?replay={path}&log={log}")
    assert b"card answered 6F00" in done.stderr
    problems = [entry["problem"] for line in log.read_text().splitlines()
                if "problem" in (entry := json.loads(line))]
    assert problems[0].endswith("is 0070800100, not 81CD000003850101")


def test_what_a_trace_masks_is_not_served(tmp_path):
    _, path = record(tmp_path, "psk", "--hex", "someone", card="sim:full")
    done = iotsafe("psk", "--hex", "someone", status=7,
                   card=f"sim:?replay={path}")
    assert b"masks the answer" in done.stderr


@pytest.mark.parametrize("content, said", [
    ("", "has no exchange"),
    ("apdu X: 00 -> 9000 (1.000 ms)\n", "line 1 is no exchange"),
    ("apdu X: 0070000001 -> 9 (1.000 ms)\n", "line 1 is no exchange"),
    ("apdu X: 0070000001 ->\n", "line 1 is no exchange"),
    ("x" * 5000, "line 1 is too long"),
])
def test_a_record_that_is_none_is_refused(tmp_path, content, said):
    path = tmp_path / "trace"
    path.write_text(content)
    done = subprocess.run(["iotsafe-sim", "--replay", path], input=b"",
                          capture_output=True, timeout=20)
    assert done.returncode == 1 and said in done.stderr.decode()
