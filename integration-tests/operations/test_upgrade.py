"""Data that an older build wrote, taken up by this one. `data/format-1.tar.xz` is a backup of all three services by a build of 0.1.0: a task done, one
that waits for an agent, one that waits for a person; dispatch halted; a rule of three failures; a model call paid, a limit set.
It is never made anew: a later format gets a file of its own beside it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarm_process import ServiceProcess
from swarm_sdk import Agent, OrchestratorClient, TaskRun
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings

WRITTEN = sorted((Path(__file__).resolve().parent / "data").glob("format-*.tar.xz"))
PROGRAM = {"orchestrator": "orchestrator-core", "analyst": "analyst-service", "gateway": "llm-gateway"}
DAY = ("--from", "2026-11-21", "--to", "2026-11-22")


class _Astronaut(Agent):
    def __init__(self, address: str) -> None:
        super().__init__("astronaut-1", roles=["Astronaut"], capabilities=["*"], orchestrator=OrchestratorClient(address))

    def work(self, task: TaskRun) -> str:
        return "landed"


@pytest.mark.parametrize("written", WRITTEN, ids=lambda p: p.name.split(".")[0])
def test_data_of_an_older_build_are_taken_up_in_place(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], tmp_path: Path, written: Path
) -> None:
    with tarfile.open(written) as archive:
        archive.extractall(tmp_path)
    place: dict[str, Path] = {}
    for name, program in PROGRAM.items():
        done = swarmctl("backup", "restore", tmp_path / "set" / program, tmp_path / name / "data")
        assert done.returncode == 0, done.stderr
        place[name] = tmp_path / name

    gateway = start_service("gateway", gateway_settings("http://127.0.0.1:1/v1"), env={UPSTREAM_KEY_VARIABLE: "k"}, directory=place["gateway"])
    spent = json.loads(swarmctl("--json", "spend", "--by", "team", *DAY, of=[gateway]).stdout)
    assert "swarm" in json.dumps(spent) and "0.0000052" in swarmctl("spend", "--by", "team", *DAY, of=[gateway]).stdout
    assert "$7.00" in swarmctl("budget", "get", "team/red", of=[gateway]).stdout

    analyst = start_service("analyst", {"gateway.address": gateway.grpc, "orchestrator.address": ""}, directory=place["analyst"])
    assert "Check that the key exists" in swarmctl("rules", "list", of=[analyst]).stdout

    settings = {"gateway.address": gateway.grpc, "analyst.address": analyst.grpc}
    orchestrator = start_service("orchestrator", settings, directory=place["orchestrator"])
    with OrchestratorClient(orchestrator.grpc) as client:
        waiting = {t.description: t for t in client.list() if not t.status.is_final}
        assert set(waiting) == {"wait for an agent", "wait for a person"}
        assert waiting["wait for a person"].blocked_reason == "approval"
        assert "before the upgrade" in swarmctl("dispatch", "status", of=[orchestrator]).stdout
        assert swarmctl("dispatch", "resume", of=[orchestrator]).returncode == 0
        _Astronaut(orchestrator.grpc).run(handle_signals=False, tasks_max=1)
        assert client.get(waiting["wait for an agent"].task_id).status.name != "QUEUED"
    for service in (orchestrator, analyst, gateway):
        assert swarmctl("audit", "verify", service.data_dir / "audit").returncode == 0, service.name
        service.restart()
