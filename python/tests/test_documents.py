# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests and tokens signed by the card, read by other programs."""

import base64
import json
import re

import iotsafe
import pytest

from conftest import run

NAMES = ["dns:a.example", "ip:192.0.2.7", "email:a@b.example",
         "uri:urn:dev:7"]


def words_of(request, kind="DER"):
    return run("openssl", "req", "-verify", "-noout", "-text", "-inform", kind,
               input=request).decode()


def test_openssl_and_certtool_take_a_request(full):
    key = full.key("client")
    request = key.csr("CN=device-7,O=Example", NAMES)
    text = words_of(request)
    # OpenSSL 3.2 and later write no blanks round the "=".
    assert re.search("CN ?= ?device-7", text)
    assert re.search("O ?= ?Example", text)
    for name in ("DNS:a.example", "IP Address:192.0.2.7", "email:a@b.example",
                 "URI:urn:dev:7", "Digital Signature",
                 "TLS Web Client Authentication"):
        assert name in text, name
    pem = key.csr("CN=device-7", pem=True)
    assert b"CN=device-7" in run("certtool", "--crq-info", input=pem)
    words_of(pem, "PEM")


@pytest.mark.parametrize("profile, name", [
    ("full", "client"), ("full", "brainpool"), ("rsa", None), ("odd", None),
])
def test_a_request_is_for_the_key_that_signs_it(address, profile, name):
    key = iotsafe.open(address(profile)).key(name)
    request = key.csr("CN=x")
    pem = run("openssl", "req", "-verify", "-noout", "-pubkey", "-inform",
              "DER", input=request)
    spki = run("openssl", "pkey", "-pubin", "-outform", "DER", input=pem)
    assert spki == key.public_key


def test_names_and_usages_may_be_strings_or_lists(full):
    key = full.key("client")
    for names in ("dns:a,dns:b", ["dns:a", "dns:b"], iter(["dns:a", "dns:b"])):
        text = words_of(key.csr("CN=x", names, ["serverAuth"]))
        assert "DNS:a, DNS:b" in text
        assert "TLS Web Server Authentication" in text
        assert "Client" not in text
    assert "Alternative" not in words_of(key.csr("CN=x"))


@pytest.mark.parametrize("arguments", [
    ["no name at all"],
    ["CN=x", "fax:123"],
    ["CN=x", "ip:300.0.2.7"],
    ["CN=x", ["dns:a,dns:b"]],
    ["CN=x", (), "flying"],
])
def test_a_request_for_nonsense_is_refused(full, arguments):
    with pytest.raises(iotsafe.ArgumentError):
        full.key("client").csr(*arguments)
    assert full.counters["signatures"] == 0


def parts_of(token):
    fill = (part + "=" * (-len(part) % 4) for part in token.split("."))
    return [base64.urlsafe_b64decode(part) for part in fill]


def test_openssl_takes_the_signature_of_a_token(full, verify):
    key = full.key("client")
    token = key.jws(b"payload", "example", 'k"1')
    header, payload, signature = parts_of(token)
    assert json.loads(header) == {"alg": "ES256", "typ": "example",
                                  "kid": 'k"1'}
    assert payload == b"payload"
    der = iotsafe._core.signature_to_der(signature)
    verify(key.public_key, der, token.rpartition(".")[0].encode())


def test_an_rsa_key_signs_tokens_too(full, verify, rsa_key):
    key = full.key("rsa")
    token = key.jws(b"payload")
    header, _, signature = parts_of(token)
    algorithm = json.loads(header)["alg"]
    assert algorithm in ("PS256", "RS256")
    padding = {"PS256": "pss", "RS256": "pkcs1"}[algorithm]
    verify(rsa_key(), signature, token.rpartition(".")[0].encode(), "sha256",
           "-sigopt", f"rsa_padding_mode:{padding}")


def test_a_web_token_carries_claims(full):
    claims = {"sub": "device-7", "exp": 1700000000, "name": "Zoë"}
    header, payload, _ = parts_of(full.key("client").jwt(claims, kid="1"))
    assert json.loads(header) == {"alg": "ES256", "typ": "JWT", "kid": "1"}
    assert json.loads(payload) == claims


def test_claims_that_json_lacks_are_refused(full):
    key = full.key("client")
    with pytest.raises(iotsafe.ArgumentError, match="claims"):
        key.jwt({"exp": float("nan")})
    with pytest.raises(TypeError):
        key.jwt({"exp": object()})
    assert full.counters["signatures"] == 0
