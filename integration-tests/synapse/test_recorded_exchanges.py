"""Every exchange that was recorded from a real server gets the same answer from the stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from synapse.process import SynapseProcess
from synapse.replay import replay

OWN = Path(__file__).with_name("recorded.jsonl")
OTHERS = os.environ.get("SWARM_SYNAPSE_RECORDINGS")  # a folder with more of them


def recordings() -> list[Path]:
    return [OWN, *sorted(Path(OTHERS).glob("*.jsonl"))] if OTHERS else [OWN]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[SynapseProcess]:
    process = SynapseProcess(tmp_path).start()
    yield process
    process.stop()


@pytest.mark.parametrize("path", recordings(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_recorded_exchanges_get_the_recorded_answers(fresh: SynapseProcess, path: Path) -> None:
    assert replay(fresh.address, path) == []
