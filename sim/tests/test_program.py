# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program: its line, its link, its signals and its exit codes, in TAP."""

import errno
import fcntl
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time

SIM = sys.argv[1]
TIOCGEXCL = 0x80045440
LIMIT = 10  # seconds for anything
OPEN = 'AT+CSIM=10,"0070000001"'
SELECT = 'AT+CSIM=24,"01A4040007A0000005590010"'
INIT = 'AT+CSIM=36,"812A00010D840101A1010391020001920104"'
UPDATE = f'AT+CSIM=78,"812B8001229E20{"5A" * 32}"'


def run(*options, text="", code=0):
    """The program over standard input; what it printed."""
    done = subprocess.run([SIM, *options], input=text.encode(),
                          capture_output=True, timeout=LIMIT)
    assert done.returncode == code, (done.returncode, done.stderr)
    if code in (1, 2):
        assert done.stderr, "a failure without a word"
    return done.stdout.decode()


class Pty:
    """The program on a pseudo-terminal."""

    def __init__(self, folder, *options):
        self.link = folder / "modem"
        self.program = subprocess.Popen(
            [SIM, "--pty", self.link, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.program.stdout.readline() == f"ready {self.link}\n".encode()

    def open(self):
        return os.open(self.link, os.O_RDWR | os.O_NOCTTY)

    def end(self, by=signal.SIGTERM):
        self.program.send_signal(by)
        code = self.program.wait(LIMIT)
        self.program.stdout.close()
        self.program.stdin.close()
        return code

    def control(self, line):
        self.program.stdin.write(line.encode() + b"\n")
        self.program.stdin.flush()
        return self.program.stdout.readline().decode().strip()


def ask(fd, line):
    """One command; the answer up to its final line."""
    os.write(fd, line.encode() + b"\r")
    answer = b""
    while not answer.endswith((b"OK\r\n", b"ERROR\r\n")):
        assert select.select([fd], [], [], LIMIT)[0], answer
        answer += os.read(fd, 4096)
    return answer.decode()


def tells_what_it_is(folder):
    assert "usage: iotsafe-sim" in run("--help")
    assert run("--version").startswith("iotsafe-sim ")
    assert "zariot" in run("profiles")
    for table in "quirks", "faults":
        for line in run(table).splitlines():
            assert len(line.split()) > 3, line


def refuses_wrong_usage(folder):
    for options in (["--nonsense"], ["word"], ["--profile", "none"],
                    ["--quirk", "none"], ["--fault", "die"],
                    ["--baud", "fast"], ["--card-ms", "zz:1"],
                    ["--modem-ms", "-1"], ["--link", "wire"], ["--ta1", "9"],
                    ["--gap-ms", "x"], ["--aid", "xyz"], ["pki"],
                    ["--pty", "x", "--stdio"], ["--control"]):
        run(*options, code=2)
    run("--store", "/nonexistent/store", code=1)
    run("--log", "/nonexistent/log", code=1)


def serves_standard_input_to_its_end(folder):
    answer = run("--stdio", text=f"ATE0\r{OPEN}\r")
    assert answer == 'ATE0\r\r\nOK\r\n\r\n+CSIM: 6,"019000"\r\n\r\nOK\r\n'
    assert run() == ""


def answers_before_it_ends_though_the_link_is_slow(folder):
    start = time.monotonic()
    answer = run("--card-ms", "150", text=f"{OPEN}\r")
    assert answer.endswith("OK\r\n")
    assert time.monotonic() - start >= 0.15


def a_link_by_name_yields_to_single_terms_wherever_they_stand(folder):
    log = str(folder / "link.log")
    for options in (["--link", "hat", "--modem-ms", "2"],
                    ["--modem-ms", "2", "--link", "hat"]):
        said = run(*options, "--card-ms", "channel:50", "--log", log,
                   text=f"ATE0\r{OPEN}\r").removeprefix("ATE0\r\r\nOK\r\n")
        entry = json.loads(pathlib.Path(log).read_text().splitlines()[-1])
        # 9 characters of 48 us, ten bits each on the line
        assert (entry["modem_us"], entry["us"]) == (2000, 50000 + 9 * 48)
        assert entry["line_us"] == len(OPEN + "\r" + said) * 10**7 // 115200


def every_profile_signs(folder):
    for profile, aid, key in (
            ("gsma", "A0000005590010", "840101"),
            ("zariot", "A0000005590010", "8403303036"),
            ("thales", "A00000003053F12401770101495341", "840101"),
            ("quantag", "A00000003053F12401770101495341", "84020002"),
            ("full", "A0000005590010", "840101"),
            ("odd", "A0000005590010",
             "8414" + b"0123456789ABCDEFGHIa".hex()),
            ("ntt", "A0000001157000000000000049534102", "840101")):
        cla = "01" if profile == "ntt" else "81"
        log = folder / "log"
        commands = (
            "0070000001", f"01A40400{len(aid) // 2:02X}{aid}",
            f"{cla}2A0001{len(key) // 2 + 10:02X}{key}A1010391020001920104",
            cla + "2B8001229E20" + "5A" * 32)
        text = "".join(f'AT+CSIM={len(c)},"{c}"\r' for c in commands)
        run("--profile", profile, "--log", log, text=text)
        last = json.loads(log.read_text().splitlines()[-1])
        assert last["signature"] is True, last
        assert last["name"] == "COMPUTE SIGNATURE UPDATE"
        log.unlink()


MIAS = "A0000000188000000006624151"
PIN = "012000810430303030"


def csim(*commands):
    return "".join(f'AT+CSIM={len(c)},"{c}"\r' for c in commands)


def trust_onboard_signs_on_every_line(folder):
    commands = ("0070000001", "01A404000D" + MIAS, PIN,
                "012241B606800142840131",
                "012A90A0229020" + "5A" * 32 + "00", "012A9E9A00")
    for profile in ("trust-onboard", "trust-onboard-preview",
                    "trust-onboard-iotsafe"):
        log = folder / "log"
        start = time.monotonic()
        run("--profile", profile, "--log", log, text=csim(*commands))
        assert time.monotonic() - start < 5, "slow to start"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert lines[-1]["name"] == "COMPUTE SIGNATURE", lines[-1]
        assert lines[-1]["signature"] is True and lines[-1]["sw"] == "6100"
        assert "30303030" not in log.read_text()
        log.unlink()
    pty = Pty(folder, "--profile", "trust-onboard")
    fd = pty.open()
    for command in commands:
        answer = ask(fd, csim(command)[:-1])
    assert '"6100"' in answer
    os.close(fd)
    assert pty.end() == 0


def trust_onboard_opens_by_cgla_too(folder):
    answer = run("--profile", "trust-onboard-iotsafe", text=(
        f'AT+CCHO="{MIAS}"\rAT+CGLA=5,{len(PIN)},"{PIN}"\r'
        'AT+CGLA=5,14,"102A8086028155"\r'
        'AT+CGLA=5,22,"002241B606800142840131"\rAT+CCHC=5\r'))
    assert "+CCHO: 5" in answer and answer.count('+CGLA: 4,"9000"') == 2
    assert '+CGLA: 4,"6985"' in answer  # a link of a chain keeps its class


def applets_answer_to_other_names(folder):
    select = ("0070000001", "01A404000411223344")
    for profile, option, word in (
            ("trust-onboard", "11223344", "610B"),
            ("trust-onboard", "mias=11223344", "610B"),
            ("trust-onboard-preview", "files=11223344", "6108"),
            ("trust-onboard-iotsafe", "iotsafe=11223344", "9000"),
            ("trust-onboard-iotsafe", "11223344", "9000")):
        got = run("--profile", profile, "--aid", option, text=csim(*select))
        assert f'"{word}"' in got, (profile, option, got)
    mine = run("--profile", "trust-onboard-iotsafe", "--aid", "11223344",
               text=csim("0070000001", "01A404000D" + MIAS))
    assert '"6114"' in mine
    run("--aid", "mias=11223344", code=2)
    run("--profile", "trust-onboard", "--aid", "files=11", code=2)
    run("personalise", "--store", folder / "store", "--profile",
        "trust-onboard", "--file", __file__, "--id", "01", code=2)


def answers_to_another_aid(folder):
    select = 'AT+CSIM=18,"00A4040004A1B2C3D4"\r'
    assert '"6A82"' in run(text=select)
    assert '"9000"' in run("--aid", "A1B2C3D4", text=select)


def survives_hosts_that_come_and_go(folder):
    pty = Pty(folder)
    for _ in range(3):
        fd = pty.open()
        assert ask(fd, "ATE0").endswith("OK\r\n")
        os.write(fd, b"AT+CSIM=10,\"00")  # and goes in mid-command
        os.close(fd)
        fd = pty.open()
        assert "ERROR" in ask(fd, "")
        os.close(fd)
    assert pty.end() == 0
    assert not os.path.lexists(pty.link)


def does_not_spin_while_nobody_is_there(folder):
    pty = Pty(folder)
    os.close(pty.open())
    stat = pathlib.Path(f"/proc/{pty.program.pid}/stat")

    def ticks():
        return sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13]))

    before = ticks()
    select.select([], [], [], 0.5)
    assert ticks() - before <= 2
    assert pty.end(signal.SIGINT) == 0


def open_when_free(pty):
    """Who is not root has to wait for the program to take the lock off."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return pty.open()
        except OSError as error:
            assert error.errno == errno.EBUSY, error
            assert time.monotonic() < deadline, "still locked"
            os.sched_yield()


def frees_a_terminal_that_a_host_left_locked(folder):
    pty = Pty(folder)
    fd = pty.open()
    fcntl.ioctl(fd, termios.TIOCEXCL)
    os.close(fd)
    fd = open_when_free(pty)
    assert ask(fd, "AT").endswith("OK\r\n")
    assert fcntl.ioctl(fd, TIOCGEXCL, bytes(4)) == bytes(4)
    os.close(fd)
    assert pty.end() == 0


def leaves_alone_what_is_in_the_way(folder):
    link = folder / "modem"
    link.write_text("precious")
    run("--pty", link, code=1)
    assert link.read_text() == "precious"
    link.unlink()
    link.symlink_to("/dev/null")
    run("--pty", link, code=1)
    link.unlink()
    link.symlink_to("/nowhere")
    pty = Pty(folder)
    assert pty.end() == 0
    assert not os.path.lexists(link)


def leaves_a_link_that_is_no_longer_its_own(folder):
    pty = Pty(folder)
    pty.link.unlink()
    pty.link.symlink_to("/dev/null")
    assert pty.end() == 0
    assert os.readlink(pty.link) == "/dev/null"


def dies_when_a_fault_says_so(folder):
    assert '"9000"' not in run("--fault", "die=A4", code=3,
                               text=f"{OPEN}\r{SELECT}\r")
    pty = Pty(folder, "--fault", "die=A4")
    fd = pty.open()
    ask(fd, OPEN)
    os.write(fd, SELECT.encode() + b"\r")
    assert pty.program.wait(LIMIT) == 3
    pty.program.stdout.close()
    assert not os.path.lexists(pty.link)
    os.close(fd)


def takes_other_faults_while_it_runs(folder):
    pty = Pty(folder, "--control", "--fault", "no-sim")
    fd = pty.open()
    ask(fd, "ATE0")
    assert "ERROR" in ask(fd, OPEN)
    assert pty.control("faults sw=70:6F00@1-1") == "ok"
    assert pty.control("struck") == "0"
    assert '"6F00"' in ask(fd, OPEN)
    assert pty.control("struck") == "1"
    assert pty.control("channels") == "0"
    assert '"019000"' in ask(fd, OPEN)
    assert pty.control("channels") == "1"
    assert pty.control("faults pull") == "ok"
    assert "ERROR" in ask(fd, OPEN)
    assert pty.control("faults") == "ok"
    assert '"019000"' in ask(fd, OPEN)
    assert pty.control("faults none").startswith("bad: no fault")
    assert pty.control("nonsense").startswith("bad")
    os.close(fd)
    pty.program.stdin.close()
    assert pty.program.wait(LIMIT) == 0
    pty.program.stdout.close()


def ends_though_the_host_does_not_read(folder):
    """A full pipe must keep the program neither from ending nor from sanity."""
    with subprocess.Popen([SIM], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        os.set_blocking(program.stdin.fileno(), False)
        # it stops reading when it cannot write: both pipes fill up
        written = 0
        while select.select([], [program.stdin], [], 0.3)[1]:
            written += program.stdin.raw.write(b"ATI\r" * 256) or 0
            assert written < 1 << 20, "it reads without end"
        program.send_signal(signal.SIGTERM)
        assert program.wait(LIMIT) == 0
        program.stdin.close()


def ends_when_the_host_closes_its_end(folder):
    with subprocess.Popen([SIM], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as program:
        program.stdout.close()
        program.stdin.write(b"AT\r")
        program.stdin.flush()
        assert program.wait(LIMIT) == 0


def keeps_time(folder):
    pty = Pty(folder, "--baud", "9600", "--card-ms", "70:40")
    fd = pty.open()
    ask(fd, "ATE0")
    start = time.monotonic()
    ask(fd, OPEN)
    took = time.monotonic() - start
    os.close(fd)
    expected = (24 + 27) * 10 / 9600 + 0.040
    assert expected <= took < expected + 0.1, took
    assert pty.end() == 0


def makes_certificates_for_a_server(folder):
    store = folder / "store"
    run("pki", "--store", store, "--name", "one.example")
    assert (store / "server-key.pem").stat().st_mode & 0o777 == 0o600
    assert (store / "server.pem").read_text().count("BEGIN CERT") == 2
    run("--store", store)
    assert (store / "client.pem").read_text().count("BEGIN CERT") == 2
    run("pki", "--store", store, "--name", "a,b", code=1)


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__code__", None)
         and value.__code__.co_varnames[:1] == ("folder",)]


def main():
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
                word = "ok"
            except Exception as error:  # any reason is a failed test
                word = "not ok"
                failed += 1
                print(f"# {type(error).__name__}: {error}")
        print(f"{word} {number} - {test.__name__.replace('_', ' ')}",
              flush=True)
    return 1 if failed else 0


sys.exit(main())
