# SPDX-License-Identifier: LGPL-2.1-or-later
"""Everything that docs/trust-onboard.md says does what the vendor's tool and
SDK did is there, and runs."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
from farside import Server, make_server_certificate
from tob import AVAILABLE, SIGNING, Card

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs/trust-onboard.md").read_text()
SYMBOLS = {line.split("@")[0] for line in
           (TOP / "tests/abi/symbols.txt").read_text().splitlines()}
LUAS = [lua for lua in ("lua5.1", "lua5.3", "lua5.4", "luajit")
        if shutil.which(lua)]

# Python and Lua load the library, and no sanitizer's.
by_module = pytest.mark.plain_build

# All that the vendor's tool and SDK do, by section 7 of what is known of them.
VENDORS = """tobInitialize tobInitializeWithInterface
    tobExtractAvailableCertificate tobExtractAvailablePrivateKey
    tobExtractSigningCertificate tobSigningSign tobSigningDecrypt tobSigningLen
    tob_mbedtls_setup_key verifyPin changePin readEF getKeyPairByContainerId
    getCertificateByContainerId p11GetObjectByLabel hashInit hashUpdate
    hashFinal signInit signFinal decryptInit decryptFinal tob_mias
    azure_dps_registerer""".split()


def rows():
    """The cells of the table of what does what: lists of code spans."""
    text = PAGE.partition("## What does what")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(lines) > 20
    return [[re.findall("`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
            for line in lines]


ROWS = rows()


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    """What stands around the lines: files, and both kinds of card."""
    folder = tmp_path_factory.mktemp("page")
    make_server_certificate(folder)
    new = Card(folder)
    preview = Card(tmp_path_factory.mktemp("preview"), "trust-onboard-preview")
    new.file("pin", "0000\n")
    new.file("new-pin", "0000\n")
    new.file("message", "what was said")
    shutil.copy(new.bundle, folder / "bundle.pem")
    run(["iotsafe", "--card", new.address(), "pubkey", SIGNING, "--out",
         "public"], folder)
    run(["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", "public", "-in",
         "message", "-out", "cipher"], folder)
    return {"mf": preview, "mias": new}


def run(line, folder, **options):
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True,
                          timeout=120, check=False, **options)
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


def test_all_that_the_vendor_has_is_in_the_page():
    missing = [name for name in VENDORS if f"`{name}`" not in PAGE]
    assert not missing
    for option in "dbpaksj":
        assert re.search(rf"[ `]-{option}\b", PAGE), option


@pytest.mark.parametrize("command", [
    each for _, commands, *_ in ROWS for each in commands])
def test_every_command_of_the_page_runs(cards, command):
    card = cards["mf" if "applet=mf" in command else "mias"]
    for made in ("cert.pem", "key.pem"):
        (card.folder / made).unlink(missing_ok=True)
    options = {"env": {**environment(card), "SIGNING": SIGNING,
                       "AVAILABLE": AVAILABLE}}
    if "HOST:PORT" not in command:
        run(["sh", "-c", command], card.folder, **options)
        return
    serve = [*("--x509certfile", card.folder / "server.pem"),
             *("--x509keyfile", card.folder / "server-key.pem"),
             *("--x509cafile", card.bundle),
             *("--require-client-cert", "--verify-client-cert")]
    with Server(card.folder, options=serve) as server:
        command = command.replace("HOST:PORT", f"localhost:{server.port}")
        run(["sh", "-c", f"{command} --ca ca.pem --no-pipe"], card.folder,
            **options)


def environment(card):
    return dict(os.environ, IOTSAFE_CARD=card.address())


def test_every_c_function_of_the_page_is_exported():
    named = {each for row in ROWS for each in row[2]}
    assert len(named) > 15
    assert not named - SYMBOLS


PYTHON = """
import hashlib, sys, iotsafe
SIGNING, AVAILABLE = sys.argv[1:3]
card = iotsafe.open()
digest = hashlib.sha256(b"text").digest()
if "{0}" == "mias":
    signing, available = card.key(SIGNING), card.key(AVAILABLE)
    cipher = open("cipher", "rb").read()
"""

LUA = """
local iotsafe = require "iotsafe"
local SIGNING, AVAILABLE = arg[1], arg[2]
local card = assert(iotsafe.open())
local digest = iotsafe.digest("sha256", "text")
local signing, available, cipher
if "{0}" == "mias" then
    signing = assert(card:key(SIGNING))
    available = assert(card:key(AVAILABLE))
    cipher = assert(io.open("cipher", "rb")):read("*a")
end
"""


def calls(column, applet):
    found = [each for row in ROWS for each in row[column]
             if ("applet=mf" in each) == (applet == "mf")]
    assert found
    return found


@by_module
@pytest.mark.parametrize("applet", ["mias", "mf"])
def test_every_python_call_of_the_page_runs(cards, applet):
    card = cards[applet]
    program = PYTHON.format(applet) + "\n".join(calls(3, applet)) + "\n"
    run([sys.executable, "-c", program, SIGNING, AVAILABLE], card.folder,
        env=environment(card))


@by_module
@pytest.mark.parametrize("applet", ["mias", "mf"])
@pytest.mark.parametrize("lua", LUAS)
def test_every_lua_call_of_the_page_runs(cards, applet, lua):
    card = cards[applet]
    program = LUA.format(applet) + "".join(
        f"assert({each})\n" for each in calls(4, applet))
    (card.folder / "page.lua").write_text(program)
    run([lua, "page.lua", SIGNING, AVAILABLE], card.folder,
        env=environment(card))
