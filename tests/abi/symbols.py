#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The names the library exports are those of symbols.txt, and it is small.

    symbols.py LIBRARY              prints TAP
    symbols.py --update LIBRARY     writes symbols.txt: look at the difference

A name that was released stays for ever, in its version.
"""

import pathlib
import subprocess
import sys
import tempfile

LIST = pathlib.Path(__file__).with_name("symbols.txt")
# docs/decisions.md, "Larger than it was to be".
SIZE_MAX = 216 * 1024


def exported(library):
    """Lines "name@@VERSION" of a shared library; version nodes left out."""
    output = subprocess.run(
        ["nm", "-D", "--defined-only", "--format=posix", library],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    fields = [line.split() for line in output.splitlines() if line.strip()]
    return sorted(line[0] for line in fields if line[1] != "A")


def listed():
    lines = LIST.read_text().splitlines()
    return sorted(line for line in lines if line and not line.startswith("#"))


def difference(found, expected):
    return [f"exported, not in the list: {x}" for x in set(found) - set(expected)] + [
        f"in the list, not exported: {x}" for x in set(expected) - set(found)
    ]


def planted():
    """A library with a name too many and without all of ours."""
    with tempfile.TemporaryDirectory() as name:
        source = pathlib.Path(name) / "planted.c"
        library = source.with_suffix(".so")
        source.write_text("int planted(void);int planted(void) {return 1;}\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        found = difference(exported(library), listed())
    if len(found) != 1 + len(listed()):
        return [f"found {len(found)} differences of {1 + len(listed())}"]
    return []


def stripped_size(library):
    with tempfile.TemporaryDirectory() as name:
        copy = pathlib.Path(name) / "stripped"
        subprocess.run(["strip", "-o", copy, library], check=True)
        return copy.stat().st_size


def report(number, name, problems):
    print(("not ok" if problems else "ok"), number, "-", name)
    for problem in sorted(problems):
        print("#", problem, file=sys.stderr)
    return not problems


def update(library):
    LIST.write_text(
        "# SPDX-License-Identifier: LGPL-2.1-or-later\n"
        + "\n".join(exported(library))
        + "\n"
    )
    return 0


def main():
    if sys.argv[1] == "--update":
        return update(sys.argv[2])
    library = sys.argv[1]
    size = stripped_size(library)
    print("1..3")
    results = [
        report(
            1,
            "the exported names are those of symbols.txt",
            difference(exported(library), listed()),
        ),
        report(2, "a name too many and one too few are found", planted()),
        report(
            3,
            f"without debug data the library has {size} of {SIZE_MAX} bytes",
            [] if size < SIZE_MAX else ["too large"],
        ),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
