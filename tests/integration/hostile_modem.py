#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A modem on standard input and output with a card whose object list is the
first argument, in hexadecimal: for cards that iotsafe-sim is too honest to
play. Everything but the list is answered with plain success."""

import re
import sys

ANSWERS = {"70": "019000", "CB": sys.argv[1] + "9000"}


def answer(line):
    match = re.match(r'AT\+CSIM=\d+,"([0-9A-F]+)"', line)
    if not match:
        return "OK"
    data = ANSWERS.get(match.group(1)[2:4], "9000")
    return f'+CSIM: {len(data)},"{data}"\r\n\r\nOK'


line = b""
while byte := sys.stdin.buffer.read(1):
    if byte == b"\r":
        print(f"\r\n{answer(line.decode())}\r\n", end="", flush=True)
        line = b""
    else:
        line += byte
