from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


from orchestrator.client import Raw


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Raw]]:
    """connect(service) -> Raw, closed at the end."""
    opened: list[Raw] = []

    def make(service: Any) -> Raw:
        raw = Raw(f"127.0.0.1:{service.ports['grpc']}")
        opened.append(raw)
        return raw

    yield make
    for raw in opened:
        raw.close()
