# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each command of `iotsafe`, over each card of the software SIM: its tables and
its JSON. Signatures and certificates are checked by openssl."""

import hashlib
import os
import pathlib
import re

import pytest
from command import answer, iotsafe, openssl, text

HERE = pathlib.Path(__file__).parent

# What each card calls its own: key, client certificate, intermediate, root.
PROFILES = {
    "gsma": ("label=client", "label=client-cert", "label=intermediate", "03"),
    "zariot": ("id=303036", "id=303038", "id=303039", "303130"),
    "thales": ("id=01", "label=CLIENT%20CERT", "id=06", "03"),
    "quantag": ("label=11", "label=44", "label=45", "0007"),
}


@pytest.fixture(params=PROFILES)
def profile(request):
    return request.param


# Each command, each card, for people and for programs.


def test_info_names_the_card_and_its_identity(profile):
    table = dict(
        re.split(r"  +", line, maxsplit=1)
        for line in text("info", card=f"sim:{profile}").splitlines()
    )
    assert table["identity-signatures"] == "verified"
    assert "type=private" in table["identity"]
    assert f"iotsafe-sim {profile} client" in table["identity-subject"]
    said = answer("info", card=f"sim:{profile}")
    assert said["identity"]["name"] == table["identity"]
    assert said["identity"]["key"] == "P-256"
    for name, value in said["card"].items():
        # Each start makes a new card.
        assert table[name] == (value or "-") or name == "iccid"


@pytest.mark.parametrize("fault", ["no-certificate", "wrong-certificate"])
def test_info_tells_why_there_is_no_certificate(fault):
    card = f"sim:?fault={fault}"
    identity = answer("info", card=card)["identity"]
    assert identity["subject"] is None and "certificate" in identity["reason"]
    table = text("info", card=card)
    assert re.search("^identity-subject +none$", table, re.M)
    assert re.search("^identity-reason +.*certificate", table, re.M)


def test_info_describes_a_card_without_an_identity():
    card = "sim:?fault=no-key"
    said = answer("info", card=card)
    assert said["identity"] is None and "private key" in said["reason"]
    assert said["card"]
    assert re.search("^identity +none$", text("info", card=card), re.M)


def test_list_is_the_same_for_people_and_programs(profile):
    lines = text("list", card=f"sim:{profile}").splitlines()
    objects = answer("list", card=f"sim:{profile}")["objects"]
    assert lines[0].split()[:2] == ["APPLET", "TYPE"]
    assert len(lines) == len(objects) + 1
    for line, each in zip(lines[1:], objects):
        assert line.split()[:3] == [each[x] for x in ("applet", "type", "id")]
        assert line.endswith(" " + each["name"])
        assert line == line.rstrip()
        assert each["label"] == bytes.fromhex(each["label_hex"]).decode()
    assert {each["type"] for each in objects} >= {"private", "public", "cert"}


def test_list_gives_columns(profile):
    lines = text("list", card=f"sim:{profile}").splitlines()
    for heading in lines[0].split():
        at = lines[0].index(heading)
        assert all(line[at] != " " for line in lines)
        assert at == 0 or all(line[at - 1] == " " for line in lines)


def test_list_takes_a_name():
    objects = answer("list", "type=cert")["objects"]
    assert [each["label"] for each in objects] == [
        "client-cert",
        "intermediate",
        "ca",
    ]
    assert answer("list", "label=nobody")["objects"] == []


def test_list_names_find_their_objects(profile, tmp_path):
    card = f"sim:{profile}?store={tmp_path}"
    for each in answer("list", card=card)["objects"]:
        found = answer("list", each["name"], card=card)["objects"]
        assert each in found and len(found) == 1


def test_cert_gives_a_chain_that_openssl_verifies(profile, tmp_path):
    card = f"sim:{profile}?store={tmp_path}/store"
    pem = text("cert", card=card)
    assert pem.count("BEGIN CERTIFICATE") == 2
    chain = tmp_path / "chain.pem"
    chain.write_text(pem)
    openssl(
        *("verify", "-CAfile", tmp_path / "store/ca.pem"),
        *("-untrusted", chain, chain),
    )
    said = answer("cert", card=card)["certificates"]
    assert "".join(each["pem"] for each in said) == pem
    subject = openssl("x509", "-noout", "-subject", "-in", chain)
    assert said[0]["subject"].removeprefix("CN=") in subject.decode()
    assert said[0]["issuer"] == said[1]["subject"]
    assert said[0]["not_before"] < said[0]["not_after"]


def test_cert_finds_the_issuer_behind_a_certificate_in_its_file(tmp_path):
    card = f"sim:?store={tmp_path}"
    chain = text("cert", card=card)
    leaf, issuer = (tmp_path / f"gsma/file-{each}.der" for each in ("02", "06"))
    leaf.write_bytes(leaf.read_bytes() + issuer.read_bytes())
    issuer.write_bytes(b"no certificate any more")
    assert text("cert", card=card) == chain
    assert text("cert", "client-cert", "--chain", card=card) == chain
    assert text("cert", "client-cert", card=card).count("BEGIN") == 1


def test_cert_takes_a_certificate_or_its_key(profile, tmp_path):
    key, cert, intermediate, root = PROFILES[profile]
    card = f"sim:{profile}?store={tmp_path}"
    chain = text("cert", card=card)
    leaf = chain[: len(chain) // 2 + 200].split("-----END")[0]
    assert text("cert", cert, card=card).startswith(leaf)
    assert text("cert", cert, card=card).count("BEGIN") == 1
    assert text("cert", cert, "--chain", card=card) == chain
    private = key + ";type=private"
    assert text("cert", private, card=card).startswith(leaf)
    assert text("cert", private, "--chain", card=card) == chain
    assert chain.endswith(text("cert", intermediate, card=card))
    authority = text("cert", f"id={root}", "--chain", card=card)
    assert authority.count("BEGIN") == 1
    assert authority == (tmp_path / "ca.pem").read_text()


def test_cert_writes_der_to_a_file(tmp_path):
    out = tmp_path / "cert.der"
    card = f"sim:?store={tmp_path}/store"
    assert text("cert", "--der", "--out", out, card=card) == ""
    pem = openssl("x509", "-inform", "DER", "-in", out).decode()
    assert text("cert", card=card).startswith(pem)
    assert iotsafe("cert", "--der", card=card).stdout == out.read_bytes()


def test_pubkey_is_that_of_the_certificate(profile, tmp_path):
    key = PROFILES[profile][0]
    card = f"sim:{profile}?store={tmp_path}"
    pem = text("pubkey", card=card)
    cert = text("cert", card=card).encode()
    assert openssl("x509", "-noout", "-pubkey", input=cert).decode() == pem
    assert text("pubkey", f"{key};type=private", card=card) == pem
    said = answer("pubkey", card=card)
    assert said["pem"] == pem
    assert (said["algorithm"], said["bits"]) == ("EC/ECDSA", 256)
    assert said["curve"] == "SECP256R1"
    der = iotsafe("pubkey", "--der", card=card).stdout
    assert said["sha256"] == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("hash", ["sha256", "sha384", "sha512"])
def test_sign_makes_signatures_for_openssl(profile, hash, tmp_path):
    card = f"sim:{profile}?store={tmp_path}/store"
    files = key, sig, data = [tmp_path / n for n in ("key", "sig", "data")]
    data.write_bytes(os.urandom(100_000))
    text("pubkey", "--out", key, card=card)
    options = ["--hash", hash, "--der", "--out", sig]
    assert text("sign", data, *options, card=card) == ""
    verify = ["dgst", f"-{hash}", "-verify", key, "-signature", sig]
    assert b"Verified OK" in openssl(*verify, data)
    assert all(each.exists() for each in files)


def test_sign_takes_standard_input_a_file_or_a_digest(tmp_path):
    data = tmp_path / "data"
    data.write_bytes(b"hello\n")
    digest = hashlib.sha256(b"hello\n").hexdigest()
    for words, given in (
        (["sign"], b"hello\n"),
        (["sign", "-"], b"hello\n"),
        (["sign", data], b""),
        (["sign", "--digest", digest], b""),
        (["sign", "--digest", digest, "--hash", "sha256"], b""),
    ):
        said = answer(*words, input=given)
        assert said["digest"] == digest
        assert said["hash"] == "sha256" and said["verified"] is True
        assert said["format"] == "raw" and len(said["signature"]) == 128
    plain = text("sign", "--raw", data).strip()
    assert re.fullmatch("[0-9a-f]{128}", plain)


def test_sign_with_a_named_key(profile):
    key = PROFILES[profile][0]
    said = answer("sign", "--key", key, "--der", card=f"sim:{profile}")
    assert said["format"] == "der" and said["signature"].startswith("30")
    assert said["key"].endswith("type=private")


def test_random_gives_as_many_bytes_as_asked(profile):
    card = f"sim:{profile}"
    assert re.fullmatch("[0-9a-f]{64}\n", text("random", 32, card=card))
    assert len(iotsafe("random", 1000, "--raw", card=card).stdout) == 1000
    first, second = (answer("random", 16, card=card) for _ in range(2))
    assert len(first["random"]) == 32 and first != second


def test_apdu_shows_answers_with_their_meaning():
    get_random, unknown = "80 84 00 00 08", "80FF000000"
    lines = text("apdu", get_random, unknown).splitlines()
    assert re.fullmatch("[0-9A-F]{16} 9000  done", lines[0])
    assert lines[1] == "6D00  unknown instruction"
    said = answer("apdu", get_random, unknown)["answers"]
    assert said[0]["command"] == "8084000008"
    assert len(said[0]["data"]) == 16 and said[0]["status"] == "9000"
    assert said[1]["data"] == "" and said[1]["status"] == "6D00"


def test_apdu_knows_the_words_of_trust_onboard_too():
    """READ BINARY before any file was selected."""
    assert text("apdu", "00B0000004", card="sim:trust-onboard") == (
        "6986  command not allowed; no file selected\n"
    )


def test_apdu_keeps_the_answers_before_a_failure():
    card = "sim:?fault=silence%3DB0&timeout=500"
    said = answer("apdu", "8084000004", "80B0000000", status=5, card=card)
    assert len(said["answers"]) == 1
    assert said["error"]["code"] == "ERR_TIMEOUT"
    assert "9000  done" in iotsafe(
        *("apdu", "8084000004", "80B0000000"), status=5, card=card
    ).stdout.decode()


def test_the_manual_knows_every_option_and_status():
    page = (HERE.parent.parent / "tools/iotsafe.1").read_text()
    commands = re.findall("^  ([a-z][a-z-]*) ", text("--help", card=None), re.M)
    assert len(commands) >= 22
    for command in commands:
        assert f".It Cm {command}" in page
        help = text(command, "--help", card=None)
        for option in re.findall("^  --([a-z-]+)", help, re.M):
            assert re.search(rf"Fl -{option}\b", page), option
    for status in re.findall("^ +\\d+  .*$", text("--help", card=None), re.M):
        number, words = status.split(maxsplit=1)
        assert f".It {number}\n{words}\n" in page


def test_the_manual_knows_every_attribute_of_an_address():
    page = (HERE.parent.parent / "tools/iotsafe.1").read_text()
    told = page.split(".Sh ADDRESSES")[1].split(".Sh ENVIRONMENT")[0]
    tables = (HERE.parent.parent / "docs/addresses.md").read_text()
    tables = tables.split("## Card addresses")[1].split("## Names of objects")[0]
    attributes = re.findall(r"^\| `([a-z-]+=)", tables, re.M)
    assert len(attributes) >= 20
    for attribute in attributes:
        assert re.search(rf"\bCm {attribute}", told), attribute
    for way in re.findall(r"^\| `([a-z]+:)", tables, re.M):
        assert f".Ql {way}" in page, way
    help = text("--help", card=None)
    assert "cache=yes" in help and "ahead=no" in help
