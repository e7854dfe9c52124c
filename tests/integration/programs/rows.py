# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs of docs/programs.md: how each is run, and what its server saw.

A row's function runs the program once and gives the name in the certificate
that the server's log tells.
"""

import collections
import os
import re

from programs.setting import (
    CERTIFICATE,
    HERE,
    KEY,
    MODULE,
    CoAP,
    OpenConnect,
    OpenVPN,
    Process,
    TLS,
)
from wired import Cable, Device, Switch, refused

# Ways in.
DIRECT, URL, PKCS11 = "the library", "iotsafe with", "PKCS#11"
TUNNEL = "iotsafe tunnel"

GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

# Of the card's certificates the library reads the key's and its issuer's, in
# two pieces each, and of the root the first one, by which it sees that it is
# not wanted. A piece is READ FILE and GET RESPONSE.
PIECE = 2
# Programs that ask for every certificate, for one and nothing further, and for
# all that go with the key: what is of another one shows in the first piece.
EVERY, ONE, OF_KEY = PIECE, -3 * PIECE, -PIECE

Row = collections.namedtuple(
    "Row",
    "name package way tls test_signatures chain by_page more refused how run",
)
ROWS = []


def row(name, package, way, tls, how, test_signatures=0, chain=True,
        by_page=False, more=0, refused=lambda: None):
    """`test_signatures`: how many GnuTLS has made before the handshake.
    `chain`: whether the program shows the certificates of issuers too; None
    where there is no server.
    `by_page`: only the page knows what it costs: its certificates do not come
    from the card, or it does something else than TLS.
    `more`: exchanges beside the library's, since it reads other certificates.
    `refused`: tells why this machine cannot run it."""

    def keep(function):
        ROWS.append(
            Row(name, package, way, tls, test_signatures, chain, by_page,
                more, refused, how, function)
        )
        return function

    return keep


def ask(setting, server, *words, **options):
    text = setting.run(*words, **options)
    assert "hello" in text, text
    return server.client()


# --- the measure of all ---


@row("iotsafe connect", "iotsafe-tools", DIRECT, "1.3", "`iotsafe connect …`")
def connect(setting):
    with setting.https() as server:
        return ask(
            setting,
            server,
            *("iotsafe", "connect", f"localhost:{server.port}"),
            *("--ca", setting.ca),
            input=GET,
        )


# --- names for GnuTLS ---


def any_wget(setting, program):
    with setting.https() as server:
        return ask(
            setting,
            server,
            *("iotsafe", "with", "--", program, "-qO-", "--tries=1"),
            *(f"--ca-certificate={setting.ca}", "--certificate=iotsafe:"),
            *("--private-key=iotsafe:", f"{server.url}/"),
        )


@row("wget", "wget", URL, "1.3",
     "`iotsafe with -- wget --certificate=iotsafe: --private-key=iotsafe: …`",
     test_signatures=1)
def wget(setting):
    return any_wget(setting, "wget")


@row("wget2", "wget2", URL, "1.3", "the same", test_signatures=1)
def wget2(setting):
    return any_wget(setting, "wget2")


@row("git", "git", URL, "1.3",
     "`iotsafe with -- git -c http.sslCert=iotsafe: -c http.sslKey=iotsafe: "
     "…`", test_signatures=1)
def git(setting):
    with setting.https() as server:
        setting.run(
            *("iotsafe", "with", "--", "git", "-c", "http.sslCert=iotsafe:"),
            *("-c", "http.sslKey=iotsafe:", "ls-remote"),
            f"{server.url}/repository.git",
        )
        return server.client()


@row("pycurl", "python3-pycurl", URL, "1.3",
     "`SSLCERT` and `SSLKEY` are `iotsafe:`", test_signatures=1)
def pycurl(setting):
    with setting.https() as server:
        script = HERE / "usepycurl.py"
        return ask(
            setting,
            server,
            *("iotsafe", "with", "--", "python3", script),
            *(f"{server.url}/", setting.ca),
        )


@row("lua-curl", "lua-curl", URL, "1.3",
     "`OPT_SSLCERT` and `OPT_SSLKEY` are `iotsafe:`", test_signatures=1)
def lua_curl(setting):
    with setting.https() as server:
        return ask(
            setting,
            server,
            *("iotsafe", "with", "--", "lua5.1", HERE / "luacurl.lua"),
            *(f"{server.url}/", setting.ca),
        )


@row("GIO", "glib-networking", URL, "1.3",
     '`Gio.TlsCertificate.new_from_pkcs11_uris("iotsafe:", "iotsafe:")`',
     chain=False)
def gio(setting):
    with setting.https(chain=False) as server:
        return ask(
            setting,
            server,
            *("iotsafe", "with", "--", "python3", HERE / "usegio.py"),
            *(f"{server.url}/", setting.ca),
        )


@row("coap-client", "libcoap3-bin", URL, "DTLS 1.2",
     "`iotsafe with -- coap-client-gnutls -c iotsafe: -j iotsafe: …`",
     test_signatures=1)
def coap(setting):
    with CoAP(setting.folder) as server:
        text = setting.run(
            *("iotsafe", "with", "--", "coap-client-gnutls", "-B", "20"),
            *("-c", "iotsafe:", "-j", "iotsafe:", "-C", setting.ca),
            *("-R", setting.ca, f"coaps://127.0.0.1:{server.port}/"),
        )
        assert "libcoap" in text, text
        return server.subject(), "DTLS 1.2"


def ocserv_refused():
    if os.geteuid() != 0:
        return "needs root to be somebody else"
    return refused()


@row("openconnect", "openconnect", URL, "1.3",
     "`iotsafe with -- openconnect -c iotsafe: -k iotsafe: …`",
     test_signatures=2, chain=False, refused=ocserv_refused)
def openconnect(setting):
    with Cable() as cable, OpenConnect(setting, cable) as server:
        text = setting.run(
            *cable.beside("iotsafe", "with", "--", "openconnect"),
            *("--authenticate", "--non-inter", "--verbose"),
            *("--cafile", setting.ca, "-c", "iotsafe:", "-k", "iotsafe:"),
            "https://localhost/",
        )
        version = re.search(r"ciphersuite \(TLS([\d.]+)\)", text).group(1)
        found = server.wait_line("user '(.*)' obtained cookie")
        assert "COOKIE=" in text, text
        return found.group(1), version


# --- PKCS#11 ---


def gnutls_cli(setting, version):
    with TLS(setting) as server:
        text = setting.run(
            *("gnutls-cli", "--provider", MODULE, "--port", server.port),
            *("localhost", "--x509cafile", setting.ca),
            *("--x509certfile", CERTIFICATE, "--x509keyfile", KEY),
            *("--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"),
        )
        assert f"(TLS{version}-" in text, text
        return server.subject(), version


@row("gnutls-cli", "gnutls-bin", PKCS11, "1.2",
     "`--provider … --x509certfile pkcs11:… --x509keyfile pkcs11:…`",
     chain=False, more=ONE)
def gnutls_cli_12(setting):
    return gnutls_cli(setting, "1.2")


@row("gnutls-cli", "gnutls-bin", PKCS11, "1.3", "the same", chain=False,
     more=ONE)
def gnutls_cli_13(setting):
    return gnutls_cli(setting, "1.3")


@row("curl", "curl", PKCS11, "1.3",
     "`--cert pkcs11:… --key pkcs11:…`, with libengine-pkcs11-openssl",
     chain=False, more=EVERY)
def curl(setting):
    with setting.https(chain=False) as server:
        return ask(
            setting,
            server,
            *("curl", "-sS", "--cacert", setting.ca),
            *("--cert", CERTIFICATE, "--key", KEY, f"{server.url}/"),
        )


def own_chain(setting):
    """A file with the certificates; what follows is counted."""
    own = setting.folder / "own.pem"
    setting.run("iotsafe", "cert", "--chain", "--out", own)
    setting.sim.counted = len(setting.sim.log)
    return own


def s_client(setting, version):
    own = own_chain(setting)
    with setting.https() as server:
        return ask(
            setting,
            server,
            *("openssl", "s_client", "-quiet", f"-tls{version}"),
            *("-engine", "pkcs11", "-keyform", "engine", "-key", KEY),
            *("-cert", own, "-cert_chain", own, "-CAfile", setting.ca),
            *("-connect", f"localhost:{server.port}"),
            input=GET,
        )


@row("openssl", "openssl", PKCS11, "1.2",
     "`s_client -engine pkcs11 -keyform engine -key pkcs11:… -cert FILE`, "
     "with libengine-pkcs11-openssl", by_page=True)
def s_client_12(setting):
    return s_client(setting, "1_2")


@row("openssl", "openssl", PKCS11, "1.3", "the same", by_page=True)
def s_client_13(setting):
    return s_client(setting, "1_3")


@row("openvpn", "openvpn", PKCS11, "1.3",
     "`--pkcs11-providers … --pkcs11-id …`", chain=False, more=OF_KEY)
def openvpn(setting):
    text = setting.run("openvpn", "--show-pkcs11-ids", MODULE)
    name = text.partition("Serialized id:")[2].split()[0]
    setting.sim.counted = len(setting.sim.log)
    with OpenVPN(setting) as server, Process(
        "openvpn",
        *OpenVPN.COMMON,
        *("--remote", "127.0.0.1", server.port, "--nobind", "--tls-client"),
        *("--ca", setting.authorities, "--remote-cert-tls", "server"),
        *("--pkcs11-providers", MODULE, "--pkcs11-id", name),
        env=dict(setting.process_environment),
    ) as client:
        found = server.wait_line("VERIFY OK: depth=0, CN=(.*)")
        server.wait_line("Peer Connection Initiated")
        version = client.wait_line(r"Control Channel: TLSv([\d.]+)").group(1)
        client.wait_line("Peer Connection Initiated")
        return found.group(1), version


def wpa_supplicant(setting, certificate, known, more=""):
    with Cable() as cable, Switch(cable, setting.folder, known) as switch:
        with Device(
            cable,
            setting.folder,
            *(setting.ca, certificate, KEY, more),
            env=setting.process_environment,
        ):
            return switch.client()


@row("wpa_supplicant", "wpasupplicant", PKCS11, "1.2",
     '`client_cert="pkcs11:…"` and `private_key="pkcs11:…"`, with '
     "libengine-pkcs11-openssl", chain=False, more=EVERY, refused=refused)
def wpa_supplicant_12(setting):
    return wpa_supplicant(setting, CERTIFICATE, setting.authorities)


@row("wpa_supplicant", "wpasupplicant", PKCS11, "1.3",
     '`client_cert="FILE"`, `private_key="pkcs11:…"` and '
     '`phase1="tls_disable_tlsv1_3=0"`, with libengine-pkcs11-openssl',
     by_page=True, refused=refused)
def wpa_supplicant_13(setting):
    return wpa_supplicant(setting, own_chain(setting), setting.ca,
                          'phase1="tls_disable_tlsv1_3=0"')


# --- where LuaSec stood ---


def lua_https(setting, kind):
    with setting.https() as server:
        script = HERE / "luahttps.lua"
        return ask(setting, server, "lua5.1", script, kind, f"{server.url}/",
                   setting.ca)


@row("LuaSocket", "lua-socket", DIRECT, "1.3",
     '`http.request { create = require "iotsafe.https".tcp { … }, … }`')
def lua_socket(setting):
    return lua_https(setting, "LuaSocket")


@row("LuaSec https", "lua-sec", DIRECT, "1.3",
     '`require "iotsafe.ssl".install()`, or its own ssl.https over that')
def lua_sec(setting):
    return lua_https(setting, "LuaSec")
