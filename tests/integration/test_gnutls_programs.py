# SPDX-License-Identifier: LGPL-2.1-or-later
"""Manners of programs on GnuTLS under `iotsafe with`: they want files, divide,
go into the background, or serve; and they know no words for our failures."""

import os
import pathlib
import shutil
import subprocess

import pytest
from farside import Process, free_port
from programs.setting import HERE, TLS, Setting, run
from servers import Peer

NAME = "iotsafe-sim gsma client"
WITH = ("iotsafe", "with", "--")

# What is preloaded finds no sanitizer's library.
pytestmark = pytest.mark.plain_build


@pytest.fixture(name="setting")
def a_setting(tmp_path):
    with Setting(tmp_path) as setting:
        yield setting


@pytest.fixture(name="client", scope="module")
def built_client(tmp_path_factory):
    """A program of programs/gnutlsclient.c."""
    program = tmp_path_factory.mktemp("client") / "gnutlsclient"
    run("cc", "-Wall", "-Wextra", "-Werror", "-o", program,
        HERE / "gnutlsclient.c", "-lgnutls")
    return program


def counted(setting):
    """(signatures, channels that are left open)"""
    log = setting.sim.log
    channels = [each["command"] for each in log
                if each["name"] == "MANAGE CHANNEL" and each["sw"] == "9000"]
    closed = sum(command[4:6] == "80" for command in channels)
    return (sum(1 for each in log if each.get("signature")),
            len(channels) - 2 * closed)


def file_with_name(setting, name="iotsafe:label=client"):
    """The certificates, and the key's name where its PEM block would be."""
    path = setting.folder / "sim.pem"
    setting.run("iotsafe", "cert", "--chain", "--out", path)
    path.write_text(path.read_text() + name + "\n")
    return path


# --- files ---


def wget(setting, url, file):
    return ("wget", "-qO-", "--tries=1", f"--ca-certificate={setting.ca}",
            f"--certificate={file}", f"--private-key={file}", f"{url}/")


def aria2(setting, url, file):
    return ("aria2c", "-d", setting.folder, "-o", "got",
            f"--ca-certificate={setting.ca}", f"--certificate={file}",
            f"--private-key={file}", f"{url}/index.html")


def lftp(setting, url, file):
    return ("lftp", "-c", f"set ssl:ca-file {setting.ca}; "
            f"set ssl:cert-file {file}; set ssl:key-file {file}; "
            f"cat {url}/index.html")


def gnutls_cli(setting, url, file):
    return ("gnutls-cli", "--x509cafile", setting.ca, "--x509certfile", file,
            "--x509keyfile", file, "--port", url.rpartition(":")[2],
            "localhost")


@pytest.mark.parametrize("program", [wget, aria2, lftp, gnutls_cli])
def test_a_line_of_a_file_names_the_key(setting, program):
    file = file_with_name(setting)
    with setting.https() as server:
        setting.run(*WITH, *program(setting, server.url, file),
                    input=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert server.client() == (NAME, "1.3")
    assert counted(setting)[1] == 0


def serve_ldap(connection):
    """A bind and "who am I" (RFC 4532), each answered: success."""
    for answer in ("300c02010161070a010004000400",
                   "300e02010278090a0100040004008b00"):
        if connection.recv(4096):
            connection.sendall(bytes.fromhex(answer))


def is_on_gnutls(name):
    libraries = subprocess.run(["ldd", shutil.which(name)],
                               capture_output=True, check=True).stdout
    return b"libgnutls" in libraries


def test_a_line_of_a_file_names_the_key_for_ldap(setting):
    """libldap reads the files itself."""
    if not is_on_gnutls("ldapwhoami"):  # from Debian 13 on
        pytest.skip("ldapwhoami is not on GnuTLS in this release")
    file = file_with_name(setting)
    peer = Peer(setting.folder, serve_ldap)
    try:
        text = setting.run(
            *(*WITH, "ldapwhoami", "-x", "-H"),
            f"ldaps://127.0.0.1:{peer.port}",
            LDAPTLS_CACERT=setting.ca,
            LDAPTLS_CERT=file,
            LDAPTLS_KEY=file,
            LDAPTLS_REQCERT="allow",
        )
        assert peer.wait_for(1)[0]["client"] == NAME
    finally:
        peer.stop()
    assert "anonymous" in text
    assert counted(setting) == (2, 0)


def test_a_name_in_a_file_may_be_wrong(setting):
    file = file_with_name(setting, "iotsafe:label=wrong")
    text = setting.run(*WITH, *gnutls_cli(setting, "https://x:1", file),
                       status=1)
    assert 'iotsafe: no private key "wrong" on the card' in text


IMPORT_TWICE = """
import ctypes
gnutls = ctypes.CDLL(None)
class Datum(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]
def check(result):
    assert result >= 0, result
    return result
line = b"iotsafe:label=client"
key, made, private = (ctypes.c_void_p() for _ in range(3))
text = Datum()
check(gnutls.gnutls_x509_privkey_init(ctypes.byref(made)))
check(gnutls.gnutls_x509_privkey_generate(made, 1, 2048, 0))
check(gnutls.gnutls_x509_privkey_export2_pkcs8(
    made, 1, None, 1, ctypes.byref(text)))
check(gnutls.gnutls_x509_privkey_init(ctypes.byref(key)))
check(gnutls.gnutls_x509_privkey_import(
    key, ctypes.byref(Datum(line, len(line))), 1))
check(gnutls.gnutls_x509_privkey_import_pkcs8(
    key, ctypes.byref(text), 1, None, 1))
check(gnutls.gnutls_privkey_init(ctypes.byref(private)))
check(gnutls.gnutls_privkey_import_x509(private, key, 0))
print(gnutls.gnutls_privkey_get_type(private))
"""
X509 = 0  # GNUTLS_PRIVKEY_X509: no key of the card's


def test_a_key_that_comes_behind_a_name_takes_its_place(setting):
    text = setting.run(*WITH, "python3", "-c", IMPORT_TWICE)
    assert int(text.splitlines()[-1]) == X509


def test_a_key_in_a_file_stays_one(setting, client):
    """The line is a comment then."""
    file = setting.folder / "both.pem"
    file.write_text("".join(
        (setting.folder / name).read_text()
        for name in ("server.pem", "server-key.pem")
    ) + "iotsafe:\n")
    with TLS(setting) as server:
        setting.run(*WITH, client, server.port, file, file)
        assert server.client()[1] == "CN=iotsafe-sim test server"
    assert counted(setting) == (0, 0)


# --- processes ---


def shake_hands(setting, client, server, *words, status=0, **environment):
    return setting.run(*WITH, client, server.port, "iotsafe:", "iotsafe:",
                       *words, status=status, **environment)


@pytest.mark.parametrize("words", [
    ("exit",),
    ("_exit",),
    ("exit", "clearenv"),
    ("_exit", "closefds"),
    ("exit", "_exit"),
], ids=" ".join)
def test_a_program_goes_into_the_background_with_the_key(
    setting, client, words
):
    """Its output is read to the end, which is the child's."""
    with TLS(setting) as server:
        text = shake_hands(setting, client, server, *words)
        assert server.subject() == NAME, text
    assert counted(setting) == (2, 0), text


@pytest.mark.parametrize("name, card", [
    ("iotsafe:", "at:modem"),
    ("iotsafe:?card=at:modem", "at:/nowhere"),
])
def test_a_daemon_finds_a_relative_path_from_another_folder(
    setting, client, name, card
):
    with TLS(setting) as server:
        text = setting.run(
            *(*WITH, client, server.port, name, name, "exit", "chdir"),
            folder=setting.folder,
            IOTSAFE_CARD=card,
        )
        assert server.subject() == NAME, text


def test_a_child_is_told_that_its_parent_has_the_port(setting, client):
    with TLS(setting) as server:
        text = shake_hands(setting, client, server, "wait", status=1)
    assert "port busy: gnutlsclient (process " in text
    assert "share=yes" in text
    assert counted(setting) == (1, 0)


def test_a_child_and_its_parent_take_turns(setting, client):
    with TLS(setting) as server:
        shake_hands(setting, client, server, "wait",
                    IOTSAFE_CARD=setting.card + "?share=yes")
        assert server.subject() == NAME
    assert counted(setting) == (2, 0)


@pytest.mark.parametrize("card, words", [
    ("sim:", "card: its ICCID is "),
    ("sim:?quirk=no-iccid", 'key "client" is another one than '),
])
def test_a_child_takes_no_other_key_than_its_parent_s(
    setting, client, card, words
):
    """Each process that opens this address starts a SIM of its own."""
    with TLS(setting) as server:
        text = shake_hands(setting, client, server, "wait", status=1,
                           IOTSAFE_CARD=card)
    assert words in text and "before fork()" in text


def test_a_server_shows_the_sims_certificate(setting):
    port = free_port(2)
    with Process(
        *(*WITH, "stdbuf", "-oL", "gnutls-serv", "--echo", "--port", port),
        *("--x509certfile", "iotsafe:", "--x509keyfile", "iotsafe:"),
        env=setting.process_environment,
    ) as server:
        server.wait_line(rf"IPv4.* port {port}\.\.\.done")
        for _ in range(2):
            text = run("gnutls-cli", "--no-ca-verification", "--port", port,
                       "127.0.0.1")
            assert f"subject `CN={NAME}'" in text
    # One more when the key was loaded.
    assert counted(setting)[0] == 3


# --- words ---


def failure(setting, client, name="iotsafe:", **environment):
    """(what was said in the end, what else) of a program whose files are
    none."""
    text = setting.run(*WITH, client, 1, name, name, status=1, **environment)
    *before, last = text.splitlines()
    return last.removeprefix("gnutlsclient: files: "), before


@pytest.mark.parametrize("name, card, words", [
    ("iotsafe:", "at:/nowhere", "at:/nowhere: no such port"),
    ("iotsafe:label=wrong", None, 'no private key "wrong" on the card'),
    ("iotsafe:colour=red", None, 'unknown attribute "colour"'),
    ("iotsafe:", "", "no address given"),
])
def test_a_program_is_given_words(setting, client, name, card, words):
    card = setting.card if card is None else card
    said, before = failure(setting, client, name, IOTSAFE_CARD=card)
    assert words in said
    # And so is who looks on: many programs say nothing of their own.
    assert before == [f"iotsafe: {said}"]


def test_a_missing_pin_is_said(tmp_path, client):
    with Setting(tmp_path, "--quirk", "pin=1234,pin-modem") as setting:
        said, before = failure(setting, client)
    assert "PIN" in said
    assert before == [f"iotsafe: {said}"]


def test_a_card_that_refuses_is_said(tmp_path, client):
    """GnuTLS asks for the first signature when the files are loaded, and makes
    nothing of its failure."""
    with Setting(tmp_path, "--quirk", "pin=1234") as setting:
        with TLS(setting) as server:
            text = shake_hands(setting, client, server, status=1)
    said = "COMPUTE SIGNATURE INIT: card answered 6982 security status not " \
        'satisfied (key "client")'
    assert text.splitlines() == [f"iotsafe: {said}"] * 2 + [
        f"gnutlsclient: handshake: {said}"
    ]


def test_what_was_standard_error_gets_no_words(setting, client):
    """The program may have any file by that number."""
    output = setting.folder / "output"
    with TLS(setting) as server:
        text = shake_hands(setting, client, server, f"output={output}", "wait",
                           status=1)
    assert text == ""
    assert len(output.read_text().splitlines()) == 1
    assert output.read_text().startswith("gnutlsclient: handshake: at:")


def test_who_traces_gets_the_trace_alone(setting, client):
    said, before = failure(setting, client, "iotsafe:label=wrong",
                           IOTSAFE_TRACE="failure")
    assert before == [f"iotsafe failure {said}"]
    _, before = failure(setting, client, "iotsafe:label=wrong",
                        IOTSAFE_TRACE="none")
    assert before == []


TRACING = {
    "python3": """
import sys, iotsafe, pycurl
iotsafe.trace("failure")
request = pycurl.Curl()
request.setopt(pycurl.URL, sys.argv[1])
request.setopt(pycurl.SSLCERT, "iotsafe:")
request.setopt(pycurl.SSLKEY, "iotsafe:label=wrong")
try:
    request.perform()
except pycurl.error as error:
    print(error)
""",
    "lua5.1": """
require("iotsafe").trace("failure")
local curl = require "curl"
local request = curl.easy_init()
request:setopt(curl.OPT_URL, arg[1])
request:setopt(curl.OPT_SSLCERT, "iotsafe:")
request:setopt(curl.OPT_SSLKEY, "iotsafe:label=wrong")
print(pcall(request.perform, request))
""",
}


@pytest.mark.parametrize("language, package", [
    ("python3", "python3-pycurl"), ("lua5.1", "lua-curl")])
def test_a_script_asks_for_the_words_itself(setting, language, package):
    if package in os.environ.get("IOTSAFE_UNAVAILABLE", "").split():
        pytest.skip(f"{package} is not in this release")
    script = setting.folder / "script"
    script.write_text(TRACING[language])
    with setting.https() as server:
        text = setting.run(language, script, f"{server.url}/")
    assert 'iotsafe failure no private key "wrong" on the card' in text


def test_gnutls_keeps_its_own_words(setting, client):
    missing = pathlib.Path("/nowhere")
    said, before = failure(setting, client, missing)
    assert said == "Error while reading file." and before == []
