#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three TLS sessions whose private key never leaves the (software) SIM.

    ./dev demo [options of iotsafe-sim]

A software SIM behind a software modem sits on a pseudo-terminal; a real
gnutls-serv takes nobody without a client certificate; `iotsafe connect` brings
them together. Modem and card take their time, as real ones do. Exits 0 only if the
server accepted all three sessions and the SIM signed once for each.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from farside import (  # noqa: E402
    DatagramTap,
    Failure,
    Server,
    Sim,
    make_server_certificate,
)

# An ordinary modem and card; options given behind these win.
PACE = ("--baud", "115200", "--modem-ms", "5", "--card-ms", "2B:120")

SESSIONS = (
    ("TLS 1.3", ["--tls", "1.3"], "TLS1.3"),
    ("TLS 1.2", ["--tls", "1.2"], "TLS1.2"),
    ("DTLS 1.2", ["--dtls"], "DTLS1.2"),
)


def connect(sim, folder, port, options):
    """What `iotsafe connect` says was agreed; its sentence if it failed."""
    environment = dict(os.environ, IOTSAFE_CARD=f"at:{sim.link}")
    done = subprocess.run(
        ["iotsafe", "connect", f"127.0.0.1:{port}", "--name", "localhost"]
        + ["--ca", folder / "ca.pem", "--json"]
        + options,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        raise Failure(done.stderr.strip() or f"iotsafe: {done.returncode}")
    return json.loads(done.stdout)


def session(sim, folder, server, options):
    """Connects; gives the agreement and the subject that the server saw."""
    if not server.datagram:
        agreed = connect(sim, folder, server.port, options)
        verdict, subject = server.client()
    else:
        with DatagramTap(server.port) as tap:
            agreed = connect(sim, folder, tap.port, options)
            verdict, _ = server.client()
            subject = tap.subject()
    if verdict != "The certificate is trusted.":
        raise Failure(f"gnutls-serv: {verdict}")
    if not subject:
        raise Failure("gnutls-serv saw no certificate of the client")
    return agreed, subject


def milliseconds(exchange):
    fields = ("us", "modem_us", "line_us")
    return sum(exchange.get(field, 0) for field in fields) / 1000


def show(exchanges):
    for exchange in exchanges:
        mark = "  <- the signature" if exchange.get("signature") else ""
        print(
            f"  {milliseconds(exchange):8.1f} ms  {exchange['sw']}"
            f"  {exchange['name']}{mark}"
        )
    total = sum(milliseconds(exchange) for exchange in exchanges)
    print(f"  {total:8.1f} ms in {len(exchanges)} exchanges with the card")


def show_session(name, version, sim, folder, server, options):
    before = len(sim.log)
    try:
        agreed, subject = session(sim, folder, server, options)
    except Failure as failure:
        print(f"{name}: failed\n  {failure}")
        show(sim.log[before:])
        raise
    exchanges = sim.log[before:]
    signatures = sum(1 for each in exchanges if each.get("signature"))
    print(f"{name}: accepted, {agreed['cipher_suite']}")
    print(f"  the server saw {subject}")
    show(exchanges)
    if agreed["version"] != version:
        raise Failure(f"{agreed['version']} was agreed, not {version}")
    if signatures != 1:
        raise Failure(f"the card made {signatures} signatures, not one")
    print()


def run(folder, sim_options):
    make_server_certificate(folder)
    with Sim(folder, *PACE, *sim_options) as sim:
        print(f"A software SIM behind a software modem is at {sim.link}.")
        print("A real gnutls-serv takes nobody without a certificate.\n")
        for name, options, version in SESSIONS:
            with Server(folder, datagram="--dtls" in options) as server:
                show_session(name, version, sim, folder, server, options)
    print("All three sessions were authenticated by the key in the SIM.")


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
