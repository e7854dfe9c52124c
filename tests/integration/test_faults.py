# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/faults.md over PC/SC: the column of that way, tried by the same program
that `meson test` runs over AT+CSIM and AT+CGLA, in a reader of a real pcscd."""

import os
import pathlib
import re
import subprocess
import threading

import pytest
from pcscd import Pcscd

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = "tests/integration/matrix/matrix"


def serve(pcscd, orders, answers):
    """Kills pcscd and starts it again when the program says so."""
    with os.fdopen(orders) as lines, os.fdopen(answers, "w") as out:
        for line in lines:
            pcscd.kill() if line == "kill\n" else pcscd.start()
            out.write("\n")
            out.flush()


@pytest.fixture(scope="module")
def lines():
    """One for each cell, and behind those that failed what came instead."""
    pcscd = Pcscd().start()
    orders, to = os.pipe()
    answers, out = os.pipe()
    server = threading.Thread(target=serve, args=(pcscd, orders, out))
    server.start()
    try:
        done = subprocess.run(
            [pathlib.Path(os.environ["IOTSAFE_BUILD"]) / PROGRAM]
            + [TOP / "docs/faults.md", "PC/SC"],
            env=dict(
                os.environ,
                READER=str(pcscd.port),
                IOTSAFE_PCSCD=f"{to},{answers}",
                **pcscd.environment,
            ),
            pass_fds=(to, answers),
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        os.close(to)
        server.join()
        os.close(answers)
        pcscd.close()
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


def test_every_fault_comes_out_as_the_page_says(lines):
    planned = int(re.fullmatch(r"1\.\.(\d+)", lines[0]).group(1))
    good = [line for line in lines if line.startswith("ok ")]
    failed = [line for line in lines[1:] if not line.startswith("ok ")]
    assert not failed, "\n".join(failed)
    assert len(good) == planned > 100
