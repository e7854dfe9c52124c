# SPDX-License-Identifier: LGPL-2.1-or-later
"""The context of iotsafe.ssl: what each setting of ssl's does here."""

import copy
import os
import pickle
import socket
import ssl
import subprocess
import sys
import threading

import iotsafe
import iotsafe.ssl
import pytest

from conftest import run

HOST = {"server_hostname": "localhost"}


def test_is_a_context_of_ssl_and_says_what_it_is(bare):
    assert isinstance(bare, ssl.SSLContext)
    assert iotsafe.SSLContext is iotsafe.ssl.SSLContext
    assert bare.protocol == ssl.PROTOCOL_TLS_CLIENT
    assert bare.check_hostname and bare.verify_mode == ssl.CERT_REQUIRED
    for name in iotsafe.ssl.__all__:
        assert getattr(iotsafe.ssl, name).__doc__, name


@pytest.mark.parametrize("use", ["", "iotsafe.Card", "iotsafe.TLSSocket",
                                 "dir(iotsafe)"])
def test_the_package_alone_loads_no_openssl(use):
    script = f"import sys, iotsafe; {use or '0'}; sys.exit('ssl' in sys.modules)"
    subprocess.run([sys.executable, "-S", "-c", script], check=True)


def test_the_module_is_loaded_when_it_is_named():
    script = (
        "import sys, iotsafe;"
        "assert 'SSLContext' in dir(iotsafe);"
        "iotsafe.SSLContext('at:/nowhere');"
        "assert iotsafe.ssl.CERT_REQUIRED == 2;"
        "sys.exit('ssl' not in sys.modules)"
    )
    subprocess.run([sys.executable, "-S", "-c", script], check=True)
    with pytest.raises(AttributeError, match="no attribute 'sslx'"):
        iotsafe.sslx


def test_what_is_not_ours_is_the_name_that_ssl_has():
    assert iotsafe.ssl.SSLError is ssl.SSLError
    assert iotsafe.ssl.CERT_NONE is ssl.CERT_NONE
    assert "TLSVersion" in dir(iotsafe.ssl)
    for name in ("wrap_socket", "get_server_certificate",
                 "_create_unverified_context"):
        if hasattr(ssl, name):
            with pytest.raises(AttributeError, match="without the card"):
                getattr(iotsafe.ssl, name)
    with pytest.raises(AttributeError, match="'nonsense'$"):
        iotsafe.ssl.nonsense


def test_a_context_is_not_copied_as_those_of_ssl_are_not(bare):
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle 'SSLContext'"):
            way(bare)


# What is offered


def test_versions_are_limited_in_every_way_of_ssl(context, peer, talk):
    server = peer()
    assert talk(server) == "TLSv1.3"
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert talk(server) == "TLSv1.2"
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError):
        talk(peer(version=ssl.TLSVersion.TLSv1_2))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning):
        context.options |= ssl.OP_NO_TLSv1_3
    assert talk(server) == "TLSv1.2"
    with pytest.warns(DeprecationWarning):
        context.options |= ssl.OP_NO_TLSv1_2
    with pytest.raises(iotsafe.ArgumentError, match="no version"):
        talk(server)


def test_a_protocol_of_ssl_may_stand_where_the_card_does(
    address, peer, ca, monkeypatch
):
    monkeypatch.setenv("IOTSAFE_CARD", address())
    context = iotsafe.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    server = peer()
    with context.wrap_socket(server.connect(), **HOST) as tls:
        assert tls.version() == "TLSv1.3"
    with pytest.warns(DeprecationWarning):
        context = iotsafe.SSLContext(protocol=ssl.PROTOCOL_TLSv1_2)
    context.load_verify_locations(ca)
    with context.wrap_socket(server.connect(), **HOST) as tls:
        assert tls.version() == "TLSv1.2"
    for protocol in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLSv1):
        with pytest.raises(NotImplementedError, match="as a client"):
            iotsafe.SSLContext(protocol)


@pytest.mark.parametrize("ciphers, chosen", [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("ECDHE+AESGCM:!aNULL:@SECLEVEL=2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("CHACHA20", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA256"),
])
def test_cipher_suites_are_chosen_by_the_names_of_openssl(
    context, peer, ciphers, chosen
):
    server = peer(version=ssl.TLSVersion.TLSv1_2)
    server.context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_ciphers(ciphers)
    with context.wrap_socket(server.connect(), **HOST) as tls:
        assert tls.cipher()[0] == chosen
    assert chosen in {each["name"] for each in context.get_ciphers()}


# As urllib3 1.26 and Mozilla (intermediate, 5.7) have them.
URLLIB3 = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDH+AESGCM:"
    "DH+AESGCM:ECDH+AES:DH+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:!MD5:!DSS"
)
MOZILLA = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
)


@pytest.mark.parametrize("ciphers", [
    URLLIB3, MOZILLA, "DEFAULT", "HIGH:!aNULL:!kRSA", "ECDHE:-SHA1",
    "AES256:+SHA1", "ALL:!AES128", "DHE-RSA-AES256-GCM-SHA384",
    "HIGH:!SSLv2:!SSLv3", "ECDHE:DES-CBC3-SHA:!ECDH-RSA-AES128-SHA:!RC4-SHA",
])
def test_gnutls_offers_nothing_that_was_not_listed(bare, ciphers):
    bare.set_ciphers(ciphers)
    ours = {x["name"] for x in bare.get_ciphers()
            if x["protocol"] == "TLSv1.2"}
    openssl = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    openssl.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    assert ours and ours <= {x["name"] for x in openssl.get_ciphers()}
    offered = run(
        "gnutls-cli", "--list", "--priority",
        bare._priority() + ":-VERS-ALL:+VERS-TLS1.2",
    ).decode()
    names = [line.split()[0] for line in offered.splitlines()
             if line.startswith("TLS_")]
    assert len(names) == len(ours)


@pytest.mark.parametrize("word", ["DEFAULT", "HIGH:ALL"])
def test_the_security_level_may_stick_to_a_word(bare, word):
    bare.set_ciphers(f"{word}@SECLEVEL=3")
    assert "%PROFILE_HIGH" in bare._priority()


def test_lists_that_gnutls_cannot_keep_are_refused_by_name(bare):
    for ciphers, words in {
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384":
            "ECDHE-.* too",
        "NONSENSE": "'NONSENSE' is not known",
        "HIGH:@NONSENSE": "@NONSENSE",
        "PSK": "no cipher can be selected",
        "HIGH:!HIGH": "no cipher can be selected",
        "": "no cipher can be selected",
    }.items():
        with pytest.raises(ssl.SSLError, match=words):
            bare.set_ciphers(ciphers)
    bare.set_ciphers("ECDHE-RSA-AES128-SHA")  # CBC is TLS 1.2's alone
    assert [x["name"] for x in bare.get_ciphers()] == ["ECDHE-RSA-AES128-SHA"]
    bare.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(iotsafe.ArgumentError, match="no version"):
        bare.get_ciphers()


def test_keys_are_as_long_as_the_security_level_asks(
    context, peer, talk, ca, store, tmp_path
):
    """Level 2 is the default of Debian's OpenSSL: RSA of 2048 bits."""
    key, request = tmp_path / "key", tmp_path / "request"
    run("openssl", "req", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak",
        "-keyout", key, "-out", request)
    extensions = tmp_path / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost\n")
    weak = run("openssl", "x509", "-req", "-in", request, "-CA", ca, "-CAkey",
               store / "ca-key.pem", "-extfile", extensions, "-days", "1")
    (tmp_path / "weak.pem").write_bytes(weak)
    server = peer()
    server.context.set_ciphers("DEFAULT:@SECLEVEL=0")
    server.context.load_cert_chain(tmp_path / "weak.pem", key)
    server.context.maximum_version = ssl.TLSVersion.TLSv1_2
    server.context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(server)
    context.set_ciphers("ECDHE:@SECLEVEL=0")
    talk(server)


def test_tickets_are_not_asked_for_where_the_options_say_so(context):
    empty_ticket = bytes.fromhex("0023 0000")  # RFC 5077 3.2, ClientHello
    for options, asked in ((0, True), (ssl.OP_NO_TICKET, False)):
        context.options |= options
        out = ssl.MemoryBIO()
        session = context.wrap_bio(ssl.MemoryBIO(), out, **HOST)
        with pytest.raises(ssl.SSLWantReadError):
            session.do_handshake()
        assert (empty_ticket in out.read()) == asked


def test_servers_of_unsafe_renegotiation_are_refused_as_by_openssl(
    context, serve
):
    server = serve(
        "--echo", "--priority",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION",
    )
    with pytest.raises(ssl.SSLError, match="[Rr]enegotiation"):
        context.wrap_socket(server.connect(), **HOST)
    context.options |= 0x4  # OP_LEGACY_SERVER_CONNECT
    with context.wrap_socket(server.connect(), **HOST) as tls:
        assert tls.version() == "TLSv1.2"


def test_gnutls_writes_the_keys_where_the_environment_says(
    address, peer, ca, tmp_path
):
    """Which the refusal of keylog_filename promises."""
    path = tmp_path / "keys"
    script = (
        "import socket, sys, iotsafe.ssl;"
        "c = iotsafe.ssl.create_default_context(sys.argv[1], cafile=sys.argv[2]);"
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[3])));"
        "c.wrap_socket(s, server_hostname='localhost').close()"
    )
    port = str(peer().port)
    subprocess.run(
        [sys.executable, "-c", script, address(), str(ca), port], check=True,
        env={**os.environ, "SSLKEYLOGFILE": str(path)}, timeout=30,
    )
    assert "CLIENT_TRAFFIC_SECRET_0" in path.read_text()


def test_the_file_that_gnutls_writes_the_keys_to_may_be_named(
    bare, monkeypatch
):
    monkeypatch.setenv("SSLKEYLOGFILE", "/tmp/some-keys")
    bare.keylog_filename = "/tmp/some-keys"
    assert bare.keylog_filename == "/tmp/some-keys"
    with pytest.raises(NotImplementedError, match="keylog_filename"):
        bare.keylog_filename = "/tmp/other-keys"
    bare.keylog_filename = None
    assert bare.keylog_filename is None


def test_a_curve_is_the_only_one_that_is_offered(context, peer, talk):
    server = peer()
    server.context.set_ecdh_curve("secp384r1")
    context.set_ecdh_curve("secp384r1")
    talk(server)
    context.set_ecdh_curve("prime256v1")
    with pytest.raises(ssl.SSLError):
        talk(server)
    with pytest.raises(NotImplementedError, match="brainpool"):
        context.set_ecdh_curve("brainpoolP256r1")


def test_protocols_that_alpn_cannot_have_are_refused(bare):
    for wrong in ("", "a,b", "x" * 33):
        with pytest.raises(ssl.SSLError, match="ALPN"):
            bare.set_alpn_protocols(["http/1.1", wrong])
    with pytest.raises(ssl.SSLError, match="8 protocols at most"):
        bare.set_alpn_protocols(["x"] * 9)


@pytest.mark.parametrize("name, value", [
    ("sni_callback", print),
    ("keylog_filename", "/tmp/keys"),
    ("_msg_callback", print),
    ("hostname_checks_common_name", False),
    ("maximum_version", ssl.TLSVersion.TLSv1_1),
    ("verify_flags", ssl.VERIFY_CRL_CHECK_LEAF),
    ("verify_flags", ssl.VERIFY_X509_STRICT),
])
def test_a_setting_of_openssl_alone_is_refused_by_name(bare, name, value):
    with pytest.raises(NotImplementedError, match=name) as caught:
        setattr(bare, name, value)
    assert isinstance(caught.value, (iotsafe.UnsupportedError, ssl.SSLError))
    assert caught.value.code == iotsafe.UnsupportedError.code
    before = getattr(bare, name)
    setattr(bare, name, before)  # what it is may be said


@pytest.mark.filterwarnings("ignore:iotsafe.ssl. server_side:RuntimeWarning")
def test_methods_of_openssl_alone_are_refused_by_name(bare):
    for call in ("set_servername_callback", "set_npn_protocols",
                 "load_dh_params", "set_psk_client_callback",
                 "set_psk_server_callback"):
        with pytest.raises(NotImplementedError):
            getattr(bare, call)(print)
    with pytest.raises(NotImplementedError, match="OP_ENABLE_KTLS"):
        bare.options |= 8
    bare.post_handshake_auth = True
    assert bare.post_handshake_auth
    for wrap, over in (
        (bare.wrap_socket, [socket.socket()]),
        (bare.wrap_bio, [ssl.MemoryBIO(), ssl.MemoryBIO()]),
    ):
        with pytest.raises(NotImplementedError, match="server_side"):
            wrap(*over, server_side=True)


# Who we are


@pytest.mark.parametrize("names", [
    ("iotsafe:",), ("iotsafe:label=client",), ("iotsafe:id=01",),
    ("iotsafe:", "iotsafe:client"), ("FILE",), ("FILE", "iotsafe:client"),
    ("CERT",), ("CERT", "iotsafe:client"),
])
def test_the_chain_is_loaded_by_names_of_the_card(
    card, context, peer, talk, tmp_path, names
):
    chain = tmp_path / "chain.pem"
    key = card.key()
    chain.write_bytes(b"".join(
        run("openssl", "x509", "-inform", "DER", input=x) for x in key.chain
    ))
    record = next(x for x in card.objects("type=cert")
                  if card.read(x.name) == key.certificate)
    assert "type=cert" in record.name
    real = {"FILE": os.fspath(chain), "CERT": record.name}
    context.load_cert_chain(*(real.get(each, each) for each in names))
    server = peer()
    talk(server)
    assert server.wait_for(1)[0]["client"] == "iotsafe-sim gsma client"


def test_a_name_brings_its_card(address, peer, ca, monkeypatch):
    monkeypatch.delenv("IOTSAFE_CARD", raising=False)
    context = iotsafe.ssl.SSLContext()
    context.load_verify_locations(ca)
    where = address().replace("&", "%26")
    context.load_cert_chain(f"iotsafe:label=client?card={where}")
    context.wrap_socket(peer().connect(), **HOST).close()
    assert context.card.address.startswith("sim:gsma?")
    context.load_cert_chain(f"iotsafe:?card={where}")  # the same is no other
    with pytest.raises(iotsafe.ArgumentError, match="another card"):
        context.load_cert_chain("iotsafe:?card=at:/dev/ttyUSB9")
    with pytest.raises(iotsafe.ArgumentError, match="exec:"):
        context.load_cert_chain("iotsafe:?card=exec:true")
    with pytest.raises(iotsafe.ArgumentError, match="not card="):
        context.load_cert_chain("iotsafe:?cord=at:/dev/ttyUSB9")


def test_a_private_key_of_the_host_is_refused(context, store, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes((store / "server.pem").read_bytes()
                     + (store / "server-key.pem").read_bytes())
    with pytest.raises(NotImplementedError, match="key is in the card"):
        context.load_cert_chain(store / "server.pem", store / "server-key.pem")
    with pytest.raises(NotImplementedError, match="both.pem"):
        context.load_cert_chain(both)
    with pytest.raises(NotImplementedError, match="password"):
        context.load_cert_chain("iotsafe:", password="1234")
    with pytest.raises(FileNotFoundError):
        context.load_cert_chain(tmp_path / "nowhere")


def test_a_certificate_of_another_key_is_an_error_of_the_handshake(
    context, store, talk
):
    context.load_cert_chain(store / "server.pem")
    with pytest.raises(iotsafe.VerifyError) as caught:
        talk()
    assert isinstance(caught.value, ssl.SSLError)


def test_a_key_object_keeps_its_card_open(address, peer, ca):
    with iotsafe.open(address()) as card:
        context = iotsafe.ssl.create_default_context(
            key=card.key(), cafile=ca
        )
    with context.wrap_socket(peer().connect(), **HOST) as tls:
        assert tls.certificate_used


def test_the_card_is_opened_once_by_many_threads(
    address, peer, ca, monkeypatch
):
    monkeypatch.setenv("IOTSAFE_CARD", address())
    context = iotsafe.ssl.create_default_context(cafile=ca)
    server = peer()
    cards = []

    def work():
        cards.append(context.card)
        context.wrap_socket(server.connect(), **HOST).close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(cards) == 4 and len(set(map(id, cards))) == 1
    assert {x["client"] for x in server.wait_for(4)} == {
        "iotsafe-sim gsma client"
    }


