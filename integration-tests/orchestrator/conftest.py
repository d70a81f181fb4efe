from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from orchestrator.client import Raw  # noqa: E402


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
