# SPDX-License-Identifier: LGPL-2.1-or-later
"""The package as a whole: what it exports and what it promises to others."""

import ast
import gc
import os
import pathlib
import ssl
import subprocess
import sys

import iotsafe
import pytest
from iotsafe import _core, x509

PACKAGE = pathlib.Path(iotsafe.__file__).parent


def test_says_which_release_it_is():
    assert iotsafe.__version__.split(".")[0].isdigit()


def test_every_public_name_is_there_and_documented():
    for name in iotsafe.__all__:
        assert getattr(iotsafe, name).__doc__, name


def test_has_type_hints():
    assert (PACKAGE / "py.typed").exists()


def test_the_hints_of_the_extension_name_what_it_has():
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    hinted = {
        getattr(each, "name", None) or each.target.id
        for each in tree.body
        if isinstance(each, (ast.FunctionDef, ast.ClassDef, ast.AnnAssign))
    }
    generated = {
        name
        for name in vars(_core)
        if not name.startswith(("_", "SWIG", "Swig"))
    }
    assert hinted == generated


def test_needs_nothing_but_the_standard_library():
    script = (
        "import sys, iotsafe;"
        "names = {n.partition('.')[0] for n in sys.modules};"
        "print(*names - set(sys.stdlib_module_names))"
    )
    out = subprocess.run(
        [sys.executable, "-S", "-c", script],
        check=True, capture_output=True, text=True,
    ).stdout.split()
    others = [n for n in out if not n.startswith("swig_runtime_data")]
    assert sorted(others) == ["__main__", "iotsafe"]


def test_loads_without_openssl():
    script = "import sys, iotsafe; sys.exit('ssl' in sys.modules)"
    subprocess.run([sys.executable, "-S", "-c", script], check=True)


@pytest.fixture
def full_certificate(tmp_path):
    """One with all that ssl tells of a certificate, as PEM."""
    config = tmp_path / "names"
    config.write_text("[req]\ndistinguished_name=dn\n[dn]\n[more]\nC=DE\nO=x\n")
    path = tmp_path / "full.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / "key",
         "-out", path, "-config", config, "-subj", "/CN=x/serialNumber=7",
         "-addext", "subjectAltName=DNS:*.example,email:a@b.c,URI:http://x/,"
         "IP:192.0.2.1,IP:fe80::1,RID:1.2.3.4,dirName:more",
         "-addext", "authorityInfoAccess=OCSP;URI:http://o/,OCSP;DNS:no,"
         "caIssuers;URI:http://i/,OCSP;URI:http://p/",
         "-addext", "crlDistributionPoints=URI:http://c/,URI:http://d/"],
        check=True, capture_output=True,
    )
    return path


@pytest.mark.parametrize("name", ["ca", "intermediate", "server", "full"])
def test_describes_a_certificate_as_the_ssl_module_does(
    store, name, full_certificate
):
    path = full_certificate if name == "full" else store / f"{name}.pem"
    text = path.read_text()
    pem = text[: text.index("-----END")] + "-----END CERTIFICATE-----\n"
    got = x509.describe(ssl.PEM_cert_to_DER_cert(pem))
    assert got == ssl._ssl._test_decode_cert(str(path))


def test_a_certificate_that_is_none_is_a_format_error(full_certificate):
    der = ssl.PEM_cert_to_DER_cert(full_certificate.read_text())
    for size in range(len(der) - 80):
        with pytest.raises(iotsafe.FormatError):
            x509.describe(der[:size])
    for i in range(len(der)):
        for value in (0x00, 0x7F, 0x80, 0x84, 0xFF):
            twisted = der[:i] + bytes([value]) + der[i + 1 :]
            try:
                x509.describe(twisted)
            except iotsafe.FormatError:
                pass


def test_of_issuers_nothing_is_told_that_cannot_be_read(full_certificate):
    der = ssl.PEM_cert_to_DER_cert(full_certificate.read_text())
    broken = der.replace(b"\x86\x09http://o/", b"\x86\x79http://o/")
    assert broken != der and "OCSP" not in x509.describe(broken)
    assert x509.describe(broken)["subjectAltName"]


def test_many_rounds_leave_nothing_behind(address, tmp_path):
    state = tmp_path / "state"
    iotsafe.Seal(bytes(32), b"k", state, create=True).close()

    def round_of_the_whole_applet():
        with iotsafe.open(address("full")) as card:
            key = card.generate("ecdh")
            card.put_public_key("peer", key.public_key)
            secret = key.agree(slot="peer")
            card.mac("cmac", card.prf("x", b"seed", 32, "psk", secret))
            card.key("client").csr("CN=x", pem=True)
            card.key("client").jwt({"sub": "x"})
            for wrong in (bytes(64), b"\x30\x00", b""):
                try:
                    card.verify("client", wrong, bytes(32))
                except iotsafe.Error:
                    pass
        with iotsafe.Seal(bytes(32), b"k", state) as seal:
            try:
                seal.decrypt(seal.encrypt(secret, b"x"))
            except iotsafe.VerifyError:
                pass

    def round_of_everything():
        round_of_the_whole_applet()
        with iotsafe.open(address()) as card:
            key = card.key()
            key.sign_message(b"x", der=True)
            card.objects()
            card.info
            card.random(8)
            for name in ("nobody", "id=zz"):
                try:
                    card.key(name)
                except iotsafe.Error:
                    pass

    for _ in range(3):
        round_of_everything()
    gc.collect()
    descriptors = len(os.listdir("/proc/self/fd"))
    objects = len(gc.get_objects())
    for _ in range(20):
        round_of_everything()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(gc.get_objects()) - objects < 50
