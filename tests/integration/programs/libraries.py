# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows of docs/programs.md: what takes a context of Python's ssl, and MQTT in
Lua, over the library itself."""

from programs.rows import DIRECT, ask, row
from programs.setting import HERE
from servers import Mosquitto


def python(setting, which):
    with setting.https() as server:
        script = HERE / "usepython.py"
        return ask(setting, server, "python3", script, which,
                   f"{server.url}/", setting.ca)


# Name, package, what it is called in usepython.py, how it is told.
OVER_HTTPS = [
    ("http.client", "python3", "http_client",
     "`HTTPSConnection(host, context=context)`"),
    ("urllib.request", "python3", "urllib_request",
     "`urlopen(url, context=context)`"),
    ("urllib3", "python3-urllib3", "urllib3",
     "`PoolManager(ssl_context=context)`"),
    ("requests", "python3-requests", "requests",
     '`session.mount("https://", iotsafe.requests.CardAdapter(context))`'),
    ("httpx", "python3-httpx", "httpx", "`httpx.Client(verify=context)`"),
    ("aiohttp", "python3-aiohttp", "aiohttp",
     "`session.get(url, ssl=context)`"),
    ("asyncio", "python3", "asyncio",
     "`asyncio.open_connection(host, port, ssl=context)`"),
    ("asyncio start_tls", "python3", "asyncio_start_tls",
     "`writer.start_tls(context, server_hostname=host)`"),
]


def keep(name, package, which, how):
    @row(name, package, DIRECT, "1.3", how)
    def run(setting):
        return python(setting, which)


for each in OVER_HTTPS:
    keep(*each)


def over_mqtt(setting, *words):
    """mosquitto's log has no version: there is one that it takes."""
    broker = Mosquitto(setting.folder, setting.folder,
                       more="tls_version tlsv1.3\n")
    try:
        words = [word.format(port=broker.port) if isinstance(word, str)
                 else word for word in words]
        text = setting.run(*words)
        assert "hello" in text, text
        return broker.user("device-7"), "1.3"
    finally:
        broker.stop()


@row("paho-mqtt", "python3-paho-mqtt", DIRECT, "1.3",
     "`client.tls_set_context(context)`")
def paho_mqtt(setting):
    return over_mqtt(setting, "python3", HERE / "usepython.py", "paho_mqtt",
                     "mqtts://localhost:{port}", setting.ca)


@row("MQTT over LuaSocket", "lua-socket", DIRECT, "1.3",
     '`require "iotsafe.ssl".wrap(tcp, { … })`, as luamqtt calls it')
def lua_mqtt(setting):
    return over_mqtt(setting, "lua5.1", HERE / "luamqtt.lua", "{port}",
                     setting.ca)
