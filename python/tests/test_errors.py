# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong: the class, the code, the status word and the sentence,
within the deadline."""

import copy
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import iotsafe
import pytest
from iotsafe import TLSSocket, _core, errors

from conftest import SIM, Server, run


class failing:
    """Expects one exception of exactly this class, code and sentence."""

    def __init__(self, kind, code, sentence, status=0, seconds=8):
        self.kind, self.code, self.sentence = kind, code, sentence
        self.status, self.seconds = status, seconds

    def __enter__(self):
        self.began = time.monotonic()

    def __exit__(self, kind, error, trace):
        assert error is not None, "nothing failed"
        if not isinstance(error, iotsafe.Error):
            return False
        assert type(error) is self.kind, repr(error)
        assert error.code == self.code
        assert error.name == _core.error_name(self.code)
        assert re.search(self.sentence, str(error)), str(error)
        assert "\n" not in str(error)
        assert error.status == self.status, hex(error.status)
        assert time.monotonic() - self.began < self.seconds
        return True


def test_no_such_port():
    with failing(iotsafe.LinkError, -4, "/dev/ttyUSB99.*no such port"):
        iotsafe.open("at:/dev/ttyUSB99")


@pytest.fixture
def pty(tmp_path, store):
    link = tmp_path / "modem"
    process = subprocess.Popen(
        [SIM, "--pty", link, "--store", store], stdout=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"ready")
    yield link
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    process.stdout.close()


def test_port_busy_in_another_program(pty):
    holder = subprocess.Popen(
        [sys.executable, "-c",
         "import sys, iotsafe; c = iotsafe.open(sys.argv[1]);"
         "print(c.random(1), flush=True); sys.stdin.read()",
         f"at:{pty}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline()
    with failing(iotsafe.BusyError, -5, "modem"):
        iotsafe.open(f"at:{pty}")
    holder.communicate(timeout=10)
    with iotsafe.open(f"at:{pty}") as card:
        assert card.random(1)


def test_nothing_answers(address):
    with failing(iotsafe.TimeoutError, -6, "answer", seconds=3):
        iotsafe.open(address(fault="deaf", timeout=1000))


def test_a_modem_without_sim(address):
    with failing(iotsafe.AbsentError, -12, "SIM"):
        iotsafe.open(address(fault="no-sim"))


def test_a_busy_sim_is_asked_again_and_then_told(address):
    with iotsafe.open(address(fault="busy=2")) as card:
        assert card.random(1)
    with failing(iotsafe.BusyError, -5, "busy", seconds=4):
        iotsafe.open(address(fault="busy=100000", timeout=1500))


def test_no_applet_on_this_sim(address):
    with failing(iotsafe.AbsentError, -12, "applet", status=0x6A82):
        iotsafe.open(address(fault="no-applet"))


def test_an_address_that_is_none():
    for wrong in ("nonsense:", "", "sim:gsma?colour=red"):
        with failing(iotsafe.ArgumentError, -1, "."):
            iotsafe.open(wrong)


def test_no_card_named(monkeypatch):
    monkeypatch.delenv("IOTSAFE_CARD", raising=False)
    with failing(iotsafe.ArgumentError, -1, "IOTSAFE_CARD"):
        iotsafe.open()


def test_no_such_key(card):
    with failing(iotsafe.AbsentError, -12, "nobody"):
        card.key("nobody")
    with failing(iotsafe.AbsentError, -12, "nobody"):
        card.read("nobody")


def test_a_key_without_certificate(address):
    with iotsafe.open(address(fault="no-certificate")) as card:
        key = card.key("client")
        assert key.sign(bytes(32))
        with failing(iotsafe.AbsentError, -12, "certificate"):
            key.certificate
        with failing(iotsafe.AbsentError, -12, "certificate"):
            key.chain


def test_a_certificate_of_another_key(address, serve, ca):
    server = serve("--echo")
    with iotsafe.open(address(fault="wrong-certificate")) as card:
        with failing(iotsafe.VerifyError, -15, "certificate"):
            TLSSocket(
                server.connect(), "client", "client-cert", card=card,
                ca_file=ca, server_name="localhost",
            )


CARD_FAULTS = [
    ("sw=2A:6985", iotsafe.CardError, -9, "COMPUTE SIGNATURE.*6985", 0x6985),
    ("sw=2A:6982", iotsafe.DeniedError, -10, "COMPUTE SIGNATURE.*6982", 0x6982),
    ("truncate=2B", iotsafe.FormatError, -14, ".", 0),
    ("garble=2B", iotsafe.FormatError, -14, ".", 0),
    ("flip-signature", iotsafe.VerifyError, -15, "signature", 0),
    ("die=2A", iotsafe.ClosedError, -18, "modem has gone", 0),
    ("silence=2A", iotsafe.TimeoutError, -6, "answer", 0),
    ("cme=2A:13", iotsafe.ModemError, -8, "CME ERROR: 13", 0),
]


@pytest.mark.parametrize("fault, kind, code, sentence, status", CARD_FAULTS)
def test_the_card_fails_to_sign(address, fault, kind, code, sentence, status):
    with iotsafe.open(address(fault=fault, timeout=1500)) as card:
        key = card.key()
        with failing(kind, code, sentence, status):
            key.sign(bytes(32))


@pytest.mark.parametrize("maximum", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("fault, kind, code, sentence, status", CARD_FAULTS)
def test_the_card_fails_in_a_handshake(
    address, serve, ca, fault, kind, code, sentence, status, maximum
):
    server = serve("--echo")
    with iotsafe.open(address(fault=fault, timeout=1500)) as card:
        with failing(kind, code, sentence, status):
            TLSSocket(
                server.connect(), card=card, ca_file=ca,
                server_name="localhost", maximum_version=maximum,
            )


def test_the_card_works_again_after_a_failure(address):
    with iotsafe.open(address(fault="reset=12")) as card:
        key = card.key()
        for _ in range(10):
            assert key.sign(bytes(32))


@pytest.fixture
def other(tmp_path):
    """An authority that knows nothing of the other one."""
    directory = tmp_path / "other"
    run(SIM, "pki", "--store", directory)
    return directory


def test_a_server_nobody_vouches_for(card, serve, other):
    server = serve("--echo")
    with failing(iotsafe.UntrustedError, -16, "localhost"):
        TLSSocket(
            server.connect(), card=card, ca_file=other / "ca.pem",
            server_name="localhost",
        )
    assert card.counters["signatures"] == 0


def test_the_system_does_not_vouch_for_it_either(card, serve):
    expected = failing(iotsafe.UntrustedError, -16, "localhost")
    if not os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        expected = failing(iotsafe.AbsentError, -12, "no CA certificates")
    with expected:
        TLSSocket(
            serve("--echo").connect(), card=card, server_name="localhost"
        )
    assert card.counters["signatures"] == 0


def test_a_server_of_another_name(card, serve, ca):
    server = serve("--echo")
    with failing(iotsafe.UntrustedError, -16, "broker.example"):
        TLSSocket(
            server.connect(), card=card, ca_file=ca,
            server_name="broker.example",
        )


def test_the_name_of_the_server_has_to_be_given(card, serve, ca):
    server = serve("--echo")
    with failing(iotsafe.ArgumentError, -1, "name"):
        TLSSocket(server.connect(), card=card, ca_file=ca)
    with TLSSocket(
        server.connect(), card=card, ca_file=ca, server_name=None
    ) as tls:
        assert tls.version()


@pytest.mark.parametrize("maximum", ["TLSv1.2", "TLSv1.3"])
def test_a_server_that_refuses_our_certificate(card, ca, store, other, maximum):
    server = Server(
        other, "--echo", "--require-client-cert", "--verify-client-cert"
    )
    try:
        with failing(iotsafe.TLSError, -17, "refused"):
            # With TLS 1.3 the client is done first and learns it later.
            with TLSSocket(
                server.connect(), card=card, ca_file=other / "ca.pem",
                server_name="localhost", maximum_version=maximum,
            ) as tls:
                tls.recv(1)
    finally:
        server.stop()


@pytest.mark.parametrize(
    "answer, kind, code",
    [(b"", iotsafe.ClosedError, -18),
     (b"HTTP/1.0 400 Bad Request\r\n\r\n", iotsafe.TLSError, -17)],
)
def test_a_server_that_is_none(card, ca, answer, kind, code):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with socket.create_connection(listener.getsockname()) as sock:
            with failing(kind, code, "."):
                TLSSocket(
                    sock, card=card, ca_file=ca, server_name="localhost"
                )
        thread.join()


def test_a_server_that_never_answers(card, ca):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sock = socket.create_connection(listener.getsockname())
        sock.settimeout(0.3)
        with failing(iotsafe.TimeoutError, -6, "handshake.*peer", seconds=2):
            TLSSocket(sock, card=card, ca_file=ca, server_name="localhost")


def test_a_key_by_name_needs_a_card(serve):
    with failing(iotsafe.ArgumentError, -1, "which card"):
        TLSSocket(serve("--echo").connect(), "client", server_name="localhost")


# The classes themselves

EVERY = [_core.ERR_ARG - i for i in range(18)] + [-32, -33, -34]


def test_every_code_has_its_class_and_no_two_share_one():
    kinds = {type(errors.failure(code, "text", 0)) for code in EVERY}
    assert len(kinds) == len(EVERY) and iotsafe.Error not in kinds
    for code in EVERY:
        error = errors.failure(code, "text", 0x6985)
        assert error.code == code
        assert isinstance(error, iotsafe.Error) and isinstance(error, OSError)
        assert type(error).__name__ in iotsafe.__all__
        assert not isinstance(error, ValueError)


@pytest.mark.parametrize(
    "code, also",
    [(-2, MemoryError), (-6, TimeoutError), (-10, PermissionError),
     (-11, PermissionError), (-12, LookupError), (-13, LookupError),
     (-16, iotsafe.TLSError), (-18, ConnectionError), (-32, BlockingIOError),
     (-33, BlockingIOError), (-34, BlockingIOError)],
)
def test_an_error_is_what_python_calls_it(code, also):
    assert isinstance(errors.failure(code, "text", 0), also)


def test_a_code_of_a_later_release_is_still_an_error():
    error = errors.failure(-20, "something new", 0)
    assert type(error) is iotsafe.Error
    assert error.code == -20 and error.name == "UNKNOWN"


def test_errors_keep_all_they_tell_when_copied():
    error = errors.failure(-9, "COMPUTE SIGNATURE: 6985", 0x6985)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is iotsafe.CardError
        assert (str(twin), twin.code, twin.status) == (
            "COMPUTE SIGNATURE: 6985", -9, 0x6985,
        )


def test_the_sentence_is_of_the_call_that_failed_in_each_thread(card):
    failures = []

    def work(number):
        for _ in range(50):
            try:
                card.key(f"nobody-{number}")
            except iotsafe.AbsentError as error:
                if f"nobody-{number}" not in str(error):
                    failures.append(str(error))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []
