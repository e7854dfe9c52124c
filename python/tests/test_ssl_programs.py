# SPDX-License-Identifier: LGPL-2.1-or-later
"""Libraries that know nothing of SIM cards, as Debian ships them, with the
card's context in the place of ssl's. Each test reads from the server's side
that the card's certificate was shown."""

import asyncio
import http.client
import os
import pathlib
import socket
import ssl
import threading
import urllib.request

import aiohttp
import anyio
import httpx
import iotsafe
import iotsafe.requests
import iotsafe.ssl
import paho.mqtt.client
import pytest
import requests
import urllib3

from servers import Mosquitto, Web

CLIENT = "iotsafe-sim gsma client"
SIZE = 40000


@pytest.fixture
def elsewhere(store):
    """A server whose certificate is not for the name it is called by."""
    web = Web(store, "127.0.0.2")
    yield web
    web.stop()
    assert not web.clients


@pytest.fixture
def broker(store, tmp_path):
    broker = Mosquitto(store, tmp_path)
    yield broker
    broker.stop()


@pytest.mark.parametrize("library", [aiohttp, httpx, paho, requests, urllib3])
def test_the_libraries_are_those_of_the_system(library):
    file = getattr(library, "__file__", None) or list(library.__path__)[0]
    assert pathlib.Path(file).is_relative_to("/usr/lib/python3")


def test_http_client(context, web):
    connection = http.client.HTTPSConnection(
        "localhost", web.port, context=context, timeout=10
    )
    for _ in range(2):
        connection.request("GET", f"/{SIZE}")
        assert connection.getresponse().read() == b"x" * SIZE
    connection.close()
    assert web.clients == [CLIENT] * 2


def test_urllib_request(context, web):
    url = f"{web.url}/{SIZE}"
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        assert answer.read() == b"x" * SIZE
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context)
    )
    body = os.urandom(SIZE)
    with opener.open(web.url, body, timeout=10) as answer:
        assert answer.read() == body
    assert web.clients == [CLIENT] * 2


def test_a_program_that_makes_its_contexts_itself(
    web, address, ca, monkeypatch
):
    """The hook of PEP 476, and http.client sets what it always sets."""
    monkeypatch.setenv("IOTSAFE_CARD", address())
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    monkeypatch.setattr(
        ssl, "_create_default_https_context",
        iotsafe.ssl.create_default_context,
    )
    with urllib.request.urlopen(f"{web.url}/3", timeout=10) as answer:
        assert answer.read() == b"xxx"
    assert web.clients == [CLIENT]


def test_urllib3(context, web, card, ca):
    with urllib3.PoolManager(ssl_context=context, ca_certs=str(ca)) as pool:
        for _ in range(3):
            answer = pool.request("GET", f"{web.url}/{SIZE}", timeout=10)
            assert answer.data == b"x" * SIZE
    assert web.clients == [CLIENT] * 3
    assert card.counters["signatures"] == 1  # one connection, kept
    wrong = urllib3.PoolManager(
        ssl_context=context, assert_fingerprint="00" * 32, retries=False
    )
    with pytest.raises(urllib3.exceptions.SSLError, match="[Ff]ingerprint"):
        wrong.request("GET", web.url, timeout=10)
    context.check_hostname = False  # then urllib3 does it
    with urllib3.PoolManager(
        ssl_context=context, assert_hostname="example.org", retries=False
    ) as pool, pytest.raises(urllib3.exceptions.SSLError, match="localhost"):
        pool.request("GET", web.url, timeout=10)


def test_requests(web, card, ca, tmp_path):
    context = iotsafe.ssl.SSLContext(card)
    body = os.urandom(SIZE)
    with requests.Session() as session:
        session.mount("https://", iotsafe.requests.CardAdapter(context))
        for _ in range(2):
            answer = session.get(f"{web.url}/{SIZE}", verify=ca, timeout=10)
            assert answer.content == b"x" * SIZE
        answer = session.post(web.url, body, verify=ca, timeout=10)
        assert answer.content == body
        with session.get(
            f"{web.url}/{SIZE}", verify=ca, timeout=10, stream=True
        ) as answer:
            assert sum(map(len, answer.iter_content(1000))) == SIZE
    assert web.clients == [CLIENT] * 4
    assert card.counters["signatures"] == 1


def test_requests_tells_failures_as_its_own(
    web, elsewhere, card, ca, monkeypatch
):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with requests.Session() as session:
        session.mount("https://", iotsafe.requests.CardAdapter(
            iotsafe.ssl.SSLContext(card)
        ))
        # By the system's CAs, which it loads each time.
        with pytest.raises(requests.exceptions.SSLError, match="not accepted"):
            session.get(web.url, timeout=10)
        assert session.get(web.url, verify=ca, timeout=10).ok
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo",
            lambda host, *rest, **more: real("127.0.0.2", *rest, **more),
        )
        other = elsewhere.url.replace("127.0.0.2", "other.example")
        with pytest.raises(requests.exceptions.SSLError, match="not match"):
            session.get(other, verify=ca, timeout=10)
        # urllib3 1.26 does not tell a context the server's address.
        with pytest.raises(requests.exceptions.SSLError, match="check_host|not match"):
            session.get(elsewhere.url, verify=ca, timeout=10)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
def test_requests_without_verifying_say_what_that_takes(
    web, elsewhere, context, ca
):
    with requests.Session() as session:
        session.mount("https://", iotsafe.requests.CardAdapter(context))
        with pytest.raises(requests.exceptions.SSLError, match="check_host"):
            session.get(web.url, verify=False, timeout=10)
        context.check_hostname = False
        assert session.get(web.url, verify=False, timeout=10).ok
        with pytest.raises(requests.exceptions.SSLError, match="match"):
            session.get(elsewhere.url, verify=ca, timeout=10)
    assert web.clients == [CLIENT]


def test_the_adapter_of_requests_finds_the_card_itself(
    web, ca, address, monkeypatch
):
    monkeypatch.setenv("IOTSAFE_CARD", address())
    with requests.Session() as session:
        session.mount("https://", iotsafe.requests.CardAdapter())
        session.mount(
            "https://localhost", iotsafe.requests.CardAdapter(pool_maxsize=2)
        )
        assert session.get(web.url, verify=str(ca), timeout=10).ok
    assert web.clients == [CLIENT]


def test_aiohttp(context, web, elsewhere):
    async def main():
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(
                    f"{web.url}/{SIZE}", ssl=context
                ) as answer:
                    assert await answer.read() == b"x" * SIZE
            body = os.urandom(SIZE)
            async with session.post(web.url, data=body, ssl=context) as answer:
                assert await answer.read() == body
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                async with session.get(elsewhere.url, ssl=context):
                    pass

    asyncio.run(asyncio.wait_for(main(), 30))
    assert web.clients == [CLIENT] * 3


def test_httpx(context, web, elsewhere):
    with httpx.Client(verify=context) as client:
        for _ in range(2):
            answer = client.get(f"{web.url}/{SIZE}")
            assert answer.content == b"x" * SIZE
        body = os.urandom(SIZE)
        assert client.post(web.url, content=body).content == body
        with pytest.raises(httpx.ConnectError, match="not accepted"):
            client.get(elsewhere.url)
    assert web.clients == [CLIENT] * 3


def test_httpx_on_asyncio(context, web):
    async def main():
        async with httpx.AsyncClient(verify=context) as client:
            answer = await client.get(f"{web.url}/{SIZE}")
            assert answer.content == b"x" * SIZE

    asyncio.run(asyncio.wait_for(main(), 30))
    assert web.clients == [CLIENT]


def test_anyio(context, peer):
    """Which never looks how much of its bytes was taken."""
    server = peer()
    body = os.urandom(500000)

    async def main():
        async with await anyio.connect_tcp(
            "localhost", server.port, ssl_context=context
        ) as stream, anyio.create_task_group() as tasks:
            tasks.start_soon(stream.send, body)
            got = b""
            while len(got) < len(body):
                got += await stream.receive()
            assert got == body

    asyncio.run(asyncio.wait_for(main(), 30))
    assert server.wait_for(1)[0]["client"] == CLIENT


class Listener:
    """What a client of paho gets, for a test to wait for."""

    def __init__(self, client):
        self.messages = []
        self.failures = 0
        self._more = threading.Condition()
        client.on_connect = lambda c, *_: c.subscribe("echo", 1)
        client.on_subscribe = lambda *_: self._got("subscribed")
        client.on_message = lambda _c, _u, m: self._got(m.payload)
        client.on_connect_fail = lambda *_: self._got("failed")
        client.on_disconnect = lambda *_: self._got("lost")

    def _got(self, message):
        with self._more:
            self.messages.append(message)
            self._more.notify_all()

    def wait_for(self, message):
        with self._more:
            assert self._more.wait_for(lambda: message in self.messages, 10)


def mqtt(context, name="device-7"):
    client = paho.mqtt.client.Client(client_id=name)
    client.tls_set_context(context)
    return client, Listener(client)


def test_paho_mqtt(context, broker):
    client, listener = mqtt(context)
    client.connect("localhost", broker.port, keepalive=10)
    client.loop_start()
    try:
        listener.wait_for("subscribed")
        for size in (10, 30000, 500000):
            body = os.urandom(size)
            client.publish("echo", body, 1)
            listener.wait_for(body)
    finally:
        client.disconnect()
        client.loop_stop()
    broker.wait_for(f"as device-7 (p2, c1, k10, u'{CLIENT}')")


def test_paho_mqtt_without_a_thread(context, broker):
    client, listener = mqtt(context, "device-8")
    client.connect("localhost", broker.port)
    body = os.urandom(30000)
    while "subscribed" not in listener.messages:
        assert client.loop(1) == paho.mqtt.client.MQTT_ERR_SUCCESS
    client.publish("echo", body, 1)
    while body not in listener.messages:
        assert client.loop(1) == paho.mqtt.client.MQTT_ERR_SUCCESS
    client.disconnect()
    broker.wait_for(f"as device-8 (p2, c1, k60, u'{CLIENT}')")


def test_paho_mqtt_that_checks_no_name(context, broker):
    context.check_hostname = False
    client, listener = mqtt(context)
    client.tls_insecure_set(True)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        listener.wait_for("subscribed")
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho's
@pytest.mark.parametrize("how", ["card", "name", "ca"])
def test_paho_mqtt_tries_again_after_each_failure(
    how, address, broker, ca, context
):
    """Its thread must live, and never connect without checking the name."""
    # The first is what the attempt ahead is told, the second the signature.
    faults = {"fault": "sw=2A:6982@1-2"} if how == "card" else {}
    with iotsafe.open(address(**faults)) as card:
        bad = iotsafe.ssl.SSLContext(card)
        bad.load_verify_locations(ca)
        client, listener = mqtt(bad)
        client.reconnect_delay_set(1, 1)
        host = "127.0.0.2" if how == "name" else "localhost"
        if how == "ca":
            bad._trust = iotsafe.ssl.create_default_context()._trust
        client.connect_async(host, broker.port)
        client.loop_start()
        try:
            listener.wait_for("failed")
            if how == "card":  # the next signature is a good one
                listener.wait_for("subscribed")
        finally:
            client.disconnect()
            client.loop_stop()
    if how != "card":
        assert "subscribed" not in listener.messages
        assert CLIENT not in broker.log.read_text()


def test_paho_mqtt_survives_a_broker_that_refuses_the_card(
    store, tmp_path, context
):
    """With TLS 1.3 that shows when paho believes it is connected."""
    # It trusts nobody but itself, and is trusted all the same.
    broker = Mosquitto(store, tmp_path, store / "server.pem")
    client, listener = mqtt(context)
    client.reconnect_delay_set(1, 1)
    client.connect_async("localhost", broker.port)
    client.loop_start()
    try:
        listener.wait_for("lost")
        assert client._thread.is_alive()
        assert "subscribed" not in listener.messages
    finally:
        client.disconnect()
        client.loop_stop()
        broker.stop()


@pytest.mark.filterwarnings(  # paho's thread dies of an SSLError of ssl's
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
def test_a_broker_turns_away_who_shows_no_certificate(broker, ca):
    """So that the tests above mean something."""
    client = paho.mqtt.client.Client(client_id="nobody")
    client.tls_set_context(ssl.create_default_context(cafile=ca))
    listener = Listener(client)
    client.connect_async("localhost", broker.port)
    client.loop_start()
    broker.wait_for("peer did not return a certificate")
    client.disconnect()
    client.loop_stop()
    assert "subscribed" not in listener.messages
