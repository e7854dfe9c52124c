# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `iotsafe` makes with the card's keys outside TLS: signing requests,
tokens, sealed messages. Checked by openssl, certtool and sealed.py."""

import base64
import json
import os
import stat
import subprocess

import pytest
import sealed
from command import answer, iotsafe, openssl, sentence, text
from farside import Sim


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    with Sim(tmp_path_factory.mktemp("sim"), "--profile", "full") as sim:
        yield f"at:{sim.link}"


# Certificate signing requests.


def csr_text(path, form="PEM"):
    words = ("req", "-in", path, "-inform", form, "-noout", "-text", "-verify")
    done = subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0 and "verify OK" in done.stderr + done.stdout
    return done.stdout


def test_a_request_is_accepted_by_openssl_and_certtool(card, tmp_path):
    path = tmp_path / "request.pem"
    iotsafe(
        *("csr", "CN=device-7,O=Example", "--out", path),
        *("--san", "dns:d7.example,ip:192.0.2.7,email:a@b.example"),
        *("--usage", "digitalSignature,serverAuth"),
        card=card,
    )
    found = csr_text(path)
    # With blanks round the "=" before OpenSSL 3.2.
    assert "O=Example, CN=device-7" in found.replace(" = ", "=")
    assert "DNS:d7.example, IP Address:192.0.2.7, email:a@b.example" in found
    assert "Digital Signature" in found and "Server Auth" in found
    done = subprocess.run(
        ["certtool", "--crq-info", "--infile", path],
        capture_output=True,
        text=True,
    )
    assert "Self signature: verified" in done.stdout
    assert "Subject: CN=device-7,O=Example" in done.stdout


def test_a_request_is_for_the_named_key(card, tmp_path):
    for name in ("client", "brainpool"):
        path = tmp_path / "request.der"
        iotsafe(
            *("csr", "CN=x", "--key", f"label={name};type=private"),
            *("--der", "--out", path),
            card=card,
        )
        csr_text(path, "DER")
        key = openssl("req", "-in", path, "-inform", "DER", "-noout", "-pubkey")
        assert key.decode() == text("pubkey", f"label={name};type=public", card=card)


def test_a_request_of_an_rsa_key(tmp_path):
    path = tmp_path / "request.pem"
    iotsafe("csr", "CN=x", "--out", path, card="sim:rsa")
    assert "sha256WithRSAEncryption" in csr_text(path)


def test_a_request_in_json(card, tmp_path):
    said = answer("csr", "CN=x", card=card)
    assert said["key"] == "iotsafe:id=01;type=private"
    path = tmp_path / "request.pem"
    path.write_text(said["pem"])
    csr_text(path)


@pytest.mark.parametrize(
    "words",
    [
        ["x"],
        [""],
        ["CN=x", "--san", "x"],
        ["CN=x", "--san", "ip:x"],
        ["CN=x", "--usage", "x"],
    ],
)
def test_what_is_no_request_is_wrong_use(card, words):
    sentence("csr", *words, card=card, status=2)


# Tokens.


def undo(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def der_integer(data):
    data = data.lstrip(b"\0")
    data = b"\0" + data if not data or data[0] & 0x80 else data
    return bytes([2, len(data)]) + data


def check_token(token, key, tmp_path):
    """Verifies with openssl; gives header and payload."""
    header, payload, signature = map(undo, token.split("."))
    (tmp_path / "input").write_text(token.rpartition(".")[0])
    more = []
    if json.loads(header)["alg"] == "ES256":
        body = der_integer(signature[:32]) + der_integer(signature[32:])
        signature = bytes([0x30, len(body)]) + body
    elif json.loads(header)["alg"] == "PS256":
        more = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
    (tmp_path / "signature").write_bytes(signature)
    openssl(
        *("dgst", "-sha256", "-verify", key, *more),
        *("-signature", tmp_path / "signature", tmp_path / "input"),
    )
    return json.loads(header), payload


def test_a_token_is_verified_by_others(card, tmp_path):
    key = tmp_path / "key.pem"
    iotsafe("pubkey", "--out", key, card=card)
    claims = json.dumps({"sub": "device-7", "iat": 1}).encode()
    words = ("jws", "--type", "JWT", "--kid", "schlüssel \"7\"")
    token = text(*words, card=card, input=claims)
    assert token.endswith("\n") and token.count(".") == 2
    header, payload = check_token(token.strip(), key, tmp_path)
    assert payload == claims
    assert header == {"alg": "ES256", "typ": "JWT", "kid": 'schlüssel "7"'}
    said = answer("jws", card=card, input=os.urandom(999))
    header, payload = check_token(said["token"], key, tmp_path)
    assert header == {"alg": "ES256"} and len(payload) == 999


def test_a_token_of_an_rsa_key(tmp_path):
    card, key = f"sim:rsa?store={tmp_path}", tmp_path / "key.pem"
    iotsafe("pubkey", "--out", key, card=card)
    token = text("jws", card=card, input=b"{}").strip()
    header, payload = check_token(token, key, tmp_path)
    assert header["alg"] in ("PS256", "RS256") and payload == b"{}"


def test_a_key_without_a_name_in_jws_is_told(card):
    said, _ = sentence("jws", "--key", "label=brainpool;type=private",
                       card=card, status=17)
    assert "ES256" in said


# Sealed messages.

KID = "device-7"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(os.urandom(32))
    return path


def ends(tmp_path, *source):
    """The options of client and server."""
    common = (*source, "--kid", KID)
    client = (*common, "--state", tmp_path / "client.state")
    server = (*common, "--state", tmp_path / "server.state", "--server")
    return client, server


def test_messages_go_both_ways(secret, tmp_path):
    client, server = ends(tmp_path, "--secret", secret)
    message = iotsafe("seal", *client, "--create", card=None, input=b"one").stdout
    assert message == sealed.seal(secret.read_bytes(), KID.encode(), 0, b"one")
    assert text("open", *server, "--create", card=None, input=message) == "one"
    message = iotsafe("seal", *server, card=None, input=b"two").stdout
    assert text("open", *client, card=None, input=message) == "two"
    message = iotsafe("seal", *client, card=None, input=b"three").stdout
    assert message == sealed.seal(secret.read_bytes(), KID.encode(), 1, b"three")
    for name in ("client.state", "server.state"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("size", [0, 1, 7, 8, 100, 239, 240, 65519, 65520, 65536])
def test_other_implementations_read_them(secret, tmp_path, size):
    client, server = ends(tmp_path, "--secret", secret)
    data = os.urandom(size)
    words = ("--create", "--extra", "a topic")
    message = iotsafe("seal", *client, *words, card=None, input=data).stdout
    found = sealed.open_sealed(
        message, secret.read_bytes(), KID.encode(), 0, b"a topic"
    )
    assert found == data
    done = iotsafe("open", *server, *words, card=None, input=message)
    assert done.stdout == data
    theirs = sealed.seal(
        secret.read_bytes(), KID.encode(), 77, data, b"a topic", "s"
    )
    done = iotsafe("open", *client, "--extra", "a topic", card=None, input=theirs)
    assert done.stdout == data


def test_a_message_is_taken_once_and_unchanged(secret, tmp_path):
    client, server = ends(tmp_path, "--secret", secret)
    message = iotsafe("seal", *client, "--create", card=None, input=b"one").stdout
    words = ("open", *server)
    changed = message[:-1] + bytes([message[-1] ^ 1])
    iotsafe("open", *server, "--create", card=None, input=changed, status=13)
    said, _ = sentence_of(*words, input=changed, status=13)
    assert "changed" in said
    said, _ = sentence_of(*words, "--extra", "x", input=message, status=13)
    assert "changed" in said
    assert text(*words, card=None, input=message) == "one"
    said, _ = sentence_of(*words, input=message, status=13)
    assert "seen before" in said
    sentence_of(*words, input=message[:-1], status=12)
    sentence_of(*words, input=b"", status=12)


def sentence_of(*words, **options):
    return sentence(*words, card=None, **options)


def test_counting_begins_once(secret, tmp_path):
    client, _ = ends(tmp_path, "--secret", secret)
    said, _ = sentence_of("seal", *client, input=b"x", status=10)
    assert "new secret" in said
    iotsafe("seal", *client, "--create", card=None, input=b"x")
    sentence_of("seal", *client, "--create", input=b"x", status=2)
    (tmp_path / "client.state").write_bytes(b"")
    said, _ = sentence_of("seal", *client, input=b"x", status=12)
    assert "damaged" in said


def test_a_power_cut_at_any_moment_uses_no_number_twice(secret, tmp_path):
    """Killed at any moment, again and again; every message that came out has a
    number of its own."""
    client, _ = ends(tmp_path, "--secret", secret)
    iotsafe("seal", *client, "--create", card=None, input=b"x")
    loop = 'while :; do iotsafe seal --hex "$@" </dev/null || exit; done'
    seen = set()
    for i in range(8):
        child = subprocess.Popen(
            ["sh", "-c", loop, "sh", *map(str, client)],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        for _ in range(2 + i % 3):
            seen_now = child.stdout.readline().strip()
            assert seen_now and seen_now not in seen
            seen.add(seen_now)
        os.killpg(child.pid, 9)
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait()
        assert not seen & set(rest[:-1])
        seen.update(rest[:-1])
    # An empty text under one key: the same bytes would be the same number.
    assert len(seen) >= 8 * 2


def test_the_secret_comes_from_the_cards_agreement(card, tmp_path):
    ours, public = tmp_path / "server.key", tmp_path / "server.pem"
    openssl(
        *("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        *("-out", ours),
    )
    openssl("pkey", "-in", ours, "-pubout", "-out", public)
    theirs, secret = tmp_path / "card.pem", tmp_path / "agreed"
    iotsafe("generate", "label=ecdh", "--out", theirs, card=card)
    source = ("--peer", public, "--key", "label=ecdh", "--slot", "label=peer")
    client, _ = ends(tmp_path, *source)
    message = iotsafe("seal", *client, "--create", card=card, input=b"hi").stdout
    secret.write_bytes(
        openssl("pkeyutl", "-derive", "-inkey", ours, "-peerkey", theirs)
    )
    _, server = ends(tmp_path, "--secret", secret)
    assert text("open", *server, "--create", card=None, input=message) == "hi"


def test_the_secret_comes_from_the_cards_prf(card, tmp_path):
    secret = tmp_path / "derived"
    iotsafe(
        *("prf", "--key", "label=psk", "--label", "iotsafe seal"),
        *("--seed", KID.encode().hex(), "--out", secret),
        card=card,
    )
    client, _ = ends(tmp_path, "--secret-key", "label=psk")
    message = iotsafe("seal", *client, "--create", card=card, input=b"hi").stdout
    _, server = ends(tmp_path, "--secret", secret)
    assert text("open", *server, "--create", card=None, input=message) == "hi"


def test_digits_and_json(secret, tmp_path):
    client, server = ends(tmp_path, "--secret", secret)
    message = text("seal", *client, "--create", "--hex", card=None, input=b"1")
    said = answer(
        "open", *server, "--create", card=None, input=bytes.fromhex(message)
    )
    assert said == {"text": "1", "hex": "31"}
    path = tmp_path / "opened"
    message = iotsafe("seal", *client, card=None, input=b"3").stdout
    iotsafe("open", *server, "--out", path, card=None, input=message)
    assert path.read_bytes() == b"3"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = answer("seal", *client, card=None, input=b"2")
    done = iotsafe("open", *server, card=None, input=bytes.fromhex(said["message"]))
    assert done.stdout == b"2"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--kid", "k", "--state", "s"],
        ["--secret", "-", "--kid", "k", "--state", "s"],
        ["--secret", "/dev/null", "--kid", "k", "--state", "s"],
        ["--secret", "x", "--secret-key", "y", "--kid", "k", "--state", "s"],
        ["--secret", "x", "--state", "s"],
        ["--secret", "x", "--kid", "k"],
    ],
)
def test_seal_says_what_it_needs(words):
    sentence_of("seal", *words, input=b"", status=2)
    sentence_of("open", *words, input=b"", status=2)
