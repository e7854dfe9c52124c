#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stories of a (software) SIM that keeps its secrets, told by real programs.

    ./dev demo [STORY] [options of iotsafe-sim]

  (none)  three TLS sessions whose private key never leaves the SIM: a real
          gnutls-serv takes nobody without a client certificate
  psk     the same with a pre-shared key that never leaves the SIM
  verify  the SIM checks the server; an impostor is refused
  csr     the SIM signs a certificate signing request; the new certificate
          opens a session
  trust-onboard
          both identities of a Trust Onboard SIM, and why the Signing one
          is not for TLS 1.3

The SIM sits behind a software modem on a pseudo-terminal and takes its time, as
real ones do; the command `iotsafe` uses it. Exits 0 only if the servers
accepted the sessions and the SIM's log shows the work it is said to have done.
"""

import hashlib
import os
import pathlib
import signal
import sys
import tempfile

from demo_steps import PACE, connect, count, program, show, show_session
from demo_trust_onboard import tell_trust_onboard

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from commands import far  # noqa: E402
from farside import Failure, Server, Sim, make_server_certificate  # noqa: E402

SESSIONS = (
    ("TLS 1.3", ["--tls", "1.3"], "TLS1.3"),
    ("TLS 1.2", ["--tls", "1.2"], "TLS1.2"),
    ("DTLS 1.2", ["--dtls"], "DTLS1.2"),
)


def tell_tls(folder, sim_options):
    make_server_certificate(folder)
    with Sim(folder, *PACE, *sim_options) as sim:
        print(f"A software SIM behind a software modem is at {sim.link}.")
        print("A real gnutls-serv takes nobody without a certificate.\n")
        for name, options, version in SESSIONS:
            with Server(folder, datagram="--dtls" in options) as server:
                show_session(name, version, sim, folder, server, options)
    print("All three sessions were authenticated by the key in the SIM.")


# --- pre-shared keys ---


IDENTITY = "device-7"

PSK_SESSIONS = (
    ("TLS 1.2", "card", ["--tls", "1.2"]),
    ("DTLS 1.2", "card", ["--dtls"]),
    ("TLS 1.3", "derived", ["--tls", "1.3"]),
)


def server_key(secret, kind):
    """What the server must know of a SIM's secret: docs/psk.md."""
    if kind == "card":
        return secret
    seed = b"".join(
        hashlib.sha256(text).digest() for text in (IDENTITY.encode(), b"")
    )
    return far.prf(far.psk_premaster(secret), "iotsafe psk", seed, 32)


def psk_secret(folder):
    label, _, digits = (folder / "psk.txt").read_text().strip().partition(":")
    return bytes.fromhex(digits)


def show_psk_session(name, kind, sim, folder, options):
    key = server_key(psk_secret(folder), kind)
    keys = folder / "keys.txt"
    keys.write_text(f"{IDENTITY}:{key.hex()}\n")
    before = len(sim.log)
    datagram = "--dtls" in options
    serve = ["--pskpasswd", keys]
    serve += ["--priority", "NORMAL:-KX-ALL:+PSK:+DHE-PSK:+ECDHE-PSK"]
    with Server(folder, datagram=datagram, options=serve) as server:
        options = ["--psk", IDENTITY, "--psk-kind", kind, *options]
        try:
            agreed = connect(sim, server.port, options)
        except Failure as failure:
            print(f"{name}: failed\n  {failure}")
            show(sim.log[before:])
            raise
        # Over UDP gnutls-serv names nobody; that it finished the handshake,
        # which it does last, says that it has the same key.
        who = IDENTITY
        if not datagram:
            who = server.wait_line(r"Connected as '(.*)'").group(1)
    exchanges = sim.log[before:]
    print(f"{name}: accepted, {agreed['cipher_suite']}, key: {kind}")
    print(f"  the server knows it as {who}")
    show(exchanges)
    if who != IDENTITY or count(exchanges, "48") != 1:
        raise Failure(f"{who}, {count(exchanges, '48')} derivations")
    print()


def tell_psk(folder, sim_options):
    with Sim(folder, "--profile", "psk", *PACE, *sim_options) as sim:
        print(f"A SIM with a secret key and no certificate is at {sim.link}.")
        print("A real gnutls-serv takes nobody who does not know the key.\n")
        for name, kind, options in PSK_SESSIONS:
            show_psk_session(name, kind, sim, folder, options)
    print("The secret key has not left the SIM. In TLS 1.2 neither has")
    print("anything that would open another session.")


# --- the server checked by the card ---


def make_impostor(folder):
    """Another authority of the same name, and its certificate for localhost."""
    subject = program("openssl", "x509", "-in", folder / "ca.pem", "-noout",
                      "-subject", "-nameopt", "RFC2253")
    name = subject.partition("=")[2].strip()
    where = folder / "impostor"
    where.mkdir()
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
           "-nodes", "-days", "2")
    program("openssl", "req", "-x509", *new, "-keyout", where / "ca-key.pem",
            "-out", where / "ca.pem", "-subj", "/" + name.replace(",", "/"))
    program("openssl", "req", *new, "-keyout", where / "server-key.pem",
            "-out", where / "request.pem", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost")
    program("openssl", "x509", "-req", "-in", where / "request.pem", "-days",
            "2", "-CA", where / "ca.pem", "-CAkey", where / "ca-key.pem",
            "-copy_extensions", "copy", "-out", where / "server.pem")
    return where


def show_server(sim, folder, what, expected):
    """Connects to the server of `folder`; says what the card thought of it."""
    serve = ["--x509certfile", folder / "server.pem"]
    serve += ["--x509keyfile", folder / "server-key.pem"]
    before = len(sim.log)
    refusal = None
    with Server(folder, options=serve) as server:
        try:
            connect(sim, server.port, ["--ca-key", "ca-key"])
        except Failure as failure:
            refusal = str(failure)
    exchanges = sim.log[before:]
    print(f"{what}: {'refused' if refusal else 'accepted'}")
    if refusal:
        print(f"  {refusal}")
    show(exchanges)
    # A refusal may be asked for in both forms of a signature.
    if (refusal is None) != expected or not count(exchanges, "2D"):
        raise Failure(f"{what}: {count(exchanges, '2D')} verifications")
    print()


def tell_verify(folder, sim_options):
    make_server_certificate(folder)
    with Sim(folder, "--profile", "full", *PACE, *sim_options) as sim:
        print(f"A SIM that holds an authority's public key is at {sim.link}.\n")
        show_server(sim, folder, "The authority's server", True)
        impostor = make_impostor(folder)
        show_server(sim, impostor, "An impostor of the same name", False)
    print("No file of this computer was trusted: the SIM checked both.")


# --- a certificate signing request ---


def tell_csr(folder, sim_options):
    make_server_certificate(folder)
    request, new = folder / "request.pem", folder / "new.pem"
    with Sim(folder, *PACE, *sim_options) as sim:
        print(f"A SIM with a key is at {sim.link}.\n")
        before = len(sim.log)
        program("iotsafe", "csr", "CN=device-7,O=Example", "--san",
                "dns:device-7.example", "--out", request, sim=sim)
        print("It signs a request for a certificate:")
        show(sim.log[before:])
        program("certtool", "--crq-info", "--infile", request)
        program("openssl", "req", "-verify", "-noout", "-in", request)
        print("\ncerttool reads it, openssl verifies it. The authority issues:")
        program("openssl", "x509", "-req", "-in", request, "-days", "2",
                "-CA", folder / "ca.pem", "-CAkey", folder / "ca-key.pem",
                "-copy_extensions", "copy", "-out", new)
        print("  " + program("openssl", "x509", "-in", new, "-noout",
                             "-subject", "-ext", "subjectAltName").strip()
              .replace("\n", "\n  ") + "\n")
        with Server(folder) as server:
            show_session("TLS 1.3", "TLS1.3", sim, folder, server,
                         ["--tls", "1.3", "--cert", new])
    print("The new certificate is of the key in the SIM.")


STORIES = {
    "psk": tell_psk,
    "verify": tell_verify,
    "csr": tell_csr,
    "trust-onboard": tell_trust_onboard,
}


def run(folder, words):
    if words and words[0] in STORIES:
        return STORIES[words[0]](folder, words[1:])
    if words and not words[0].startswith("-"):
        print(f'demo: no story "{words[0]}"; there are {", ".join(STORIES)}',
              file=sys.stderr)
        sys.exit(2)
    return tell_tls(folder, words)


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    sys.stdout.reconfigure(line_buffering=True)
    with tempfile.TemporaryDirectory(prefix="iotsafe-demo-") as name:
        try:
            run(pathlib.Path(name), sys.argv[1:])
        except Failure as failure:
            print(f"demo: {failure}", file=sys.stderr)
            return 1
        except BrokenPipeError:  # nobody looks on any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
