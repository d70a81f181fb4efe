"""The tools of the deployment tests: those in build/tools/bin or on the PATH; a test that misses one skips and says so.

With SWARM_GET_TOOLS=1 a missing tool is built or unpacked first (integration-tests/deploy/get-tools), which takes minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "helm" / "swarm"
_GET = Path(__file__).resolve().parent / "get-tools"


@cache
def _find(name: str) -> str | None:
    built = Path(os.environ.get("SWARM_TOOLS") or ROOT / "build" / "tools") / "bin" / name
    if built.exists():
        return str(built)
    if found := shutil.which(name):
        return found
    if os.environ.get("SWARM_GET_TOOLS") == "1":
        subprocess.run([str(_GET), name], check=False)
        if built.exists():
            return str(built)
    return None


def tool(name: str) -> str:
    """The tool's path; skips the calling test when it is not there."""
    path = _find(name)
    if path is None:
        pytest.skip(f"{name} is not here: integration-tests/deploy/get-tools {name}, or scripts/test --all")
    return path


def run(*command: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)  # type: ignore[call-overload]
