from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from orchestrator.client import Raw
from orchestrator.files import Files
from orchestrator.wall_clock import WallClock
from raw_calls import connections


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Raw]]:
    """connect(service) -> Raw, closed at the end."""
    yield from connections(Raw)


@pytest.fixture
def wall_clock(tmp_path: Path) -> WallClock:
    """start_orchestrator(…, env=wall_clock.env) runs by it."""
    return WallClock(tmp_path)


@pytest.fixture
def files() -> Iterator[Any]:
    opened: list[Files] = []

    def connect(service: Any) -> Files:
        opened.append(Files(service.grpc))
        return opened[-1]

    yield connect
    for o in opened:
        o.close()
