# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SIM with Trust Onboard through the PKCS#11 module: pkcs11-tool, p11tool,
and gnutls-cli against a server, for both identities."""

import hashlib
import os
import re

import pytest
from command import openssl
from programs.setting import MODULE, TLS, Setting

TOKEN = "pkcs11:token=iotsafe"
IDS = {"signing": "31", "available": "0302"}

# The tools load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build


class Tob(Setting):
    def __init__(self, folder):
        super().__init__(folder, "--profile", "trust-onboard")
        self.iccid = re.search(r"iccid +(\d+)",
                               self.run("iotsafe", "info")).group(1)
        bundle = folder / "trust-onboard-bundle.pem"
        self.authorities.write_text(self.authorities.read_text() +
                                    bundle.read_text())

    def give_pin(self, pin="0000"):
        path = self.folder / "pins"
        path.write_text(f"{self.iccid} applet=mias {pin}\n")
        path.chmod(0o600)
        self.card = f"at:{self.sim.link}?pin-file={path}"

    def tool(self, *words, **options):
        return self.run("pkcs11-tool", "--module", MODULE, *words, **options)

    def p11tool(self, *words, **options):
        return self.run("p11tool", "--provider", MODULE, *words, TOKEN,
                        **options)


@pytest.fixture
def tob(tmp_path):
    with Tob(tmp_path) as setting:
        yield setting


@pytest.fixture
def open_tob(tob):
    tob.give_pin()
    return tob


def names(text):
    return re.findall(r"object=(\w+);type=(\w+)", text)


def test_p11tool_lists_both_certificates_with_and_without_the_pin(tob):
    both = [("signing", "cert"), ("available", "cert")]
    assert names(tob.p11tool("--list-all-certs")) == both
    tob.give_pin()
    text = tob.p11tool("--list-all-certs")
    assert names(text) == both
    assert re.findall("ID: (.*)", text) == ["31", "03:02"]


def test_p11tool_lists_both_private_keys(open_tob):
    text = open_tob.p11tool("--list-privkeys")
    assert names(text) == [("signing", "private"), ("available", "private")]
    assert re.findall("ID: (.*)", text) == ["31", "03:02"]


def public_key(tob, key, *login):
    path = tob.folder / "public.der"
    tob.tool(*login, "--read-object", "--type", "pubkey", "--id", IDS[key],
             "-o", path)
    return path


@pytest.mark.parametrize("hash", ["sha1", "sha256"])
@pytest.mark.parametrize("key", IDS)
def test_pkcs11_tool_signs_with_both(open_tob, key, hash):
    front = {"sha1": "3021300906052b0e03021a05000414",
             "sha256": "3031300d060960864801650304020105000420"}[hash]
    data, out = open_tob.folder / "data", open_tob.folder / "out"
    data.write_bytes(bytes.fromhex(front) + hashlib.new(hash, b"t").digest())
    open_tob.tool("--sign", "--id", IDS[key], "-m", "RSA-PKCS", "-i", data,
                  "-o", out)
    public = public_key(open_tob, key)
    (open_tob.folder / "text").write_bytes(b"t")
    openssl("dgst", f"-{hash}", "-keyform", "DER", "-verify", public,
            "-signature", out, open_tob.folder / "text")


@pytest.mark.parametrize("key", IDS)
def test_pkcs11_tool_decrypts_with_both(open_tob, key):
    cipher, out = open_tob.folder / "cipher", open_tob.folder / "out"
    cipher.write_bytes(openssl(
        "pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey",
        public_key(open_tob, key), input=b"premaster"))
    open_tob.tool("--decrypt", "--id", IDS[key], "-m", "RSA-PKCS", "-i", cipher,
                  "-o", out)
    assert out.read_bytes() == b"premaster"


def test_pkcs11_tool_logs_in_with_the_applets_pin(tob):
    def login(pin, status):
        return tob.tool("--login", "--pin", pin, "-O", "--type", "privkey",
                        status=status)

    assert "CKR_PIN_INCORRECT" in login("9999", 1)
    assert "2 tries" in tob.run("iotsafe", "pin", "tries")
    assert re.findall("label: +(.*)", login("0000", 0)) == list(IDS)
    assert "3 tries" in tob.run("iotsafe", "pin", "tries")


# --- where the line says that programs have to log in ---


@pytest.fixture
def login_tob(tob):
    folder = tob.folder / "iotsafe"
    folder.mkdir()
    (folder / "pkcs11.conf").write_text(f"login=yes {tob.card}\n")
    tob.pin = tob.folder / "pin"
    tob.pin.write_text("0000")
    yield tob
    assert "3 tries" in tob.run("iotsafe", "pin", "tries")


@pytest.fixture
def engine(login_tob):
    if "libengine-pkcs11-openssl" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        pytest.skip("libengine-pkcs11-openssl is not in this release")
    return login_tob


def private(tob, key, how):
    """How programs are given the PIN: by value, or by a file."""
    source = {"pin-value": "0000", "pin-source": tob.pin}[how]
    return f"{TOKEN};object={key};type=private?{how}={source}"


BOTH_WAYS = pytest.mark.parametrize("how", ["pin-value", "pin-source"])


def test_p11tool_logs_in_by_its_own_option(login_tob):
    url = f"{TOKEN};object=signing;type=private"
    text = login_tob.run("p11tool", "--provider", MODULE, "--login",
                         "--test-sign", url, GNUTLS_PIN="0000")
    assert text.count("... ok") == 3


@BOTH_WAYS
def test_p11tool_logs_in_by_the_url(login_tob, how):
    text = login_tob.run("p11tool", "--provider", MODULE, "--test-sign",
                         private(login_tob, "available", how))
    assert text.count("... ok") == 3


@BOTH_WAYS
@pytest.mark.parametrize("key", IDS)
def test_gnutls_cli_logs_in_by_the_url(login_tob, key, how):
    with TLS(login_tob) as server:
        login_tob.run(
            *("gnutls-cli", "--provider", MODULE, "--port", server.port),
            *("localhost", "--x509cafile", login_tob.ca),
            *("--x509certfile", f"{TOKEN};object={key};type=cert"),
            *("--x509keyfile", private(login_tob, key, how)),
            *("--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"),
        )
        assert server.subject().startswith("WC")


@BOTH_WAYS
@pytest.mark.parametrize("key", IDS)
def test_openssls_engine_logs_in_by_the_url(engine, key, how):
    url = private(engine, key, how)
    text, out = engine.folder / "text", engine.folder / "out"
    text.write_bytes(b"t")
    engine.run("openssl", "dgst", "-engine", "pkcs11", "-keyform", "engine",
               "-sha256", "-sign", url.replace("source=", "source=file:"),
               "-out", out, text)
    openssl("dgst", "-sha256", "-keyform", "DER", "-verify",
            public_key(engine, key, "--login", "--pin", "0000"),
            "-signature", out, text)


def test_curl_logs_in_by_the_url(engine):
    with engine.https(chain=False) as server:
        engine.run(
            *("curl", "-sS", "--cacert", engine.ca, f"{server.url}/"),
            *("--cert", f"{TOKEN};object=available;type=cert"),
            *("--key", private(engine, "available", "pin-value")),
        )
        assert server.client()[0].startswith("WC")


# --- TLS ---


@pytest.mark.parametrize("key, version", [
    ("signing", "1.2"), ("available", "1.2"), ("available", "1.3")])
def test_gnutls_cli_shows_both_identities_to_a_server(open_tob, key, version):
    url = f"{TOKEN};object={key};type="
    with TLS(open_tob) as server:
        text = open_tob.run(
            *("gnutls-cli", "--provider", MODULE, "--port", server.port),
            *("localhost", "--x509cafile", open_tob.ca),
            *("--x509certfile", url + "cert", "--x509keyfile", url + "private"),
            *("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"),
        )
        assert f"(TLS{version}-" in text, text
        subject = open_tob.run("iotsafe", "--json", "cert",
                               f"applet=mias;label={key}")
        name = server.subject().split(",")[0]
        assert name.startswith("WC") and name in subject
