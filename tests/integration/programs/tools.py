# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows of docs/programs.md: PKCS#11's own tools, and programs without TLS
through the tunnel."""

import contextlib
import hashlib
import pathlib
import re
import time

from command import openssl
from modbus import Device, Front, poll
from programs.rows import ONE, PKCS11, TUNNEL, ask, row
from programs.setting import CERTIFICATE, KEY, MODULE, TLS, CoAP, Process

NO_TLS = "none"


def common_name(certificate, form="PEM"):
    text = openssl("x509", "-inform", form, "-noout", "-subject", "-nameopt",
                   "RFC2253", input=certificate)
    return re.search(r"CN=([^,\n]*)", text.decode())[1]


def signer(certificate, digest, signature):
    """Whose signature it is, for want of a server."""
    key = certificate.with_suffix(".pub")
    openssl("x509", "-inform", "DER", "-in", certificate, "-noout", "-pubkey",
            "-out", key)
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", key, "-in", digest,
            "-sigfile", signature)
    return common_name(certificate.read_bytes(), "DER")


@row("pkcs11-tool", "opensc", PKCS11, NO_TLS,
     "`--module … --sign --mechanism ECDSA --id 01 …`, of a digest",
     chain=None, by_page=True)
def pkcs11_tool(setting):
    tool = ("pkcs11-tool", "--module", MODULE)
    certificate, digest, signature = (
        setting.folder / name for name in ("own.der", "digest", "signature"))
    setting.run(*tool, "--read-object", "--type", "cert", "--id", "01",
                "--output-file", certificate)
    setting.sim.counted = len(setting.sim.log)
    digest.write_bytes(hashlib.sha256(b"hello").digest())
    setting.run(*tool, "--sign", "--mechanism", "ECDSA", "--id", "01",
                "--signature-format", "openssl",
                "--input-file", digest, "--output-file", signature)
    return signer(certificate, digest, signature), NO_TLS


@row("p11tool", "gnutls-bin", PKCS11, NO_TLS,
     "`--provider … --test-sign pkcs11:…`", chain=None, by_page=True)
def p11tool(setting):
    text = setting.run("p11tool", "--provider", MODULE, "--export",
                       CERTIFICATE)
    setting.sim.counted = len(setting.sim.log)
    said = setting.run("p11tool", "--provider", MODULE, "--test-sign", KEY)
    # By the public key that belongs to the certificate.
    assert "Verifying against public key in the token... ok" in said, said
    return common_name(text.encode()), NO_TLS


@row("p11-kit server", "p11-kit", PKCS11, "1.3",
     "`p11-kit server --provider … pkcs11:token=iotsafe`; here with "
     "gnutls-cli elsewhere, `--provider …/p11-kit-client.so`", chain=False,
     more=ONE)
def p11_kit_server(setting):
    [client] = pathlib.Path("/usr/lib").glob("*/pkcs11/p11-kit-client.so")
    with TLS(setting) as server, Process(
        *("p11-kit", "server", "--foreground", "--name"),
        *(setting.folder / "socket", "--provider", MODULE),
        "pkcs11:token=iotsafe",
        env=setting.process_environment,
    ) as remote:
        remote.wait_line("P11_KIT_SERVER_ADDRESS")
        text = setting.run(
            *("gnutls-cli", "--provider", client, "--port", server.port),
            *("localhost", "--x509cafile", setting.ca),
            *("--x509certfile", CERTIFICATE, "--x509keyfile", KEY),
            P11_KIT_SERVER_ADDRESS=f"unix:path={setting.folder}/socket",
            IOTSAFE_CARD="",
        )
        version = re.search(r"\(TLS([\d.]+)-", text).group(1)
        wait_for_close(setting.sim)
        return server.subject(), version


def wait_for_close(sim, seconds=20):
    """The server's side closes the card when it learns that the client has
    gone: that is counted too."""
    end = time.monotonic() + seconds
    while not sim.log[-1]["command"].startswith("007080"):
        assert time.monotonic() < end, sim.log[-1]
        time.sleep(0.02)


# --- without TLS ---


@contextlib.contextmanager
def tunnel(setting, port, *words):
    """Gives the port it listens on."""
    with Process(
        *("iotsafe", "tunnel", "127.0.0.1:0", f"localhost:{port}"),
        *("--ca", setting.ca, *words),
        env=setting.process_environment,
    ) as process:
        yield process.wait_line(r"listening on 127\.0\.0\.1:(\d+)").group(1)


@row("curl without TLS", "curl", TUNNEL, "1.3",
     "`iotsafe tunnel 127.0.0.1:8080 HOST:443 …`, then "
     "`curl http://127.0.0.1:8080/`")
def plain_curl(setting):
    with setting.https() as server, tunnel(setting, server.port) as port:
        return ask(setting, server, "curl", "-s", f"http://127.0.0.1:{port}/")


@row("mbpoll", "mbpoll", TUNNEL, "1.3",
     "`iotsafe tunnel 127.0.0.1:1502 HOST:802 …`, then `mbpoll -m tcp -o 10 "
     "-p 1502 127.0.0.1`")
def mbpoll(setting):
    with Device() as device, Front(setting.folder, device.port) as front, \
            tunnel(setting, front.port) as port:
        device.registers[0] = 4711
        text = setting.run(*poll(port, "-1", "127.0.0.1", first=1))
        assert "4711" in text, text
        return front.client()


@row("coap-client without DTLS", "libcoap3-bin", TUNNEL, "DTLS 1.2",
     "`iotsafe tunnel --dtls 127.0.0.1:5683 HOST:5684 …`, then "
     "`coap-client-notls coap://127.0.0.1/`")
def plain_coap(setting):
    with CoAP(setting.folder) as server, \
            tunnel(setting, server.port, "--dtls") as port:
        text = setting.run("coap-client-notls", "-B", "20",
                           f"coap://127.0.0.1:{port}/")
        assert "libcoap" in text, text
        return server.subject(), "DTLS 1.2"
