# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks the doctor, for the tests of it."""

import json
import os
import subprocess

PROBLEM, HEALTHY = 19, 0

def run(card, *words, status=PROBLEM, front=(), **environment):
    """The doctor's JSON."""
    done = subprocess.run(
        [*map(str, front), "iotsafe", "doctor", "--json", "--card", card,
         *map(str, words)],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        env=dict(os.environ, **environment))
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def found(said, id):
    """The one finding of this name."""
    findings = [each for each in said["findings"] if each["id"] == id]
    assert len(findings) == 1, said["findings"]
    return findings[0]


def check(said, level, id, text, next):
    """There is this finding, it says this, and it is the first thing to do."""
    finding = found(said, id)
    assert finding["level"] == level
    assert text in finding["text"], finding
    assert next in (finding["next"] or ""), finding
    if level in ("warning", "problem"):
        assert said["first"] == id
