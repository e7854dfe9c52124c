#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long files and functions are, and how deep they nest. Only warns.

    size.py SOURCE
"""

import pathlib
import statistics
import sys

FILE_MAX = 400
FUNCTION_MEDIAN = 15
FUNCTION_90 = 45
FUNCTION_MAX = 80
NESTING_MAX = 3


def functions(lines):
    """(name, lines, nesting) of each function of kernel brace style: "{" and
    "}" stand alone in the first column."""
    start = None
    for number, line in enumerate(lines):
        if line == "{" and number:
            start = number
        elif line == "}" and start is not None:
            body = lines[start + 1 : number]
            yield name_above(lines, start), len(body), nesting(body)
            start = None


def name_above(lines, brace):
    """The function's name: what stands before the first parenthesis."""
    for line in reversed(lines[max(0, brace - 12) : brace]):
        if line and not line[0].isspace() and "(" in line:
            return line.split("(")[0].split()[-1].lstrip("*")
    return "?"


def nesting(body):
    """Blocks inside blocks; the body itself is 0. Continued lines and the
    statements of "case" do not count, braces do."""
    depth = deepest = 0
    for line in body:
        text = line.strip()
        if text.startswith("}"):
            depth -= 1
        if text.endswith("{"):
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def measure(root, folder):
    sizes = []
    for path in sorted((root / folder).rglob("*.[ch]")):
        lines = path.read_text(errors="replace").splitlines()
        short = path.relative_to(root)
        if len(lines) > FILE_MAX and path.suffix == ".c":
            print(f"warning: {short}: {len(lines)} lines")
        for name, size, depth in functions(lines):
            sizes.append(size)
            if size > FUNCTION_MAX:
                print(f"warning: {short}: {name}() has {size} lines")
            if depth > NESTING_MAX:
                print(f"warning: {short}: {name}() nests {depth} deep")
    if not sizes:
        return
    sizes.sort()
    median = statistics.median(sizes)
    ninety = sizes[int(len(sizes) * 0.9)]
    print(
        f"{folder}: {len(sizes)} functions, median {median:g} lines, "
        f"nine in ten up to {ninety}, longest {sizes[-1]}"
    )
    if median > FUNCTION_MEDIAN or ninety > FUNCTION_90:
        print(f"warning: {folder}: functions grow long")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    for folder in ("core", "bindings", "sim", "tools", "tests", "benchmarks"):
        measure(root, folder)


if __name__ == "__main__":
    main()
