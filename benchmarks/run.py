#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the benchmarks over the simulated SIM link, and tells what they mean.

Writes one JSON file a measurement and one SVG picture of where the time of a
handshake went. See benchmarks/README.md for the method.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile

import identities
import picture

# What is measured: name, command line of `bench`, signatures in each sample.
MEASUREMENTS = [
    ("sign", ["sign"]),
    ("handshake-tls13", ["handshake", "--tls", "1.3"]),
    ("handshake-tls12", ["handshake", "--tls", "1.2"]),
    ("handshake-dtls12", ["handshake", "--tls", "dtls"]),
]

# Characters between modem and card for one signature: three T=0 commands
# with their procedure bytes (18 + 39 + 5 bytes out, 2 + 2 + 69 in, 3 between).
CARD_CHARACTERS = 138


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Signature and handshake times over a simulated SIM link.")
    parser.add_argument("--output", required=True, metavar="DIR",
                        help="where the JSON and SVG files go")
    parser.add_argument("--count", type=int, default=30, metavar="N",
                        help="samples of each kind (30)")
    parser.add_argument("--baud", type=int, default=115200, metavar="N",
                        help="speed of the line; 0: no UART at all (115200)")
    parser.add_argument("--modem-ms", type=float, default=0, metavar="MS",
                        help="the modem's own time for a command (0)")
    parser.add_argument("--char-us", type=float, default=0, metavar="US",
                        help="one character between modem and card (0)")
    parser.add_argument("--card-ms", type=float, default=60, metavar="MS",
                        help="the card's time for a signature (60)")
    arguments = parser.parse_args()
    if arguments.count < 1:
        parser.error("--count is at least 1")
    return arguments


def address(arguments, store):
    """The software SIM with the link model that was asked for."""
    return ("sim:gsma?store={}&baud={}&modem-ms={:g}&char-us={:g}"
            "&card-ms=2B:{:g}").format(
                store, arguments.baud, arguments.modem_ms, arguments.char_us,
                arguments.card_ms)


def percentile(values, share):
    """Nearest rank: a figure that was really measured."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 100))
    return ordered[int(rank) - 1]


def distribution(values):
    return {
        "p50": round(percentile(values, 50), 3),
        "p95": round(percentile(values, 95), 3),
        "max": round(max(values), 3),
    }


def uart_ms(arguments, size):
    return size * 10 * 1000 / arguments.baud if arguments.baud else 0.0


def model_ms(arguments, sample):
    """What the configured link and card take for the signature in a sample:
    N t_modem + 10 B / baud + C t_char + t_card."""
    size = sample["bytes_sent"] + sample["bytes_received"]
    return (sample["exchanges"] * arguments.modem_ms
            + uart_ms(arguments, size)
            + CARD_CHARACTERS * arguments.char_us / 1000
            + arguments.card_ms)


def evaluate(name, arguments, raw):
    samples = raw["samples"]
    totals = [sample["total_us"] / 1000 for sample in samples]
    links = [sample["link_us"] / 1000 for sample in samples]
    beyond = [total - model_ms(arguments, sample)
              for total, sample in zip(totals, samples)]
    middle = sorted(samples, key=lambda s: s["total_us"])[len(samples) // 2]
    return {
        "what": name,
        "link": {
            "baud": arguments.baud,
            "modem_ms": arguments.modem_ms,
            "char_us": arguments.char_us,
            "card_ms": arguments.card_ms,
        },
        "n": len(samples),
        "total_ms": distribution(totals),
        "link_ms": distribution(links),
        # Everything beyond the configured delays: library, software SIM,
        # kernel and, in a handshake, TLS on both sides.
        "beyond_model_ms": distribution(beyond),
        # Outside the waiting for the link.
        "outside_link_ms": distribution(
            [total - link for total, link in zip(totals, links)]),
        "exchanges": middle["exchanges"],
        "uart_bytes_sent": middle["bytes_sent"],
        "uart_bytes_received": middle["bytes_received"],
        "versions": dict(raw["versions"], kernel=platform.release(),
                         machine=platform.machine()),
    }


def run_bench(command, arguments, store):
    bench = os.path.join(os.environ["BUILD"], "benchmarks", "bench")
    line = [bench, *command, "--card", address(arguments, store),
            "--count", str(arguments.count), "--pki", store]
    done = subprocess.run(line, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit("bench: {} failed".format(" ".join(command)))
    return json.loads(done.stdout)


def make_pki(store):
    subprocess.run([os.environ["IOTSAFE_SIM"], "pki", "--store", store,
                    "--name", "localhost"],
                   check=True, stdout=subprocess.DEVNULL)


def parts(arguments, sign, handshake):
    """Where the time of the middle handshake went, in milliseconds."""
    uart = uart_ms(arguments, handshake["uart_bytes_sent"]
                   + handshake["uart_bytes_received"])
    link = handshake["link_ms"]["p50"]
    library = sign["outside_link_ms"]["p50"]
    rest = handshake["total_ms"]["p50"] - link - library
    return [("UART", uart), ("card and modem", max(link - uart, 0)),
            ("library", library), ("network and TLS", max(rest, 0))]


def print_row(result):
    print("{:<18} {:>4} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.2f} {:>6} {:>6} {:>6}"
          .format(result["what"], result["n"], result["total_ms"]["p50"],
                  result["total_ms"]["p95"], result["total_ms"]["max"],
                  result["beyond_model_ms"]["p95"], result["exchanges"],
                  result["uart_bytes_sent"], result["uart_bytes_received"]),
          flush=True)


def main():
    arguments = parse_arguments()
    os.makedirs(arguments.output, exist_ok=True)
    results = {}
    print("times in milliseconds; beyond = p95 of what the configured link "
          "and card do not explain")
    print("{:<18} {:>4} {:>9} {:>9} {:>9} {:>9} {:>6} {:>6} {:>6}".format(
        "what", "n", "p50", "p95", "max", "beyond", "exch", "sent", "rcvd"))
    with tempfile.TemporaryDirectory() as store:
        make_pki(store)
        for name, command in MEASUREMENTS:
            result = evaluate(name, arguments,
                              run_bench(command, arguments, store))
            results[name] = result
            print_row(result)
            path = os.path.join(arguments.output, name + ".json")
            with open(path, "w", encoding="utf-8") as out:
                out.write(json.dumps(result) + "\n")
        identities.run(store, arguments.output)
    bars = [(name, parts(arguments, results["sign"], results[name]))
            for name, _ in MEASUREMENTS if name != "sign"]
    path = os.path.join(arguments.output, "handshake.svg")
    with open(path, "w", encoding="utf-8") as out:
        out.write(picture.draw(bars, results["sign"]["link"]))
    print("written: {}/*.json and {}".format(arguments.output, path))


if __name__ == "__main__":
    main()
