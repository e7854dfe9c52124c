# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the stories of the demo are made of: programs, sessions, and the
exchanges with the SIM in words."""

import itertools
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
from farside import DatagramTap, Failure  # noqa: E402

# An ordinary modem and card; options given behind these win.
PACE = ("--baud", "115200", "--modem-ms", "5", "--card-ms", "2B:120")

def program(*words, sim=None):
    """What a program prints; its sentence if it failed."""
    environment = dict(os.environ)
    if sim:
        environment["IOTSAFE_CARD"] = f"at:{sim.link}{sim.attributes}"
    done = subprocess.run(
        [str(word) for word in words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode:
        what = f"{words[0]}: exit status {done.returncode}"
        raise Failure(done.stderr.strip() or what)
    return done.stdout


def connect(sim, port, options):
    """What `iotsafe connect` says was agreed."""
    return json.loads(
        program(
            *("iotsafe", "connect", f"127.0.0.1:{port}"),
            *("--name", "localhost", "--json", *options),
            sim=sim,
        )
    )


def session(sim, folder, server, options):
    """Connects; gives the agreement and the subject that the server saw."""
    options = ["--ca", folder / "ca.pem", *options]
    if not server.datagram:
        agreed = connect(sim, server.port, options)
        verdict, subject = server.client()
    else:
        with DatagramTap(server.port) as tap:
            agreed = connect(sim, tap.port, options)
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


# What the SIM is there for, by instruction.
WORK = {"2D": "the verification", "48": "the derivation"}


def mark_of(exchange):
    if exchange.get("signature"):
        return "  <- the signature"
    work = WORK.get(exchange["command"][2:4].upper())
    return f"  <- {work}" if work else ""


def count(exchanges, ins):
    return sum(each["command"][2:4].upper() == ins for each in exchanges)


def told_as(exchange):
    return exchange["sw"], exchange["name"], mark_of(exchange)


def show(exchanges):
    for (sw, name, mark), alike in itertools.groupby(exchanges, told_as):
        times = [milliseconds(each) for each in alike]
        many = f", {len(times)} times" if len(times) > 1 else ""
        print(f"  {sum(times):8.1f} ms  {sw}  {name}{many}{mark}")
    total = sum(milliseconds(exchange) for exchange in exchanges)
    print(f"  {total:8.1f} ms in {len(exchanges)} exchanges with the card")


def show_session(name, version, sim, folder, server, options, wanted=1):
    """Connects and tells it; `wanted` signatures are the card's work."""
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
    if signatures != wanted:
        raise Failure(f"the card made {signatures} signatures, not {wanted}")
    print()
