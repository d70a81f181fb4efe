"""How quick a call must be for agents that wait a second at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PROMISED = 0.02  # p99


def assert_quick(call: Callable[[], Any], calls: int = 300) -> None:
    """The promise holds for the median; a machine that runs the whole suite at the same time gets some room at p99. The
    figure itself is measured by scripts/bench cycle."""
    call()
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    taken.sort()
    assert taken[len(taken) // 2] < PROMISED and taken[int(len(taken) * 0.99)] < 10 * PROMISED
