# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the programs that measure; what they print becomes figures."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

BUILD = pathlib.Path(os.environ["BUILD"]).resolve()
BENCH = BUILD / "benchmarks/bench"
SIM = os.environ["IOTSAFE_SIM"]


class Missing(Exception):
    """Cannot be measured here, and why."""


def need(program, package):
    if shutil.which(program) is None:
        raise Missing(f"{program} is not installed (Debian: {package})")


def take_precedence():
    """Over whatever else this machine does, where one may: what waits for a
    timer is then woken at once. Not for what works a lot."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def has_precedence():
    """Does the system allow it?"""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


def run(line, **options):
    done = subprocess.run(line, stdout=subprocess.PIPE, check=False, **options)
    if done.returncode:
        words = " ".join(map(str, line))
        sys.exit(f"bench: failed with {done.returncode}: {words}")
    return done.stdout.decode()


def bench(*words, env=None):
    """{"versions":…, "samples":[…]} of one run of the program."""
    return json.loads(run([BENCH, *map(str, words)], env=env,
                          preexec_fn=take_precedence))


def machine():
    model = [line.partition(":")[2].strip()
             for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "model": model[0] if model else "",
        # Above the number of processors: others were at work too.
        "load": os.getloadavg()[0],
        # ... but then they had to wait for what is measured here.
        "precedence": has_precedence(),
    }


def percentile(values, share):
    """Nearest rank: a figure that was really measured."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 100))
    return ordered[int(rank) - 1]


def distribution(values, digits=3):
    return {
        "p50": round(percentile(values, 50), digits),
        "p95": round(percentile(values, 95), digits),
        "max": round(max(values), digits),
    }


# ---- the clock of the software SIM ----


def ask(sim, line):
    """The answer, and how long it took, in milliseconds."""
    answer = b""
    begun = time.perf_counter()
    os.write(sim.stdin.fileno(), line)
    while not answer.endswith((b"\r\nOK\r\n", b"ERROR\r\n")):
        answer += os.read(sim.stdout.fileno(), 4096)
    return answer, (time.perf_counter() - begun) * 1000


def clock_errors(link, count, folder):
    """How much longer an exchange took than the model says, in
    milliseconds. Without the library: two pipes and this program between."""
    log = folder / "clock.jsonl"
    sim = subprocess.Popen(
        [SIM, "--stdio", "--link", link.name, "--log", log],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        preexec_fn=take_precedence)
    ask(sim, b"ATE0\r")
    # GET CHALLENGE, which the card does not know: 5 characters and 2.
    take_precedence()
    took = [ask(sim, b'AT+CSIM=10,"0084000008"\r')[1] for _ in range(count)]
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    sim.stdin.close()
    sim.wait()
    rows = map(json.loads, log.read_text().splitlines())
    model = [(row["us"] + row["modem_us"] + row["line_us"]) / 1000
             for row in rows]
    return [each - wanted - link["gap-ms"]
            for each, wanted in zip(took, model)]


# ---- processor time ----


def instructions_in(function, count):
    """Of all calls of a function, in `count` signatures more than the first."""
    out = BUILD / "bench/callgrind.out"
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
         f"--toggle-collect={function}", BENCH, "sign", "--card", "sim:",
         "--count", str(count)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    found = re.search(rb"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        sys.exit("bench: callgrind failed: " + done.stderr.decode())
    return int(found.group(1))


def instructions(function, few, many):
    """One signature's, of a card that is open and a key that is known."""
    need("valgrind", "valgrind")
    return round((instructions_in(function, many)
                  - instructions_in(function, few)) / (many - few))


# ---- a certificate of a certain size ----


def certtool(folder, *words):
    done = subprocess.run(["certtool", *words], cwd=folder, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit("bench: certtool: " + done.stderr.decode())


def write_template(path, padding):
    # A name in DNS may be padded; the signature's size changes by itself.
    path.write_text('cn = "bench client"\nserial = 1\nsigning_key\n'
                    'tls_www_client\nexpiration_days = 3650\n'
                    'dns_name = "{}"\n'.format("x" * padding))


def make_certificate(folder, size):
    """client.key, client.der of `size` bytes, ca.pem that signed it."""
    (folder / "ca.tmpl").write_text(
        'cn = "bench authority"\nca\ncert_signing_key\n'
        'expiration_days = 3650\n')
    key = ["--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1",
           "--no-text", "--outfile"]
    certtool(folder, *key, "ca.key")
    certtool(folder, *key, "client.key")
    certtool(folder, "--generate-self-signed", "--load-privkey", "ca.key",
             "--template", "ca.tmpl", "--outfile", "ca.pem")
    padding = size - 450
    for _ in range(50):
        write_template(folder / "client.tmpl", padding)
        certtool(folder, "--generate-certificate", "--load-privkey",
                 "client.key", "--load-ca-privkey", "ca.key",
                 "--load-ca-certificate", "ca.pem", "--template",
                 "client.tmpl", "--outder", "--outfile", "client.der")
        short = size - (folder / "client.der").stat().st_size
        if not short:
            return
        padding += short
    sys.exit(f"bench: no certificate of {size} bytes in 50 tries")


def cold_card(store, folder, size):
    """A card of `gsma` with such a certificate, and a directory for --pki."""
    make_certificate(folder, size)
    run([SIM, "personalise", "--store", store, "--profile", "gsma",
         "--key", folder / "client.key", "--id", "01",
         "--certificate", folder / "client.der", "--id", "02"])
    for name in ("server.pem", "server-key.pem"):
        shutil.copy(store / name, folder / name)
    with open(folder / "ca.pem", "a", encoding="ascii") as out:
        out.write((store / "ca.pem").read_text())


# ---- memory and size ----

LUA_RESIDENT = """
local function resident()
  local sizes, name = {}, nil
  for line in io.lines("/proc/self/smaps") do
    name = line:match("^%x+%-%x+ %S+ %x+ %S+ %d+%s*(.*)$") or name
    local size = line:match("^Rss:%s+(%d+)")
    if size then sizes[name] = (sizes[name] or 0) + size end
  end
  return sizes
end
collectgarbage() collectgarbage()
local before = resident()
"""

LUA_SIGN = """
local iotsafe = require "iotsafe"
local card = assert(iotsafe.open("sim:"))
local key = assert(card:key())
assert(key:sign("sha256", string.rep("x", 32)))
"""

LUA_DIFFERENCE = """
for name, size in pairs(resident()) do
  print(size - (before[name] or 0), name:match("[^/]*$"))
end
"""

# A mark on standard output, which whoever reads it gives the time of day; with
# it the processor's time of this process, in milliseconds. The SIM is another.
LUA_MARK = """
io.write(os.clock() * 1000, "\\n") io.flush()
"""

# GnuTLS and what comes with it; any program with TLS has them.
GNUTLS = ("libgnutls", "libp11-kit", "libgmp", "libnettle", "libhogweed",
          "libunistring", "libtasn1", "libidn2", "libffi")


def need_lua():
    need("lua5.1", "lua5.1")
    if not list((BUILD / "lua/5.1").rglob("*.so")):
        raise Missing("the build has no module for Lua 5.1")


def lua_kib():
    """What `require` and a first signature add: KiB, and which of them are
    the text and data of GnuTLS's libraries."""
    need_lua()
    script = LUA_RESIDENT + LUA_SIGN + LUA_DIFFERENCE
    rows = [line.split(maxsplit=1)
            for line in run(["lua5.1", "-e", script]).splitlines()]
    gnutls = [int(row[0]) for row in rows if row[1:] and
              row[1].startswith(GNUTLS)]
    return sum(int(row[0]) for row in rows), sum(gnutls)


def lua_times():
    """From `require` on, until it is done and until the first signature is
    there: (ms of the processor, ms by the clock) each."""
    need_lua()
    script = LUA_MARK + 'require "iotsafe"' + LUA_MARK + LUA_SIGN + LUA_MARK
    with subprocess.Popen(["lua5.1", "-e", script],
                          stdout=subprocess.PIPE) as child:
        marks = [(float(line), time.perf_counter() * 1000)
                 for line in child.stdout]
    if child.returncode or len(marks) != 3:
        sys.exit(f"bench: lua5.1 failed with {child.returncode}")
    begun = marks[0]
    return [(mark[0] - begun[0], mark[1] - begun[1]) for mark in marks[1:]]


def stripped_bytes():
    need("strip", "binutils")
    library = BUILD / "core/libiotsafe.so"
    bare = BUILD / "bench/libiotsafe.so"
    run(["strip", "-o", bare, library.resolve()])
    return bare.stat().st_size
