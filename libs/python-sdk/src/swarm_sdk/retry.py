"""How long to wait between tries."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential waits with jitter: the n-th lies evenly between half and all of min(initial * 2**n, maximum).

    Seconds. The jitter keeps a thousand agents from coming back in one moment after a restart.
    """

    initial: float = 0.05
    maximum: float = 1.0

    def delays(self, rng: random.Random | None = None) -> Iterator[float]:
        """Waits without end; the caller bounds them by its own time limit."""
        pick = (rng or random).uniform
        ceiling = self.initial
        while True:
            yield pick(ceiling / 2, ceiling)
            ceiling = min(ceiling * 2, self.maximum)
