from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fake_services import FakeOrchestrator, FakeService  # noqa: E402


@pytest.fixture
def orchestrator() -> Iterator[FakeOrchestrator]:
    fake = FakeOrchestrator()
    yield fake
    fake.stop()


@pytest.fixture
def analyst() -> Iterator[FakeService]:
    fake = FakeService("analyst.Analyst")
    yield fake
    fake.stop()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """eventually(lambda: condition): waits until it holds, and fails after 10 s."""

    def wait(condition: Callable[[], object], within: float = 10.0) -> None:
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.005)

    return wait
