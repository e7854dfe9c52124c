# SPDX-License-Identifier: LGPL-2.1-or-later
"""The card in a reader, with this test as the reader's driver, in TAP."""

import functools
import operator
import socket
import struct
import subprocess
import sys
import time

SIM = sys.argv[1]
LIMIT = 30  # seconds for anything
OFF, ON, RESET, ATR = (bytes([code]) for code in (0, 1, 2, 4))
OPEN = bytes.fromhex("0070000001")
SELECT = bytes.fromhex("01A4040007A0000005590010")
LIST = bytes.fromhex("81CB010000")


class Reader:
    """Listens as the driver does; the program connects."""

    def __init__(self, *options, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.settimeout(LIMIT)
        self.port = self.listener.getsockname()[1]
        self.program = subprocess.Popen(
            [SIM, f"--vpcd=127.0.0.1:{self.port}", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.accept()

    def accept(self):
        self.card = self.listener.accept()[0]
        self.card.settimeout(LIMIT)

    def tell(self, frame):
        self.card.sendall(struct.pack(">H", len(frame)) + frame)

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.card.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def answer(self):
        return self.read(struct.unpack(">H", self.read(2))[0])

    def ask(self, frame):
        self.tell(frame)
        return self.answer()

    def control(self, line):
        self.program.stdin.write(line.encode() + b"\n")
        self.program.stdin.flush()
        return self.program.stdout.readline().decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.terminate()
        self.program.wait(LIMIT)
        for file in (self.card, self.listener, self.program.stdin,
                     self.program.stdout):
            file.close()


def protocols(atr):
    """Those of ISO 7816-3 8.2.3, and a sum that is right where one is due."""
    found, at, more = [], 2, atr[1] >> 4
    while more:
        at += bin(more & 7).count("1")
        if not more & 8:
            break
        found.append(atr[at] & 15)
        more = atr[at] >> 4
        at += 1
    if any(found):
        assert functools.reduce(operator.xor, atr[1:]) == 0
    assert len(atr) == at + (atr[1] & 15) + any(found)
    return [protocol for protocol in found if protocol != 15]


def the_answer_to_reset_offers_what_was_asked_for():
    for option, expected in (("t0", [0]), ("t1", [1, 1]), ("both", [0, 1])):
        with Reader("--atr", option) as reader:
            assert protocols(reader.ask(ATR)) == expected, option
    with Reader("--atr", "3B00") as reader:
        assert reader.ask(ATR) == b"\x3b\x00"


def over_t1_answers_come_whole():
    generate = bytes.fromhex("81B9000003840104")
    with Reader("--atr", "t0") as reader:
        reader.ask(OPEN), reader.ask(SELECT)
        assert reader.ask(generate)[-2] == 0x61
    with Reader("--atr", "t1") as reader:
        reader.ask(OPEN), reader.ask(SELECT)
        answer = reader.ask(generate + b"\0")
        assert answer.endswith(b"\x90\x00") and len(answer) > 64


def trust_onboard_lies_in_a_reader_too():
    commands = [bytes.fromhex(text) for text in (
        "01A404000DA0000000188000000006624151", "012000810430303030",
        "012241B606800142840131", "012A90A0229020" + "5A" * 32 + "00")]
    sign = bytes.fromhex("012A9E9A00")
    for protocol in "t0", "t1":
        with Reader("--atr", protocol, "--profile", "trust-onboard") as reader:
            reader.ask(OPEN)
            words = [reader.ask(command)[-2:].hex() for command in commands]
            assert words[0] == ("6114" if protocol == "t0" else "9000")
            assert words[1:] == ["9000"] * 3, words
            answer = reader.ask(sign)
            if protocol == "t0":
                assert answer == b"\x61\x00"
                answer = reader.ask(bytes.fromhex("01C0000000"))
            assert len(answer) == 258 and answer.endswith(b"\x90\x00")


def power_and_reset_close_the_channels():
    with Reader() as reader:
        for word in (OFF, ON, RESET):
            assert reader.ask(OPEN) == b"\x01\x90\x00"
            reader.tell(word)
            assert reader.ask(SELECT) == b"\x68\x81"


def a_command_of_no_fitting_size_is_refused():
    with Reader() as reader:
        for size in (0, 2, 3, 262, 60000):
            assert reader.ask(b"\0" * size) == b"\x67\x00", size
        assert reader.ask(OPEN) == b"\x01\x90\x00"


def a_reader_that_goes_in_the_middle_of_a_frame_gets_the_card_again():
    with Reader() as reader:
        assert reader.ask(OPEN) == b"\x01\x90\x00"
        reader.card.sendall(b"\x00")
        reader.card.close()
        reader.accept()
        assert reader.ask(OPEN) == b"\x01\x90\x00"


def a_pulled_card_leaves_and_comes_back_when_told():
    with Reader("--control", "--fault", "pull=CB") as reader:
        reader.ask(OPEN), reader.ask(SELECT)
        reader.tell(LIST)
        try:
            raise AssertionError(reader.answer())
        except EOFError:
            pass
        assert reader.control("faults") == "ok"
        reader.accept()
        assert reader.ask(OPEN) == b"\x01\x90\x00"
        assert reader.control("channels") == "1"


def faults_of_the_line_strike_the_bytes():
    with Reader("--control") as reader:
        reader.ask(OPEN), reader.ask(SELECT)
        whole = reader.ask(LIST)
        assert reader.control("faults half@1-1") == "ok"
        assert reader.ask(LIST) == whole[: len(whole) // 2]
        assert reader.control("faults digit@1-1") == "ok"
        other = reader.ask(LIST)
        assert [a ^ b for a, b in zip(whole, other) if a != b] == [1]
        assert reader.control("faults") == "ok"
        assert reader.ask(LIST) == whole


def the_card_takes_its_time():
    with Reader("--card-ms", "300") as reader:
        start = time.monotonic()
        reader.ask(OPEN)
        assert time.monotonic() - start >= 0.3


def wrong_use_is_told():
    for options in (["--vpcd", "--stdio"], ["--atr", "t0"],
                    ["--vpcd", "--atr", "t2"], ["--vpcd=nowhere"]):
        done = subprocess.run([SIM, *options], capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=LIMIT)
        assert done.returncode == 2 and done.stderr, options


TESTS = [
    the_answer_to_reset_offers_what_was_asked_for,
    over_t1_answers_come_whole,
    trust_onboard_lies_in_a_reader_too,
    power_and_reset_close_the_channels,
    a_command_of_no_fitting_size_is_refused,
    a_reader_that_goes_in_the_middle_of_a_frame_gets_the_card_again,
    a_pulled_card_leaves_and_comes_back_when_told,
    faults_of_the_line_strike_the_bytes,
    the_card_takes_its_time,
    wrong_use_is_told,
]


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for number, test in enumerate(TESTS, 1):
        try:
            test()
            print("ok", end="")
        except Exception as problem:  # told, and the next one tried
            failed += 1
            print(repr(problem), file=sys.stderr)
            print("not ok", end="")
        print(f" {number} - {test.__name__.replace('_', ' ')}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
