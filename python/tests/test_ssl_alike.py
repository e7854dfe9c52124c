# SPDX-License-Identifier: LGPL-2.1-or-later
"""What programs do with a socket of ssl's, done with one of ssl's and with one
of ours: both must answer alike."""

import errno
import os
import socket
import ssl

import pytest

from servers import receive


@pytest.fixture
def both(peer, ca, wrap_ssl):
    """Does the same with a socket of ssl's and with one of ours, each
    connected to a server that echoes; gives what came of it."""
    server = peer()
    server.context.verify_mode = ssl.CERT_OPTIONAL
    theirs = ssl.create_default_context(cafile=ca)

    def do(habit, **options):
        with theirs.wrap_socket(
            server.connect(), server_hostname="localhost"
        ) as one, wrap_ssl(server) as other:
            return habit(one), habit(other)

    return do


def test_arguments_have_the_names_and_defaults_of_ssl(both):
    def habit(tls):
        got = []
        for receive_some in (tls.recv, tls.read, lambda: tls.recv(buflen=9),
                             lambda: tls.read(len=9)):
            tls.sendall(b"hello")
            got.append(receive_some())
        tls.sendall(b"hello")
        buffer = bytearray(9)
        got.append(tls.read(len=9, buffer=buffer))
        return got, buffer

    theirs, ours = both(habit)
    assert ours == theirs


def test_a_closed_socket_may_be_asked_what_it_had_agreed_on(both):
    """As logs do."""
    def habit(tls):
        tls.sendall(b"x")
        receive(tls, 1)
        tls.close()
        return [tls.version(), tls.cipher(), tls.selected_alpn_protocol(),
                tls.session, tls.session_reused, tls.pending(), tls.fileno(),
                tls.detach(), tls.gettimeout(), tls._sslobj]

    theirs, ours = both(habit)
    assert ours == theirs


def test_what_timed_out_says_so(both):
    """Programs look for these words."""
    def habit(tls):
        tls.settimeout(0.05)
        with pytest.raises(TimeoutError, match="timed out"):
            tls.recv(1)

    both(habit)


def test_a_connected_socket_is_not_connected_again(both):
    def habit(tls):
        with pytest.raises((OSError, ValueError), match="already|connected"):
            tls.connect(("127.0.0.1", 1))
        return tls.version()

    theirs, ours = both(habit)
    assert ours == theirs


def test_the_number_of_a_second_connect_is_an_error(peer, wrap_ssl):
    with wrap_ssl(peer()) as tls:
        assert tls.connect_ex(("127.0.0.1", 1)) == errno.EISCONN


def test_the_end_after_unwrap_is_the_end_of_the_connection(both):
    """Whether or not one keeps what unwrap() gives, and who waits on the
    other side learns it."""
    def habit(tls):
        tls.sendall(b"x")
        receive(tls, 1)
        twin = socket.socket(fileno=os.dup(tls.fileno()))
        with twin:
            plain = tls.unwrap()
            tls.shutdown(socket.SHUT_WR)
            twin.settimeout(10)
            assert twin.recv(1) == b""
            file = plain.makefile("rb")
            tls.close()
            return plain.fileno() < 0 or file.read()

    theirs, ours = both(habit)
    assert ours == theirs


def test_what_unwrap_left_may_be_detached_by_either(both):
    def habit(tls):
        plain = tls.unwrap()
        descriptor = tls.detach()
        os.close(descriptor)
        return plain.fileno(), tls.detach()

    theirs, ours = both(habit)
    assert ours == theirs == (-1, -1)


def test_files_keep_what_unwrap_left_open(both):
    def habit(tls):
        file = tls.makefile("rb")
        plain = tls.unwrap()
        tls.close()
        states = [plain.fileno() >= 0]
        file.close()
        return [*states, plain.fileno() >= 0]

    theirs, ours = both(habit)
    assert ours == theirs
