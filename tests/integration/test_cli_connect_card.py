# SPDX-License-Identifier: LGPL-2.1-or-later
"""`iotsafe connect` with more of the card in it: pre-shared keys, pins, raw
public keys, sessions resumed without it; against a real gnutls-serv."""

import json
import os
import stat
import subprocess

import pytest
from command import answer, iotsafe, openssl, sentence, text
from farside import Process, Sim, free_port, make_server_certificate

import socket

VERSIONS = {
    "TLS1.3": ["--tls", "1.3"],
    "TLS1.2": ["--tls", "1.2"],
    "DTLS1.2": ["--dtls"],
}


class PlainServer(Process):
    """gnutls-serv as the words say."""

    def __init__(self, *words, datagram=False):
        self.port = free_port(
            socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM
        )
        super().__init__(
            *("stdbuf", "-oL", "gnutls-serv", "--echo"),
            *(["--udp"] if datagram else []),
            *("--port", self.port, *words),
        )
        self.wait_line(rf"IPv4.* port {self.port}\.\.\.done")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sim")
    make_server_certificate(folder)
    return folder


@pytest.fixture(scope="module")
def sim(folder):
    """One card for all: keys that are put into it stay."""
    with Sim(folder, "--profile", "full") as sim:
        yield sim


@pytest.fixture(scope="module")
def card(sim):
    return f"at:{sim.link}"


def certificate(folder):
    return (
        *("--x509certfile", folder / "server.pem"),
        *("--x509keyfile", folder / "server-key.pem"),
        *("--x509cafile", folder / "ca.pem"),
    )


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def server(folder, version):
    with PlainServer(
        *certificate(folder), datagram=version == "DTLS1.2"
    ) as server:
        yield server


def agreed(server, *words, **options):
    return answer("connect", f"127.0.0.1:{server.port}", *words, **options)


def trust(folder):
    return ["--ca", folder / "ca.pem", "--name", "localhost"]


@pytest.fixture(scope="module")
def pin(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("pin") / "server.pub"
    path.write_bytes(
        openssl("x509", "-in", folder / "server.pem", "-noout", "-pubkey")
    )
    return path


# Sessions.


def test_a_session_goes_on_without_the_card(
    card, folder, server, version, tmp_path
):
    path = tmp_path / "session"
    words = [*trust(folder), *VERSIONS[version], "--session", path]
    first = agreed(server, *words, card=card)
    assert first["resumed"] is False and path.stat().st_size > 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first["card"]["handshake"]["exchanges"] == 0 or (
        first["card"]["handshake"]["signatures"] == 1
    )
    again = agreed(server, *words, card=card)
    assert again["resumed"] is True and again["version"] == version
    assert again["card"]["handshake"]["exchanges"] == 0
    # A channel, the card's number, the applet's selection: nothing else.
    assert again["card"]["open"]["exchanges"] == 3
    assert first["key"] and again["key"] is None
    assert agreed(server, *words[:-2], card=card)["resumed"] is False


def test_a_session_is_kept_after_data_was_copied(card, folder, tmp_path):
    path = tmp_path / "session"
    with PlainServer(*certificate(folder)) as server:
        words = ("connect", f"127.0.0.1:{server.port}", *trust(folder))
        words += ("--session", path)
        done = iotsafe(*words, "--linger", "300", card=card, input=b"hello\n")
        assert done.stdout == b"hello\n"
        assert b"resumed" not in done.stderr
        done = iotsafe(*words, "--linger", "300", card=card, input=b"hello\n")
        assert done.stdout == b"hello\n"
        assert b"resumed" in done.stderr


def test_nothing_is_written_unless_asked(card, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with PlainServer(*certificate(folder)) as server:
        agreed(server, *trust(folder), card=card)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["TLS1.2"], indirect=True)
def test_a_session_file_of_everybody_is_refused(
    card, folder, server, tmp_path
):
    path = tmp_path / "session"
    words = ("connect", f"127.0.0.1:{server.port}", *trust(folder))
    path.write_bytes(b"")
    path.chmod(0o644)
    said, _ = sentence(*words, "--session", path, card=card, status=1)
    assert "0600" in said
    os.mkfifo(tmp_path / "pipe", 0o600)
    said, _ = sentence(
        *words, "--session", tmp_path / "pipe", card=card, status=1
    )
    assert "0600" in said
    path.chmod(0o600)
    for content in (b"", b"noise"):
        path.write_bytes(content)
        done = subprocess.run(
            ["iotsafe", *map(str, words), "--session", path, "--json"],
            env=dict(os.environ, IOTSAFE_CARD=card),
            capture_output=True,
        )
        said = json.loads(done.stdout)
        assert said.get("resumed") is False or content and "error" in said


# Pins and raw keys.


def test_a_pinned_key_is_enough(card, server, version, pin):
    said = agreed(server, "--pin", pin, *VERSIONS[version], card=card)
    assert said["authenticated"] is True and said["version"] == version


@pytest.mark.parametrize("version", ["TLS1.3"], indirect=True)
def test_one_of_several_pins_is_enough_and_another_is_not(
    card, folder, server, pin, tmp_path
):
    other = tmp_path / "other.pem"
    other.write_text(text("pubkey", card=card))
    agreed(server, "--pin", other, "--pin", pin, card=card)
    agreed(server, "--pin", folder / "server.pem", card=card)
    words = ("connect", f"127.0.0.1:{server.port}")
    sentence(*words, "--pin", other, card=card, status=14)
    sentence(*words, "--pin", tmp_path / "none", card=card, status=1)
    sentence(*words, "--pin", "/dev/null", card=card, status=2)


@pytest.mark.parametrize("version", ["TLS1.2"], indirect=True)
def test_the_pin_may_be_on_the_card(card, server, pin):
    iotsafe("put-key", "label=server-key", pin, card=card)
    agreed(server, "--pin-card", "label=server-key", card=card)
    words = ("connect", f"127.0.0.1:{server.port}")
    sentence(*words, "--pin-card", "label=ca-key", card=card, status=14)


@pytest.mark.parametrize("how", ["TLS1.3", "TLS1.2"])
def test_both_sides_show_bare_keys(card, folder, pin, how):
    raw = "NORMAL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK"
    with PlainServer(
        *("--rawpkfile", pin, "--rawpkkeyfile", folder / "server-key.pem"),
        *("--priority", raw, "--require-client-cert"),
    ) as server:
        said = agreed(
            server, "--raw-key", "--pin", pin, *VERSIONS[how], card=card
        )
    assert said["authenticated"] is True and said["server_certificate"] is None


@pytest.mark.parametrize("version", ["TLS1.3"], indirect=True)
def test_our_random_number_comes_from_the_card(sim, card, folder, server):
    def asked():
        return sum(each["command"][2:4] == "84" for each in sim.log)

    before = asked()
    agreed(server, *trust(folder), card=card)
    assert asked() == before
    agreed(server, *trust(folder), "--card-random", card=card)
    assert asked() == before + 1


# Pre-shared keys.

PRIORITY = "NORMAL:-KX-ALL:+PSK:+DHE-PSK:+ECDHE-PSK"
PSK = ["--psk", "device-7", "--psk-key", "label=psk"]


def serve_psk(path, *words, datagram=False):
    return PlainServer(
        *("--pskpasswd", path, "--priority", PRIORITY, *words),
        datagram=datagram,
    )


@pytest.fixture(params=["full", "psk"])
def psk_card(request, tmp_path):
    """With certificates beside, and without."""
    with Sim(tmp_path, "--profile", request.param) as sim:
        yield f"at:{sim.link}"


def test_a_derived_key_serves_every_version(psk_card, version, tmp_path):
    context = ["--context", "site 7"]
    key = text(
        *("psk", "device-7", "--key", "label=psk", *context, "--hex"),
        card=psk_card,
    )
    path = tmp_path / "identities"
    path.write_text(f"device-7:{key}")
    with serve_psk(path, datagram=version == "DTLS1.2") as server:
        words = (*PSK, *context, *VERSIONS[version])
        said = agreed(server, *words, card=psk_card)
    assert said["version"] == version and said["psk"] == "device-7"
    assert said["key"] is None and said["certificate_used"] is False
    assert said["authenticated"] is True


@pytest.mark.parametrize("how", ["TLS1.2", "DTLS1.2"])
def test_the_card_computes_the_secrets_of_a_session(psk_card, how, tmp_path):
    """psk.txt is what the card's owner knows: label:key."""
    key = (tmp_path / "psk.txt").read_text().split("\n")[0]
    path = tmp_path / "identities"
    path.write_text(key.replace("psk:", "device-7:") + "\n")
    with serve_psk(path, datagram=how == "DTLS1.2") as server:
        words = [*PSK, "--psk-kind", "card", *VERSIONS[how]]
        said = agreed(server, *words, card=psk_card)
        assert said["version"] == how
        assert said["card"]["handshake"]["exchanges"] >= 1
        # The one secret key that can needs no name.
        agreed(server, *words[:2], *words[4:], card=psk_card)


def test_a_server_with_another_key_is_not_talked_to(psk_card, tmp_path):
    path = tmp_path / "identities"
    path.write_text("device-7:" + "00" * 32 + "\n")
    for kind in ("derived", "card"):
        with serve_psk(path) as server:
            words = ("connect", f"127.0.0.1:{server.port}", *PSK)
            sentence(
                *words, "--tls", "1.2", "--psk-kind", kind,
                card=psk_card, status=15,
            )


# The server checked by the card.


@pytest.mark.parametrize("version", ["TLS1.3", "TLS1.2"], indirect=True)
def test_the_card_verifies_the_server(sim, card, folder, server, version):
    def verified():
        return sum(each["command"][2:4] == "2D" for each in sim.log)

    before = verified()
    words = ["--name", "localhost", *VERSIONS[version]]
    said = agreed(server, "--ca-key", "label=ca-key", *words, card=card)
    assert said["authenticated"] is True and verified() > before
    words = ("connect", f"127.0.0.1:{server.port}", "--ca-key")
    name = ("--name", "localhost")
    sentence(*words, "label=client", *name, card=card, status=14)
    sentence(*words, "label=ca-key", card=card, status=14)


# Wrong use.


@pytest.mark.parametrize(
    "words",
    [
        ["--psk-key", "x"],
        ["--psk-kind", "card"],
        ["--context", "x"],
        [*PSK, "--psk-kind", "other"],
        [*PSK, "--psk-kind", "card", "--context", "x"],
        [*PSK, "--key", "x"],
        [*PSK, "--raw-key"],
        [*PSK, "--ca", "x"],
        [*PSK, "--insecure"],
        ["--insecure", "--pin", "x"],
        ["--ca", "x", "--ca-key", "y"],
        ["--card-ca", "--pin-card", "y"],
        ["--raw-key", "--cert", "x"],
    ],
)
def test_options_that_contradict_each_other(words):
    sentence("connect", "127.0.0.1:1", *words, status=2)
