"""The SDK's README tells the truth: its code runs as it stands, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SDK = Path(__file__).resolve().parent.parent.parent / "libs" / "python-sdk"
PIECES = re.findall(r"<!-- run -->\n```python\n(.*?)```\n\n```text\n(.*?)```", (SDK / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(("code", "printed"), PIECES, ids=range(len(PIECES)))
def test_a_piece_of_the_readme(
    start_orchestrator: Callable[..., Any], start_analyst: Callable[..., Any], tmp_path: Path, code: str, printed: str
) -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SDK / "src"),
           "SWARM_SDK_ORCHESTRATOR": start_orchestrator().grpc,
           "SWARM_SDK_ANALYST": start_analyst({"author.mode": "template"}).grpc}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (printed, 0), done.stderr


def test_there_are_pieces() -> None:
    assert len(PIECES) == 5
