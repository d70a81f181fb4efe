"""The audit log of real services: what is in it, after a kill as well, and what tampering does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from swarmctl_call import audit_lines
from swarm_process import ServiceProcess
from swarm_sdk import NewTask, OrchestratorClient


def test_who_steers_is_written_and_survives_a_kill(start_orchestrator: Callable[..., ServiceProcess], swarmctl: Callable[..., Any]) -> None:
    service = start_orchestrator()
    with OrchestratorClient(service.grpc) as client:
        task = client.submit(NewTask("x", requires_approval=True)).task_id
        client.approve(task, comment="fine", by="ann")
        client.cancel(task, "no need")
        client.get(task)
    assert swarmctl("dispatch", "halt", "--reason", "storm", of=[service]).returncode == 0
    service.kill()
    actions = [line for line in audit_lines(service) if line["event"] == "action"]
    assert [a["method"].rsplit("/", 1)[1] for a in actions] == ["ApproveTask", "CancelTask", "SetDispatch"]
    assert 'comment: "fine"' in actions[0]["request"] and 'reason: "storm"' in actions[2]["request"]
    service.start()
    done = swarmctl("--json", "audit", "verify", service.data_dir)
    assert done.returncode == 0 and json.loads(done.stdout)["whole"]
    assert [line["event"] for line in audit_lines(service)].count("started") == 2


def test_budget_changes_are_written(start_gateway: Callable[..., ServiceProcess], swarmctl: Callable[..., Any]) -> None:
    service = start_gateway()
    assert swarmctl("budget", "set", "5", "--scope", "team/red", of=[service]).returncode == 0
    assert swarmctl("budget", "reset", "team/red", of=[service]).returncode in (0, 1)
    (action, *_) = [line for line in audit_lines(service) if line["event"] == "action"]
    assert action["method"] == "/llm_gateway.BudgetControl/SetLimit" and "team/red" in action["request"]


def test_tampering_is_found_and_a_noted_line_proves_it(start_orchestrator: Callable[..., ServiceProcess], swarmctl: Callable[..., Any]) -> None:
    service = start_orchestrator()
    for _ in range(3):
        assert swarmctl("dispatch", "halt", of=[service]).returncode == 0
    witness = [line for line in service.lines() if line.get("msg") == "audit"][-1]
    known = f"{witness['seq']}:{witness['hash']}"
    folder = service.data_dir / "audit"
    assert swarmctl("audit", "verify", folder, "--known", known).returncode == 0
    (file,) = folder.glob("*.jsonl")
    service.stop()
    text = file.read_text("utf-8")
    file.write_text(text.replace("halted: true", "halted: false", 1), encoding="utf-8")
    done = swarmctl("audit", "verify", folder)
    assert done.returncode == 1 and "was changed" in done.stdout
    file.write_text(text[: text.rindex("\n", 0, -1) + 20], encoding="utf-8")
    done = swarmctl("audit", "verify", folder, "--known", known)
    assert done.returncode == 0 and "unfinished" in done.stdout


ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}, "gateway": {}}


@pytest.mark.parametrize("name", ["orchestrator", "analyst", "gateway"])
def test_the_log_level_changes_while_it_runs(start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], name: str) -> None:
    service = start_service(name, ALONE[name])
    assert swarmctl("log-level", name, "error", of=[service]).stdout == f"{name} error\n"
    assert swarmctl("log-level", name, "debug", of=[service]).returncode == 0
    assert any(line.get("msg") == "log level set" and line["level"] == "warn" for line in service.lines())
    assert swarmctl("log-level", name, "loud", of=[service]).returncode == 2
    with grpc.insecure_channel(service.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/operations.Operations/SetLogLevel")(b"\x0a\x04loud", timeout=5)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
