# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS with more of the card in it: sessions that are resumed without it,
servers that it checks, keys without certificates."""

import subprocess
import sys
import threading

import iotsafe
import pytest
from iotsafe import TLSSocket

from conftest import Server, run

VERSIONS = ["TLSv1.3", "TLSv1.2"]
RAW = "NORMAL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK"


def only(version):
    return {"minimum_version": version, "maximum_version": version}


def echo(tls, data=b"hello\n"):
    tls.sendall(data)
    got = b""
    while len(got) < len(data):
        more = tls.recv(100)
        assert more, f"the server closed after {got!r}"
        got += more
    assert got == data


@pytest.fixture
def connect(full, ca):
    """A TLS socket to a server with the card's identity."""

    def make(server, **options):
        merged = {"card": full, "ca_file": ca, "server_name": "localhost",
                  **options}
        return TLSSocket(server.connect(), **merged)

    return make


@pytest.fixture
def server_key(store):
    """The public key of the server's certificate."""
    pem = run("openssl", "x509", "-in", store / "server.pem", "-noout",
              "-pubkey")
    return run("openssl", "pkey", "-pubin", "-outform", "DER", input=pem)


# Resumption


@pytest.mark.parametrize("how", [*VERSIONS, "DTLSv1.2"])
def test_a_session_goes_on_without_the_card(full, serve, connect, how):
    datagram = how == "DTLSv1.2"
    server = serve("--echo", *(["--udp"] if datagram else []))
    options = {} if datagram else only(how)
    with connect(server, **options) as tls:
        assert not tls.session_reused
        echo(tls)
        session = tls.session
    assert session
    before = full.counters
    with connect(server, session=session, **options) as tls:
        assert tls.session_reused
        assert tls.version() == how
        echo(tls)
    assert full.counters["exchanges"] == before["exchanges"]


def test_there_is_no_session_before_the_handshake(serve, connect):
    with connect(serve("--echo"), do_handshake=False) as tls:
        assert tls.session is None
        assert not tls.session_reused


def test_a_server_that_forgot_makes_a_full_handshake(full, serve, connect):
    with connect(serve("--echo")) as tls:
        echo(tls)
        session = tls.session
    other = serve("--echo")
    with connect(other, session=session) as tls:
        assert not tls.session_reused
        echo(tls)
    assert full.counters["signatures"] == 2


def test_a_session_is_not_taken_to_another_name(serve, connect):
    with connect(serve("--echo"), **only("TLSv1.2")) as tls:
        echo(tls)
        session = tls.session
    server = serve("--echo")
    with pytest.raises(iotsafe.UntrustedError):
        connect(server, session=session, server_name="other.example",
                **only("TLSv1.2"))


def visit(connect, server, **options):
    """A whole connection; tells whether it was resumed."""
    with connect(server, **options) as tls:
        echo(tls)
        return tls.session_reused


@pytest.mark.parametrize("how", [*VERSIONS, "DTLSv1.2"])
def test_a_reconnect_costs_nothing_on_the_card(full, serve, connect, how):
    datagram = how == "DTLSv1.2"
    server = serve("--echo", *(["--udp"] if datagram else []))
    options = {} if datagram else only(how)
    assert not visit(connect, server, **options)
    before = full.counters
    for _ in range(3):
        assert visit(connect, server, **options)
    assert full.counters == before


def test_without_resumption_each_connection_is_signed(full, serve, connect):
    server = serve("--echo")
    for _ in range(3):
        assert not visit(connect, server, resume=False)
    assert full.counters["signatures"] == 3
    # One that is not to be resumed leaves nothing to the next.
    assert not visit(connect, server)
    assert full.counters["signatures"] == 4


def test_a_restarted_server_makes_a_full_handshake_and_is_resumed_again(
    full, serve, connect
):
    server = serve("--echo")
    assert not visit(connect, server)
    server.stop()
    again = serve("--echo", port=server.port)
    assert not visit(connect, again)
    assert visit(connect, again)
    assert full.counters["signatures"] == 2


def test_nothing_is_resumed_across_keys_names_and_authorities(
    full, serve, connect, store
):
    server = serve("--echo")
    changes = [{}, {"key": "client"}, {"server_name": "127.0.0.1"},
               {"ca_data": (store / "ca.pem").read_bytes()},
               {"verify": False, "server_name": None},
               {"priority": "NORMAL"}]
    for change in changes:
        assert not visit(connect, server, **change), change
    assert full.counters["signatures"] == len(changes)
    # Each is resumed by its own kind.
    for change in changes:
        assert visit(connect, server, **change), change
    # And a port is another server.
    assert not visit(connect, serve("--echo"))


def test_a_card_opened_anew_resumes_nothing(address, serve, ca):
    server = serve("--echo")
    for _ in range(2):
        with iotsafe.open(address("full")) as card:
            for again in (False, True):
                with TLSSocket(server.connect(), card=card, ca_file=ca,
                               server_name="localhost") as tls:
                    echo(tls)
                    assert tls.session_reused is again
            assert card.counters["signatures"] == 1


def test_new_keys_end_what_the_old_ones_began(full, serve, connect):
    server = serve("--echo")
    assert not visit(connect, server)
    full.generate("ecdh").close()
    assert not visit(connect, server)


def test_threads_share_what_there_is(full, serve, connect):
    server = serve("--echo")
    assert not visit(connect, server)
    before = full.counters["signatures"]
    failures = []

    def work():
        try:
            for _ in range(5):
                visit(connect, server)
        except BaseException as failure:  # noqa: B902
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures
    # Who finds nothing left has the card sign, and leaves one more.
    assert full.counters["signatures"] - before <= 3


@pytest.mark.parametrize("session", [b"", b"nonsense", bytes(4000)])
def test_what_is_no_session_is_told_or_left_out(serve, connect, session):
    server = serve("--echo")
    try:
        tls = connect(server, session=session)
    except iotsafe.ArgumentError:
        return
    with tls:
        assert not tls.session_reused


# The server's public key


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pinned_server_needs_no_authority(full, serve, server_key, version):
    server = serve("--echo")
    for pin in (server_key, bytearray(server_key), [bytes(91), server_key]):
        if isinstance(pin, list):
            pin[0] = full.public_key("client")
        with TLSSocket(server.connect(), card=full, pin=pin,
                       server_name=None, **only(version)) as tls:
            echo(tls)


def test_the_pin_may_be_a_key_on_the_card(full, serve, server_key):
    full.put_public_key("server-key", server_key)
    for pin in ("server-key", ["ca-key", "server-key"]):
        with TLSSocket(serve("--echo").connect(), card=full, pin=pin,
                       server_name=None) as tls:
            echo(tls)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_with_another_key_is_not_trusted(full, serve, version):
    for pin in ("ca-key", full.public_key("client")):
        with pytest.raises(iotsafe.UntrustedError) as caught:
            TLSSocket(serve("--echo").connect(), card=full, pin=pin,
                      server_name=None, **only(version))
        assert caught.value.code == -16


def test_a_server_known_by_its_key_needs_no_name(full, serve, serve_psk,
                                                  server_key):
    with TLSSocket(serve("--echo").connect(), card=full,
                   pin=server_key) as tls:
        echo(tls)
    server = serve_psk("device-7", full.psk("device-7", "psk"))
    with TLSSocket(server.connect(), card=full,
                   psk=("device-7", "psk")) as tls:
        echo(tls)
        assert tls.server_hostname is None
        assert tls.getpeercert() is None
        assert not tls.certificate_used


def test_a_pin_that_is_no_key_is_refused(full, serve):
    for pin in (b"", b"no key"):
        with pytest.raises(iotsafe.Error):
            TLSSocket(serve("--echo").connect(), card=full, pin=pin,
                      server_name=None)
    with pytest.raises(iotsafe.AbsentError, match="nobody"):
        TLSSocket(serve("--echo").connect(), card=full, pin="nobody",
                  server_name=None)


@pytest.mark.parametrize("version", VERSIONS)
def test_both_sides_show_bare_keys(full, serve_as, store, server_key, version):
    key = store / "server-key.pem"
    (store / "server-pub.pem").write_bytes(
        run("openssl", "pkey", "-in", key, "-pubout")
    )
    server = serve_as(
        None, "--echo", "--rawpkkeyfile", key, "--rawpkfile",
        store / "server-pub.pem", "--priority", RAW, "--require-client-cert",
    )
    with TLSSocket(server.connect(), card=full, raw_key=True, pin=server_key,
                   server_name=None, **only(version)) as tls:
        assert tls.certificate_used
        echo(tls)
    server.wait_for("[Rr]aw")


def test_a_bare_key_needs_a_pin(full, serve):
    with pytest.raises(iotsafe.Error):
        with TLSSocket(serve("--echo").connect(), card=full, raw_key=True,
                       server_name="localhost") as tls:
            echo(tls)


# The server checked by the card


@pytest.mark.parametrize("how", [*VERSIONS, "DTLSv1.2"])
def test_the_card_verifies_the_server(full, serve, how):
    datagram = how == "DTLSv1.2"
    server = serve("--echo", *(["--udp"] if datagram else []))
    with TLSSocket(server.connect(), card=full, ca_key="ca-key",
                   server_name="localhost",
                   **({} if datagram else only(how))) as tls:
        echo(tls)


def test_each_check_of_a_server_is_one_verification(address, store):
    script = (
        "import socket, sys, iotsafe\n"
        "iotsafe.trace('apdu')\n"
        "sock = socket.create_connection(('127.0.0.1', int(sys.argv[2])))\n"
        "iotsafe.TLSSocket(sock, card=iotsafe.open(sys.argv[1]),\n"
        "    ca_key='ca-key', server_name='localhost').close()\n"
    )
    server = Server(store, "--echo")
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, address("full"), str(server.port)],
            check=True, capture_output=True, text=True, timeout=30,
        )
    finally:
        server.stop()
    assert done.stderr.count("VERIFY SIGNATURE UPDATE") == 1


def test_the_card_does_not_vouch_for_others(full, serve):
    server = serve("--echo")

    def refused(kind, name, host="localhost"):
        with pytest.raises(kind):
            TLSSocket(server.connect(), card=full, ca_key=name,
                      server_name=host)

    refused(iotsafe.UntrustedError, "client")
    refused(iotsafe.UntrustedError, "ca-key", "other.example")
    refused(iotsafe.AbsentError, "nobody")


# Pre-shared keys


@pytest.fixture
def serve_psk(serve_as, tmp_path):
    """Starts servers that know one identity and its key."""

    def start(identity, key, *options):
        path = tmp_path / "psk.txt"
        path.write_text(f"{identity}:{key.hex()}\n")
        return serve_as(None, "--echo", "--pskpasswd", path, "--priority",
                        "NORMAL:-KX-ALL:+PSK:+DHE-PSK:+ECDHE-PSK", *options)

    return start


@pytest.fixture(params=["full", "psk"])
def psk_card(request, address):
    with iotsafe.open(address(request.param)) as card:
        yield card


@pytest.mark.parametrize("how", [*VERSIONS, "DTLSv1.2"])
def test_a_derived_key_serves_every_version(psk_card, serve_psk, how):
    datagram = how == "DTLSv1.2"
    key = psk_card.psk("device-7", "psk", b"broker")
    server = serve_psk("device-7", key, *(["--udp"] if datagram else []))
    with TLSSocket(server.connect(), card=psk_card, psk=("device-7", "psk"),
                   psk_context=b"broker", server_name=None,
                   **({} if datagram else only(how))) as tls:
        assert tls.version() == how
        echo(tls)
    assert psk_card.counters["signatures"] == 0


@pytest.mark.parametrize("how", ["TLSv1.2", "DTLSv1.2"])
def test_the_card_computes_the_secrets_of_a_session(
    psk_card, serve_psk, store, how
):
    profile = psk_card.address.partition("?")[0].partition(":")[2]
    key = (store / profile / "secret-01.bin").read_bytes()
    server = serve_psk("device-7", key, *(
        ["--udp"] if how == "DTLSv1.2" else []
    ))
    with TLSSocket(server.connect(), card=psk_card, psk=("device-7", "psk"),
                   psk_kind="card", server_name=None) as tls:
        assert tls.version() == how
        echo(tls)


def test_the_only_secret_key_needs_no_name(address, serve_psk):
    with iotsafe.open(address("psk")) as card:
        server = serve_psk("device-7", card.psk("device-7"))
        with TLSSocket(server.connect(), card=card, psk="device-7",
                       server_name=None) as tls:
            echo(tls)


@pytest.mark.parametrize("kind", ["derived", "card"])
def test_a_server_with_another_psk_is_not_talked_to(full, serve_psk, kind):
    server = serve_psk("device-7", bytes(32))
    with pytest.raises(iotsafe.TLSError):
        with TLSSocket(server.connect(), card=full, psk=("device-7", "psk"),
                       psk_kind=kind, server_name=None) as tls:
            echo(tls)


def test_a_psk_that_makes_no_sense_is_refused(full, serve_psk):
    server = serve_psk("device-7", bytes(32))

    def refused(kind, **options):
        with pytest.raises(kind):
            TLSSocket(server.connect(), server_name=None, **options)

    refused(iotsafe.ArgumentError, card=full, psk="x", psk_kind="other")
    refused(iotsafe.ArgumentError, psk="x")
    refused(iotsafe.AbsentError, card=full, psk=("x", "nobody"))


def test_a_card_that_fails_in_a_psk_handshake_is_told(address, serve_psk):
    with iotsafe.open(address("full", fault="sw=48:6F42")) as card:
        for kind in ("derived", "card"):
            server = serve_psk("device-7", bytes(32))
            with pytest.raises(iotsafe.CardError, match="6F42"):
                TLSSocket(server.connect(), card=card, psk=("d", "psk"),
                          psk_kind=kind, server_name=None)


# The client's random number


def test_the_random_number_comes_from_the_card_if_asked(address, serve, ca):
    server = serve("--echo")
    with iotsafe.open(address("full", fault="sw=84:6F42")) as card:
        mine = {"card": card, "ca_file": ca, "server_name": "localhost"}
        with TLSSocket(server.connect(), **mine) as tls:
            echo(tls)
        with pytest.raises(iotsafe.CardError, match="6F42"):
            TLSSocket(server.connect(), card_random=True, **mine)


def test_a_handshake_with_the_random_number_of_the_card(serve, connect):
    with connect(serve("--echo"), card_random=True) as tls:
        echo(tls)


@pytest.mark.parametrize("options", [
    {"ca_key": "ca-key"},
    {"pin": "ca-key"},
    {"raw_key": True},
    {"card_random": True},
])
def test_what_the_card_does_needs_a_card(serve, ca, options):
    with pytest.raises(iotsafe.Error):
        TLSSocket(serve("--echo").connect(), ca_file=ca,
                  server_name="localhost", **options)
