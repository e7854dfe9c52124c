# SPDX-License-Identifier: LGPL-2.1-or-later
"""cache=FOLDER of addresses: what a second process does not ask the card, and
what it asks all the same."""

import base64
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from command import iotsafe, openssl
from farside import Server, certified, make_server_certificate

# The program of a language must bring the library's sanitizer.
by_module = pytest.mark.plain_build

DIGEST = ("--digest", "00" * 32)
START = ["MANAGE CHANNEL open", "READ BINARY ICCID", "SELECT"]
SIGN = ["COMPUTE SIGNATURE INIT", "COMPUTE SIGNATURE UPDATE"]
END = ["MANAGE CHANNEL close"]
WARM = START + SIGN + END

PYTHON = """
import sys, iotsafe
with iotsafe.open(sys.argv[1]) as card:
    card.key().sign(bytes(32))
"""

LUA = """
local iotsafe = require "iotsafe"
local card = assert(iotsafe.open(arg[1]))
assert(assert(card:key()):sign("sha256", ("x"):rep(32)))
"""


class Card:
    """Of a store; `address` has a cache of the test's own."""

    def __init__(self, folder):
        self.store, self.cache = folder / "store", folder / "cache"
        self.store.mkdir()
        make_server_certificate(self.store)
        self.plain = f"sim:gsma?store={self.store}&quirk=fetches"
        self.address = f"{self.plain}&cache={self.cache}"

    def files(self):
        return list(self.cache.iterdir()) if self.cache.exists() else []

    def personalise(self, *words):
        subprocess.run(
            ["iotsafe-sim", "personalise", "--store", self.store,
             "--profile", "gsma", *words],
            check=True, capture_output=True,
        )


@pytest.fixture
def card(tmp_path):
    return Card(tmp_path)


def exchanges(trace):
    return re.findall(r"^iotsafe apdu ([A-Z a-z]+):", trace, re.MULTILINE)


def asked(*words, card, **options):
    """What the command says, and the exchanges that it made."""
    done = iotsafe(*words, card=card, IOTSAFE_TRACE="apdu", **options)
    return done.stdout, exchanges(done.stderr.decode())


def fill(card):
    """The whole identity is read once."""
    iotsafe("csr", "CN=client", card=card.address)
    assert len(card.files()) == 1


def make_key(folder):
    key = folder / "key.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    return key


def make_certificate(folder, key, name):
    path = folder / f"{name}.der"
    openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}",
            "-days", 30, "-outform", "DER", "-out", path)
    return path


# ---- what it saves ----


def test_a_signature_takes_five_exchanges(card):
    _, first = asked("sign", *DIGEST, card=card.address)
    assert len(first) > len(WARM)
    for _ in range(2):
        assert asked("sign", *DIGEST, card=card.address)[1] == WARM


@pytest.mark.parametrize("version", ["--tls=1.3", "--tls=1.2", "--dtls"])
def test_a_handshake_takes_five_exchanges(card, version):
    datagram = version == "--dtls"
    with Server(card.store, datagram=datagram,
                options=certified(card.store)) as server:
        words = ("connect", f"localhost:{server.port}", *version.split("="),
                 "--ca", card.store / "ca.pem")
        _, first = asked(*words, card=card.address)
        assert len(first) > len(WARM)
        assert asked(*words, card=card.address)[1] == WARM


@by_module
def test_python_and_lua_have_it_by_the_address(card):
    found = [each for each in ("lua5.1", "lua5.3", "lua5.4", "luajit")
             if shutil.which(each)]
    assert found
    iotsafe("sign", *DIGEST, card=card.address)
    for program in [[sys.executable, "-c", PYTHON, card.address],
                    *([each, "-e", f"arg = {{[1] = '{card.address}'}} {LUA}"]
                      for each in found)]:
        done = subprocess.run(
            program, capture_output=True, text=True, timeout=60,
            env=dict(os.environ, IOTSAFE_TRACE="apdu"),
        )
        assert done.returncode == 0, done.stderr
        assert exchanges(done.stderr) == WARM, program[0]


def test_cards_without_a_store_are_new_each_time(tmp_path):
    iotsafe("sign", *DIGEST, card=f"sim:?cache={tmp_path / 'cache'}")
    assert not (tmp_path / "cache").exists()


def test_nothing_is_kept_unless_asked_for(card, tmp_path):
    for address in (card.plain, f"{card.plain}&cache=no"):
        iotsafe("sign", *DIGEST, card=address, XDG_CACHE_HOME=str(tmp_path))
    assert not (tmp_path / "libiotsafe").exists()
    iotsafe("sign", *DIGEST, card=f"{card.plain}&cache=yes",
            XDG_CACHE_HOME=str(tmp_path))
    assert len(list((tmp_path / "libiotsafe").iterdir())) == 1


def test_without_its_module_there_is_none(card, tmp_path):
    library = pathlib.Path(os.environ["IOTSAFE_BUILD"]) / "core/libiotsafe.so.0"
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(library, alone)
    done = iotsafe("sign", *DIGEST, card=card.address, IOTSAFE_TRACE="apdu",
                   LD_LIBRARY_PATH=str(alone))
    assert b"no cache: cache: needs the module iotsafe/object-cache.so" in (
        done.stderr)
    assert not card.files()


def test_what_it_is_not_is_told(card):
    done = iotsafe("sign", *DIGEST, card=f"{card.plain}&cache=maybe", status=2)
    assert b"cache=maybe is neither yes nor no nor the path" in done.stderr


# ---- what is asked all the same ----


def test_commands_that_show_the_card_read_it(card, tmp_path):
    fill(card)
    key = make_key(tmp_path)
    new = make_certificate(tmp_path, key, "new")
    card.personalise("--key", key, "--id", "01", "--label", "other",
                     "--certificate", new, "--id", "02")
    before = card.files()[0].read_bytes()
    shown = {
        "list": b"other",
        "info": b"CN=new",
        "cert": base64.b64encode(new.read_bytes())[:40],
        "pubkey": base64.b64encode(
            openssl("ec", "-in", key, "-pubout", "-outform", "DER"))[:40],
    }
    for command, text in shown.items():
        card.files()[0].write_bytes(before)
        out, made = asked(command, card=card.address)
        assert text in out.replace(b"\n", b""), command
        assert "GET DATA object list" in made
        # And the next process goes by that.
        assert card.files()[0].read_bytes() != before
    assert asked("sign", *DIGEST, card=card.address)[1] == WARM


def test_a_signature_is_by_the_key_that_the_card_has(card, tmp_path):
    fill(card)
    key = make_key(tmp_path)
    card.personalise("--key", key, "--id", "01")
    (tmp_path / "public.pem").write_bytes(
        openssl("ec", "-in", key, "-pubout"))
    done, made = asked("sign", "--der", "--out", tmp_path / "signature", "-",
                       card=card.address, input=b"text")
    assert "READ PUBLIC KEY" in made
    assert b"OK" in openssl("dgst", "-sha256", "-verify",
                            tmp_path / "public.pem", "-signature",
                            tmp_path / "signature", input=b"text")


def test_a_request_is_never_of_the_former_key(card, tmp_path):
    fill(card)
    key = make_key(tmp_path)
    card.personalise("--key", key, "--id", "01")
    done = iotsafe("csr", "CN=client", card=card.address, status=13)
    assert b"the card has another key than the cache had" in done.stderr
    (tmp_path / "csr.pem").write_bytes(
        iotsafe("csr", "CN=client", card=card.address).stdout)
    openssl("req", "-in", tmp_path / "csr.pem", "-verify", "-noout")
    public = openssl("req", "-in", tmp_path / "csr.pem", "-noout", "-pubkey")
    assert public == openssl("ec", "-in", key, "-pubout")


def test_a_certificate_of_the_same_key_is_seen_by_who_reads_it(card, tmp_path):
    key = make_key(tmp_path)
    old, new = (make_certificate(tmp_path, key, name)
                for name in ("old", "new"))
    card.personalise("--key", key, "--id", "01", "--certificate", old,
                     "--id", "02")
    fill(card)
    card.personalise("--key", key, "--id", "01", "--certificate", new,
                     "--id", "02")
    assert old.read_bytes() in card.files()[0].read_bytes()
    iotsafe("cert", card=card.address)
    assert new.read_bytes() in card.files()[0].read_bytes()


def test_a_remote_administration_ends_it(card):
    fill(card)
    before = card.files()[0].read_bytes()
    _, made = asked("sign", *DIGEST,
                    card=f"{card.address}&fault=after=2B:63CF")
    assert made[:5] == WARM[:5]
    assert not card.files() or card.files()[0].read_bytes() != before


def test_a_server_that_refuses_the_certificate_ends_it(card, tmp_path):
    key = make_key(tmp_path)
    card.personalise("--key", key, "--id", "01", "--certificate",
                     make_certificate(tmp_path, key, "nobody's"), "--id", "02")
    with Server(card.store, options=certified(card.store)) as server:
        words = ("connect", f"localhost:{server.port}", "--tls", "1.2",
                 "--ca", card.store / "ca.pem")
        _, first = asked(*words, card=card.address, status=15)
        assert card.files()
        for _ in range(2):
            _, made = asked(*words, card=card.address, status=15)
            assert made == WARM and not card.files()
            _, made = asked(*words, card=card.address, status=15)
            assert made == first and card.files()


def test_a_key_pair_of_another_user_of_the_card_ends_it(card, tmp_path):
    yes = f"{card.plain}&cache=yes"
    place = {"XDG_CACHE_HOME": str(tmp_path)}
    iotsafe("sign", *DIGEST, card=yes, **place)
    file, = (tmp_path / "libiotsafe").iterdir()
    iotsafe("generate", "label=ecdh", card=card.plain, **place)
    assert not file.exists()
