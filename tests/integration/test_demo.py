# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo says yes when all is well, and no when it is not."""

import pathlib
import re
import subprocess
import sys

DEMO = pathlib.Path(__file__).with_name("demo.py")


def demo(*sim_options):
    return subprocess.run(
        [sys.executable, DEMO, *sim_options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_three_sessions_are_accepted_with_one_signature_each():
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"^(\S+ \S+): accepted", done.stdout, re.M)
    assert names == ["TLS 1.3", "TLS 1.2", "DTLS 1.2"]
    assert done.stdout.count("<- the signature") == 3
    assert done.stdout.count("the server saw CN=iotsafe-sim gsma client") == 3
    assert done.stderr == ""


def test_a_flipped_bit_in_the_signature_stops_before_the_server():
    done = demo("--fault", "flip-signature")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert re.search(r"signature.*does not verify", done.stderr), done.stderr


def test_a_modem_that_dies_before_signing_is_named():
    done = demo("--fault", "die=2A")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert "<- the signature" not in done.stdout
    assert "the modem has gone" in done.stderr


def test_pre_shared_keys_stay_in_the_card():
    done = demo("psk")
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"^(\S+ \S+): accepted.*key: (\w+)", done.stdout, re.M)
    assert names == [
        ("TLS 1.2", "card"),
        ("DTLS 1.2", "card"),
        ("TLS 1.3", "derived"),
    ]
    assert done.stdout.count("<- the derivation") == 3


def test_a_wrong_derivation_is_refused_by_the_server():
    done = demo("psk", "--fault", "corrupt=48")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert "demo: iotsafe: TLS handshake" in done.stderr


def test_the_card_checks_the_server_and_finds_the_impostor():
    done = demo("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The authority's server: accepted" in done.stdout
    assert "An impostor of the same name: refused" in done.stdout
    assert "not signed by the CA key" in done.stdout


def test_a_card_that_says_yes_to_nothing_lets_nobody_in():
    done = demo("verify", "--fault", "sw=2D:6D01")
    assert done.returncode == 1
    assert "accepted" not in done.stdout


def test_a_request_becomes_a_certificate_that_opens_a_session():
    done = demo("csr")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the server saw CN=device-7,O=Example" in done.stdout
    assert done.stdout.count("<- the signature") == 2


def test_a_broken_request_is_not_given_out():
    done = demo("csr", "--fault", "flip-signature")
    assert done.returncode == 1
    assert re.search(r"signature.*does not verify", done.stderr), done.stderr


def test_both_identities_of_trust_onboard_and_what_cannot_be():
    done = demo("trust-onboard")
    assert done.returncode == 0, done.stdout + done.stderr
    names = re.findall(r"^(\w+, \S+ \S+): accepted", done.stdout, re.M)
    assert names == [
        "Signing, TLS 1.2", "Signing, DTLS 1.2", "Available, TLS 1.3"]
    assert done.stdout.count("<- the signature") == 2
    assert len(re.findall("the server saw CN=WC[0-9a-f]{32},", done.stdout)) == 3
    refused = done.stdout.partition("TLS 1.3: refused before connecting")[2]
    assert "PKCS#1 v1.5 alone, which TLS 1.3 does not have" in refused
    assert done.stderr == ""


def test_a_flipped_bit_of_trust_onboards_signature_is_noticed():
    done = demo("trust-onboard", "--fault", "flip-signature")
    assert done.returncode == 1
    assert "accepted" not in done.stdout
    assert "signature does not verify" in done.stderr
    assert 'key "signing"' in done.stderr


def test_without_a_second_identity_the_story_is_not_told():
    done = demo("trust-onboard", "--fault", "noise-key")
    assert done.returncode == 1
    assert "Available, TLS 1.3: failed" in done.stdout


def test_a_story_that_is_none():
    done = demo("tale")
    assert done.returncode == 2
    assert 'no story "tale"' in done.stderr
