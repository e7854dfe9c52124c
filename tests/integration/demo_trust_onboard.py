# SPDX-License-Identifier: LGPL-2.1-or-later
"""The story of Trust Onboard: both identities of one SIM, and the session
that cannot be."""

import json
import select
import socket

from demo_steps import program, show, show_session
from farside import Failure, Server, Sim, certified, make_server_certificate

PACE = ("--baud", "115200", "--modem-ms", "5", "--card-ms", "2A:40")

SIGNING = "applet=mias;label=signing"
AVAILABLE = "applet=mias;label=available"

# What it is called, key, options, what is agreed, signatures by the card.
SESSIONS = (
    ("Signing, TLS 1.2", SIGNING, ["--tls", "1.2"], "TLS1.2", 1),
    ("Signing, DTLS 1.2", SIGNING, ["--dtls"], "DTLS1.2", 1),
    ("Available, TLS 1.3", AVAILABLE, ["--tls", "1.3"], "TLS1.3", 0),
)


def give_pin(folder, sim):
    """A file as the device would have it: the PIN of this card's applet."""
    raw = (folder / "trust-onboard/iccid").read_bytes().hex()
    number = "".join(raw[i + 1] + raw[i] for i in range(0, len(raw), 2))
    path = folder / "pins"
    path.touch(0o600)
    path.write_text(f"{number.upper().rstrip('F')} applet=mias 0000\n")
    sim.attributes = f"?pin-file={path}"


def options_of(folder):
    """A server that takes clients of Trust Onboard's authority."""
    bundle = folder / "trust-onboard-bundle.pem"
    return [bundle if word == folder / "ca.pem" else word
            for word in certified(folder)]


def show_keys(sim):
    said = json.loads(program("iotsafe", "--json", "list", "type=private",
                              sim=sim))
    for each in said["objects"]:
        where = "can be read" if each["software"] else "never leaves the SIM"
        print(f"  {each['label']}: {each['key']}, {where}")
    print()
    if [each["software"] for each in said["objects"]] != [False, True]:
        raise Failure("the SIM does not have both identities")


def show_refusal(sim):
    """Nobody is called for a session that cannot be."""
    before = len(sim.log)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        try:
            program("iotsafe", "connect", f"127.0.0.1:{port}", "--json",
                    "--tls", "1.3", "--key", SIGNING, sim=sim)
            raise Failure("Signing, TLS 1.3 was not refused")
        except Failure as failure:
            refusal = str(failure)
        called, _, _ = select.select([server], [], [], 0)
    print(f"Signing, TLS 1.3: refused before connecting\n  {refusal}\n")
    signed = any(each.get("signature") for each in sim.log[before:])
    if called or signed or "PKCS#1 v1.5 alone" not in refusal:
        show(sim.log[before:])
        raise Failure(refusal)


def tell_trust_onboard(folder, sim_options):
    make_server_certificate(folder)
    with Sim(folder, "--profile", "trust-onboard", *PACE, *sim_options) as sim:
        give_pin(folder, sim)
        print(f"A SIM with Trust Onboard is at {sim.link}. Its identities:")
        show_keys(sim)
        print("A real gnutls-serv takes nobody without a certificate.\n")
        for name, key, options, version, signatures in SESSIONS:
            datagram = "--dtls" in options
            with Server(folder, datagram, options=options_of(folder)) as server:
                show_session(name, version, sim, folder, server,
                             ["--key", key, *options], signatures)
        show_refusal(sim)
    print("The Signing key is good for TLS 1.2 and DTLS 1.2: its SIM makes")
    print("signatures of PKCS#1 v1.5 alone, and TLS 1.3 has none of those.")
    print("The Available key was read from the SIM; this computer signed.")
