# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom a context of iotsafe.ssl trusts, and what it verifies."""

import os
import pathlib
import shutil
import ssl

import iotsafe
import iotsafe.ssl
import pytest
from iotsafe import _trust

from conftest import run

HOST = {"server_hostname": "localhost"}
SYSTEM = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def test_nobody_is_trusted_before_somebody_is_named(card, peer):
    context = iotsafe.ssl.SSLContext(card)
    with pytest.raises(ssl.SSLCertVerificationError, match="no CA") as caught:
        context.wrap_socket(peer().connect(), **HOST)
    assert isinstance(caught.value, iotsafe.UntrustedError)
    assert caught.value.verify_message


def hashed(certificate, folder):
    name = run("openssl", "x509", "-hash", "-noout", "-in", certificate)
    shutil.copy(certificate, folder / f"{name.decode().strip()}.0")


@pytest.mark.parametrize("form", ["file", "bytes path", "folder", "text",
                                  "der", "two der", "card"])
def test_trusts_files_folders_bytes_and_the_card(
    form, card, store, ca, peer, tmp_path
):
    context = iotsafe.ssl.SSLContext(card)
    der = ssl.PEM_cert_to_DER_cert(ca.read_text())
    folder = tmp_path / "folder"
    folder.mkdir()
    hashed(ca, folder)
    shutil.copy(store / "server-key.pem", folder)  # not looked at
    context.load_verify_locations(**{
        "file": {"cafile": ca},
        "bytes path": {"cafile": os.fsencode(ca)},
        "folder": {"capath": folder},
        "text": {"cadata": ca.read_text()},
        "der": {"cadata": der},
        "two der": {"cadata": bytearray(der + der)},
        "card": {"cafile": "iotsafe:"},
    }[form])
    with context.wrap_socket(peer().connect(), **HOST) as tls:
        assert tls.getpeercert()["subject"]
    count = 0 if form == "card" else 1
    assert context.cert_store_stats() == {
        "x509": count, "crl": 0, "x509_ca": count
    }
    assert context.get_ca_certs(True) == [der] * count
    if count:
        want = ssl._ssl._test_decode_cert(str(ca))["subject"]
        assert context.get_ca_certs()[0]["subject"] == want


def test_a_ca_that_cannot_be_read_is_told_when_it_is_named(
    bare, tmp_path, store
):
    empty = tmp_path / "empty"
    empty.write_text("")
    broken = tmp_path / "broken"
    broken.write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(FileNotFoundError):
        bare.load_verify_locations(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        bare.load_verify_locations(capath=tmp_path / "nowhere")
    for path in (empty, broken, store / "server-key.pem"):
        with pytest.raises(ssl.SSLError, match=path.name):
            bare.load_verify_locations(path)
    for data in ("", "text", b"text", b"\x30\x82", b"\x30\x84\xff\xff\xff\xff",
                 b"\x30\x03abc", b"\x30\x80"):
        with pytest.raises(ssl.SSLError, match="cadata"):
            bare.load_verify_locations(cadata=data)
    with pytest.raises(TypeError):
        bare.load_verify_locations()
    assert not bare.get_ca_certs()


def test_a_file_is_read_once_until_it_changes(
    bare, ca, store, tmp_path, monkeypatch
):
    path = tmp_path / "bundle.pem"
    shutil.copy(ca, path)
    reads = []
    real = _trust.from_pem
    monkeypatch.setattr(
        _trust, "from_pem", lambda *x: reads.append(x) or real(*x)
    )
    for _ in range(3):
        bare.load_verify_locations(path)
        iotsafe.ssl.SSLContext("at:/nowhere").load_verify_locations(path)
    assert len(reads) == 1 and len(bare.get_ca_certs()) == 1
    shutil.copy(store / "intermediate.pem", path)
    bare.load_verify_locations(path)
    assert len(reads) == 2 and len(bare.get_ca_certs()) == 2


def test_the_system_is_trusted_on_request(bare, peer, ca, card, monkeypatch):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    bare.load_default_certs()
    count = SYSTEM.read_text().count("BEGIN CERTIFICATE")
    assert bare.cert_store_stats()["x509"] == count > 50
    context = iotsafe.ssl.create_default_context(card)
    with pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(peer().connect(), **HOST)
    context.load_verify_locations(ca)  # beside the system's
    assert context.cert_store_stats()["x509"] == count + 1
    context.wrap_socket(peer().connect(), **HOST).close()
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    context = iotsafe.ssl.create_default_context(card)
    assert context.cert_store_stats()["x509"] == 1
    context.wrap_socket(peer().connect(), **HOST).close()


def test_a_default_context_with_cas_trusts_only_these(card, peer, ca):
    context = iotsafe.ssl.create_default_context(card, cafile=ca)
    assert context.cert_store_stats()["x509"] == 1
    context.wrap_socket(peer().connect(), **HOST).close()
    with pytest.raises(NotImplementedError, match="CLIENT_AUTH"):
        iotsafe.ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)


def test_names_are_checked_and_sent_as_ssl_does(context, peer, talk):
    server = peer()
    with pytest.raises(ssl.SSLCertVerificationError, match="example.org"):
        talk(server, server_hostname="example.org")
    with pytest.raises(iotsafe.ArgumentError, match="check_hostname"):
        talk(server, server_hostname=None)
    for wrong in "a" * 70 + ".example", ".example", "local\0host":
        with pytest.raises(iotsafe.ArgumentError) as caught:
            talk(server, server_hostname=wrong)
        # paho takes a ValueError for "connect again without a name".
        assert not isinstance(caught.value, ValueError)
    talk(server, server_hostname="127.0.0.1")
    talk(server, server_hostname=b"localhost")
    context.check_hostname = False
    talk(server, server_hostname="example.org")
    talk(server, server_hostname=None)
    talk(server, server_hostname="bücher.example")
    assert [each["name"] for each in server.seen] == [
        None, "localhost", "example.org", None, "xn--bcher-kva.example",
    ]


@pytest.mark.parametrize("mode", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
def test_a_chain_is_verified_though_the_name_is_not(card, peer, mode):
    context = iotsafe.ssl.create_default_context(card)  # the system's CAs
    context.check_hostname = False
    context.verify_mode = mode
    with pytest.raises(ssl.SSLCertVerificationError, match="not accepted"):
        context.wrap_socket(peer().connect(), **HOST)


def test_everybody_is_trusted_only_when_told_so(card, peer):
    context = iotsafe.ssl.SSLContext(card)
    with pytest.raises(ValueError):  # as ssl has it
        context.verify_mode = ssl.CERT_NONE
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning):
        generic = iotsafe.ssl.SSLContext(card, ssl.PROTOCOL_TLS)
    assert generic.verify_mode == ssl.CERT_NONE
    for each in (context, generic):
        with each.wrap_socket(peer().connect(), **HOST) as tls:
            assert tls.getpeercert() == {}
    generic.check_hostname = True
    assert generic.verify_mode == ssl.CERT_REQUIRED
