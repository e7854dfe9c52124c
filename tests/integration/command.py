# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the command `iotsafe`, for the tests of it."""

import json
import os
import subprocess


def iotsafe(*words, card="sim:", status=0, input=b"", **environment):
    """Runs it; fails unless it ends with this status."""
    if card:
        environment["IOTSAFE_CARD"] = card
    done = subprocess.run(
        ["iotsafe", *map(str, words)],
        input=input,
        capture_output=True,
        timeout=60,
        env=dict(os.environ, **environment),
    )
    assert done.returncode == status, done.stderr.decode()
    return done


def answer(*words, **options):
    """The JSON answer; standard output must hold nothing else."""
    return json.loads(iotsafe("--json", *words, **options).stdout)


def text(*words, **options):
    return iotsafe(*words, **options).stdout.decode()


def sentence(*words, status, **options):
    """The one sentence of a failure, and the same again as JSON."""
    done = iotsafe(*words, status=status, **options)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("iotsafe: "), lines
    said = answer(*words, status=status, **options)["error"]
    assert said["code"].startswith("ERR_")
    return lines[0], said


def openssl(*words, input=None):
    done = subprocess.run(
        ["openssl", *map(str, words)], input=input, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
