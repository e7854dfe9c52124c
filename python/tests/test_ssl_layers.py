# SPDX-License-Identifier: LGPL-2.1-or-later
"""TLS that is taken off again, TLS inside TLS, and the side of it that a card
cannot be on, by libraries that know nothing of cards."""

import asyncio
import ftplib
import gc
import inspect
import socket
import ssl
import threading

import aiohttp
import httpcore
import httpx
import iotsafe
import iotsafe.requests
import pytest
import requests
import urllib3

from servers import connect_through, server_context

CLIENT = "iotsafe-sim gsma client"
# httpcore's sync half wraps TLS in TLS by wrap_bio from here on.
WRAPS_TLS = (0, 18)


# --- taken off ---


def serve_ftp(context, listener, said):
    """RFC 4217 12.1: after CCC the control connection goes on without TLS."""
    sock, _ = listener.accept()
    sock.settimeout(20)
    answers = {"AUTH": b"234 go on", "CCC": b"200 as you like",
               "NOOP": b"200 still here", "QUIT": b"221 good-bye"}
    sock.sendall(b"220 hello\r\n")
    word, rest = None, b""
    while word != "QUIT":
        while b"\r\n" not in rest:
            rest += sock.recv(4096)
        line, rest = rest.split(b"\r\n", 1)
        word = line.split()[0].decode()
        said.append((word, isinstance(sock, ssl.SSLSocket)
                     and sock.getpeercert()["subject"][-1][0][1]))
        sock.sendall(answers.get(word, b"500 what") + b"\r\n")
        if word == "AUTH":
            sock = context.wrap_socket(sock, server_side=True)
        elif word == "CCC":
            sock.unwrap()
            sock = socket.socket(fileno=sock.detach())
            sock.settimeout(20)
    sock.close()


def test_ftplib_takes_tls_off_again(context, store):
    said = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(
            target=serve_ftp, args=(server_context(store), listener, said)
        )
        server.start()
        with ftplib.FTP_TLS(context=context, timeout=20) as ftp:
            ftp.connect("localhost", listener.getsockname()[1])
            ftp.auth()
            assert ftp.voidcmd("NOOP") == "200 still here"
            assert ftp.ccc() == "200 as you like"
            assert not isinstance(ftp.sock, ssl.SSLSocket)
            assert ftp.voidcmd("NOOP") == "200 still here"
            with pytest.raises(ValueError, match="not using TLS"):
                ftp.ccc()
            assert ftp.quit() == "221 good-bye"
        server.join(20)
    assert said == [("AUTH", False), ("NOOP", CLIENT), ("CCC", CLIENT),
                    ("NOOP", False), ("QUIT", False)]


def test_files_go_on_without_tls_and_the_socket_does_not(peer, wrap_ssl):
    def answer(tls):
        assert tls.recv(5) == b"hello"
        plain = tls.unwrap()
        plain.sendall(plain.recv(100))

    tls = wrap_ssl(peer(answer))
    file = tls.makefile("rwb")
    file.write(b"hello")
    file.flush()
    with tls.unwrap() as plain:
        file.write(b"in plain\n")
        file.flush()
        assert file.readline() == b"in plain\n"
        for use in (lambda: tls.send(b"secret"), lambda: tls.recv(1),
                    lambda: tls.makefile("rwb")):
            with pytest.raises(iotsafe.UseAfterCloseError):
                use()
        file.close()
        assert plain.fileno() >= 0


# --- TLS in TLS ---


@pytest.fixture
def proxy(peer, ca, monkeypatch):
    """The URL of an HTTP proxy that is spoken to over TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    server = peer(connect_through)
    server.context.verify_mode = ssl.CERT_NONE
    return f"https://localhost:{server.port}"


def by_urllib3(context, proxy, url, ca):
    own = ssl.create_default_context(cafile=ca)
    with urllib3.ProxyManager(
        proxy, proxy_ssl_context=own, ssl_context=context
    ) as pool:
        return pool.request("GET", url, timeout=10, retries=False).data


def by_requests(context, proxy, url, ca):
    with requests.Session() as session:
        session.mount("https://", iotsafe.requests.CardAdapter(context))
        session.proxies = {"https": proxy}
        return session.get(url, verify=str(ca), timeout=10).content


def for_httpx(proxy):
    """Under the name of its release."""
    names = inspect.signature(httpx.Client).parameters
    return {"proxy" if "proxy" in names else "proxies": proxy}


def by_httpx_on_asyncio(context, proxy, url, ca):
    async def get():
        async with httpx.AsyncClient(
            verify=context, **for_httpx(proxy)
        ) as client:
            return (await client.get(url)).content

    return asyncio.run(asyncio.wait_for(get(), 30))


def by_aiohttp(context, proxy, url, ca):
    async def get():
        async with aiohttp.ClientSession() as session, session.get(
            url, proxy=proxy, ssl=context
        ) as answer:
            return await answer.read()

    content = asyncio.run(asyncio.wait_for(get(), 30))
    # aiohttp leaves what is within another TLS to the collector, ssl's too.
    gc.collect()
    return content


@pytest.mark.parametrize("get", [
    by_urllib3, by_requests, by_httpx_on_asyncio, by_aiohttp
])
def test_a_proxy_that_is_spoken_to_over_tls(get, context, proxy, web, ca):
    assert get(context, proxy, f"{web.url}/5", ca) == b"xxxxx"
    assert web.clients == [CLIENT]


def test_httpx_names_what_its_older_releases_cannot(context, proxy, web):
    """Nor with ssl's contexts: they would speak past the proxy's TLS."""
    with httpx.Client(verify=context, **for_httpx(proxy)) as client:
        if tuple(map(int, httpcore.__version__.split(".")[:2])) >= WRAPS_TLS:
            assert client.get(f"{web.url}/5").content == b"xxxxx"
            assert web.clients == [CLIENT]
        else:
            with pytest.raises(httpx.ConnectError, match="TLS in TLS"):
                client.get(web.url)
            assert web.clients == []


# --- the server's side ---


def test_a_server_of_asyncio_is_told_why_nobody_gets_in(context):
    """It asks with the first client; start_server itself asks nothing."""
    async def main():
        server = await asyncio.start_server(
            lambda *_: None, "127.0.0.1", 0, ssl=context
        )
        port = server.sockets[0].getsockname()[1]
        async with server:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            with pytest.raises(ConnectionResetError):
                if not await reader.read(1):
                    raise ConnectionResetError
            writer.close()

    with pytest.warns(RuntimeWarning, match="only clients have a card"):
        asyncio.run(asyncio.wait_for(main(), 20))
