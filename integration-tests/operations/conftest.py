import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from swarmctl_call import command  # noqa: E402
from swarm_process import ServiceProcess  # noqa: E402


@pytest.fixture
def swarmctl(swarm_bin: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """swarmctl("dispatch", "halt", of=[service, …]) -> the ended process."""

    def run(*arguments: str | Path, of: list[ServiceProcess] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(swarm_bin, *arguments, of=of), capture_output=True, text=True, timeout=timeout)

    return run
