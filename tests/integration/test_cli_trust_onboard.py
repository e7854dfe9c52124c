# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command with a Trust Onboard SIM: both identities, PINs, certificates,
and the key that can leave the card."""

import os
import pty
import re
import socket
import stat
import subprocess

import pytest
from command import answer, iotsafe, openssl, sentence, text
from tob import AVAILABLE, SIGNING, Card


@pytest.fixture
def tob(tmp_path):
    return Card(tmp_path)


# --- what is there -------------------------------------------------------------


def test_list_and_info_tell_applet_and_software(tob):
    card = tob.address()
    found = {(each["label"], each["type"]): each
             for each in answer("list", card=card)["objects"]}
    assert {each["applet"] for each in found.values()} == {"mias"}
    assert found["available", "private"]["software"]
    assert not found["signing", "private"]["software"]
    assert "decrypt" in found["signing", "private"]["usage"]
    line, = re.findall("^mias +private +.*available.*$",
                       text("list", card=card), re.M)
    assert " active,software " in line and line.endswith(
        found["available", "private"]["name"])
    assert "choose one of" in answer("info", card=card)["reason"]


def test_info_tells_where_the_identity_is(tmp_path):
    said = answer("info", card=f"sim:trust-onboard-iotsafe?store={tmp_path}")
    assert said["identity"]["applet"] == "iotsafe"
    assert said["identity"]["place"] == "card"


# --- signing and decrypting ------------------------------------------------------


@pytest.mark.parametrize("key", [SIGNING, AVAILABLE])
@pytest.mark.parametrize("hash", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_openssl_takes_every_signature(tob, key, hash):
    card, out = tob.address(), tob.folder / "signature"
    tob.file("text", "what was said")
    iotsafe("sign", tob.folder / "text", "--key", key, "--hash",
            f"rsa-pkcs1-{hash}", "--out", out, card=card)
    public = tob.folder / "public"
    iotsafe("pubkey", key, "--out", public, card=card)
    openssl("dgst", f"-{hash}", "-verify", public, "-signature", out,
            tob.folder / "text")


@pytest.mark.parametrize("key", [SIGNING, AVAILABLE])
def test_what_openssl_encrypts_is_decrypted(tob, key):
    card, public = tob.address(), tob.folder / "public"
    iotsafe("pubkey", key, "--out", public, card=card)
    cipher = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public,
                     "-pkeyopt", "rsa_padding_mode:pkcs1", input=b"a secret")
    done = iotsafe("decrypt", "--key", key, "--out", "-", card=card,
                   input=cipher)
    assert done.stdout == b"a secret"
    out = tob.folder / "text"
    iotsafe("decrypt", "--key", key, "--out", out, card=card, input=cipher)
    assert out.read_bytes() == b"a secret"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    iotsafe("decrypt", "--key", key, "--json", card=card, input=cipher, status=2)


# --- the key that can leave ------------------------------------------------------


def test_the_available_key_goes_into_a_new_private_file(tob):
    card, out = tob.address(), tob.folder / "key.pem"
    before = os.umask(0)
    try:
        iotsafe("key", AVAILABLE, "--output", out, card=card)
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    public = openssl("pkey", "-in", out, "-pubout").decode()
    assert public == text("pubkey", AVAILABLE, card=card)
    kept = out.read_bytes()
    said, _ = sentence("key", AVAILABLE, "--out", out, card=card, status=1)
    assert "never written over" in said and out.read_bytes() == kept
    (tob.folder / "link").symlink_to(tob.folder / "elsewhere")
    iotsafe("key", AVAILABLE, "--out", tob.folder / "link", card=card, status=1)
    assert not (tob.folder / "elsewhere").exists()


def test_der_is_the_same_key(tob):
    der = iotsafe("key", AVAILABLE, "--der", "--out", "-",
                  card=tob.address()).stdout
    public = openssl("pkey", "-inform", "DER", "-pubout", input=der).decode()
    assert public == text("pubkey", AVAILABLE, card=tob.address())


def test_the_signing_key_stays(tob):
    out = tob.folder / "key.pem"
    said, _ = sentence("key", SIGNING, "--out", out, card=tob.address(),
                       status=8)
    assert "cannot leave the card" in said and not out.exists()
    said, _ = sentence("key", AVAILABLE, card=tob.address(), status=2)
    assert "--out FILE" in said


# --- certificates ----------------------------------------------------------------


@pytest.mark.parametrize("key", [SIGNING, AVAILABLE])
def test_a_certificate_is_verified_as_openssl_does(tob, key):
    card = tob.address()
    said = text("cert", key, "--verify", tob.bundle, card=card)
    assert re.fullmatch(r"CN=WC[0-9a-f]{32},.*: OK\n", said)
    assert answer("cert", key, "--verify", tob.bundle, card=card)["verified"]
    leaf = tob.folder / "leaf.pem"
    iotsafe("cert", key, "--out", leaf, card=card)
    assert b"OK" in openssl("verify", "-CAfile", tob.bundle, leaf)
    said, error = sentence("cert", key, "--verify", tob.folder / "ca.pem",
                           card=card, status=14)
    assert error["code"] == "ERR_UNTRUSTED" and "root" in said


def test_expired_issuers_are_told_and_taken_only_when_told(tob):
    card = tob.address(quirk="g1")
    verify = ("cert", SIGNING, "--verify", tob.bundle)
    said, _ = sentence(*verify, card=card, status=14)
    assert "(CA) has expired on 2020-12-04" in said
    assert "--ignore-ca-expiry" in said and "--at TIME" in said
    assert "expiry of CAs ignored" in text(*verify, "--ignore-ca-expiry",
                                           card=card)
    for at in ("2020-06-30", "2020-06-30T12:00:00Z", "@1593475200"):
        assert f"OK at {at}" in text(*verify, "--at", at, card=card)
    said, _ = sentence(*verify, "--at", "1999-12-31", card=card, status=14)
    assert "not valid before" in said
    for at in ("", "yesterday", "2020-06-31x", "@", "@-1"):
        sentence(*verify, "--at", at, card=card, status=2)
    sentence("cert", SIGNING, "--at", "2020-06-30", card=card, status=2)


def test_a_chain_is_completed_from_a_file_or_a_directory(tob):
    folder = tob.folder / "bundle"
    folder.mkdir()
    pieces = tob.bundle.read_text().split("-----BEGIN")[1:]
    for i, piece in enumerate(pieces):
        (folder / f"{i}.pem").write_text("-----BEGIN" + piece)
    (folder / "README").write_text("no certificate")
    for bundle in (tob.bundle, folder):
        said = text("cert", SIGNING, "--complete", bundle, card=tob.address())
        assert said.count("BEGIN") == 2
    assert text("cert", SIGNING, card=tob.address()).count("BEGIN") == 1
    said, _ = sentence("cert", SIGNING, "--complete", tob.folder / "ca.pem",
                       card=tob.address(), status=10)
    assert "none of the 1 CA" in said
    said, _ = sentence("cert", f"{SIGNING};type=cert", "--complete",
                       tob.bundle, card=tob.address(), status=2)
    assert "private key" in said


# --- connecting ------------------------------------------------------------------


def test_tls_13_with_the_signing_key_is_refused_before_connecting(tob):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        said, _ = sentence(
            "connect", f"127.0.0.1:{server.getsockname()[1]}", "--tls", "1.3",
            "--key", SIGNING, card=tob.address(), status=17)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert "PKCS#1 v1.5 alone" in said and "--tls 1.2" in said


# --- PINs ------------------------------------------------------------------------


def test_tries_are_told_and_cost_none(tob):
    for _ in range(4):
        assert text("pin", "tries", card=tob.address()) == "mias: 3 tries left\n"
    said = answer("pin", "tries", card=tob.address())
    assert said == {"applet": "mias", "tries": 3}


def test_a_pin_comes_from_a_file_alone_or_among_others(tob):
    alone = tob.file("alone", "0000\n")
    for path in (alone, tob.pins):
        said = text("pin", "verify", "--pin-file", path, card=tob.address())
        assert said == "mias: the PIN is right\n"
    other = tob.file("other", f"89990000000000000000 applet=mias 9999\n"
                     f"{tob.iccid} applet=mf 9999\n# 9999\n")
    said, _ = sentence("pin", "verify", "--pin-file", other,
                       card=tob.address(), status=9)
    assert "nothing was sent" in said and tob.iccid in said
    assert tob.tries() == 3


def test_a_pin_comes_from_the_environment(tob):
    iotsafe("pin", "verify", "--pin-env", "P", card=tob.address(), P="0000")
    said, _ = sentence("pin", "verify", "--pin-env", "P", card=tob.address(),
                       status=2)
    assert "not set" in said


def test_a_file_that_others_can_read_is_refused(tob):
    for mode in (0o640, 0o604):
        path = tob.file("open", "0000\n", mode)
        said, _ = sentence("pin", "verify", "--pin-file", path,
                           card=tob.address(), status=2)
        assert "chmod 600" in said
    assert tob.tries() == 3


@pytest.mark.parametrize("pin", ["", "123", "123456789", "1" * 300, "12\t34",
                                 "p\xe4ss", "1" * 5000],
                         ids=["none", "3", "9", "300", "blank", "ASCII", "5000"])
def test_what_cannot_be_a_pin_costs_no_try(tob, pin):
    path = tob.file("pin", f"{tob.iccid} applet=mias {pin}\n")
    for words in (["verify", "--pin-file", path],
                  ["change", "--pin-file", path, "--new-pin-env", "GOOD"],
                  ["change", "--pin-env", "GOOD", "--new-pin-file", path]):
        done = iotsafe("pin", *words, card=tob.address(), GOOD="0000",
                       status=2)
        assert b"nothing was sent" in done.stderr
    assert tob.tries() == 3


def test_a_wrong_pin_costs_one_try_and_the_last_is_not_risked(tob):
    wrong = ("pin", "verify", "--pin-env", "P")
    for left in ("2 tries", "1 try"):
        done = iotsafe(*wrong, card=tob.address(), P="9999", status=9)
        assert f"{left} left" in done.stderr.decode()
    for _ in range(2):
        done = iotsafe(*wrong, card=tob.address(), P="9999", status=9)
        assert b"--last-try" in done.stderr
    assert tob.tries() == 1
    done = iotsafe(*wrong, "--last-try", card=tob.address(), P="0000")
    assert b"WARNING: this is the last try" in done.stderr
    assert tob.tries() == 3


def test_a_list_tells_that_its_pin_was_refused(tob):
    tob.file("pins", f"{tob.iccid} applet=mias 9999\n")
    done = iotsafe("list", card=tob.address(), status=9)
    assert b"wrong PIN, 2 tries left" in done.stderr and not done.stdout
    assert tob.tries() == 2


def test_a_blocked_pin_is_told_and_nothing_sent(tob):
    card = tob.address(quirk="tob-tries=0")
    assert "blocked" in text("pin", "tries", card=card)
    for words in (["verify"], ["verify", "--last-try"]):
        done = iotsafe("pin", *words, "--pin-env", "P", card=card, P="0000",
                       status=9)
        assert b"nothing was sent" in done.stderr


def test_a_changed_pin_is_the_new_one(tob):
    done = iotsafe("pin", "change", "--pin-env", "OLD", "--new-pin-env", "NEW",
                   card=tob.address(), OLD="0000", NEW="24681357")
    assert b"pin-file=" in done.stdout
    iotsafe("pin", "verify", "--pin-env", "P", card=tob.address(), P="24681357")
    iotsafe("pin", "verify", "--pin-env", "P", card=tob.address(), P="0000",
            status=9)
    assert tob.tries() == 2


def test_both_applets_have_a_pin_of_their_own(tmp_path):
    tob = Card(tmp_path, "trust-onboard-preview")
    iotsafe("pin", "verify", "--applet", "mf", "--pin-file", tob.pins,
            card=tob.address())
    iotsafe("pin", "verify", "--applet", "mf", "--pin-env", "P",
            card=tob.address(), P="0000", status=9)
    assert (tob.tries("mf"), tob.tries("mias")) == (2, 3)


def test_a_card_without_such_a_pin_says_so():
    said, _ = sentence("pin", "tries", status=17)
    assert "no PIN of its own" in said and "--applet mias" in said
    said, _ = sentence("pin", "tries", "--applet", "mias", status=10)
    said, _ = sentence("pin", "tries", "--applet", "visa", status=2)
    said, _ = sentence("pin", "verify", "--applet", "mf", "0000", status=2)
    said, _ = sentence("pin", "0000", status=2)
    assert "never stands on the command line" in said


def at_terminal(words, card, lines):
    """Runs the command at a terminal of its own, and types."""
    pid, tty = pty.fork()
    if not pid:
        os.environ["IOTSAFE_CARD"] = card
        os.execvp("iotsafe", ["iotsafe", *words])
    shown = b""
    for line in lines:
        while not shown.rstrip(b" ").endswith(b":"):
            shown += os.read(tty, 4096)
        os.write(tty, line.encode() + b"\n")
        shown += b"\0"
    try:
        while more := os.read(tty, 4096):
            shown += more
    except OSError:  # the terminal's end
        pass
    os.close(tty)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_terminal_is_asked_and_does_not_show_it(tob):
    status, shown = at_terminal(["pin", "verify"], tob.address(), ["0000"])
    assert status == 0 and "the PIN is right" in shown
    assert f"the PIN of applet mias of the card {tob.iccid}: " in shown
    assert "0000" not in shown.replace(str(tob.iccid), "")
    status, shown = at_terminal(["pin", "change"], tob.address(),
                                ["0000", "7531", "7532"])
    assert status == 2 and "not the same; nothing was sent" in shown
    status, shown = at_terminal(["pin", "change"], tob.address(),
                                ["0000", "7531", "7531"])
    assert status == 0 and "7531" not in shown
    iotsafe("pin", "verify", "--pin-env", "P", card=tob.address(), P="7531")
    assert tob.tries() == 3


def test_without_a_terminal_it_says_where_a_pin_may_come_from(tob):
    done = subprocess.run(["iotsafe", "--card", tob.address(), "pin", "verify"],
                          capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, start_new_session=True)
    assert done.returncode == 2
    assert "--pin-file FILE or --pin-env VARIABLE" in done.stderr
