from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse.client import SynapseClient
from synapse.process import SynapseProcess


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SynapseProcess]:
    """A stand-in of the test's own, running."""
    process = SynapseProcess(tmp_path / "synapse").start()
    yield process
    process.stop()


@pytest.fixture
def ask(store: SynapseProcess) -> Iterator[SynapseClient]:
    client = SynapseClient(store.address)
    yield client
    client.close()
