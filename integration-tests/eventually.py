"""Waiting for what another process will have done soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], within: float = 30.0) -> T:
    """Asks until the answer is true, at most `within` seconds; the last answer."""
    end = time.monotonic() + within
    while not (found := condition()):
        if time.monotonic() > end:
            return found
        time.sleep(0.05)
    return found
