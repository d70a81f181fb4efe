"""The log line with which a service says that it serves, from a process that something else than ServiceProcess started."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any


def ready_line(process: subprocess.Popen[bytes], log: Path, within: float = 20.0) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text("utf-8", "replace").splitlines():
            if '"msg":"ready"' in line.replace(": ", ":"):
                return json.loads(line)
        time.sleep(0.02)
    raise AssertionError(f"not ready, status {process.poll()}:\n{log.read_text('utf-8', 'replace')}")
