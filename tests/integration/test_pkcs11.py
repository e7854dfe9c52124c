# SPDX-License-Identifier: LGPL-2.1-or-later
"""The PKCS#11 module in the hands of the tools that people try it with:
pkcs11-tool, p11tool and p11-kit. What each step costs stands in
docs/pkcs11.md."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from command import openssl
from commands import far
from programs.rows import GET
from programs.setting import (
    CERTIFICATE,
    KEY,
    MODULE,
    TLS,
    Process,
    Setting,
    run,
)

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = MODULE.parents[2]
TOKEN = "pkcs11:token=iotsafe"

# The tools load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build


class Steps(Setting):
    """A setting that counts what each step costs on the card."""

    def cost(self, *words, **options):
        before = len(self.sim.log)
        text = self.run(*words, **options)
        return len(self.sim.log) - before, text

    def pkcs11_tool(self, *words, **options):
        return self.cost("pkcs11-tool", "--module", MODULE, *words, **options)

    def p11tool(self, *words, **options):
        return self.cost("p11tool", "--provider", MODULE, *words, **options)


@pytest.fixture
def steps(tmp_path):
    with Steps(tmp_path) as setting:
        yield setting


@pytest.fixture
def rsa(tmp_path):
    with Steps(tmp_path, "--profile", "rsa") as setting:
        # The simulator makes the key when it is first used.
        setting.run("iotsafe", "sign", os.devnull)
        yield setting


def test_it_exports_what_programs_look_up_and_nothing_else():
    names = run("nm", "-D", "--defined-only", "--format=posix", MODULE)
    assert sorted(line.split()[0] for line in names.splitlines()) == [
        "C_GetFunctionList",
        "C_GetInterface",
        "C_GetInterfaceList",
    ]


# --- pkcs11-tool ---


def test_pkcs11_tool_lists_the_slot_without_an_exchange(steps):
    cost, text = steps.pkcs11_tool("-L")
    assert cost == 0
    assert re.search(r"token label +: iotsafe\n", text)
    assert "login required" not in text


def test_pkcs11_tool_lists_the_objects_of_an_identity_under_one_id(steps):
    cost, text = steps.pkcs11_tool("-O")
    assert cost == 19
    ids = re.findall(r"^(\w+).*?ID: +(\w+)$", text, re.M | re.S)
    assert ids[:3] == [("Using", "01"), ("Public", "01"), ("Certificate", "01")]
    assert "subject:    DN: CN=iotsafe-sim gsma client" in text


def test_pkcs11_tool_lists_what_the_card_can(steps, tmp_path):
    cost, text = steps.pkcs11_tool("-M")
    assert cost == 5
    assert re.findall(r"^  ([\w-]+), keySize", text, re.M) == [
        "ECDSA",
        "ECDSA-SHA1",
        "ECDSA-SHA224",
        "ECDSA-SHA256",
        "ECDSA-SHA384",
        "ECDSA-SHA512",
        "ECDH1-DERIVE",
        "ECDSA-KEY-PAIR-GEN",
    ]


@pytest.mark.parametrize("login", [(), ("--login", "--pin", "1234")])
def test_pkcs11_tool_finds_no_error(steps, login):
    _, text = steps.pkcs11_tool("--test", *login)
    assert "No errors" in text


def sign(setting, mechanism, data, *options):
    (setting.folder / "data").write_bytes(data)
    setting.pkcs11_tool(
        *("--sign", "--id", "01", "-m", mechanism),
        *("-i", setting.folder / "data", "-o", setting.folder / "signature"),
        *options,
    )
    return (setting.folder / "signature").read_bytes()


def public_key(setting):
    setting.pkcs11_tool("--read-object", "--type", "pubkey", "--id", "01",
                        "-o", setting.folder / "public.der")
    return (setting.folder / "public.der").read_bytes()


def test_a_signature_of_pkcs11_tool_is_good_for_openssl(steps):
    digest = openssl("dgst", "-sha256", "-binary", input=b"text")
    signature = sign(steps, "ECDSA", digest)
    assert len(signature) == 64
    assert far.signature_is_good(
        steps.folder, public_key(steps), "ecdsa-sha256", b"text", signature
    )


def test_rsa_signatures_of_pkcs11_tool_are_good_for_openssl(rsa):
    digest = openssl("dgst", "-sha256", "-binary", input=b"text")
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    spki = public_key(rsa)
    signature = sign(rsa, "RSA-PKCS", info)
    assert far.signature_is_good(
        rsa.folder, spki, "rsa-pkcs1-sha256", b"text", signature
    )
    signature = sign(rsa, "RSA-PKCS-PSS", digest, "--hash-algorithm", "SHA256")
    assert far.signature_is_good(
        rsa.folder, spki, "rsa-pss-sha256", b"text", signature
    )


def test_pkcs11_tool_has_data_of_any_length_hashed(steps):
    data = b"text" * 1000
    signature = sign(steps, "ECDSA-SHA256", data)
    assert far.signature_is_good(
        steps.folder, public_key(steps), "ecdsa-sha256", data, signature
    )


def test_pkcs11_tool_has_data_of_any_length_hashed_for_rsa(rsa):
    data = b"text" * 1000
    spki = public_key(rsa)
    for mechanism, name in (
        ("SHA256-RSA-PKCS", "rsa-pkcs1-sha256"),
        ("SHA256-RSA-PKCS-PSS", "rsa-pss-sha256"),
    ):
        signature = sign(rsa, mechanism, data)
        assert far.signature_is_good(rsa.folder, spki, name, data, signature)


def test_pkcs11_tool_has_a_pair_made_and_agrees_on_a_secret(steps):
    steps.pkcs11_tool("--keypairgen", "--key-type", "EC:prime256v1")
    made = steps.folder / "made.der"
    steps.pkcs11_tool("--read-object", "--type", "pubkey", "--id", "04",
                      "-o", made)
    peer = far.Peer(steps.folder)
    peer_file = steps.folder / "peer.der"
    peer_file.write_bytes(peer.spki)
    steps.pkcs11_tool(
        *("--derive", "--id", "04", "-m", "ECDH1-DERIVE"),
        *("-i", peer_file, "-o", steps.folder / "secret"),
    )
    secret = (steps.folder / "secret").read_bytes()
    assert secret == peer.agree(made.read_bytes())


def test_a_slot_that_holds_a_key_is_overwritten_only_by_name(steps):
    generate = ("--keypairgen", "--key-type", "EC:prime256v1")
    steps.pkcs11_tool(*generate)
    _, text = steps.pkcs11_tool(*generate, status=1)
    assert "CKR_DEVICE_MEMORY" in text
    steps.pkcs11_tool(*generate, "--id", "04")
    _, text = steps.pkcs11_tool(*generate, "--id", "01", status=1)
    assert "CKR_ATTRIBUTE_VALUE_INVALID" in text


def test_a_certificate_without_the_mark_of_one_is_found_for_its_key(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=unmarked",
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", key, "-out", certificate)
    der = tmp_path / "certificate.der"
    openssl("x509", "-in", certificate, "-outform", "DER", "-out", der)
    run("iotsafe-sim", "personalise", "--store", tmp_path, "--profile",
        "blank", "--key", key, "--id", "21", "--label", "device",
        "--file", der, "--id", "33")
    with Steps(tmp_path, "--profile", "blank") as steps:
        _, text = steps.pkcs11_tool("-O", "--type", "cert")
        assert re.search(r"label: +device\n.*CN=unmarked.*ID: +21", text, re.S)
        exported = steps.folder / "exported.der"
        steps.pkcs11_tool("--read-object", "--type", "cert", "--id", "21",
                          "-o", exported)
        assert exported.read_bytes() == der.read_bytes()


def certified(folder, name, *options):
    """A certificate of the key, as DER."""
    openssl("req", "-x509", "-key", folder / "key.pem", "-subj",
            f"/O=A maker whose name is long/CN={name}", *options,
            "-out", folder / f"{name}.pem")
    openssl("x509", "-in", folder / f"{name}.pem", "-outform", "DER",
            "-out", folder / f"{name}.der")
    return folder / f"{name}.der"


def test_every_certificate_of_a_key_has_its_id(tmp_path):
    """Two that others issued, and one that it signed itself."""
    for name in ("key", "issuer"):
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout",
                "-out", tmp_path / f"{name}.pem")
    public = tmp_path / "public.pem"
    openssl("pkey", "-in", tmp_path / "key.pem", "-pubout", "-out", public)
    openssl("req", "-x509", "-key", tmp_path / "issuer.pem", "-subj",
            "/CN=issuer", "-out", tmp_path / "authority.pem")
    issued = ("-CA", tmp_path / "authority.pem", "-CAkey", tmp_path / "issuer.pem")
    run("iotsafe-sim", "personalise", "--store", tmp_path, "--profile",
        "blank", "--key", tmp_path / "key.pem", "--id", "21",
        *("--certificate", tmp_path / "authority.pem", "--id", "31"),
        *("--certificate", certified(tmp_path, "first", *issued)),
        *("--id", "32"),
        *("--certificate", certified(tmp_path, "self"), "--id", "33"),
        *("--certificate", certified(tmp_path, "second", *issued)),
        *("--id", "34"))
    with Steps(tmp_path, "--profile", "blank") as steps:
        _, text = steps.pkcs11_tool("-O", "--type", "cert")
        found = dict(re.findall(r"CN=(\w+).*?ID: +(\w+)", text, re.S))
        assert found == {
            "issuer": "31", "first": "21", "self": "21", "second": "21"
        }
        _, text = steps.p11tool("--list-all", f"{TOKEN};type=cert;id=%21")
        assert text.count("ID: 21") == 3


def without_null(certificate, public_key):
    """The key's algorithm loses its parameters, and what holds it two bytes.
    Nobody looks at the signature."""
    full, bare = (bytes.fromhex(front + "06092a864886f70d010101" + end)
                  for front, end in (("300d", "0500"), ("300b", "")))

    def shorter(der, at):
        """A length of two bytes, behind the tag there."""
        length = int.from_bytes(der[at + 2:at + 4], "big") - 2
        return der[:at + 2] + length.to_bytes(2, "big") + der[at + 4:]

    key = shorter(public_key.replace(full, bare), 0)
    return shorter(shorter(certificate.replace(public_key, key), 0), 4)


def test_a_key_on_rsa_without_parameters_is_its_certificates(tmp_path):
    openssl("genrsa", "-out", tmp_path / "key.pem", "2048")
    public = openssl("pkey", "-in", tmp_path / "key.pem", "-pubout",
                     "-outform", "DER")
    path = certified(tmp_path, "device")
    path.write_bytes(without_null(path.read_bytes(), public))
    assert public not in path.read_bytes()
    run("iotsafe-sim", "personalise", "--store", tmp_path, "--profile",
        "blank", "--key", tmp_path / "key.pem", "--id", "21",
        "--certificate", path, "--id", "31")
    with Steps(tmp_path, "--profile", "blank") as steps:
        _, text = steps.pkcs11_tool("-O", "--type", "cert")
        assert re.search("CN=device.*ID: +21", text, re.S)


# --- p11tool ---


def test_p11tool_lists_the_token_without_an_exchange(steps):
    cost, text = steps.p11tool("--list-tokens")
    assert cost == 0
    assert "token=iotsafe\n" in text
    assert "Requires login" not in text


def test_p11tool_finds_a_certificate_by_label_and_reads_it_alone(steps):
    url = f"{TOKEN};object=client-cert;type=cert"
    cost, text = steps.p11tool("--export", url)
    # Opening, the list, one file in two pieces, the public key by which the
    # certificate gets its id; closing.
    assert cost == 11
    assert openssl("x509", "-noout", "-subject", input=text.encode())


def test_p11tool_signs_and_verifies(steps):
    _, text = steps.p11tool("--test-sign", KEY)
    assert text.count("... ok") == 3


def test_p11tool_takes_authorities_only_where_they_are_trusted(steps):
    folder = steps.folder / "iotsafe"
    folder.mkdir()
    for trust, marks in (("no", 0), ("yes", 2)):
        (folder / "pkcs11.conf").write_text(f"trust={trust} {steps.card}\n")
        _, text = steps.p11tool("--list-all", f"{TOKEN};type=cert")
        assert text.count("CKA_TRUSTED") == marks


# --- OpenSSL's provider, where it is packaged ---


PROVIDER = list(pathlib.Path("/usr/lib").glob("*/ossl-modules/pkcs11.so"))
# By hand, what is not installed counts as not to be had.
UNKNOWN = "" if PROVIDER else "pkcs11-provider"
PROVIDER_CONFIGURATION = """
openssl_conf = main
[main]
providers = providers
[providers]
default = default_section
pkcs11 = pkcs11_section
[default_section]
activate = 1
[pkcs11_section]
module = {provider}
pkcs11-module-path = {module}
activate = 1
"""


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_openssl_uses_the_card_through_pkcs11_provider(steps, version):
    if "pkcs11-provider" in os.environ.get("IOTSAFE_UNAVAILABLE", UNKNOWN):
        pytest.skip("pkcs11-provider is not in this release")
    [provider] = PROVIDER
    configuration = steps.folder / "openssl.cnf"
    configuration.write_text(
        PROVIDER_CONFIGURATION.format(provider=provider, module=MODULE)
    )
    own = steps.folder / "own.pem"
    steps.run("iotsafe", "cert", "--chain", "--out", own)
    with steps.https() as server:
        cost, text = steps.cost(
            *("openssl", "s_client", "-quiet"),
            *("-tls" + version.replace(".", "_"), "-key", KEY),
            *("-cert", own, "-cert_chain", own, "-CAfile", steps.ca),
            *("-connect", f"localhost:{server.port}"),
            input=GET,
            OPENSSL_CONF=configuration,
        )
        assert "hello" in text
        assert server.client() == ("iotsafe-sim gsma client", version)
    assert cost == 11


# --- p11-kit ---


@pytest.fixture
def elsewhere(steps):
    """Runs a program that has no card, but p11-kit's module for a server."""
    [client] = pathlib.Path("/usr/lib").glob("*/pkcs11/p11-kit-client.so")
    address = f"unix:path={steps.folder}/socket"
    with Process(
        *("p11-kit", "server", "--foreground", "--name"),
        *(steps.folder / "socket", "--provider", MODULE, TOKEN),
        env=steps.process_environment,
    ) as server:
        server.wait_line("P11_KIT_SERVER_ADDRESS")
        yield lambda program, *words: steps.run(
            *(program, "--provider", client, *words),
            P11_KIT_SERVER_ADDRESS=address,
            IOTSAFE_CARD="",
        )


def test_a_program_elsewhere_uses_the_card_through_p11_kit_server(elsewhere):
    text = elsewhere("p11tool", "--test-sign", KEY)
    assert text.count("... ok") == 3


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_tls_client_elsewhere_shows_the_certificate_through_p11_kit_server(
    steps, elsewhere, version
):
    with TLS(steps) as server:
        text = elsewhere(
            *("gnutls-cli", "--port", server.port, "localhost"),
            *("--x509cafile", steps.ca),
            *("--x509certfile", CERTIFICATE, "--x509keyfile", KEY),
            *("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"),
        )
        assert f"(TLS{version}-" in text, text
        assert server.subject() == "iotsafe-sim gsma client"
    assert sum(1 for each in steps.sim.log if each.get("signature")) == 1


def test_the_module_file_names_the_module_and_trusts_nobody():
    text = (MODULE.parent / "iotsafe.module").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines[0].endswith("iotsafe-pkcs11.so")
    assert lines[1:] == ["critical: no", "trust-policy: no"]


@pytest.fixture
def outside():
    """A folder that everybody may enter, with what is needed of the build."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="iotsafe-"))
    try:
        folder.chmod(0o755)
        for file in (MODULE, *(BUILD / "core").glob("libiotsafe.so.0")):
            shutil.copy(file, folder)
        modules = folder / "config/pkcs11/modules"
        modules.mkdir(parents=True)
        (modules / "iotsafe.module").write_text(
            f"module: {folder}/iotsafe-pkcs11.so\n"
        )
        yield folder
    finally:
        shutil.rmtree(folder)


def as_user(folder, *words):
    """p11-kit reads the modules of users, not of root."""
    user = {} if os.geteuid() else {"user": 65534, "group": 65534}
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        text=True,
        cwd=folder,
        extra_groups=[] if user else None,
        env={
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": str(folder),
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
        },
        **user,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_registered_module_serves_programs_that_name_no_module(
    outside, tmp_path
):
    assert "token: iotsafe" not in as_user(outside, "p11-kit", "list-modules")
    with Setting(tmp_path) as setting, setting.https() as server:
        (outside / "modem").symlink_to(setting.sim.link.resolve())
        setting.sim.link.resolve().chmod(0o666)
        shutil.copy(setting.ca, outside / "ca.pem")
        card = f"at:{outside}/modem"
        # GnuTLS shows the issuers that it finds and trusts.
        (outside / "config/iotsafe").mkdir()
        (outside / "config/iotsafe/pkcs11.conf").write_text(
            f"trust=yes {card}\n"
        )
        text = as_user(outside, "p11-kit", "list-modules")
        assert "token: iotsafe" in text
        assert not setting.sim.log
        text = as_user(
            outside,
            *("wget", "-qO-", "--tries=1", "--ca-certificate=ca.pem"),
            "--certificate=pkcs11:token=iotsafe;id=%01;type=cert",
            "--private-key=pkcs11:token=iotsafe;id=%01;type=private",
            f"{server.url}/",
        )
        assert text == "hello\n"
        assert server.client() == ("iotsafe-sim gsma client", "1.3")
