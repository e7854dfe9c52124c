# SPDX-License-Identifier: LGPL-2.1-or-later
"""asyncio, which lives on sessions between buffers, with the card's
context."""

import asyncio
import gc
import os
import socket
import ssl
import time
import warnings

import iotsafe
import iotsafe.ssl
import pytest

from servers import echo

HOST = {"server_hostname": "localhost"}
CLIENT = "iotsafe-sim gsma client"


async def exchange(reader, writer, size=40000):
    data = os.urandom(size)
    writer.write(data)
    await writer.drain()
    assert await reader.readexactly(size) == data
    assert writer.get_extra_info("peercert")["subject"]
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("way", [
    asyncio.open_connection, iotsafe.ssl.open_connection
])
def test_streams_of_asyncio(context, peer, way):
    server = peer()

    async def talk():
        await exchange(*await way("localhost", server.port, ssl=context))

    async def main():
        await asyncio.gather(talk(), talk(), talk())

    asyncio.run(asyncio.wait_for(main(), 30))
    assert [x["client"] for x in server.wait_for(3)] == [CLIENT] * 3


def test_both_ends_of_a_stream_flood_each_other(context, peer):
    """Each writes 4 MiB while the other one does."""
    size = 4 << 20

    async def main():
        reader, writer = await asyncio.open_connection(
            "localhost", server.port, ssl=context
        )
        writer.write(bytes(size))
        got = await reader.readexactly(size)
        assert got == bytes(size)
        writer.close()

    server = peer(echo)
    asyncio.run(asyncio.wait_for(main(), 30))


@pytest.mark.skipif(
    not hasattr(asyncio.StreamWriter, "start_tls"),
    reason="StreamWriter.start_tls is of Python 3.11",
)
def test_a_stream_begins_tls_later(context, peer):
    server = peer()

    async def main():
        reader, writer = await asyncio.open_connection(
            "localhost", server.port
        )
        await writer.start_tls(context, server_hostname="localhost")
        await exchange(reader, writer)

    asyncio.run(asyncio.wait_for(main(), 30))
    assert server.wait_for(1)[0]["client"] == CLIENT


def test_the_loop_itself_begins_tls_later(context, peer):
    server = peer()

    async def main():
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        plain, _ = await loop.create_connection(
            lambda: protocol, "localhost", server.port
        )
        secure = await loop.start_tls(plain, protocol, context, **HOST)
        writer = asyncio.StreamWriter(secure, protocol, reader, loop)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert server.wait_for(1)[0]["client"] == CLIENT


@pytest.mark.parametrize("way, stands", [
    (asyncio.open_connection, True), (iotsafe.ssl.open_connection, False)
])
def test_how_long_the_loop_stands_for_a_signature(
    address, peer, ca, way, stands
):
    server = peer()

    async def main(context):
        gaps = []

        async def tick():
            while True:
                began = time.monotonic()
                await asyncio.sleep(0.01)
                gaps.append(time.monotonic() - began)

        ticker = asyncio.ensure_future(tick())
        reader, writer = await way("localhost", server.port, ssl=context)
        await asyncio.sleep(0.02)  # the last tick is told, too
        ticker.cancel()
        await exchange(reader, writer)
        return max(gaps)

    with iotsafe.open(address(card_ms="2A:800")) as card:
        card.key().certificate  # what is read once is not what we measure
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        longest = asyncio.run(asyncio.wait_for(main(context), 30))
    assert (longest > 0.7) == stands, longest


def test_failures_come_out_of_the_loop_as_those_of_ssl(
    context, peer, card, address, ca
):
    server = peer()

    async def fail(way, kind, context, **options):
        with pytest.raises(kind) as caught:
            await way("localhost", server.port, ssl=context, **options)
        return caught.value

    for way in (asyncio.open_connection, iotsafe.ssl.open_connection):
        error = asyncio.run(fail(way, ssl.SSLCertVerificationError, context,
                                 server_hostname="example.org"))
        assert isinstance(error, iotsafe.UntrustedError)
        with iotsafe.open(address(fault="sw=2A:6985", timeout=1000)) as broken:
            bad = iotsafe.ssl.create_default_context(broken, cafile=ca)
            error = asyncio.run(fail(way, iotsafe.CardError, bad))
            assert error.status == 0x6985
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]

        async def wait():
            with pytest.raises(TimeoutError):
                await iotsafe.ssl.open_connection(
                    "127.0.0.1", port, ssl=context, timeout=0.3
                )

        asyncio.run(wait())


def test_a_card_that_takes_too_long_is_not_waited_for(address, peer, ca):
    async def main(context):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="not done in 0.5 s") as caught:
            await iotsafe.ssl.open_connection(
                "localhost", server.port, ssl=context, timeout=0.5
            )
        assert caught.value.code == iotsafe.TimeoutError.code
        assert time.monotonic() - began < 1

    server = peer()
    with iotsafe.open(address(card_ms="2A:1500")) as card:
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        card.key().certificate
        asyncio.run(main(context))


def test_nobody_waits_for_a_connection_that_was_cancelled(
    address, peer, ca
):
    async def main(context):
        server = peer()
        task = asyncio.ensure_future(iotsafe.ssl.open_connection(
            "localhost", server.port, ssl=context
        ))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        del task
        while not server.ended:
            await asyncio.sleep(0.01)

    gc.collect()  # what other tests left is not of this connection
    with iotsafe.open(address(card_ms="2A:600")) as card, (
        warnings.catch_warnings(record=True)
    ) as warned:
        warnings.simplefilter("always")
        context = iotsafe.ssl.create_default_context(card, cafile=ca)
        asyncio.run(asyncio.wait_for(main(context), 20))
        gc.collect()
    assert [
        str(x.message) for x in warned if x.category is ResourceWarning
    ] == []


def test_a_loop_works_on_the_socket_itself(context, peer):
    """Which it refuses to do with those of ssl."""
    size = 1 << 20

    async def main():
        loop = asyncio.get_running_loop()
        with context.wrap_socket(peer().connect(), **HOST) as tls:
            tls.setblocking(False)
            sending = asyncio.ensure_future(
                loop.sock_sendall(tls, bytes(size))
            )
            got = 0
            while got < size:
                got += len(await loop.sock_recv(tls, 65536))
            await sending

    asyncio.run(asyncio.wait_for(main(), 30))
