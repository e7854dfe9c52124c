#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the benchmarks over the simulated SIM link, and tells what they mean.

Writes one JSON file a measurement, pictures in SVG, and prints a table with
what is aimed at beside what was measured. See benchmarks/README.md.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import identities
import links
import parts
import picture
from table import Table

HANDSHAKES = [
    # name, option, round trips until the client is done
    ("handshake-tls13", "1.3", 1),
    ("handshake-tls12", "1.2", 2),
    ("handshake-dtls12", "dtls", 2),
]
CERTIFICATE_SIZE = 700


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Signatures and handshakes over a simulated SIM link, "
        "instructions, exchanges, threads, memory and size.")
    parser.add_argument("--output", required=True, metavar="DIR",
                        help="where the JSON and SVG files go")
    parser.add_argument("--count", type=int, default=30, metavar="N",
                        help="samples of each kind (30)")
    parser.add_argument("--link", default="hat", metavar="NAME",
                        help="of the handshakes: usb, hat, slow, nbiot (hat)")
    parser.add_argument("--term", action="append", default=[],
                        metavar="NAME=N",
                        help="another term of it: baud=9600, modem-ms=30, "
                        "card-ms=sign:300 (see: iotsafe-sim --help)")
    parser.add_argument("--threads", type=int, default=64, metavar="N",
                        help="cards and threads at once (64)")
    arguments = parser.parse_args()
    if arguments.count < 1 or arguments.threads < 1:
        parser.error("--count and --threads are at least 1")
    return arguments


class Run:
    """One run: what was asked for, where it goes, the table so far."""

    def __init__(self, arguments, folder):
        self.count = arguments.count
        self.threads = arguments.threads
        self.output = pathlib.Path(arguments.output)
        self.folder = folder
        self.store = folder / "store"
        self.links = links.read_links(parts.SIM)
        self.table = Table()
        self.about = {"machine": parts.machine()}

    def write(self, name, figures):
        path = self.output / (name + ".json")
        path.write_text(json.dumps(dict(figures, what=name, **self.about))
                        + "\n")

    def card(self, link, more=""):
        return f"sim:gsma?{link.options}&store={self.store}{more}"

    def subfolder(self, name):
        path = self.folder / name
        path.mkdir()
        return path


# ---- one part after the other ----


def times(samples, name):
    return [sample[name + "_us"] / 1000 for sample in samples]


def evaluate(raw, link, network_ms=0.0):
    """Distributions, and each sample over what link and network allow."""
    samples = raw["samples"]
    limit = link.signature_ms() + network_ms
    totals = times(samples, "total")
    middle = sorted(samples, key=lambda s: s["total_us"])[len(samples) // 2]
    waiting = times(samples, "link")
    return {
        "link": dict(link.terms, name=link.name),
        "n": len(samples),
        "limit_ms": round(limit, 3),
        "network_ms": network_ms,
        "total_ms": parts.distribution(totals),
        "link_ms": parts.distribution(waiting),
        # The library; in a handshake TLS of both sides and the network, too.
        "outside_link_ms": parts.distribution(
            [total - each for total, each in zip(totals, waiting)]),
        "ratio": parts.distribution([each / limit for each in totals], 4),
        "ratios": [round(each / limit, 5) for each in totals],
        "exchanges": middle["exchanges"],
        "uart_bytes_sent": middle["bytes_sent"],
        "uart_bytes_received": middle["bytes_received"],
        "versions": raw["versions"],
    }


def do_clock(run):
    """How exact the ruler is, before anything is measured with it."""
    link = run.links["hat"]
    errors = parts.clock_errors(link, max(3, 3 * run.count), run.folder)
    mean = sum(errors) / len(errors)
    run.write("clock", {"link": link.name, "n": len(errors),
                        "mean_ms": round(mean, 4),
                        "error_ms": parts.distribution(errors)})
    run.table.at_most("the simulator's own error, an exchange, mean ms", mean,
                      0.2, "{:.3f}")


def do_signatures(run):
    curves = []
    for name, count in (("hat", run.count), ("slow", -(-run.count * 2 // 3))):
        link = run.links[name]
        raw = parts.bench("sign", "--card", run.card(link), "--count", count,
                          "--rest-ms", link["gap-ms"])
        found = evaluate(raw, link)
        run.write("sign-" + name, found)
        for share, target in (("p50", 1.01), ("p95", 1.03)):
            run.table.at_most(f"signature / limit, {name}, {share}",
                              found["ratio"][share], target, "{:.4f}",
                              f"of {found['limit_ms']:.1f} ms")
        curves.append((name, found["ratios"]))
    picture.write(run.output / "signature.svg", picture.curves(
        "Signature time over the limit", curves, marks=[1.01, 1.03]))


def do_instructions(run):
    few, many = 1, 1 + max(2, run.count // 3)
    whole = parts.instructions("iotsafe_key_sign", few, many)
    verify = parts.instructions("crypto_verify", few, many)
    run.write("instructions", {"signature": whole, "verify": verify,
                               "without_verify": whole - verify,
                               "signatures": many - few})
    run.table.at_most("instructions a signature, without verifying it",
                      whole - verify, 60000, "{:,}")
    run.table.plain("instructions to verify it", verify, "{:,}")


def shake_hands(run, link, name, tls, trips, more=""):
    raw = parts.bench("handshake", "--tls", tls, "--card",
                      run.card(link, more), "--count", run.count, "--pki",
                      run.store, "--delay-ms", link.network["delay-ms"],
                      "--loss", link.network["loss"],
                      "--rest-ms", link["gap-ms"])
    found = evaluate(raw, link, trips * link.round_trip_ms())
    run.write(name, found)
    return found


def do_handshakes(run, arguments):
    link = run.links[arguments.link]
    for term in arguments.term:
        link.change(term)
    bars, curves = [], []
    sign = evaluate(parts.bench("sign", "--card", run.card(link), "--count",
                                run.count, "--rest-ms", link["gap-ms"]), link)
    for name, tls, trips in HANDSHAKES:
        found = shake_hands(run, link, name, tls, trips)
        bars.append((name, waterfall(link, sign, found)))
        curves.append((name, found["ratios"]))
        title = (f"{name} / (network + limit), {link.name}, "
                 f"{link.round_trip_ms():g} ms, speculation on, p50")
        note = f"of {found['limit_ms']:.1f} ms"
        if tls == "1.3" and link.name == "hat":
            run.table.at_most(title, found["ratio"]["p50"], 0.90, "{:.4f}",
                              note)
        else:
            run.table.plain(title, found["ratio"]["p50"], "{:.4f}", note)
    found = shake_hands(run, link, "handshake-tls13-not-ahead", "1.3", 1,
                        "&ahead=no")
    run.table.plain("handshake-tls13, the same, speculation off, p50",
                    found["ratio"]["p50"], "{:.4f}",
                    f"of {found['limit_ms']:.1f} ms")
    picture.write(run.output / "handshake.svg", picture.bars(
        f"Where the time of a handshake goes: {link.name}", bars))
    picture.write(run.output / "handshakes.svg", picture.curves(
        "Handshake time over network and limit", curves, marks=[0.9, 1]))


def waterfall(link, sign, handshake):
    """Where the time of the middle handshake went, in milliseconds."""
    uart = link.line_ms(handshake["uart_bytes_sent"]
                        + handshake["uart_bytes_received"])
    waiting = handshake["link_ms"]["p50"]
    library = sign["outside_link_ms"]["p50"]
    # What the card did while the network was waited for is the card's.
    rest = handshake["total_ms"]["p50"] - waiting - library
    return [("UART", uart), ("card and modem", max(waiting - uart, 0)),
            ("library", library), ("network and TLS", max(rest, 0))]


def do_cold(run):
    """Two cold starts in processes of their own, which share a home: what the
    first one leaves there is the second one's cache."""
    folder, home = run.subfolder("cold"), run.subfolder("home")
    store = run.subfolder("cold-store")
    subprocess.run([parts.SIM, "pki", "--store", store, "--name", "localhost"],
                   check=True, stdout=subprocess.DEVNULL)
    parts.cold_card(store, folder, CERTIFICATE_SIZE)
    card = f"sim:gsma?store={store}&quirk=fetches&cache=yes"
    places = {name: str(home) for name in
              ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")}
    first, second = (
        parts.bench("cold", "--card", card, "--pki", folder,
                    env=dict(os.environ, **places))["samples"][0]
        for _ in range(2))
    run.write("cold", {"certificate_size": CERTIFICATE_SIZE, "first": first,
                       "second": second})
    run.table.at_most("exchanges, cold start to handshake, no cache",
                      first["exchanges"], 12, "{}")
    run.table.at_most("exchanges, the same with a cache", second["exchanges"],
                      5, "{}")


def do_resumption(run):
    card = run.card(run.links["hat"])
    most = 0
    for _, tls, _ in HANDSHAKES:
        raw = parts.bench("resume", "--tls", tls, "--card", card, "--pki",
                          run.store, "--count", min(run.count, 5))
        most = max(most, *(each["exchanges"] for each in raw["samples"]))
    run.write("resume", {"exchanges": most})
    run.table.at_most("exchanges of a resumed session", most, 0, "{}")


def rate(run, name, cards, threads, count):
    """Signatures a second, on cards of their own each time."""
    link = run.links["hat"]
    raw = parts.bench("threads", "--card", "sim:gsma?" + link.options,
                      "--cards", cards, "--threads", threads, "--count", count,
                      "--pki", run.subfolder(name))["samples"][0]
    return raw["signatures"] * 1e6 / raw["total_us"], raw


def do_scaling(run):
    """One card before and after, so that a machine that slows down is seen."""
    many, count = run.threads, run.count
    before, _ = rate(run, "one-before", 1, 1, count)
    parallel, cards = rate(run, "cards", many, 1, -(-count * 2 // 3))
    shared, threads = rate(run, "threads", 1, many, 2 if count > 1 else 1)
    after, _ = rate(run, "one-after", 1, 1, count)
    one = (before + after) / 2
    run.write("scaling", {
        "one_card_per_second": [round(before, 3), round(after, 3)],
        "cards": cards, "cards_ratio": round(parallel / (many * one), 4),
        "threads": threads, "threads_ratio": round(shared / one, 4)})
    run.table.at_least(f"{many} cards in parallel / {many} x one card",
                       parallel / (many * one), 0.95, "{:.4f}")
    run.table.at_least(f"one card, {many} threads / one thread", shared / one,
                       0.99, "{:.4f}",
                       "each thread signed {least} to {most} times".format(
                           **threads))


def do_lua(run):
    kib, gnutls = sorted(parts.lua_kib() for _ in range(3))[1]
    loads = [parts.lua_times() for _ in range(max(3, run.count // 3))]
    figures = {"resident_kib": kib, "gnutls_kib": gnutls}
    for index, name in enumerate(("require", "signature")):
        cpu, clock = zip(*(each[index] for each in loads))
        figures[name + "_cpu_ms"] = parts.distribution(cpu)
        figures[name + "_ms"] = parts.distribution(clock)
    run.write("lua", figures)
    run.table.at_most("Lua 5.1, require and first signature, MiB added",
                      kib / 1024, 3, "{:.2f}",
                      f"{gnutls / 1024:.2f} of it GnuTLS's libraries")
    for words, name in (("ms of the processor", "cpu_ms"),
                        ("ms by the clock", "ms")):
        run.table.plain(
            f"Lua 5.1, require to first signature, {words}, p50",
            figures["signature_" + name]["p50"], "{:.2f}",
            f"{figures['require_' + name]['p50']:.2f} of it require")


def do_size(run):
    size = parts.stripped_bytes()
    run.write("size", {"stripped_bytes": size})
    run.table.at_most("libiotsafe.so, stripped, KiB", size / 1024, 128,
                      "{:.1f}")


def main():
    arguments = parse_arguments()
    os.makedirs(arguments.output, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(arguments, pathlib.Path(folder))
        if arguments.link not in run.links:
            sys.exit("bench: no link " + arguments.link)
        subprocess.run([parts.SIM, "pki", "--store", run.store, "--name",
                        "localhost"], check=True, stdout=subprocess.DEVNULL)
        (parts.BUILD / "bench").mkdir(exist_ok=True)
        run.table.head()
        for part in (do_clock, do_signatures, do_instructions,
                     lambda run: do_handshakes(run, arguments), do_cold,
                     do_resumption, do_scaling, do_lua, do_size):
            try:
                part(run)
            except parts.Missing as missing:
                run.table.missing(part.__name__.removeprefix("do_"), missing)
        run.write("table", {"rows": run.table.rows})
        print(run.table.sum())
        identities.run(str(run.store), str(run.output))
    print(f"written: {arguments.output}/*.json and *.svg")


if __name__ == "__main__":
    main()
