# SPDX-License-Identifier: LGPL-2.1-or-later
"""benchmarks/relay: a slow network on loopback, for TCP and UDP. Lower bounds
of time only: a busy machine makes everything later, nothing earlier."""

import contextlib
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

# The sanitizers' build has no benchmarks.
pytestmark = pytest.mark.plain_build

RELAY = pathlib.Path(os.environ["BUILD"]) / "benchmarks/relay"
LIMIT = 30


@contextlib.contextmanager
def relay(port, *options):
    """Its port, as long as it runs."""
    program = subprocess.Popen([RELAY, "--to", str(port), *options],
                               stdout=subprocess.PIPE)
    try:
        yield int(program.stdout.readline().split()[1])
    finally:
        program.kill()
        program.wait()
        program.stdout.close()


def echo(listener):
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


@contextlib.contextmanager
def echo_server():
    """The port of a server that says what it hears."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=echo, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(LIMIT)
        assert not thread.is_alive()


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), LIMIT)
    client.settimeout(LIMIT)
    return client


def ask(client, data):
    """What comes back, and after how many seconds."""
    begun = time.monotonic()
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    answer = b""
    while len(answer) < len(data):
        piece = client.recv(65536)
        assert piece
        answer += piece
    sender.join()
    return answer, time.monotonic() - begun


def test_a_stream_takes_its_time_both_ways():
    with echo_server() as port, relay(port, "--delay-ms", "40") as near:
        with connect(near) as client:
            answer, took = ask(client, b"hello")
    assert answer == b"hello"
    assert took >= 0.08


def test_a_stream_arrives_whole_and_in_order_with_losses():
    data = os.urandom(3_000_000)
    with echo_server() as port, relay(port, "--loss", "2") as near:
        with connect(near) as client:
            answer, _ = ask(client, data)
    assert answer == data


def test_a_loss_in_a_stream_costs_a_retransmission():
    with echo_server() as port, relay(port, "--loss", "100") as near:
        with connect(near) as client:
            answer, took = ask(client, b"hello")
    assert answer == b"hello"
    assert took >= 0.4  # 200 ms each way


def test_the_end_of_a_stream_is_passed_on_behind_its_data():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with relay(port, "--delay-ms", "20") as near, connect(near) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"last words")
                client.shutdown(socket.SHUT_WR)
                assert server.recv(100) == b"last words"
                assert server.recv(100) == b""
                # The other way is still open.
                server.sendall(b"good-bye")
                server.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b"good-bye"
                assert client.recv(100) == b""


def test_two_streams_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with relay(listener.getsockname()[1]) as near:
            with connect(near) as one, connect(near) as two:
                first, _ = listener.accept()
                second, _ = listener.accept()
                with first, second:
                    two.sendall(b"two")
                    one.sendall(b"one")
                    said = {first.recv(9), second.recv(9)}
    assert said == {b"one", b"two"}


def datagrams(*options, count=60):
    """Which of `count` datagrams got through, the empty one among them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(1)
        port = server.getsockname()[1]
        with relay(port, "--udp", *options) as near:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(("127.0.0.1", near))
                for index in range(count):
                    client.send(bytes([index] * index))
                arrived = []
                try:
                    while len(arrived) < count:
                        arrived.append(len(server.recv(1000)))
                except TimeoutError:
                    pass
    return arrived


def test_datagrams_keep_their_bounds_and_order():
    assert datagrams("--delay-ms", "5") == list(range(60))


def test_datagrams_are_lost_alike_with_the_same_seed():
    one = datagrams("--loss", "50", "--seed", "7")
    assert 10 < len(one) < 50
    assert one == sorted(one)
    assert one == datagrams("--loss", "50", "--seed", "7")
    assert one != datagrams("--loss", "50", "--seed", "8")
    assert datagrams("--loss", "100") == []


def test_datagrams_come_back_to_the_client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(LIMIT)
        port = server.getsockname()[1]
        with relay(port, "--udp", "--delay-ms", "30") as near:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(LIMIT)
                client.connect(("127.0.0.1", near))
                begun = time.monotonic()
                client.send(b"ping")
                data, far = server.recvfrom(100)
                server.sendto(data + b" pong", far)
                assert client.recv(100) == b"ping pong"
                assert time.monotonic() - begun >= 0.06


def test_nobody_behind_it_closes_the_stream():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with relay(port) as near, connect(near) as client:
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_wrong_usage_is_2():
    for words in ([], ["--to", "x"], ["--to", "1", "more"],
                  ["--to", "1", "--loss", "101"],
                  ["--to", "1", "--delay-ms", "-1"], ["--nonsense"]):
        done = subprocess.run([RELAY, *words], capture_output=True,
                              timeout=LIMIT)
        assert done.returncode == 2 and done.stderr, words
