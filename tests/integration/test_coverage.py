# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/coverage.md is made here: every command of IoT SAFE in every mode,
asked for from C, the command, Python and Lua, on every card the simulator has,
checked by somebody else; and once more with the simulator breaking it, which
must come out as its named error.

    ./dev run pytest tests/integration/test_coverage.py     compares
    ./dev run python3 tests/integration/test_coverage.py    writes the page
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
from commands import far  # noqa: E402
from commands.rows import ROWS  # noqa: E402
from farside import Sim  # noqa: E402

TOP = HERE.parents[1]
DRIVE = HERE / "commands"
PAGE = TOP / "docs/coverage.md"
LUA = next(filter(shutil.which, ("lua5.4", "lua5.3", "luajit", "lua5.1")), None)
# Where all four faces are tried, and the breakages.
WHOLE = "full"

pytestmark = pytest.mark.plain_build


def run(*words, address):
    done = subprocess.run(
        [str(word) for word in words],
        env=dict(os.environ, IOTSAFE_CARD=address),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode in range(18), done.stderr.decode()
    return done


class Card:
    """A simulated card on a pseudo-terminal, and what its store tells."""

    def __init__(self, sim, profile, store):
        self.sim, self.profile, self.store = sim, profile, store
        self.folder = store
        self.address = f"at:{sim.link}"
        self.objects = self.json("list")["objects"]
        # The simulator makes RSA keys when they are first used.
        for each in self.all("private", "RSA", active=True):
            self.json("sign", "--key", each["name"], os.devnull)

    def json(self, *words):
        done = run("iotsafe", "--json", *words, address=self.address)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    # What the card has.

    def all(self, kind, key="", usage=None, active=None):
        for each in self.objects:
            if (
                each["type"] == kind
                and key in each.get("key", "")
                and (usage is None or usage in each["usage"])
                and (active is None or each["active"] == active)
            ):
                yield each

    def find(self, *what, **more):
        return next(self.all(*what, **more), None)

    def private(self, algorithm, key_type):
        keys = self.all("private", key_type, "sign", True)
        return next((k for k in keys if algorithm in k["algorithms"]), None)

    def slot(self):
        """A public-key object for a peer's key: no key pair's own."""
        for each in self.all("public", "P-256", "agree"):
            if "update" in each["access"] and "generate" not in each["usage"]:
                return each
        return None

    def derives(self):
        key = self.find("secret-key", usage="derive", active=True)
        return key is not None

    # What is behind it: the simulator's own files.

    def stored(self, pattern):
        found = (self.store / self.profile).glob(pattern)
        return next(found, None)

    def spki(self, record):
        """The public key of a private-key or public-key object."""
        key = self.stored(f"key-{record['id'].upper()}.*")
        if record["type"] == "private" and key:
            return far.openssl("pkey", "-in", key, "-pubout", "-outform", "DER")
        done = run("iotsafe", "pubkey", record["name"], address=self.address)
        assert done.returncode == 0, done.stderr.decode()
        return far.openssl(
            "pkey", "-pubin", "-outform", "DER", data=done.stdout
        )

    def public_of(self, private):
        same = self.all("public", private["key"], active=True)
        mine = self.spki(private)
        return next((each for each in same if self.spki(each) == mine), None)

    def content(self, file):
        """None for those that the simulator fills by itself."""
        path = self.stored(f"file-{file['id'].upper()}.*")
        return path and path.read_bytes()

    def secret(self, key):
        return self.stored(f"secret-{key['id'].upper()}.*").read_bytes()

    def signature(self, key, algorithm, data):
        """By the simulator's key, made by OpenSSL."""
        key = self.stored(f"key-{key['id'].upper()}.*")
        return far.sign(key, algorithm, data)


# --- four faces -------------------------------------------------------------


def by_driver(*program):
    def ask(address, words):
        done = run(*program, *words, address=address)
        assert done.returncode == 0, done.stderr.decode()
        text = done.stdout.decode("utf-8", "replace")
        if text.startswith("ERR_"):
            return None, text.partition("\t")[0]
        if words[0] in ("info", "list"):
            return done.stdout.strip(), None
        return bytes.fromhex(text), None

    return ask


def by_command(address, words):
    """The same operations as lines of the command."""
    operation, *given = words
    with tempfile.TemporaryDirectory(prefix="iotsafe-coverage-") as name:
        folder = pathlib.Path(name)
        line = COMMANDS[operation](folder, *given)
        if operation not in PRINTED | SILENT:
            line += ["--out", folder / "out"]
        done = run("iotsafe", *line, address=address)
        if done.returncode:
            failed = run("iotsafe", "--json", *line, address=address)
            return None, json.loads(failed.stdout)["error"]["code"]
        if operation == "put":
            return by_command(address, ["public-key", given[0]])
        if operation == "info":
            return re.sub(rb" +", b"=", done.stdout), None
        if operation == "list":
            names = re.findall(r"iotsafe:\S+$", done.stdout.decode(), re.M)
            return "\n".join(names).encode(), None
        if operation == "verify":
            return b"", None
        return (folder / "out").read_bytes(), None


def stored_in(folder, name, digits):
    """Bytes in a file, where the command wants one."""
    (folder / name).write_bytes(bytes.fromhex(digits))
    return folder / name


def optional(option, value):
    return [] if value == "-" else [option, value]


def signing_line(folder, key, algorithm, mode, data):
    mode = {"1": "full-text", "2": "last-block", "3": "host"}[str(mode)]
    return [
        *("--key", key, "--hash", algorithm, "--mode", mode),
        *("--data", stored_in(folder, "data", data)),
    ]


def prf_line(folder, key, secret, label, seed, size):
    secret = secret if secret == "-" else stored_in(folder, "secret", secret)
    return [
        "prf",
        *optional("--key", key),
        *optional("--secret", secret),
        *("--label", label, "--seed", seed, "--size", size),
    ]


# An operation of drive.c -> the words of the command.
COMMANDS = {
    "info": lambda _: ["info"],
    "list": lambda _: ["list"],
    "random": lambda _, size: ["random", size],
    "public-key": lambda _, key: ["pubkey", key, "--der"],
    "read": lambda _, file: ["file", file],
    "sign": lambda folder, *given: ["sign", *signing_line(folder, *given)],
    "verify": lambda folder, *given: [
        *("verify", stored_in(folder, "signature", given[4])),
        *signing_line(folder, *given[:4]),
    ],
    "mac": lambda folder, key, data: [
        *("mac", "--key", key, stored_in(folder, "data", data))
    ],
    "generate": lambda _, key: ["generate", key, "--der"],
    "put": lambda folder, key, spki: [
        *("put-key", key, stored_in(folder, "key", spki))
    ],
    "agree": lambda folder, key, slot, spki: [
        *("agree", "--key", key, "--slot", slot),
        stored_in(folder, "peer", spki),
    ],
    "prf": prf_line,
    "hkdf": lambda folder, hash_name, secret, salt: [
        *("hkdf", "--hash", hash_name, "--salt", salt),
        *("--secret", stored_in(folder, "secret", secret)),
    ],
}
# These print lines; the others bytes, to a file.
PRINTED = {"info", "list"}
# These have no output: what they did is looked at.
SILENT = {"verify", "put"}


# --- asking -----------------------------------------------------------------


@contextlib.contextmanager
def simulated(folder, profile, *options):
    """All simulators of one profile have one store."""
    words = ("--store", folder, "--profile", profile, *options)
    place = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="sim-"))
    with Sim(place, *words) as sim:
        yield sim


def ask_for(case, ask, address):
    """All outputs, or the first error."""
    outputs = []
    for words in [*case.before, case.words]:
        output, code = ask(address, words)
        if code:
            return [], code
        outputs.append(output)
    return outputs, None


def works(row, card, ask):
    """What came out is right, and the simulator has seen the command. False
    where the card has no object for it."""
    case = row.case(card)
    if case is None:
        return False
    before = len(card.sim.log)
    outputs, code = ask_for(case, ask, card.address)
    assert not code, f"{code} {case.words}"
    assert case.good(outputs.pop(), *outputs), case.words
    commands = [each["command"] for each in card.sim.log[before:]]
    assert any(re.search(row.seen, each, re.I) for each in commands), commands
    return True


class Everything:
    """The cards, started when first asked for; and what was found of them."""

    def __init__(self, folder, stack, faces):
        self.folder, self.stack, self.faces = folder, stack, faces
        self.cards = {}
        self.found = {}

    def card(self, profile):
        if profile not in self.cards:
            store = self.folder / profile
            store.mkdir()
            sim = self.stack.enter_context(simulated(store, profile))
            self.cards[profile] = Card(sim, profile, store)
        return self.cards[profile]

    def works(self, row, face, profile=WHOLE):
        what = (row.title, face, profile)
        if what not in self.found:
            card = self.card(profile)
            self.found[what] = works(row, card, self.faces[face])
        return self.found[what]

    def broken(self, row, face):
        """The error that comes of it."""
        what = (row.title, face)
        if what not in self.found:
            card = self.card(WHOLE)
            case = row.case(card)
            fault = ("--fault", row.breakage)
            with simulated(card.store, WHOLE, *fault) as sim:
                _, code = ask_for(case, self.faces[face], f"at:{sim.link}")
            self.found[what] = code
        return self.found[what]


def profiles():
    """The cards of IoT SAFE; Trust Onboard's commands are others."""
    done = subprocess.run(
        ["iotsafe-sim", "profiles"], capture_output=True, text=True, check=True
    )
    names = [line.split()[0] for line in done.stdout.splitlines()]
    return [name for name in names if not name.startswith("trust-onboard")]


FACES = ("C", "command", "Python", "Lua")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coverage")
    with contextlib.ExitStack() as stack:
        yield Everything(folder, stack, all_faces(folder))


def all_faces(folder):
    flags = subprocess.check_output(
        ["pkg-config", "--cflags", "--libs", "iotsafe"], text=True
    )
    program = folder / "drive"
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-o", program]
        + [DRIVE / "drive.c", *flags.split()],
        check=True,
    )
    return {
        "C": by_driver(program),
        "command": by_command,
        "Python": by_driver("/usr/bin/python3", DRIVE / "drive.py"),
        "Lua": by_driver(LUA, DRIVE / "drive.lua"),
    }


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
each_face = pytest.mark.parametrize("face", FACES)


@each_row
@each_face
def test_a_command_works(everything, row, face):
    assert everything.works(row, face)


@each_row
@each_face
def test_a_broken_command_is_told(everything, row, face):
    assert everything.broken(row, face) == row.code


@pytest.mark.parametrize("profile", profiles())
def test_every_card_does_what_its_objects_allow(everything, profile):
    done = [row for row in ROWS if everything.works(row, "C", profile)]
    assert any(row.command == "GET DATA" for row in done)


def test_the_page_says_what_is_so(everything):
    assert PAGE.read_text() == page(everything)


# --- the page ---------------------------------------------------------------

HEAD = """\
# Coverage

Made by `tests/integration/test_coverage.py`, which compares this page with what
it finds: every command of the applet in every mode, asked for from C, the
command, Python and Lua, checked by OpenSSL and Python, and seen in the
simulator's log. "Broken" is the error that each of the four gives when the
simulator does what stands before it to that command. The last column has the
simulated cards whose objects have to do with it.

The applet has no command to write a file, to make an object or to change its
state: whoever makes the card does that, with commands of their own.
An RSA signature is longer than VERIFY SIGNATURE can take.

| command | mode | C | command | Python | Lua | simulator | broken | cards |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def page(everything):
    lines = []
    for row in ROWS:
        marks = []
        for face in FACES:
            good = everything.works(row, face)
            told = everything.broken(row, face) == row.code
            marks.append("yes" if good and told else "no")
        cards = [
            profile
            for profile in profiles()
            if everything.works(row, "C", profile)
        ]
        lines.append(
            f"| {row.command} | {row.mode} | {' | '.join(marks)} | yes"
            f" | `{row.breakage}`: `{row.code}` | {', '.join(cards)} |\n"
        )
    return HEAD + "".join(lines)


def main():
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory())
        )
        everything = Everything(folder, stack, all_faces(folder))
        PAGE.write_text(page(everything))


if __name__ == "__main__":
    main()
