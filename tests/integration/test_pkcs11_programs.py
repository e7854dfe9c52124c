# SPDX-License-Identifier: LGPL-2.1-or-later
"""What programs do with the SIM's key by PKCS#11 beside TLS clients, which are
in docs/programs.md: ssh, requests, messages, servers."""

import os
import re
import socket

import pytest
from command import openssl
from farside import Process, free_port
from programs.setting import CERTIFICATE, KEY, MODULE, Setting
from sshd import Sshd

# They load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build

ENGINE = ("-engine", "pkcs11", "-keyform", "engine")


@pytest.fixture(params=["gsma", "rsa"])
def setting(request, tmp_path):
    with Setting(tmp_path, "--profile", request.param) as setting:
        setting.profile = request.param
        # Keys on RSA are made when they are first used.
        setting.own = tmp_path / "own.pem"
        setting.run("iotsafe", "cert", "--chain", "--out", setting.own)
        yield setting


@pytest.fixture
def engine(setting):
    if "libengine-pkcs11-openssl" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        pytest.skip("libengine-pkcs11-openssl is not in this release")
    return setting


# --- ssh ---


@pytest.fixture
def daemon():
    daemon = Sshd().start()
    yield daemon
    daemon.close()


def test_ssh_logs_in_with_the_sims_key(setting, daemon):
    keys = setting.run("ssh-keygen", "-D", MODULE).splitlines()
    kind = {"gsma": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}[setting.profile]
    assert re.match(rf"{kind} \S+ client$", keys[0])
    (daemon.folder / "client.pub").write_text(keys[0] + "\n")
    text = setting.run(
        *("ssh", "-F", "none", "-T", "-p", daemon.port),
        *("-o", f"PKCS11Provider={MODULE}", "-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={daemon.folder}/known"),
        *("-o", "GlobalKnownHostsFile=/dev/null"),
        *("-o", "PreferredAuthentications=publickey"),
        *("tester@127.0.0.1", "echo", "in"),
        SSH_AUTH_SOCK="",
    )
    assert text.splitlines()[-1] == "in"


def test_ssh_keygen_signs_certificates_with_the_sims_key(setting):
    keys = setting.run("ssh-keygen", "-D", MODULE).splitlines()
    (setting.folder / "authority.pub").write_text(keys[0] + "\n")
    user = setting.folder / "user"
    setting.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", user)
    setting.run(
        *("ssh-keygen", "-D", MODULE, "-s", setting.folder / "authority.pub"),
        *("-I", "who", "-n", "tester", f"{user}.pub"),
    )
    text = setting.run("ssh-keygen", "-L", "-f", f"{user}-cert.pub")
    assert "Signing CA: " in text


# --- requests and messages ---


def test_openssl_asks_for_a_certificate(engine):
    request = engine.folder / "request.pem"
    engine.run("openssl", "req", "-new", *ENGINE, "-key", KEY, "-subj",
               "/CN=device", "-out", request)
    openssl("req", "-in", request, "-noout", "-verify")


def test_openssl_signs_messages(engine):
    text, message = engine.folder / "text", engine.folder / "message"
    text.write_text("text\n")
    engine.run("openssl", "cms", "-sign", *ENGINE, "-inkey", KEY, "-signer",
               engine.own, "-in", text, "-out", message)
    found = openssl("cms", "-verify", "-in", message, "-CAfile",
                    engine.authorities, "-purpose", "any")
    assert found.strip() == b"text"


@pytest.mark.parametrize("name", [
    "01", "id_01", "label_client", "slot_0-id_01", "pkcs11:object=client"])
def test_the_engine_finds_the_key_by_all_its_kinds_of_names(engine, name):
    signature, public = engine.folder / "signature", engine.folder / "key.pem"
    engine.run("openssl", "dgst", *ENGINE, "-sign", name, "-sha256", "-out",
               signature, input=b"text")
    public.write_bytes(openssl("x509", "-in", engine.own, "-noout", "-pubkey"))
    openssl("dgst", "-sha256", "-verify", public, "-signature", signature,
            input=b"text")


def test_certtool_asks_for_a_certificate(setting):
    template, request = setting.folder / "template", setting.folder / "request"
    template.write_text("cn = device\n")
    setting.run(
        *("certtool", "--provider", MODULE, "--generate-request"),
        *("--load-privkey", KEY, "--template", template),
        *("--outfile", request),
    )
    openssl("req", "-in", request, "-noout", "-verify")


# --- servers ---


@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_gnutls_serv_is_a_server_with_the_sims_key(setting, version):
    port = free_port(socket.SOCK_STREAM)
    with Process(
        *("stdbuf", "-oL", "gnutls-serv", "--provider", MODULE),
        *("--port", port, "--x509certfile", CERTIFICATE),
        *("--x509keyfile", KEY),
        env=setting.process_environment,
    ) as server:
        server.wait_line(rf"IPv4.* port {port}\.\.\.done")
        text = setting.run(
            *("openssl", "s_client", f"-tls{version}"),
            *("-connect", f"127.0.0.1:{port}"),
        )
    assert re.search(f"CN ?= ?iotsafe-sim {setting.profile} client", text)
    assert "Cipher is TLS_" in text or "Cipher is ECDHE" in text
