"""Waiting for what another process will have done soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], within: float = 30.0) -> T:
    """Asks until the answer is true, and returns it; fails the test when it still is not after `within` seconds."""
    end = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() <= end, f"not true within {within:g} s; the last answer was {found!r}"
        time.sleep(0.02)
    return found
