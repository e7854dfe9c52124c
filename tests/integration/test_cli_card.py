# SPDX-License-Identifier: LGPL-2.1-or-later
"""What else the card does, through `iotsafe`: files, modes of signing,
verification, keys, derivation, random bytes. Checked by openssl and Python."""

import hashlib
import hmac
import os
import pty
import random
import stat
import subprocess

import pytest
from command import answer, iotsafe, openssl, sentence, text
from farside import Sim

KEYS = {
    "client": "label=client;type={}",
    "brainpool": "label=brainpool;type={}",
}
MODES = ("host", "full-text", "last-block")
HASHES = ("sha256", "sha384", "sha512")


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """One card of the profile `full` for all commands."""
    with Sim(tmp_path_factory.mktemp("sim"), "--profile", "full") as sim:
        yield f"at:{sim.link}"


@pytest.fixture
def letter(tmp_path):
    path = tmp_path / "letter"
    path.write_bytes(b"a letter\n" * 40)
    return path


# Files.


def test_a_file_is_written_as_it_is(card, tmp_path):
    expected = b'{"url": "localhost", "port": 8883}\n'
    assert iotsafe("file", "label=config", card=card).stdout == expected
    path = tmp_path / "config"
    iotsafe("file", "id=08", "--out", path, card=card)
    assert path.read_bytes() == expected
    assert text("file", "id=08", "--hex", card=card) == expected.hex() + "\n"


def test_a_file_is_told_in_json(card):
    said = answer("file", "label=config", card=card)
    assert said["name"] == "iotsafe:id=08;type=data" and said["size"] == 35
    assert bytes.fromhex(said["hex"]).decode() == said["text"]
    said = answer("file", "label=ca", card=card)
    assert said["text"] is None and len(said["hex"]) == 2 * said["size"]


def test_a_card_without_a_list_gives_what_is_named(tmp_path):
    listed = f"sim:?store={tmp_path}"
    card = f"{listed}&quirk=no-get-data"
    key, request = tmp_path / "key.pem", tmp_path / "request.pem"
    iotsafe("pubkey", "--out", key, card=listed)
    for name in ("id=01", "id=01;type=private", "id=01;type=public"):
        assert text("pubkey", name, card=card) == key.read_text()
    for name in ("id=02", "id=02;type=cert"):
        assert text("cert", name, card=card) == text("cert", name, card=listed)
    # Its public key is the one that is called like it.
    iotsafe("csr", "CN=x", "--key", "id=01", "--out", request, card=card)
    openssl("req", "-in", request, "-noout", "-verify")
    assert key.read_bytes() == openssl("req", "-in", request, "-noout",
                                       "-pubkey")
    said, _ = sentence("pubkey", "id=77;type=private", card=listed,
                       status=10)
    assert "no private key id 77 on the card" in said
    sentence("csr", "CN=x", "--key", "id=77", card=card, status=10)


def test_a_certificate_with_padding_behind_it_is_one(card):
    padded = iotsafe("file", "label=ca-padded", card=card).stdout
    assert padded.startswith(iotsafe("file", "label=ca", card=card).stdout)
    assert text("cert", "label=ca-padded", card=card) == (
        text("cert", "label=ca", card=card)
    )


def test_a_file_that_is_locked_or_not_there_is_told(card):
    sentence("file", "label=locked", card=card, status=8)
    sentence("file", "label=nothing", card=card, status=10)


def on_terminal(*words, **environment):
    """What it wrote to a standard output that is a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        ["iotsafe", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=dict(os.environ, **environment),
    )
    os.close(theirs)
    out = b""
    try:
        while data := os.read(ours, 4096):
            out += data
    except OSError:
        pass
    os.close(ours)
    error = child.stderr.read()
    child.stderr.close()
    return child.wait(30), out.replace(b"\r\n", b"\n"), error


def test_a_terminal_gets_text_as_text_and_bytes_as_digits(card):
    status, out, _ = on_terminal("file", "id=08", IOTSAFE_CARD=card)
    assert status == 0 and out.startswith(b'{"url"')
    status, out, _ = on_terminal("file", "label=ca", IOTSAFE_CARD=card)
    assert status == 0 and out.startswith(b"3082")


# Signing and verification.


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hash", HASHES)
def test_signatures_of_each_mode(card, letter, tmp_path, name, mode, hash):
    private, public = (KEYS[name].format(each) for each in ("private", "public"))
    key, signature = tmp_path / "key.pem", tmp_path / "signature"
    how = ("--mode", mode, "--hash", hash)
    iotsafe("pubkey", public, "--out", key, card=card)
    iotsafe(
        *("sign", letter, "--key", private, *how),
        *("--der", "--out", signature),
        card=card,
    )
    openssl("dgst", f"-{hash}", "-verify", key, "-signature", signature, letter)
    check = ("verify", signature, letter, "--key", public, *how)
    assert text(*check, card=card) == f"{letter}: good signature\n"
    said = answer(*check, card=card)
    assert said["good"] is True and said["mode"] == mode
    if mode == "host":
        assert said["digest"] == hashlib.new(hash, letter.read_bytes()).hexdigest()
    letter.write_bytes(b"A letter\n" * 40)
    said, error = sentence(*check, card=card, status=13)
    assert "public key" in said and error["status"] == "6D01"


def test_a_signature_is_taken_in_each_form(card, letter, tmp_path):
    """DER that begins with 30 44, 45 or 46 looks like digits at first."""
    path = tmp_path / "signature"
    key = KEYS["client"].format("private")
    check = ("verify", path, letter, "--key", KEYS["client"].format("public"))
    digits = text("sign", letter, "--key", key, card=card)
    for form in (digits, digits.upper(), digits.strip()):
        path.write_text(form)
        iotsafe(*check, card=card)
    path.write_bytes(bytes.fromhex(digits))
    iotsafe(*check, card=card)
    for _ in range(6):
        iotsafe("sign", letter, "--key", key, "--der", "--out", path, card=card)
        iotsafe(*check, card=card)


def test_an_rsa_key_signs_and_is_checked(letter, tmp_path):
    card = f"sim:rsa?store={tmp_path}"
    key, path = tmp_path / "key.pem", tmp_path / "signature"
    iotsafe("pubkey", "--out", key, card=card)
    for mode in MODES:
        iotsafe("sign", letter, "--mode", mode, "--out", path, card=card)
        openssl("dgst", "-sha256", "-verify", key, "-signature", path, letter)


def test_data_is_another_word_for_the_file(card, letter):
    signed = answer("sign", "--data", letter, "--mode", "full-text", card=card)
    assert signed["mode"] == "full-text" and signed["digest"] is None
    assert answer("sign", "--data", letter, card=card)["digest"] == (
        hashlib.sha256(letter.read_bytes()).hexdigest()
    )
    for words in (
        ["--data", letter, letter],
        ["--data", letter, "--digest", "00" * 32],
        ["--digest", "00" * 32, "--mode", "full-text"],
        [letter, "--mode", "half"],
    ):
        sentence("sign", *words, card=card, status=2)


@pytest.mark.parametrize(
    "content,status",
    [
        (b"", 2),
        (b"00" * 64, 13),
        (b"\xff" * 64, 13),
        (b"\x30\x03\x02\x01\x01", None),
        (b"noise", None),
        (random.Random(5).randbytes(3000), None),
    ],
)
def test_a_file_that_is_no_signature_is_told(
    card, letter, tmp_path, content, status
):
    path = tmp_path / "signature"
    path.write_bytes(content)
    done = subprocess.run(
        ["iotsafe", "verify", path, letter, "--key", "label=client;type=public"],
        env=dict(os.environ, IOTSAFE_CARD=card),
        capture_output=True,
    )
    assert done.returncode == status if status else done.returncode > 0
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1


def test_verify_needs_a_key(card, letter):
    for command in ("verify", "verify-file"):
        said, _ = sentence(command, letter, letter, card=card, status=2)
        assert "--key" in said


# Keys.


@pytest.fixture
def peer(tmp_path):
    """A key pair of ours: the private key, the public key."""
    secret, public = tmp_path / "peer.key", tmp_path / "peer.pem"
    openssl(
        *("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        *("-out", secret),
    )
    openssl("pkey", "-in", secret, "-pubout", "-out", public)
    return secret, public


def derive(secret, public):
    return openssl("pkeyutl", "-derive", "-inkey", secret, "-peerkey", public)


def test_a_generated_key_agrees_with_a_peer(card, peer, tmp_path):
    path, out = tmp_path / "card.pem", tmp_path / "secret"
    said = answer("generate", "label=ecdh", "--out", path, card=card)
    assert said["key"] == "iotsafe:id=04;type=private"
    assert said["pem"] == path.read_text() and said["curve"] == "SECP256R1"
    first = said["pem"]
    assert text("pubkey", "label=ecdh;type=public", card=card) == first
    # It only agrees on keys, so no certificate tells what is its.
    assert text("pubkey", "label=ecdh;type=private", card=card) == first
    words = ("agree", peer[1], "--key", "label=ecdh", "--slot", "label=peer")
    iotsafe(*words, "--out", out, card=card)
    assert out.read_bytes() == derive(peer[0], path)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = ("agree", "--key", "label=ecdh", "--slot", "label=peer", "--hex")
    assert text(*again, card=card) == out.read_bytes().hex() + "\n"
    assert text("generate", "label=ecdh", card=card) != first
    assert iotsafe(*words, card=card).stdout != out.read_bytes()


def test_a_key_that_is_not_to_be_changed_is_not(card, peer):
    sentence("generate", "label=client", card=card, status=17)
    sentence("generate", "", card=card, status=2)
    sentence("put-key", "label=client", peer[1], card=card, status=8)


def test_put_key_takes_keys_and_certificates(card, peer, tmp_path):
    certificate = tmp_path / "certificate.pem"
    openssl(
        *("req", "-x509", "-new", "-key", peer[0], "-subj", "/CN=peer"),
        *("-out", certificate),
    )
    der = tmp_path / "peer.der"
    openssl("pkey", "-pubin", "-in", peer[1], "-outform", "DER", "-out", der)
    crt = tmp_path / "certificate.der"
    openssl("x509", "-in", certificate, "-outform", "DER", "-out", crt)
    for path in (peer[1], der, certificate, crt):
        iotsafe("put-key", "label=verify", path, card=card)
        found = text("pubkey", "label=verify;type=public", card=card)
        assert found == peer[1].read_text()
        iotsafe("put-key", "label=verify", make_other(tmp_path), card=card)


def make_other(folder):
    secret, public = folder / "other.key", folder / "other.pem"
    openssl(
        *("ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        *("-out", secret),
    )
    openssl("pkey", "-in", secret, "-pubout", "-out", public)
    return public


@pytest.mark.parametrize("content", [b"", b"hello", b"\x30\x00", b"\x30" * 99])
def test_what_is_no_public_key_is_told(card, tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    done = subprocess.run(
        ["iotsafe", "put-key", "label=verify", path],
        env=dict(os.environ, IOTSAFE_CARD=card),
        capture_output=True,
    )
    assert done.returncode in (2, 12, 17), done.stderr
    assert done.stderr.count(b"\n") == 1


# Signed files.


@pytest.fixture
def signed(peer, letter, tmp_path):
    """A file signed by openssl: its DER signature and the certificate."""
    signature, certificate = tmp_path / "letter.sig", tmp_path / "signer.pem"
    openssl("dgst", "-sha256", "-sign", peer[0], "-out", signature, letter)
    openssl(
        *("req", "-x509", "-new", "-key", peer[0], "-subj", "/CN=signer"),
        *("-out", certificate),
    )
    return signature, certificate


def test_verify_file_has_a_key_in_the_card_decide(card, peer, letter, signed):
    iotsafe("put-key", "label=verify", peer[1], card=card)
    words = ("verify-file", letter, signed[0], "--key", "label=verify")
    assert text(*words, card=card) == f"{letter}: good signature\n"
    with letter.open("ab") as file:
        file.write(b"!")
    sentence(*words, card=card, status=13)


def test_verify_file_puts_the_signers_key_first(
    card, letter, signed, tmp_path
):
    iotsafe("put-key", "label=verify", make_other(tmp_path), card=card)
    slot = ("--slot", "label=verify")
    words = ("verify-file", letter, signed[0])
    sentence(*words, "--key", "label=verify", card=card, status=13)
    iotsafe(*words, "--cert", signed[1], *slot, card=card)
    other = tmp_path / "other.pem"
    sentence(*words, "--cert", other, *slot, card=card, status=13)
    for wrong in (
        ["--cert", signed[1]],
        [*slot],
        ["--cert", signed[1], *slot, "--key", "label=verify"],
    ):
        sentence(*words, *wrong, card=card, status=2)


def test_verify_file_hashes_files_of_any_size(card, peer, tmp_path):
    """More than a card would take: IoT.05 ends at 16 MiB."""
    image, signature = tmp_path / "image", tmp_path / "image.sig"
    with image.open("wb") as file:
        file.truncate(40 << 20)
    openssl("dgst", "-sha256", "-sign", peer[0], "-out", signature, image)
    iotsafe("put-key", "label=verify", peer[1], card=card)
    words = ("verify-file", image, signature, "--key", "label=verify")
    iotsafe(*words, card=card)


@pytest.mark.parametrize(
    "words,status",
    [
        (["letter", "none", "--key", "label=verify"], 1),
        (["none", "letter.sig", "--key", "label=verify"], 1),
        (["letter", "letter", "--key", "label=verify"], 12),
        (["letter", "letter.sig", "--key", "label=nothing"], 10),
        (["letter", "letter.sig", "--key", "label=verify", "--hash", "md5"], 2),
    ],
)
def test_verify_file_tells_what_keeps_it_from_deciding(
    card, signed, tmp_path, words, status
):
    paths = [tmp_path / each for each in words[:2]]
    sentence("verify-file", *paths, *words[2:], card=card, status=status)


# Derivation. Nothing of the secret key is known here, so the card's answers
# are compared with each other; mode 0 and HKDF with Python's.


def prf(secret, label, seed, size):
    out, a = b"", label + seed
    while len(out) < size:
        a = hmac.digest(secret, a if not out else a, hashlib.sha256)
        out += hmac.digest(secret, a + label + seed, hashlib.sha256)
    return out[:size]


def test_prf_of_a_secret_in_a_file(card, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(48)))
    for size in (1, 32, 255):
        words = ("--label", "key expansion", "--seed", "0A:0b0c", "--size", size)
        found = text("prf", "--secret", secret, *words, "--hex", card=card)
        expected = prf(secret.read_bytes(), b"key expansion", b"\n\x0b\x0c", size)
        assert found.strip() == expected.hex()


def test_prf_of_a_secret_key(card, tmp_path):
    words = ("prf", "--key", "label=psk", "--label", "a", "--hex")
    found = text(*words, "--seed", "01", card=card)
    assert len(found) == 65
    assert found == text(*words, "--seed", "01", card=card)
    assert found != text(*words, "--seed", "02", card=card)
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(32)))
    both = text(*words, "--seed", "01", "--secret", secret, card=card)
    assert both != found and len(both) == 65
    # RFC 4279 2: a plain PSK has zeros of its own size in the other's place.
    secret.write_bytes(bytes(32))
    both = text(*words, "--seed", "01", "--secret", secret, card=card)
    assert both == found


@pytest.mark.parametrize("hash", HASHES)
def test_hkdf_extracts_on_the_card_and_expands_here(card, tmp_path, hash):
    secret = tmp_path / "secret"
    secret.write_bytes(b"keying material")
    size = hashlib.new(hash).digest_size
    words = ("hkdf", "--secret", secret, "--hash", hash, "--hex")
    prk = hmac.digest(bytes(size), b"keying material", hash)
    assert text(*words, card=card).strip() == prk.hex()
    prk = hmac.digest(b"\1\2", b"keying material", hash)
    assert text(*words, "--salt", "0102", card=card).strip() == prk.hex()
    out = hmac.digest(prk, b"\7\1", hash)
    out += hmac.digest(prk, out + b"\7\2", hash)
    found = text(
        *(*words, "--salt", "0102", "--info", "07", "--size", size + 5),
        card=card,
    )
    assert found.strip() == out[: size + 5].hex()


def test_psk_is_the_prf_of_identity_and_context(card):
    """What docs/psk.md tells servers, from the card's own PRF."""
    for context in (None, "site 7"):
        more = ("--context", context) if context else ()
        found = text(
            "psk", "device", "--key", "label=psk", *more, "--hex", card=card
        )
        seed = hashlib.sha256(b"device").digest()
        seed += hashlib.sha256((context or "").encode()).digest()
        words = ("--label", "iotsafe psk", "--seed", seed.hex(), "--hex")
        assert found == text("prf", "--key", "label=psk", *words, card=card)


def test_mac_is_of_the_file(card, letter, tmp_path):
    words = ("mac", "--key", "label=cmac")
    found = text(*words, letter, card=card)
    assert len(found) == 33
    assert text(*words, card=card, input=letter.read_bytes()) == found
    path = tmp_path / "mac"
    iotsafe(*words, letter, "--out", path, card=card)
    assert path.read_bytes().hex() == found.strip()
    assert answer(*words, letter, card=card)["mac"] == found.strip()
    letter.write_bytes(b"another")
    assert text(*words, letter, card=card) != found


@pytest.mark.parametrize(
    "words",
    [
        ["prf", "--key", "label=psk", "--seed", "01"],
        ["psk", "device", "--key", "label=psk"],
        ["hkdf", "--secret", "/dev/null"],
        ["agree", "--key", "label=ecdh", "--slot", "label=peer"],
    ],
)
def test_a_secret_is_shown_only_to_who_asks(card, words):
    status, out, error = on_terminal(*words, IOTSAFE_CARD=card)
    assert status == 2 and out == b"" and b"--hex" in error
    said = answer(*words, card=card, status=2)
    assert "secret" not in said and said["error"]["code"] == "ERR_ARG"
    sentence(*words, "--out", "/tmp/x", "--hex", card=card, status=2)


def test_a_secret_goes_where_it_is_sent(card, tmp_path):
    words = ("psk", "device", "--key", "label=psk")
    key = iotsafe(*words, card=card).stdout
    assert len(key) == 32
    path = tmp_path / "key"
    path.write_text("a file that everybody can read")
    path.chmod(0o644)
    said = answer(*words, "--out", path, card=card)
    assert said == {} and path.read_bytes() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() == 0:  # the kernel lets nobody else
        os.chown(path, 12345, -1)
        said, _ = sentence(*words, "--out", path, card=card, status=1)
        assert "cannot write" in said and path.read_bytes() == key
    assert answer(*words, "--hex", card=card)["secret"] == key.hex()
    assert on_terminal(*words, "--hex", IOTSAFE_CARD=card)[1] == (
        key.hex().encode() + b"\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["prf", "--hex"],
        ["prf", "--key", "label=psk", "--seed", "0", "--hex"],
        ["prf", "--key", "label=psk", "--size", "0", "--hex"],
        ["prf", "--key", "label=psk", "--size", "256", "--hex"],
        ["hkdf", "--hex"],
        ["hkdf", "--secret", "/dev/null", "--info", "00", "--hex"],
        ["hkdf", "--secret", "/dev/null", "--salt", "x", "--hex"],
    ],
)
def test_derivations_of_nothing_are_wrong_use(card, words):
    sentence(*words, card=card, status=2)


# Random bytes.


def test_random_of_any_length(card, tmp_path):
    path = tmp_path / "random"
    iotsafe("random", 70000, "--out", path, card="sim:")
    data = path.read_bytes()
    assert len(data) == 70000 and len(set(data)) == 256
    assert len(iotsafe("random", 65537, "--raw", card="sim:").stdout) == 65537
    assert len(answer("random", 300, card=card)["random"]) == 600
    for words in (["0"], ["-1"], ["1x"], ["99999999999999999999"]):
        sentence("random", *words, card=card, status=2)


def can_credit():
    effective = next(
        line
        for line in open("/proc/self/status")
        if line.startswith("CapEff:")
    )
    return int(effective.split()[1], 16) >> 21 & 1


def test_the_kernel_takes_seeds_from_root_alone(card):
    if can_credit():
        said = answer("random", 32, "--seed-kernel", card=card)
        assert said == {"credited_bits": 256}
        command = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"]
    else:
        command = []
    done = subprocess.run(
        [*command, "iotsafe", "random", "32", "--seed-kernel", "--card", card],
        capture_output=True,
    )
    assert done.returncode == 8 and b"CAP_SYS_ADMIN" in done.stderr
    assert done.stdout == b""


def test_the_kernel_is_given_no_more_than_it_takes(card):
    sentence("random", 513, "--seed-kernel", card=card, status=2)
    sentence("random", 8, "--seed-kernel", "--hex", card=card, status=2)
