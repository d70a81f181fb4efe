"""Black-box tests: real binaries, real ports, real data directories.

Binaries come from $SWARM_TEST_BIN or build/release/bin. Each test gets its own processes and directories, so the suite runs
in parallel (pytest -n). A service that is alive when its test ends is drained by SIGTERM and must exit with 0; its log
is printed when the test failed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "libs" / "python-sdk" / "src"))

from swarm_process import ModelServerProcess, ServiceProcess, binary_directory  # noqa: E402


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.when == "call":
        item.stash[_FAILED] = call.excinfo is not None


_FAILED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture(scope="session")
def swarm_bin() -> Path:
    """Where the binaries are; the session fails at once, with the remedy, when they are not built."""
    directory = binary_directory()
    if not directory.is_dir():
        pytest.exit(f"no binaries in {directory}: run scripts/build, or set SWARM_TEST_BIN", returncode=2)
    return directory


@pytest.fixture
def start_service(
    tmp_path: Path, swarm_bin: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., ServiceProcess]]:
    """start_service("gateway", {"http.max_body": "1MiB"}, ready=True, directory=…) -> ServiceProcess.

    Settings are dotted or nested. `directory` (default: one per service and test) allows two processes on the same data.
    At the end every survivor gets SIGTERM and must exit with 0.
    """
    started: list[ServiceProcess] = []

    def start(
        name: str,
        settings: dict[str, Any] | None = None,
        *,
        env: dict[str, str] | None = None,
        directory: Path | None = None,
        ready: bool = True,
        ready_within: float = 20.0,
    ) -> ServiceProcess:
        number = sum(1 for s in started if s.name == name)
        place = directory or tmp_path / (name if number == 0 else f"{name}-{number + 1}")
        service = ServiceProcess(name, place, settings, env, swarm_bin)
        started.append(service)
        if ready:
            service.start(ready_within)
        else:
            service.spawn()
        return service

    yield start

    survivors = [s for s in started if s.running]
    codes: dict[str, int | str] = {}
    for service in reversed(survivors):
        service.terminate()
    for service in reversed(survivors):
        try:
            codes[service.name] = service.wait_exit()
        except RuntimeError as error:
            codes[service.name] = str(error)
    if request.node.stash.get(_FAILED, False):
        for service in started:
            print(f"\n--- {service.name} log ({service.log_path}) ---\n{service.tail(60)}")
    bad = {name: code for name, code in codes.items() if code != 0}
    assert not bad, f"SIGTERM must drain and exit with 0, but: {bad}"


@pytest.fixture
def start_orchestrator(start_service: Callable[..., ServiceProcess]) -> Callable[..., ServiceProcess]:
    """Without arguments: alone, no analyst, no gateway."""

    def start(settings: dict[str, Any] | None = None, **more: Any) -> ServiceProcess:
        return start_service("orchestrator", {"analyst.address": "", "gateway.address": ""} | (settings or {}), **more)

    return start


@pytest.fixture
def start_analyst(start_service: Callable[..., ServiceProcess]) -> Callable[..., ServiceProcess]:
    """Without arguments: alone, no gateway, no orchestrator."""

    def start(settings: dict[str, Any] | None = None, **more: Any) -> ServiceProcess:
        return start_service("analyst", {"orchestrator.address": "", "gateway.address": ""} | (settings or {}), **more)

    return start


@pytest.fixture
def start_gateway(start_service: Callable[..., ServiceProcess]) -> Callable[..., ServiceProcess]:
    def start(settings: dict[str, Any] | None = None, **more: Any) -> ServiceProcess:
        return start_service("gateway", settings, **more)

    return start


@pytest.fixture
def start_model_server(tmp_path: Path) -> Iterator[Callable[..., ModelServerProcess]]:
    """start_model_server("--latency-ms", "50") -> ModelServerProcess (its `url` is the upstream's base, without /v1)."""
    started: list[ModelServerProcess] = []

    def start(*arguments: str) -> ModelServerProcess:
        server = ModelServerProcess(tmp_path / f"model-{len(started) + 1}", *arguments)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def model_server(start_model_server: Callable[..., ModelServerProcess]) -> ModelServerProcess:
    return start_model_server()
