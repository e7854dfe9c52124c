# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each step costs with the two identities of Trust Onboard, in exchanges
and bytes of APDUs, beside what the vendor's SDK needs."""

import json
import os
import subprocess
import sys

# Name of the row, object.
IDENTITIES = [
    ("signing", "applet=mias;label=signing"),
    ("available", "applet=mias;label=available"),
]
STEPS = ("open", "read", "sign-first", "sign")

# Exchanges, bytes to the card and from it, as counted of the SDK's client at a
# card that answers 61xx, with a certificate file of 4700 bytes for the
# Available identity and one of 1150 for the Signing one; it opens a channel for
# every call. Reading the Available identity is its certificate and its key. It
# signs with that key on the host.
SDK = {
    ("signing", "open"): (13, 65, 26),
    ("signing", "read"): (21, 127, 1372),
    ("signing", "sign-first"): (9, 103, 295),
    ("signing", "sign"): (9, 103, 295),
    ("available", "open"): (13, 65, 26),
    ("available", "read"): (39 + 29, 216 + 168, 4948 + 1456),
    ("available", "sign-first"): (0, 0, 0),
    ("available", "sign"): (0, 0, 0),
}


def exchanges_of(log):
    with open(log, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def cost(exchanges):
    """Exchanges, bytes sent, bytes received with their status words."""
    return (
        len(exchanges),
        sum(len(each["command"]) // 2 for each in exchanges),
        sum(len(each["response"]) // 2 for each in exchanges),
    )


def measure(name, key, store):
    """One JSON object: the cost of each step."""
    log = os.path.join(store, name + ".jsonl")
    bench = os.path.join(os.environ["BUILD"], "benchmarks", "bench")
    card = "sim:trust-onboard?store={}&log={}".format(store, log)
    done = subprocess.run([bench, "identity", "--card", card, "--key", key],
                          stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit("bench: identity {} failed".format(name))
    raw = json.loads(done.stdout)
    exchanges = exchanges_of(log)
    steps = {}
    for step, sample in zip(STEPS, raw["samples"]):
        count = sample["exchanges"]
        own, exchanges = exchanges[:count], exchanges[count:]
        for which, figures in (("ours", cost(own)), ("sdk", SDK[name, step])):
            words = ("exchanges", "bytes_sent", "bytes_received")
            steps.setdefault(step, {})[which] = dict(zip(words, figures))
        steps[step]["line_characters"] = (sample["bytes_sent"]
                                          + sample["bytes_received"])
    return {"what": "identity-" + name, "steps": steps,
            "versions": raw["versions"]}


def print_rows(result):
    for step, row in result["steps"].items():
        ours, sdk = row["ours"], row["sdk"]
        print("{:<20} {:<11} {:>5} {:>6} {:>6}   {:>5} {:>6} {:>6}".format(
            result["what"], step, *ours.values(), *sdk.values()), flush=True)


def run(store, output):
    print("Trust Onboard, exchanges and bytes of APDUs; SDK = the vendor's, at "
          "its own card")
    print("{:<20} {:<11} {:>5} {:>6} {:>6}   {:>5} {:>6} {:>6}".format(
        "what", "step", "exch", "sent", "rcvd", "SDK", "sent", "rcvd"))
    for name, key in IDENTITIES:
        result = measure(name, key, store)
        print_rows(result)
        path = os.path.join(output, result["what"] + ".json")
        with open(path, "w", encoding="utf-8") as out:
            out.write(json.dumps(result) + "\n")
