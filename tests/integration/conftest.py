# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whole programs against each other. Run by ./dev test, or by hand:

    ./dev run pytest tests/integration
"""

import pathlib
import sys

import pytest

SUPPORT = pathlib.Path(__file__).parent.parent / "support"
sys.path.insert(0, str(SUPPORT))

from farside import make_server_certificate  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "plain_build: does not work with a sanitizer's library"
    )


@pytest.fixture(autouse=True)
def no_card_from_outside(monkeypatch):
    """A test names its card itself."""
    monkeypatch.delenv("IOTSAFE_CARD", raising=False)
    monkeypatch.delenv("IOTSAFE_TRACE", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store of the software SIM, with a certificate for a server."""
    folder = tmp_path_factory.mktemp("pki")
    make_server_certificate(folder)
    return folder
