from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from analyst.client import Raw
from raw_calls import connections


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Raw]]:
    """connect(service) -> Raw, closed at the end."""
    yield from connections(Raw)
