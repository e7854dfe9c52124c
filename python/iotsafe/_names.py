# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of objects in the card where ssl has the paths of files."""

from __future__ import annotations

import os
from typing import Optional, Tuple
from urllib.parse import unquote

from . import _failures


def split(name: str) -> Tuple[str, Optional[str]]:
    """An object's name and the address of its card (docs/addresses.md)."""
    object_name, _, rest = name[len("iotsafe:") :].partition("?")
    if not rest:
        return object_name, None
    if not rest.startswith("card="):
        raise _failures.argument(f"{name}: what is behind ? is not card=")
    address = unquote(rest[len("card=") :])
    if address.lower().startswith("exec:"):
        raise _failures.argument(f"{name}: exec: is refused inside a name")
    return object_name, address


def is_name(value: str) -> bool:
    """Whether this is a name and no path."""
    return value.startswith("iotsafe:")


def refuse_private_key(path: str) -> None:
    """A file of certificates may have no key of its own."""
    # No FIFO may hold us up before it is refused.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        text = file.read(1 << 20) or b""
    if b"PRIVATE KEY-----" in text:
        raise _failures.not_here(
            f"load_cert_chain({path!r})",
            "a private key in a file; the key is in the card, and is named "
            "iotsafe:…",
        )
