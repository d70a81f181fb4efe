"""The project's processes as objects: start with a written config, learn the ports, read the log, stop or kill, restart.

Used by the fixtures of conftest.py, by the demo and by the benchmarks. Standard library only. Ends only processes that
it started itself, by their own handle.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BINARIES = {"orchestrator": "orchestrator-core", "analyst": "analyst-service", "gateway": "llm-gateway"}


def binary_directory() -> Path:
    """$SWARM_TEST_BIN, or build/release/bin of this tree."""
    return Path(os.environ.get("SWARM_TEST_BIN") or ROOT / "build" / "release" / "bin").resolve()


class StartFailed(RuntimeError):
    """The process ended, or was not ready in time. The message carries its last log lines."""


class ServiceProcess:
    """One of the three services on the loopback, with its own data directory and a config file written here.

    `settings` uses dotted names ({"grpc.listen": "127.0.0.1:0"}) or nested mappings. Ports default to 0; the line
    msg=ready tells which were bound, and a restart binds the same ones again, as clients hold on to them.
    Not thread-safe, except `lines` and `wait_for_line`.
    """

    def __init__(
        self,
        name: str,
        directory: Path,
        settings: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        bin_directory: Path | None = None,
    ) -> None:
        self.name = name
        self.binary = (bin_directory or binary_directory()) / BINARIES[name]
        self.directory = directory
        self.data_dir = directory / "data"
        self.config_path = directory / f"{name}.yaml"
        self.log_path = directory / f"{name}.log"
        self.ports: dict[str, int] = {}
        self._settings = _defaults(name, self.data_dir)
        _merge(self._settings, _nested(settings or {}))
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("SWARM_")} | dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        directory.mkdir(parents=True, exist_ok=True)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Changes settings; they hold from the next start on."""
        _merge(self._settings, _nested(settings))

    # -- life cycle ---------------------------------------------------------------------------------------------------

    def start(self, ready_within: float = 20.0) -> "ServiceProcess":
        """Writes the config, starts the process, and returns once it is ready. Raises StartFailed."""
        self.spawn()
        self.wait_ready(ready_within)
        return self

    def spawn(self) -> None:
        """Starts the process and returns at once."""
        if self.running:
            raise RuntimeError(f"{self.name} is running already")
        if not self.binary.exists():
            raise StartFailed(f"{self.binary} does not exist: build it with scripts/build, or point SWARM_TEST_BIN at it")
        for door, port in self.ports.items():
            section = {"http": "http", "grpc": "grpc", "admin": "admin"}[door]
            self._settings.setdefault(section, {})["listen"] = f"127.0.0.1:{port}"
        # JSON is YAML: no emitter needed, and no quoting to get wrong.
        self.config_path.write_text(json.dumps(self._settings, indent=2) + "\n", encoding="utf-8")
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binary), "--config", str(self.config_path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self.directory,
                start_new_session=True,  # a Ctrl-C at the terminal is for the runner, which then drains in order
            )

    def wait_ready(self, within: float = 20.0) -> None:
        def ready(line: dict[str, Any]) -> bool:
            return line.get("msg") == "ready"

        line = self.wait_for_line(ready, within)
        self.ports = {d: int(str(line[d]).rsplit(":", 1)[1]) for d in ("grpc", "http", "admin") if d in line}

    def terminate(self) -> None:
        """Sends SIGTERM and returns at once."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, within: float = 15.0) -> int:
        """SIGTERM, wait for the drain, and give the exit status (0 means drained)."""
        self.terminate()
        return self.wait_exit(within)

    def wait_exit(self, within: float = 15.0) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise StartFailed(f"{self.name} had not ended after {within:g} s; its log ends:\n{self.tail()}") from None

    def kill(self) -> None:
        """SIGKILL: no warning, no drain."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def restart(self, ready_within: float = 20.0) -> None:
        """Kills the process and starts it on the same ports and data."""
        self.kill()
        self.start(ready_within)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    # -- addresses ----------------------------------------------------------------------------------------------------

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.ports['grpc']}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.ports['http']}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.ports['admin']}"

    # -- log ----------------------------------------------------------------------------------------------------------

    def lines(self, since_start: bool = True) -> list[dict[str, Any]]:
        """The log so far, parsed; a line that is no JSON object comes as {"raw": text}."""
        if not self.log_path.exists():
            return []
        with self.log_path.open("rb") as log:
            log.seek(self._log_start if since_start else 0)
            return [_parse(raw) for raw in log.read().splitlines() if raw.strip()]

    def wait_for_line(self, wanted: Callable[[dict[str, Any]], bool], within: float = 10.0) -> dict[str, Any]:
        """The first line since the start that `wanted` accepts. Raises StartFailed."""
        deadline = time.monotonic() + within
        while True:
            ended = not self.running  # asked before reading, so that the last words of a dying process are seen
            for line in self.lines():
                if wanted(line):
                    return line
            if ended:
                raise StartFailed(f"{self.name} ended with status {self.exit_code}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.name}: no such log line within {within:g} s; its log ends:\n{self.tail()}")
            time.sleep(0.01)

    def tail(self, count: int = 15) -> str:
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text("utf-8", "replace").splitlines()[-count:])


class ModelServerProcess:
    """The scripted model server (integration-tests/model_server) as a process of its own."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        self.log_path = directory / "model_server.log"
        self.port = 0
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def start(self, ready_within: float = 10.0) -> "ModelServerProcess":
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "integration-tests" / "model_server"), "--port", str(self.port),
                 *self._arguments],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )
        deadline = threading.Timer(ready_within, self._process.kill)
        deadline.start()
        first = self._process.stdout.readline()
        deadline.cancel()
        if not first:
            raise StartFailed(f"the model server did not start: {self.log_path.read_text('utf-8', 'replace')}")
        self.port = int(json.loads(first)["port"])
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def requests(self) -> list[dict[str, Any]]:
        """What came in so far, oldest first: path, model, headers, body."""
        with urllib.request.urlopen(f"{self.url}/control/requests", timeout=10) as answer:
            return json.load(answer)["requests"]

    def fault(self, kind: str, **fields: Any) -> None:
        """Orders a fault; see `model_server --help`."""
        body = json.dumps({"kind": kind} | fields).encode()
        order = urllib.request.Request(f"{self.url}/control/faults", body, {"content-type": "application/json"})
        urllib.request.urlopen(order, timeout=10).close()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()


def _defaults(name: str, data_dir: Path) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "data_dir": str(data_dir),
        "grpc": {"listen": "127.0.0.1:0"},
        "admin": {"listen": "127.0.0.1:0"},
        "drain_time": "3s",
    }
    if name == "gateway":
        settings["http"] = {"listen": "127.0.0.1:0"}
    return settings


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for path, value in settings.items():
        at = result
        *parents, leaf = path.split(".")
        for parent in parents:
            at = at.setdefault(parent, {})
        if isinstance(value, Mapping):
            _merge(at.setdefault(leaf, {}), value)
        else:
            at[leaf] = value
    return result


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except ValueError:
        return {"raw": raw.decode("utf-8", "replace")}
    return line if isinstance(line, dict) else {"raw": raw.decode("utf-8", "replace")}
