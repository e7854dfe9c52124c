# SPDX-License-Identifier: LGPL-2.1-or-later
"""`./dev bench`, shortly: that everything is measured, and that what is
measured can be true. How fast it is on this machine is no test."""

import json
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import pytest

# The sanitizers' build has no benchmarks, and valgrind does not go with them.
pytestmark = pytest.mark.plain_build

TOP = pathlib.Path(__file__).parent.parent.parent
BENCH = TOP / "benchmarks"
sys.path.insert(0, str(BENCH))


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    """What a run printed, and where its files are."""
    folder = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, BENCH / "run.py", "--output", folder, "--count", "1",
         "--threads", "2"],
        capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, folder


def figures(folder, name):
    return json.loads((folder / (name + ".json")).read_text())


def row(folder, words):
    found = [each for each in figures(folder, "table")["rows"]
             if each["figure"].startswith(words)]
    assert len(found) == 1, words
    return found[0]


def test_every_figure_of_the_table_is_measured(short_run):
    printed, folder = short_run
    rows = figures(folder, "table")["rows"]
    assert len(rows) == 20
    for each in rows:
        assert each["measured"] is not None, each
        assert each["figure"] in printed
    assert " 0 not measured" in printed


def test_a_target_that_is_missed_is_said_and_fails_nothing(short_run):
    printed, folder = short_run
    missed = [each for each in figures(folder, "table")["rows"]
              if each.get("met") is False]
    assert printed.count("MISSED") == len(missed)
    assert f"{len(missed)} missed" in printed


def test_nothing_is_faster_than_its_limit(short_run):
    _, folder = short_run
    for name in ("sign-hat", "sign-slow", "handshake-tls13",
                 "handshake-tls12", "handshake-dtls12"):
        found = figures(folder, name)
        assert found["exchanges"] == 3
        assert found["uart_bytes_sent"] + found["uart_bytes_received"] == 377
        # A microsecond is lost where counters are read.
        if name.startswith("sign"):
            assert min(found["ratios"]) > 0.9999, name
    assert figures(folder, "sign-hat")["limit_ms"] == pytest.approx(144.35, 1e-4)
    assert figures(folder, "sign-slow")["limit_ms"] == pytest.approx(840.21, 1e-4)


def test_the_limit_is_no_more_than_the_log_of_the_simulator(tmp_path):
    """Two programs work out the formula: here they are compared."""
    import links

    sim = os.environ["IOTSAFE_SIM"]
    for link in links.read_links(sim).values():
        log = tmp_path / (link.name + ".jsonl")
        subprocess.run(
            [pathlib.Path(os.environ["BUILD"]) / "benchmarks/bench", "sign",
             "--card", f"sim:gsma?{link.options}&log={log}", "--count", "1"],
            check=True, stdout=subprocess.DEVNULL)
        rows = [json.loads(each) for each in log.read_text().splitlines()]
        last = max(index for index, each in enumerate(rows)
                   if each["name"] == "COMPUTE SIGNATURE INIT")
        three = rows[last:last + 3]
        model = sum(each["us"] + each["modem_us"] + each["line_us"]
                    for each in three) / 1000 + 2 * link["gap-ms"]
        # The log has whole microseconds; a card may be slower than its model.
        assert link.signature_ms() <= model + 0.01
        assert link.signature_ms() > model - 20, link.name


def test_a_resumed_session_leaves_the_card_alone(short_run):
    _, folder = short_run
    assert row(folder, "exchanges of a resumed session")["measured"] == 0


def test_the_parts_of_instructions_add_up(short_run):
    _, folder = short_run
    found = figures(folder, "instructions")
    assert found["verify"] > 10 * found["without_verify"] > 0
    assert found["signature"] == found["verify"] + found["without_verify"]


def test_a_cold_start_has_a_certificate_of_700_bytes(short_run):
    _, folder = short_run
    found = figures(folder, "cold")
    # 1400 digits, whatever else was read
    assert found["first"]["bytes_received"] > 1400
    assert found["second"]["exchanges"] <= found["first"]["exchanges"]


def test_a_signature_of_Trust_Onboard_is_4_exchanges(short_run):
    _, folder = short_run
    found = figures(folder, "identity-signing")["steps"]
    assert found["sign"]["ours"]["exchanges"] == 4
    assert set(found) == {"open", "read", "sign-first", "sign"}
    assert figures(folder, "identity-available")["steps"]["read"]


def test_Lua_is_loaded_before_it_signs(short_run):
    _, folder = short_run
    found = figures(folder, "lua")
    for name in ("cpu_ms", "ms"):
        assert 0 < found[f"require_{name}"]["p50"] \
            < found[f"signature_{name}"]["p50"]
    # GnuTLS's libraries are part of what is added.
    assert 0 < found["gnutls_kib"] < found["resident_kib"]


def test_every_thread_has_its_turn(short_run):
    _, folder = short_run
    found = figures(folder, "scaling")
    assert found["threads"]["signatures"] == 2
    assert found["cards"]["signatures"] == 2


def test_pictures_are_XML_with_a_curve_or_bar_for_each(short_run):
    _, folder = short_run
    svg = "{http://www.w3.org/2000/svg}"
    for name, mark, count in (("signature", "path", 2 + 2 + 4),
                              ("handshakes", "path", 3 + 2 + 4),
                              ("handshake", "rect", 1 + 4 + 3 * 4)):
        root = xml.etree.ElementTree.parse(folder / (name + ".svg")).getroot()
        assert len(root.findall(svg + mark)) == count, name


def test_what_cannot_be_measured_is_said_plainly(capsys):
    import table

    sheet = table.Table()
    sheet.at_most("one", 2, 1, "{}")
    sheet.at_least("two", 2, 1, "{}")
    sheet.missing("three", "valgrind is not installed")
    printed = capsys.readouterr().out.splitlines()
    assert "MISSED" in printed[0] and "met" in printed[1]
    assert "NOT MEASURED: valgrind is not installed" in printed[2]
    assert sheet.sum() == "1 targets met, 1 missed, 1 not measured"


def test_wrong_usage_is_2():
    bench = pathlib.Path(os.environ["BUILD"]) / "benchmarks/bench"
    for words in ([], ["swim"], ["sign", "--count", "0"], ["sign", "more"],
                  ["sign", "--nonsense"], ["handshake", "--tls", "1.1"]):
        done = subprocess.run([bench, *words], capture_output=True)
        assert done.returncode == 2 and done.stderr, words
