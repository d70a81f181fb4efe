"""Every exchange that was recorded from a real server gets the same answer from the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from synapse.process import SynapseProcess
from synapse.replay import replay

RECORDED = Path(__file__).with_name("recorded.jsonl")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[SynapseProcess]:
    process = SynapseProcess(tmp_path).start()
    yield process
    process.stop()


def test_recorded_exchanges_get_the_recorded_answers(fresh: SynapseProcess) -> None:
    assert len(RECORDED.read_text("utf-8").splitlines()) == 80
    assert replay(fresh.address, RECORDED) == []
