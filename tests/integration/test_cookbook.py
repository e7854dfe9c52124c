# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every program of docs/cookbook.md is taken from that page, built or run."""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import pytest
from farside import (
    DatagramTap,
    Process,
    Server,
    certified,
    make_server_certificate,
)
from programs.setting import CoAP
from servers import Mosquitto, Peer, pass_on
from wired import Cable, Switch, refused

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "cookbook.md"
SUFFIXES = {"python": ".py", "lua": ".lua", "c": ".c", "sh": ".sh"}
LUAS = [lua for lua in ("lua5.1", "lua5.3", "lua5.4", "luajit")
        if shutil.which(lua)]

# Python and Lua load the library, and no sanitizer's.
pytestmark = pytest.mark.plain_build


def programs():
    """File name to text, for each fenced block; the name is its first word
    that has the language's ending."""
    found = {}
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(),
                        re.DOTALL | re.MULTILINE)
    for language, text in blocks:
        suffix = SUFFIXES[language]
        name = re.search(r"[a-z]+" + re.escape(suffix), text).group()
        assert name not in found
        found[name] = text
    return found


PROGRAMS = programs()
SUBJECT = "iotsafe-sim gsma client"


def run(line, folder, **options):
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True,
                          errors="replace", timeout=60, check=False,
                          **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch, request):
    make_server_certificate(tmp_path)
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "message").write_text("hello")
    (tmp_path / "message.sig").write_bytes(subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", tmp_path / "ca-key.pem"],
        input=b"hello", capture_output=True, check=True).stdout)
    name = request.getfixturevalue("name") \
        if "name" in request.fixturenames else ""
    card = f"sim:{CARDS.get(name, '')}?store={tmp_path}"
    monkeypatch.setenv("IOTSAFE_CARD", card)
    monkeypatch.setenv("PIN", "0000")
    return tmp_path


def build(name, folder):
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "iotsafe", "gnutls"],
        capture_output=True, text=True, check=True).stdout
    program = folder / name.removesuffix(".c")
    run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, folder / name,
         *shlex.split(flags)], folder)
    return [str(program)]


def command_lines(name, folder):
    """How a program is run: once with each interpreter of its language."""
    if name.endswith(".c"):
        return [build(name, folder)]
    if name.endswith(".lua"):
        assert LUAS
        return [[lua, name] for lua in LUAS]
    return [["python3" if name.endswith(".py") else "sh", name]]


# SHA-256 of "hello".
DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

# What the programs without a server are given, and what they print.
ALONE = {
    "sign.py": (["hello"], r"30[0-9a-f]{130,146}"),
    "sign.lua": ([DIGEST], r"30[0-9a-f]{130,146}"),
    "sign.c": (["hello"], r"[0-9a-f]{128}"),
    "sign.sh": (["message"], r"Verified OK"),
    "token.sh": (["message"], r"Verified OK"),
    "credentials.c": ([], r"2 certificates"),
    "names.c": ([], r"key and certificate are the SIM's"),
    "objects.py": ([], r"iotsafe:id=01;type=private .*client"),
    "objects.lua": ([], r"iotsafe:id=01;type=private\tclient"),
    "certificate.py": ([], r"-----BEGIN CERTIFICATE-----"),
    "certificate.lua": ([], r"-----BEGIN CERTIFICATE-----"),
    "link.c": ([], r"SELECT: .*6A82"),
    "request.sh": ([], r"subject=.*CN ?= ?device-7"),
    "request.py": ([], r"-----BEGIN CERTIFICATE REQUEST-----"),
    "request.lua": ([], r"device-7"),
    "request.c": ([], r"device-7"),
    "claims.py": ([], r"^[\w-]+\.[\w-]+\.[\w-]{86}$"),
    "claims.lua": ([], r"^[\w-]+\.[\w-]+\.[\w-]{86}$"),
    "claims.sh": ([], r"^[\w-]+\.[\w-]+\.[\w-]{86}$"),
    "upgrade.sh": (["message", "message.sig"], r"taking message"),
    "check.py": (["ca-key", "message", "message.sig"], r"good"),
    "check.lua": (["ca-key", "message", "message.sig"], r"good"),
    "onboard.sh": (["trust-onboard-bundle.pem"], r"subject=.*CN ?= ?WC"),
    "sealed.py": (["a text"], r"^a text$"),
    "sealed.lua": (["a text"], r"^a text$"),
}

# The same for those that are given a host, a port and a CA; and what the
# server is.
CONNECTED = {
    "fetch.sh": ("http", r"GnuTLS"),
    "fromfile.sh": ("http", r"GnuTLS"),
    "connect.py": ("echo", r"TLSv1\.3 b'hello"),
    "connect.lua": ("echo", r"TLSv?1\.3\thello"),
    "connect.c": ("echo", r"TLS1\.3 hello"),
    "loop.py": ("echo", r"done; waited for .*WANT_CARD"),
    "https.py": ("http", r"200"),
    "web.py": ("http", r"200 b'\\n<HTML>"),
    "streams.py": ("echo", r"the loop ran on \d+ times\nb'hello"),
    "https.lua": ("http", r"200"),
    "tunnel.sh": ("http", r"200"),
    "dtls.py": ("udp", r"DTLSv1\.2 b'hello"),
    "dtls.lua": ("udp", r"DTLSv?1\.2\thello"),
    "onboard.py": ("onboard", r"TLSv1\.2 b'hello"),
    "onboard.lua": ("onboard", r"TLSv?1\.2\thello"),
    "psk.py": ("psk", r"TLSv1\.2 b'hello"),
    "psk.lua": ("psk", r"TLSv?1\.2\thello"),
    "again.py": ("echo", r"False 1\nTrue 1"),
    "again.lua": ("echo", r"false\t1\ntrue\t1"),
}

# Those that talk CoAP, and what they print.
CONSTRAINED = {"coap.sh": r"made with libcoap"}

# Those that talk MQTT: what the broker's front door sees of ALPN, what the
# broker itself logs, what is printed.
BROKERED = {
    "mqtt.py": (None, ["as device-7 (p2, c1, k60)", "'from/device-7'"],
                r"sent: True"),
    "aws.py": ("x-amzn-mqtt-ca",
               ["as device-7 (p2, c1, k60)", "'device-7/temperature'"],
               r"sent: True"),
    "azure.py": (None,
                 ["as device-7 (p2, c1, k60, "
                  "u'localhost/device-7/?api-version=2021-04-12')",
                  "devices/device-7/messages/devicebound/# (QoS 1)",
                  "'devices/device-7/messages/events/'"],
                 r"sent: True"),
}

# Those that want into a network.
WIRED = ["wired.sh"]

# The cards of those that want more than the usual one has.
CARDS = {
    "upgrade.sh": "full", "check.py": "full", "check.lua": "full",
    "sealed.py": "full", "sealed.lua": "full",
    "psk.py": "psk", "psk.lua": "psk",
    **dict.fromkeys(["onboard.py", "onboard.lua", "onboard.sh"],
                    "trust-onboard"),
}


def test_every_program_of_the_page_is_tried():
    tried = [*ALONE, *CONNECTED, *CONSTRAINED, *BROKERED, *WIRED]
    assert sorted(PROGRAMS) == sorted(tried)


@pytest.mark.parametrize("name", ALONE)
def test_program_prints_what_the_page_promises(name, folder):
    arguments, expected = ALONE[name]
    for line in command_lines(name, folder):
        assert re.search(expected, run(line + arguments, folder))
        for state in folder.glob("counters*"):  # each is the first to run
            state.unlink()


def test_signature_of_the_c_program_is_as_long_as_two_numbers(folder):
    """The page says r, then s; two runs sign alike in form, not in value."""
    line = build("sign.c", folder)
    first, second = (run(line + ["hello"], folder) for _ in range(2))
    assert len(first) == len(second) == 129
    assert first != second


@pytest.mark.parametrize("name", CONNECTED)
def test_program_talks_to_a_server_that_wants_a_certificate(
        name, folder):
    kind, expected = CONNECTED[name]
    options = {"psk": psk_options, "onboard": onboard_options}.get(
        kind, lambda _: None)(folder)
    authority = [] if kind == "psk" else ["ca.pem"]
    for line in command_lines(name, folder):
        # Each its own server, which has seen nobody else.
        with Server(folder, datagram=kind == "udp", echo=kind != "http",
                    options=options) as server:
            with seen_by(server, kind) as (port, seen):
                given = ["localhost", str(port), *authority]
                assert re.search(expected, run(line + given, folder))
                assert seen() == to_be_shown(kind, folder)


@pytest.mark.parametrize("name", CONSTRAINED)
def test_program_talks_to_a_coap_server_that_wants_a_certificate(name, folder):
    if "libcoap3-bin" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        pytest.skip("libcoap3-bin is not in this release")
    for line in command_lines(name, folder):
        with CoAP(folder) as server:
            given = ["localhost", str(server.port), "ca.pem"]
            assert re.search(CONSTRAINED[name], run(line + given, folder))
            assert server.subject() == SUBJECT


@pytest.mark.parametrize("name", BROKERED)
def test_program_talks_to_a_broker_that_wants_a_certificate(name, folder):
    alpn, logged, expected = BROKERED[name]
    broker = Mosquitto(None, folder)
    front = Peer(folder, pass_on(broker.port), alpn=[alpn] if alpn else ())
    try:
        given = ["localhost", str(front.port), "ca.pem"]
        for line in command_lines(name, folder):
            assert re.search(expected, run(line + given, folder))
        [seen] = front.wait_for(1)
        assert seen["client"] == SUBJECT
        assert seen["name"] == "localhost" and seen["alpn"] == alpn
        for words in logged:
            broker.wait_for(words)
    finally:
        front.stop()
        broker.stop()


@pytest.mark.parametrize("name", BROKERED)
def test_program_talks_to_a_broker_that_does_tls_itself(name, folder):
    _, logged, expected = BROKERED[name]
    for line in command_lines(name, folder):
        broker = Mosquitto(folder, folder)
        try:
            given = ["localhost", str(broker.port), "ca.pem"]
            assert re.search(expected, run(line + given, folder))
            # The certificate's name counts, whatever else was given.
            broker.wait_for(f"as device-7 (p2, c1, k60, u'{SUBJECT}')")
            broker.wait_for(logged[-1])
        finally:
            broker.stop()


@pytest.mark.parametrize("name", WIRED)
def test_program_is_let_into_a_network_that_wants_a_certificate(name, folder):
    if "libengine-pkcs11-openssl" in os.environ.get("IOTSAFE_UNAVAILABLE", ""):
        pytest.skip("libengine-pkcs11-openssl is not in this release")
    if refused():
        pytest.skip(refused())
    for line in command_lines(name, folder):
        given = ["device", "ca.pem", "localhost"]
        with Cable() as cable:
            with Switch(cable, folder, folder / "ca.pem") as switch:
                with Process(*cable.beside(*line, *given), cwd=folder):
                    name, _ = switch.client()
        assert name == SUBJECT


def to_be_shown(kind, folder):
    if kind == "psk":
        return "device-7"
    subject = f"CN={SUBJECT}"
    if kind == "onboard":  # each card's is another
        name = "applet=mias;label=signing"
        run(["iotsafe", "cert", name, "--out", "own.pem"], folder)
        text = run(["certtool", "--certificate-info", "--infile", "own.pem"],
                   folder)
        subject = re.search("Subject: (CN=WC.*)", text).group(1)
    return "The certificate is trusted.", subject


@contextlib.contextmanager
def seen_by(server, kind):
    """The port to talk to, and a function that gives what the server was
    shown: its verdict and the subject, or the name of a pre-shared key."""
    if kind == "udp":  # the server does not say whose it was
        with DatagramTap(server.port) as tap:
            yield tap.port, lambda: (server.client()[0], tap.subject())
    elif kind == "psk":
        yield server.port, lambda: server.wait_line(
            r"^- PSK authentication\. Connected as '(.*)'").group(1)
    else:
        yield server.port, server.client


def psk_options(folder):
    """gnutls-serv's, for the secret of the SIM's store."""
    run(["iotsafe", "list"], folder)  # makes it
    keys = (folder / "psk.txt").read_text().replace("psk:", "device-7:")
    (folder / "keys.txt").write_text(keys)
    return ["--pskpasswd", folder / "keys.txt",
            "--priority", "NORMAL:-KX-ALL:+PSK"]


def onboard_options(folder):
    """gnutls-serv's, for clients of Trust Onboard."""
    run(["iotsafe", "list"], folder)  # makes the bundle
    return [folder / "trust-onboard-bundle.pem" if word == folder / "ca.pem"
            else word for word in certified(folder)]


def psk_page(language):
    page = (TOP / "docs" / "psk.md").read_text()
    [text] = [text for text in re.findall(rf"^```{language}\n(.*?)^```$", page,
                                          re.DOTALL | re.MULTILINE)
              if "iotsafe_psk(" in text]
    return text


def psk_vector():
    page = (TOP / "docs" / "psk.md").read_text()
    return re.search(r"^ {4}([0-9A-F]{64})$", page, re.M).group(1).lower()


def test_the_servers_side_of_a_pre_shared_key_in_python(tmp_path):
    (tmp_path / "server.py").write_text(
        psk_page("python")
        + 'print(iotsafe_psk(b"sixteen secrets!", b"device-7").hex())\n')
    assert run(["python3", "server.py"], tmp_path).strip() == psk_vector()


def test_the_servers_side_of_a_pre_shared_key_in_c(tmp_path):
    (tmp_path / "server.c").write_text(psk_page("c") + """
#include <stdio.h>

int main(void)
{
	uint8_t key[32];

	iotsafe_psk("sixteen secrets!", 16, "device-7", "", 0, key);
	for (int i = 0; i < 32; i++)
		printf("%02x", key[i]);
	return 0;
}
""")
    [program] = build("server.c", tmp_path)
    assert run([program], tmp_path) == psk_vector()


def test_the_card_derives_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.setenv("IOTSAFE_CARD", f"sim:blank?store={tmp_path}")
    run(["iotsafe-sim", "personalise", "--store", tmp_path, "--profile",
         "blank", "--secret", b"sixteen secrets!".hex(), "--id", "01",
         "--label", "psk"], tmp_path)
    out = run(["iotsafe", "psk", "device-7", "--key", "psk", "--hex"], tmp_path)
    assert out.strip().lower() == psk_vector()
