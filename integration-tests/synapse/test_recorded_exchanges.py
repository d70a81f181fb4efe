"""Every exchange that was recorded from a real server gets the same answer from the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from synapse.process import SynapseProcess
from synapse.replay import replay

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT.parent / "shared" / "data" / "synapse" / "recorded.jsonl"
OWN = Path(__file__).with_name("recorded.jsonl")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[SynapseProcess]:
    process = SynapseProcess(tmp_path).start()
    yield process
    process.stop()


@pytest.mark.parametrize("path", [OWN, REFERENCE], ids=["own", "reference"])
def test_recorded_exchanges_get_the_recorded_answers(fresh: SynapseProcess, path: Path) -> None:
    if not path.exists():
        pytest.skip(f"the reference recording is not beside this tree ({path.name} of ../shared)")
    assert replay(fresh.address, path) == []
