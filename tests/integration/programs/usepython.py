# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's clients as their own documentation has them, with the card's context
where ssl's stood. Arguments: which, URL, CA file."""

import asyncio
import http.client
import sys
import urllib.parse
import urllib.request

import iotsafe.ssl

WHICH, URL, CA = sys.argv[1:]
HOST, PORT = urllib.parse.urlsplit(URL).netloc.split(":")
context = iotsafe.ssl.create_default_context(cafile=CA)


def by_http_client():
    connection = http.client.HTTPSConnection(HOST, PORT, context=context)
    connection.request("GET", "/")
    return connection.getresponse().read()


def by_urllib_request():
    with urllib.request.urlopen(URL, context=context) as answer:
        return answer.read()


def by_urllib3():
    import urllib3

    with urllib3.PoolManager(ssl_context=context) as pool:
        return pool.request("GET", URL).data


def by_requests():
    import iotsafe.requests
    import requests

    with requests.Session() as session:
        adapter = iotsafe.requests.CardAdapter(context)
        session.mount("https://", adapter)
        return session.get(URL, verify=CA).content


def by_httpx():
    import httpx

    with httpx.Client(verify=context) as client:
        return client.get(URL).content


def by_aiohttp():
    import aiohttp

    async def get():
        async with aiohttp.ClientSession() as session:
            async with session.get(URL, ssl=context) as answer:
                return await answer.read()

    return asyncio.run(get())


async def ask(reader, writer):
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


def by_asyncio():
    async def get():
        return await ask(*await asyncio.open_connection(
            HOST, PORT, ssl=context))

    return asyncio.run(get())


def by_asyncio_start_tls():
    async def get():
        reader, writer = await asyncio.open_connection(HOST, PORT)
        await writer.start_tls(context, server_hostname=HOST)
        return await ask(reader, writer)

    return asyncio.run(get())


def by_paho_mqtt():
    """What it publishes comes back."""
    import paho.mqtt.client

    got = []
    client = paho.mqtt.client.Client(client_id="device-7")
    client.tls_set_context(context)
    client.on_connect = lambda *_: client.subscribe("a/b", 1)
    client.on_subscribe = lambda *_: client.publish("a/b", b"hello", 1)
    client.on_message = lambda _, __, message: got.append(message.payload)
    client.connect(HOST, int(PORT))
    while not got:
        assert client.loop(1) == paho.mqtt.client.MQTT_ERR_SUCCESS
    client.disconnect()
    return got[0]


print(globals()["by_" + WHICH]().decode())
