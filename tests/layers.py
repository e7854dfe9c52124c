#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may see whom: reads #include lines and the objects' undefined symbols.
And who may look at the time of day.

    layers.py SOURCE BUILD     checks this tree, then that the check can fail

Prints TAP. The levels are those of docs/architecture.md: a level of core/
sees itself and the levels below it.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

LEVELS = {
    "base": 0,
    "link": 1,
    "uicc": 2,
    "applet": 3,
    "object": 4,
    "tls": 5,
    "format": 5,
}
OUTSIDE = ("tools", "bindings", "docs", "benchmarks")

# Library: header pattern, symbol pattern, and who in core/ may use it.
LIBRARIES = {
    "GnuTLS": (
        r"gnutls/|iotsafe/gnutls\.h$",
        r"gnutls_",
        r"base/crypto(_[a-z]+)?\.[ch]$|tls/|format/"
        r"|include/iotsafe/gnutls\.h$",
    ),
    "nettle": (r"nettle/", r"nettle_", r"base/crypto_hash\.c$"),
    "libserialport": (
        r"libserialport\.h$",
        r"sp_[a-z]",
        r"link/stream_serial\.c$",
    ),
    "libmbim": (
        r"(libmbim-glib|glib|gio)\.h$",
        r"(mbim_(message|device)|g_(main|object|error|byte))_",
        r"link/mbim[a-z_]*\.[ch]$",
    ),
    "pcsclite": (
        r"(PCSC/)?(winscard|pcsclite|wintypes)\.h$",
        r"SCard",
        r"link/pcsc[a-z_]*\.[ch]$",
    ),
    "p11-kit": (r"p11-kit/", r"p11_kit_", r"$^"),
    "OpenSSL": (r"openssl/", r"(EVP|SSL|X509|OPENSSL|BIO|EC_KEY)_", r"$^"),
}

# The time of day may jump: it is for what has dates. Waits and ages go by
# CLOCK_MONOTONIC and CLOCK_BOOTTIME.
DAY_CLOCK = re.compile(
    r"\b(CLOCK_REALTIME\w*|CLOCK_TAI|gettimeofday|ftime|time(?= ?\((NULL|&))"
    r"|pthread_(cond|mutex|rwlock)_timed\w+|sem_timedwait|mq_timed\w+"
    r"|gnutls_(global|session)_set_time\w*)\b"
)
DAY_CLOCK_OF_SCRIPTS = re.compile(
    r"\b(time\.time|datetime\.(?:now|today|utcnow)|os\.time|os\.date"
    r"|socket\.gettime)\b(?= *\()"
)
DATES = (
    "core/base/crypto_certificate.c",
    "core/link/uucp.c",
    "core/tls/bundle.c",
    "python/iotsafe/_connection.py",
    "sim/log.c",
    "tools/bench_server.c",
    "tools/doctor_chain.c",
)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def level(path):
    """The level of a path below core/, None for public headers."""
    return LEVELS.get(path.parts[0]) if len(path.parts) > 1 else None


def may_see(user, used):
    """Paths below core/. A level sees itself and what is lower."""
    if user.parts[0] == used.parts[0] or level(used) is None:
        return True
    if level(user) is None:
        return False
    return level(used) < level(user)


def includes(path):
    """(is_quoted, name) of each #include line."""
    text = path.read_text(errors="replace")
    return [(mark == '"', name) for mark, name in INCLUDE.findall(text)]


def c_files(folder):
    return sorted(
        path for path in folder.rglob("*") if path.suffix in (".c", ".h", ".i")
    )


def resolve(path, name, root):
    """The file a quoted include means, or None."""
    for base in (path.parent, root):
        found = (base / name).resolve()
        if found.is_file():
            return found
    return None


def library_violations(what, user, name_matches):
    for library, patterns in LIBRARIES.items():
        if name_matches(patterns) and not re.match(patterns[2], str(user)):
            yield f"core/{user} uses {library} ({what})"


def core_include_violations(core):
    for path in c_files(core):
        user = path.relative_to(core)
        for quoted, name in includes(path):
            yield from library_violations(
                name, user, lambda p: re.match(p[0], name)
            )
            if not quoted:
                continue
            found = resolve(path, name, core)
            if found is None:
                yield f"core/{user} includes {name}, which is not there"
            elif core.resolve() not in found.parents:
                yield f"core/{user} includes {name} from outside core/"
            elif not may_see(user, found.relative_to(core.resolve())):
                yield f"core/{user} includes {name}, which is above it"


def outside_include_violations(source):
    """sim/ has nothing of core/; tools and the like have public headers."""
    for folder in OUTSIDE + ("sim",):
        for path in c_files(source / folder):
            user = path.relative_to(source)
            for quoted, name in includes(path):
                if folder == "sim" and re.match(r"iotsafe/|gnutls/", name):
                    yield f"{user} includes {name}"
                if not quoted:
                    continue
                found = resolve(path, name, source / folder)
                if found and source / folder not in found.parents:
                    yield f"{user} includes {name} from another part"


def clock_violations(source):
    files = {
        path: DAY_CLOCK
        for folder in ("core", "sim") + OUTSIDE
        for path in c_files(source / folder)
    }
    for folder, kind in (("python", "py"), ("lua", "lua")):
        for path in sorted((source / folder / "iotsafe").rglob(f"*.{kind}")):
            files[path] = DAY_CLOCK_OF_SCRIPTS
    for path, clock in files.items():
        user = str(path.relative_to(source))
        if user in DATES or "/tests/" in user:
            continue
        for match in clock.finditer(path.read_text(errors="replace")):
            yield f"{user} goes by the time of day ({match.group(1)})"


def symbols(path, option):
    output = subprocess.run(
        ["nm", "-P", option, path], check=True, capture_output=True, text=True
    ).stdout
    return {line.split()[0] for line in output.splitlines() if line.strip()}


def objects(build, folder):
    """{source path below the folder: object path}, as the build knows it."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        output = build / entry["output"]
        if folder in path.parents and output.exists():
            found[path.relative_to(folder)] = output
    return found


def symbol_violations(core_objects, sim_objects):
    home = {}
    for user, path in core_objects.items():
        for name in symbols(path, "--defined-only"):
            home.setdefault(name, user)
    for user, path in core_objects.items():
        for name in symbols(path, "--undefined-only"):
            yield from library_violations(
                name, user, lambda p: re.match(p[1], name)
            )
            used = home.get(name)
            if used and not may_see(user, used):
                yield f"core/{user} calls {name} of core/{used}"
    yield from sim_symbol_violations(sim_objects, home)


def sim_symbol_violations(sim_objects, home):
    own = set()
    for path in sim_objects.values():
        own |= symbols(path, "--defined-only")
    for user, path in sim_objects.items():
        for name in symbols(path, "--undefined-only") - own:
            if name in home or re.match(r"gnutls_|iotsafe_", name):
                yield f"sim/{user} calls {name}"


# --- The check itself must be able to fail. --------------------------------


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def planted_includes(root):
    plant(
        root,
        {
            "core/base/hex.h": "",
            "core/link/at.c": '#include "uicc/apdu.h"\n',
            "core/link/pcsc.c": "#include <gnutls/gnutls.h>\n",
            "core/uicc/apdu.h": '#include "base/hex.h"\n',
            "core/tls/url.c": "#include <gnutls/gnutls.h>\n",
            "core/link/link.c": "#include <winscard.h>\n",
            "core/object/card.c": "#include <libserialport.h>\n",
            "sim/card.c": '#include "../core/base/hex.h"\n',
            "sim/crypto.c": "#include <gnutls/crypto.h>\n",
            "tools/main.c": '#include "../core/base/hex.h"\n',
            "bindings/pkcs11/slot.c": '#include "../../core/base/hex.h"\n',
        },
    )
    found = list(core_include_violations(root / "core"))
    return sorted(found + list(outside_include_violations(root)))


def planted_clocks(root):
    plant(
        root,
        {
            "core/base/wait.c": "x = time(NULL); settime(y, NULL);\n",
            "core/tls/age.c": "clock_gettime(CLOCK_REALTIME, &now);\n",
            "core/link/uucp.c": "x = time(NULL);\n",
            "sim/timing.c": "clock_gettime(CLOCK_MONOTONIC, &now);\n",
            "tools/queue.c": "pthread_cond_timedwait(&a, &b, &c);\n",
            "python/iotsafe/age.py": "time.monotonic(), time.time()\n",
            "lua/iotsafe/age.lua": "local now = os.time()\n",
        },
    )
    return sorted(clock_violations(root))


def planted_symbols(root):
    plant(
        root,
        {
            "base/hex.c": "int up(void);int hex(void);"
            "int hex(void) {return up();}",
            "uicc/apdu.c": "int up(void);int hex(void);"
            "int up(void) {return hex();}",
            "uicc/tls.c": "int gnutls_x(void);int t(void);"
            "int t(void) {return gnutls_x();}",
            "card.c": "int hex(void);int c(void);int c(void) {return hex();}",
        },
    )
    built = {}
    for name in ("base/hex.c", "uicc/apdu.c", "uicc/tls.c", "card.c"):
        built[pathlib.Path(name)] = root / (name + ".o")
        subprocess.run(
            ["cc", "-c", root / name, "-o", root / (name + ".o")], check=True
        )
    sim = {pathlib.Path("card.c"): built.pop(pathlib.Path("card.c"))}
    return sorted(symbol_violations(built, sim))


PLANTED_INCLUDES = [
    "bindings/pkcs11/slot.c includes ../../core/base/hex.h from another part",
    "core/link/at.c includes uicc/apdu.h, which is above it",
    "core/link/link.c uses pcsclite (winscard.h)",
    "core/link/pcsc.c uses GnuTLS (gnutls/gnutls.h)",
    "core/object/card.c uses libserialport (libserialport.h)",
    "sim/card.c includes ../core/base/hex.h from another part",
    "sim/crypto.c includes gnutls/crypto.h",
    "tools/main.c includes ../core/base/hex.h from another part",
]
PLANTED_SYMBOLS = [
    "core/base/hex.c calls up of core/uicc/apdu.c",
    "core/uicc/tls.c uses GnuTLS (gnutls_x)",
    "sim/card.c calls hex",
]
PLANTED_CLOCKS = [
    "core/base/wait.c goes by the time of day (time)",
    "core/tls/age.c goes by the time of day (CLOCK_REALTIME)",
    "lua/iotsafe/age.lua goes by the time of day (os.time)",
    "python/iotsafe/age.py goes by the time of day (time.time)",
    "tools/queue.c goes by the time of day (pthread_cond_timedwait)",
]


def report(number, name, problems):
    print(("not ok" if problems else "ok"), number, "-", name)
    for problem in problems:
        print("#", problem, file=sys.stderr)
    return not problems


def difference(found, expected):
    missed = [f"missed: {line}" for line in expected if line not in found]
    return missed + [f"wrong: {line}" for line in found if line not in expected]


def main():
    source, build = (pathlib.Path(name).resolve() for name in sys.argv[1:3])
    core = objects(build, source / "core")
    sim = objects(build, source / "sim")
    empty = [] if len(core) > 10 else [f"only {len(core)} objects in {build}"]
    print("1..6")
    with tempfile.TemporaryDirectory() as name:
        includes_missed = difference(
            planted_includes(pathlib.Path(name)), PLANTED_INCLUDES
        )
    with tempfile.TemporaryDirectory() as name:
        symbols_missed = difference(
            planted_symbols(pathlib.Path(name)), PLANTED_SYMBOLS
        )
    with tempfile.TemporaryDirectory() as name:
        clocks_missed = difference(
            planted_clocks(pathlib.Path(name)), PLANTED_CLOCKS
        )
    results = [
        report(
            1,
            "include lines point down",
            [
                *core_include_violations(source / "core"),
                *outside_include_violations(source),
            ],
        ),
        report(
            2, "undefined symbols point down", [*empty, *symbol_violations(core, sim)]
        ),
        report(3, "a planted include is found", includes_missed),
        report(4, "a planted call is found", symbols_missed),
        report(5, "waits do not go by the time of day", list(clock_violations(source))),
        report(6, "a planted clock is found", clocks_missed),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
