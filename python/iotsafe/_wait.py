# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for the card without making Ctrl-C wait too."""

from __future__ import annotations

import threading
from typing import Any, Callable, List, Optional, TypeVar

from . import _core

T = TypeVar("T")


def for_card(
    card: Optional[_core.iotsafe_card],
    call: Callable[..., T],
    *arguments: Any,
) -> T:
    """Makes a call of the library that may wait for the card.

    Python runs signal handlers in the main thread, between two steps of its
    own code: a call of C would hold Ctrl-C back until the card has answered.
    So the main thread has the call made by another one and joins that, which
    signals do interrupt. Then the operations of the card are cancelled; an
    opening, which has no card yet, is left to end by itself.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(*arguments)

    values: List[T] = []
    errors: List[BaseException] = []

    def run() -> None:
        try:
            values.append(call(*arguments))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="iotsafe", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no new threads while the interpreter shuts down
        return call(*arguments)
    try:
        thread.join()
    except BaseException:
        if card is not None:
            _core.card_cancel(card)
            thread.join()
        raise
    if errors:
        raise errors.pop()
    return values.pop()
