"""The stand-in as an object: start, talk, switch faults, interrupt (saves) or kill (loses), restart on the same port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class SynapseProcess:
    """Ends only the process that it started itself."""

    def __init__(self, directory: Path, *arguments: str, tokens: dict[str, list[str]] | None = None) -> None:
        self.storage = directory / "storage"
        self.log_path = directory / "synapse.log"
        self.port = 0
        self.control = 0
        self._arguments = arguments
        self._env = os.environ | {"SYNAPSE_AUTH_TOKENS": json.dumps(tokens or {})}
        self._process: subprocess.Popen[str] | None = None
        self.storage.mkdir(parents=True, exist_ok=True)

    def start(self, *arguments: str, ready_within: float = 20.0) -> SynapseProcess:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE), "--port", str(self.port), "--storage", str(self.storage),
                 *self._arguments, *arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, env=self._env,
                start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        deadline = threading.Timer(ready_within, self._process.kill)
        deadline.start()
        first = self._process.stdout.readline()
        deadline.cancel()
        if not first:
            raise RuntimeError(f"synapse did not start: {self.log_path.read_text('utf-8', 'replace')}")
        ports = json.loads(first)
        self.port, self.control = int(ports["port"]), int(ports["control"])
        return self

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def interrupt(self, within: float = 15.0) -> int:
        """SIGINT: saves, then ends. Gives the exit status."""
        return self._end(signal.SIGINT, within)

    def terminate(self, within: float = 15.0) -> int:
        return self._end(signal.SIGTERM, within)

    def kill(self, within: float = 15.0) -> int:
        return self._end(signal.SIGKILL, within)

    def stop(self) -> None:
        if self.running:
            self.kill()

    def _end(self, number: signal.Signals, within: float) -> int:
        assert self._process is not None and self._process.stdout is not None
        self._process.send_signal(number)
        status = self._process.wait(within)
        self._process.stdout.close()
        return status

    # -- faults -------------------------------------------------------------------------------------------------------

    def fault(self, kind: str, **fields: Any) -> None:
        self._control("POST", "/faults", {"kind": kind, **fields})

    def clear_faults(self) -> None:
        self._control("DELETE", "/faults")

    def calls(self) -> dict[str, Any]:
        """{"calls": {method: count}, "largest_bytes": {method: size}, "queries": [text…], "written": [[s, p, o]…]}"""
        return self._control("GET", "/calls")

    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.control}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(json.load(answer))
