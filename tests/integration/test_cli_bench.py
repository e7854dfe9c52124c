# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe bench`: its figures add up, its exchanges are those that were made.
How long anything takes is nobody's pass or fail here."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest
from command import answer, iotsafe, text
from farside import Server, Sim, make_server_certificate

PHASES = ["open", "read", "sign", "handshake"]
PARTS = ["uart", "modem_card", "library", "network"]
FIGURES = {"count", "total_ms", "parts_ms", "formula_ms", "exchanges",
           "bytes_sent", "bytes_received", "signatures", "samples"}
SLOW = "sim:gsma?baud=115200&modem-ms=5&card-ms=2B:20"


def micro(milliseconds):
    return round(milliseconds * 1000)


def lines_of(done):
    return done.stderr.decode().splitlines()


@pytest.fixture(scope="module")
def slow():
    """What a card of known manners gives."""
    return answer("bench", "--count", 3, card=SLOW)


def test_the_answer_has_all_figures_of_all_phases(slow):
    assert set(slow) == {"baud", "estimates", "phases"}
    assert list(slow["phases"]) == PHASES
    assert slow["baud"] == 115200
    assert set(slow["estimates"]) == {"modem_ms", "card_ms"}
    for phase in slow["phases"].values():
        assert set(phase) == FIGURES
        assert set(phase["total_ms"]) == {"p50", "p95", "max"}
        assert list(phase["parts_ms"]) == PARTS
        assert len(phase["samples"]) == phase["count"] == 3


def test_the_parts_are_the_total(slow):
    for name, phase in slow["phases"].items():
        parts = [micro(phase["parts_ms"][each]) for each in PARTS]
        assert sum(parts) == micro(phase["total_ms"]["p50"]), name
        assert min(parts) >= 0


def test_each_part_is_of_what_was_counted(slow):
    for name, phase in slow["phases"].items():
        total = phase["total_ms"]["p50"]
        parts = {x: micro(y) for x, y in phase["parts_ms"].items()}
        of_link = parts["uart"] + parts["modem_card"]

        def is_counted(sample):
            link, network = micro(sample["link_ms"]), micro(sample["network_ms"])
            assert network == 0 or name == "handshake"
            return (parts["network"] == min(network, micro(total) - link)
                    # To open a card is also to talk with the modem.
                    and (of_link >= link if name == "open" else of_link == link))

        # Two may have taken the same time to the microsecond.
        assert any(is_counted(x) for x in phase["samples"]
                   if x["total_ms"] == total), name


def test_ranks_are_times_that_were_measured(slow):
    for phase in slow["phases"].values():
        times = sorted(each["total_ms"] for each in phase["samples"])
        assert phase["total_ms"]["p50"] == times[1]
        assert phase["total_ms"]["p95"] == times[2]
        assert phase["total_ms"]["max"] == times[2]


def test_the_uart_has_ten_bits_a_byte(slow):
    for phase in slow["phases"].values():
        size = phase["bytes_sent"] + phase["bytes_received"]
        assert micro(phase["parts_ms"]["uart"]) == size * 10**7 // 115200


def test_the_formula_is_the_sum_of_its_terms(slow):
    modem = micro(slow["estimates"]["modem_ms"])
    card = micro(slow["estimates"]["card_ms"])
    for phase in slow["phases"].values():
        size = phase["bytes_sent"] + phase["bytes_received"]
        assert micro(phase["formula_ms"]) == (
            phase["exchanges"] * modem + phase["signatures"] * card
            + size * 10**7 // 115200 + micro(phase["parts_ms"]["network"])
        )


def test_modem_and_card_are_estimated_from_what_was_fastest(slow):
    def rest(sample):
        size = sample["bytes_sent"] + sample["bytes_received"]
        return micro(sample["link_ms"]) - size * 10**7 // 115200

    phases = slow["phases"]
    modem = micro(slow["estimates"]["modem_ms"])
    reads = [rest(x) // x["exchanges"] for x in phases["read"]["samples"]]
    assert 0 < modem <= min(reads)
    signed = [rest(x) - x["exchanges"] * modem
              for x in phases["sign"]["samples"]]
    assert micro(slow["estimates"]["card_ms"]) == max(min(signed), 0)


@pytest.mark.parametrize("query, exchanges", [("", 3), ("?quirk=fetches", 2)])
def test_exchanges_and_signatures_are_those_of_the_card(query, exchanges):
    phases = answer("bench", "--count", 2, card="sim:gsma" + query)["phases"]
    for name, signatures in zip(PHASES, (0, 0, 1, 1)):
        for each in [phases[name], *phases[name]["samples"]]:
            assert each["signatures"] == signatures
            if signatures:
                assert each["exchanges"] == exchanges


def test_what_the_card_saw_is_what_was_counted(tmp_path):
    with Sim(tmp_path) as sim:
        found = answer("bench", "--count", 4, card=f"at:{sim.link}")["phases"]
        done = [x for x in sim.log if x.get("command", "")[2:4] == "2B"]
    # A signature is one COMPUTE SIGNATURE UPDATE.
    signed = found["sign"]["count"] + found["handshake"]["count"]
    assert len(done) == signed == 8


def test_a_serial_port_has_a_speed_and_the_simulator_none(tmp_path):
    with Sim(tmp_path) as sim:
        for query, baud in ("", 115200), ("?baud=9600", 9600):
            found = answer("bench", "--count", 1, card=f"at:{sim.link}{query}")
            assert found["baud"] == baud
    found = answer("bench", "--count", 1, card="sim:")
    assert found["baud"] is None
    assert all(x["parts_ms"]["uart"] == 0 for x in found["phases"].values())


def test_the_table_has_the_same_columns_for_people():
    said = text("bench", "--count", 1, card=SLOW)
    head, *rows = said.splitlines()[:5]
    assert [row.split()[0] for row in rows] == PHASES
    for row in rows:
        assert len(row.split()) == len(head.split()) == 13
    assert "estimated from the fastest exchanges" in said
    assert "115200 baud" in said


# Signatures


def test_it_says_how_many_signatures_it_makes():
    done = iotsafe("bench", "--count", 2)
    assert lines_of(done) == [
        "iotsafe: the card makes 4 signatures: 2 alone, 2 in handshakes"
    ]


def test_it_warns_of_many():
    done = iotsafe("bench", "--count", 101)
    assert "202 signatures" in lines_of(done)[0]
    assert lines_of(done)[1].startswith("iotsafe: WARNING: some cards wear out")


# Servers


@pytest.fixture
def folder(tmp_path):
    make_server_certificate(tmp_path)
    return tmp_path


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("words", [["--server"], []])
def test_a_server_that_is_given_is_the_one(folder, version, words):
    card = f"sim:?store={folder}"
    with Server(folder) as server:
        found = answer(
            "bench", "--count", 2, *words, f"localhost:{server.port}",
            "--ca", folder / "ca.pem", "--tls", version, card=card,
        )
        assert server.client()[0].startswith("The certificate is trusted")
    phase = found["phases"]["handshake"]
    assert phase["count"] == 2 and phase["signatures"] == 1


class FarAway:
    """Stands before a server; what that says arrives late."""

    LATE = 0.3

    def __init__(self, port):
        self._to = port
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def _serve(self):
        client, _ = self._door.accept()
        server = socket.create_connection(("127.0.0.1", self._to))
        both = {client: server, server: client}
        while both:
            for one in select.select(list(both), [], [])[0]:
                data = one.recv(65536)
                if one is server:
                    time.sleep(self.LATE)
                if data:
                    both[one].sendall(data)
                    continue
                client.close()
                server.close()
                both = {}
                break

    def __exit__(self, *failure):
        self._thread.join(20)
        self._door.close()


def test_waiting_for_the_server_is_the_networks_time(folder):
    path = folder / "waterfall.svg"
    with Server(folder) as server, FarAway(server.port) as far:
        found = answer(
            "bench", "--count", 1, f"localhost:{far.port}", "--svg", path,
            "--ca", folder / "ca.pem", card=f"sim:?store={folder}",
        )["phases"]["handshake"]
    network = found["parts_ms"]["network"]
    assert network >= FarAway.LATE * 1000 - 50
    assert network <= found["total_ms"]["p50"]
    assert found["formula_ms"] >= network
    assert ">network<" in path.read_text()


def test_a_server_that_is_not_trusted_ends_it(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    make_server_certificate(other)
    card = f"sim:?store={folder}"
    with Server(folder) as server:
        words = ["bench", "--count", 2, f"localhost:{server.port}"]
        done = iotsafe(*words, "--ca", other / "ca.pem", card=card, status=14)
        assert len(lines_of(done)) == 2
        # What was measured before is told all the same.
        assert re.search("^sign ", done.stdout.decode(), re.MULTILINE)
        assert not re.search("^handshake ", done.stdout.decode(), re.MULTILINE)
        iotsafe(*words, "--insecure", card=card)


def test_a_server_that_refuses_us_is_told(folder, tmp_path_factory):
    stranger = f"sim:?store={tmp_path_factory.mktemp('stranger')}"
    with Server(folder) as server:
        done = iotsafe("bench", "--count", 1, f"localhost:{server.port}",
                       "--ca", folder / "ca.pem", card=stranger, status=15)
    assert len(lines_of(done)) == 2


def test_there_is_nobody():
    done = iotsafe("bench", "--count", 1, "localhost:1", status=18)
    assert "localhost:1" in lines_of(done)[-1]


# The picture


def test_the_picture_has_the_course_of_a_handshake(tmp_path):
    path = tmp_path / "waterfall.svg"
    answer("bench", "--count", 2, "--svg", path, card=SLOW)
    tree = ElementTree.parse(path).getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert tree.tag == name + "svg"
    words = [each.text for each in tree.iter(name + "text")]
    assert words[0].startswith("One TLS handshake, ")
    for wanted in ("COMPUTE SIGNATURE INIT", "COMPUTE SIGNATURE UPDATE",
                   "library", "waiting for the card"):
        assert wanted in words
    width = float(tree.get("width"))
    for bar in list(tree.iter(name + "rect"))[1:]:
        end = float(bar.get("x")) + float(bar.get("width"))
        assert 0 <= float(bar.get("x")) <= end <= width


def test_a_picture_and_a_trace_go_together(tmp_path):
    path = tmp_path / "waterfall.svg"
    done = iotsafe("bench", "--count", 1, "--svg", path, "--trace", "apdu")
    signed = [x for x in lines_of(done) if "COMPUTE SIGNATURE INIT" in x]
    assert len(signed) == 2 and path.stat().st_size


def test_a_picture_that_cannot_be_written_costs_no_signature(tmp_path):
    with Sim(tmp_path) as sim:
        done = iotsafe("bench", "--svg", tmp_path / "no/picture",
                       card=f"at:{sim.link}", status=1)
        assert len(lines_of(done)) == 1 and not sim.log


# What goes wrong


@pytest.mark.parametrize("at, phases", [
    (1, ["open", "read"]), (3, ["open", "read", "sign"]),
    (6, ["open", "read", "sign", "handshake"]),
])
def test_a_card_that_dies_ends_it_within_the_limit(at, phases):
    card = f"sim:?fault=silence%3D2B@{at}"
    begun = time.monotonic()
    done = iotsafe("--json", "bench", "--count", 4, "--timeout", 3000,
                   card=card, status=5)
    assert time.monotonic() - begun < 3 + 10
    assert len(lines_of(done)) == 2
    found = json.loads(done.stdout)
    assert found["error"]["code"] == "ERR_TIMEOUT"
    assert list(found["phases"]) == phases
    assert sum(found["phases"].get(each, {"count": 0})["count"]
               for each in ("sign", "handshake")) == at - 1


@pytest.mark.parametrize("words", [
    ["--count", "0"], ["--count", "x"], ["--count", "10001"], ["--server"],
    ["--ca", "ca.pem"], ["--insecure"], ["--name", "x"], ["--tls", "1.1"],
    ["nowhere"], ["localhost:1", "--insecure", "--ca", "x"], ["a:1", "b:2"],
])
def test_wrong_use_is_told_before_the_card_signs(tmp_path, words):
    with Sim(tmp_path) as sim:
        done = iotsafe("bench", *words, card=f"at:{sim.link}", status=2)
        assert lines_of(done)[-1].startswith("iotsafe: ")
        assert not [x for x in sim.log if x.get("command", "")[2:4] == "2B"]


def test_a_signal_ends_it_with_what_there_is():
    child = subprocess.Popen(
        ["iotsafe", "--json", "bench", "--count", "100"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, IOTSAFE_CARD="sim:?card-ms=2B:50"),
    )
    child.stderr.readline()
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGINT
    assert err.decode().count("\n") == 1
    found = json.loads(out)
    assert found["error"]["code"] == "ERR_CANCELLED"
    assert found["phases"]["sign"]["count"] < 100


def test_a_long_wait_is_told_on_a_terminal():
    ours, theirs = pty.openpty()
    card = "sim:?card-ms=2B:900"
    child = subprocess.Popen(
        ["iotsafe", "bench", "--count", "4"], stderr=theirs,
        stdout=subprocess.DEVNULL, env=dict(os.environ, IOTSAFE_CARD=card),
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            more = os.read(ours, 1000)
        except OSError:
            break
        if not more:
            break
        said += more
    os.close(ours)
    assert child.wait(30) == 0
    assert re.search(rb"signing, [34] of 4\.\.\. 2 s", said)
    assert re.search(rb"shaking hands, [34] of 4\.\.\. 2 s", said)
