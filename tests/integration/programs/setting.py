# SPDX-License-Identifier: LGPL-2.1-or-later
"""One simulated card, and servers that take nobody without a certificate."""

import os
import pathlib
import re
import socket
import subprocess
import sys

from farside import Failure, Process, Server, Sim, free_port

HERE = pathlib.Path(__file__).resolve().parent
SUPPORT = HERE.parents[1] / "support"
BUILD = pathlib.Path(os.environ.get("IOTSAFE_BUILD", "build"))
MODULE = BUILD / "bindings/pkcs11/iotsafe-pkcs11.so"
CERTIFICATE = "pkcs11:token=iotsafe;id=%01;type=cert"
KEY = "pkcs11:token=iotsafe;id=%01;type=private"


def run(*words, status=0, input=b"", seconds=60, folder=None, **environment):
    """The program's output and errors; fails unless it ends with this."""
    done = subprocess.run(
        [str(word) for word in words],
        input=input,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        cwd=folder,
        env=dict(os.environ, **{k: str(v) for k, v in environment.items()}),
    )
    text = done.stdout.decode(errors="replace")
    assert done.returncode == status, text
    return text


class Setting:
    """What every program is given."""

    def __init__(self, folder, *sim_options):
        self.folder = folder
        self.sim = Sim(folder, *sim_options)
        self.card = f"at:{self.sim.link}"
        run("iotsafe-sim", "pki", "--store", folder, "--name", "localhost")
        self.ca = folder / "ca.pem"
        # For clients that show their certificate and not who issued it.
        issuer = (folder / "server.pem").read_text()
        issuer = issuer[issuer.rindex("-----BEGIN CERTIFICATE"):]
        self.authorities = folder / "authorities.pem"
        self.authorities.write_text(self.ca.read_text() + issuer)
        self._make_site(folder / "site")

    def _make_site(self, site):
        site.mkdir()
        (site / "index.html").write_text("hello\n")
        run("git", "init", "-q", "--bare", site / "repository.git")
        run("git", "-C", site / "repository.git", "update-server-info")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sim.stop()

    @property
    def environment(self):
        return {
            "IOTSAFE_CARD": self.card,
            # Nobody's own configuration.
            "XDG_CONFIG_HOME": self.folder,
            "HOME": self.folder,
            "PKCS11_MODULE_PATH": MODULE,
            "GIT_SSL_CAINFO": self.ca,
            "SSL_CERT_FILE": self.ca,
        }

    @property
    def process_environment(self):
        own = {name: str(value) for name, value in self.environment.items()}
        return {**os.environ, **own}

    def run(self, *words, **options):
        return run(*words, **{**self.environment, **options})

    def https(self, chain=True):
        return HTTPS(self, chain)


class HTTPS(Process):
    """tests/support/httpsserver.py. It knows the root alone, so that the
    client must show the whole chain, unless told otherwise."""

    def __init__(self, setting, chain):
        pki = setting.folder / ("root" if chain else "both")
        pki.mkdir(exist_ok=True)
        for name in ("server.pem", "server-key.pem"):
            (pki / name).write_bytes((setting.folder / name).read_bytes())
        known = setting.ca if chain else setting.authorities
        (pki / "ca.pem").write_bytes(known.read_bytes())
        super().__init__(
            sys.executable,
            SUPPORT / "httpsserver.py",
            pki,
            setting.folder / "site",
        )
        try:
            self.port = int(self.wait_line(r"^port (\d+)$").group(1))
        except Failure:
            self.stop()
            raise
        self.url = f"https://localhost:{self.port}"

    def client(self):
        """(name, TLS version) of the next request's client."""
        found = self.wait_line(r"^(?:client (.*) TLSv([\d.]+) /|refused (.*))")
        assert found.group(1), found.group(3)
        return found.group(1), found.group(2)


class TLS(Server):
    """gnutls-serv, which knows both authorities."""

    def __init__(self, setting):
        super().__init__(
            setting.folder,
            options=(
                *("--x509certfile", setting.folder / "server.pem"),
                *("--x509keyfile", setting.folder / "server-key.pem"),
                *("--x509cafile", setting.authorities),
                *("--require-client-cert", "--verify-client-cert"),
            ),
        )

    def subject(self):
        verdict, subject = self.client()
        assert verdict == "The certificate is trusted.", verdict
        return re.sub("^CN=", "", subject)


class OpenVPN(Process):
    """A server without an interface, and a client's options."""

    COMMON = ("--dev", "null", "--verb", "3", "--data-ciphers", "AES-256-GCM")

    def __init__(self, setting):
        self.port = free_port(socket.SOCK_DGRAM)
        super().__init__(
            "openvpn",
            *self.COMMON,
            *("--local", "127.0.0.1", "--lport", self.port, "--tls-server"),
            *("--ca", setting.authorities, "--dh", "none"),
            *("--cert", setting.folder / "server.pem"),
            *("--key", setting.folder / "server-key.pem"),
        )
        try:
            self.wait_line("link remote")
        except Failure:
            self.stop()
            raise


class CoAP(Process):
    """coap-server-gnutls, which listens on the port behind the one given."""

    def __init__(self, folder):
        self.port = free_port(socket.SOCK_DGRAM)
        super().__init__(
            *("stdbuf", "-oL", "coap-server-gnutls", "-v", "7"),
            *("-p", self.port - 1),  # of both 127.0.0.1 and ::1
            *("-c", folder / "server.pem"),
            *("-j", folder / "server-key.pem"),
            *("-C", folder / "ca.pem", "-R", folder / "ca.pem"),
        )
        try:
            self.wait_line("created DTLS endpoint")
        except Failure:
            self.stop()
            raise

    def subject(self):
        return self.wait_line("CN '(.*)' presented by client").group(1)


class OpenConnect(Process):
    """ocserv, which only root can start."""

    def __init__(self, setting, cable):
        configuration = setting.folder / "ocserv.conf"
        configuration.write_text(
            'auth = "certificate"\n'
            "listen-host = 127.0.0.1\n"
            "tcp-port = 443\n"
            "socket-file = ocserv\n"
            f"server-cert = {setting.folder}/server.pem\n"
            f"server-key = {setting.folder}/server-key.pem\n"
            f"ca-cert = {setting.authorities}\n"
            # The common name is who it is.
            "cert-user-oid = 2.5.4.3\n"
            "isolate-workers = false\n"
            # Not used before there is a session.
            "device = vpns\n"
            "ipv4-network = 198.51.100.0/24\n"
        )
        super().__init__(
            *cable.beside("ocserv", "--foreground", "--debug=4"),
            *("--config", configuration),
            cwd=setting.folder,
        )
        try:
            self.wait_line("main: initialized ")
        except Failure:
            self.stop()
            raise
