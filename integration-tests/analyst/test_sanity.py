"""A new rule is tried on a task, through the real orchestrator, before it holds."""

from __future__ import annotations

import time
from typing import Any

import grpc
import pytest

from swarm_sdk import wire


def call(channel: Any, method: str, request: Any) -> Any:
    found = wire.method(f"orchestrator.Orchestrator.{method}")
    rpc = channel.unary_unary(f"/orchestrator.Orchestrator/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer)
    return rpc(request, timeout=15, wait_for_ready=True)


def message(name: str, /, **fields: Any) -> Any:
    return wire.message(f"orchestrator.{name}")(**fields)


def take_task(channel: Any) -> Any:
    agent = call(channel, "RegisterAgent", message("AgentInfo", name="trier", capabilities=["python", "Coder"])).agent_id
    end = time.monotonic() + 20
    while time.monotonic() < end:
        task = call(channel, "PollTask", message("AgentQuery", agent_id=agent, wait_ms=2_000))
        if task.task_id:
            return task
    raise AssertionError("no sanity task came")


@pytest.mark.parametrize("passes", [True, False])
def test_a_rule_holds_only_after_its_sanity_task(start_orchestrator: Any, start_analyst: Any, connect: Any, passes: bool) -> None:
    orchestrator = start_orchestrator()
    address = f"127.0.0.1:{orchestrator.ports['grpc']}"
    settings = {"orchestrator.address": address, "rules.sanity_task": "sort a list of three", "rules.threshold": 1, "author.mode": "template"}
    analyst = connect(start_analyst(settings))
    assert not analyst.report("task").rule_generated
    assert analyst.rules() == []
    with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        task = take_task(channel)
        assert task.description == "sort a list of three"
        assert len(task.constraints) == 1 and "KeyError" in task.constraints[0]
        assert "on trial" in task.context and "KeyError" not in task.context
        status = "success" if passes else "failure"
        result = message("TaskResult", task_id=task.task_id, status=status, artifact="[1, 2, 3]", error_message="" if passes else "no")
        result.lease_token, result.attempt = task.lease_token, task.attempt
        call(channel, "SubmitResult", result)
    state, wanted = ("active", "passed its sanity run") if passes else ("proposed", "refused: failed its sanity run")
    end = time.monotonic() + 15
    while not any(r.state_reason.startswith(wanted) for r in analyst.rules(state=state)):
        assert time.monotonic() < end, [r.state_reason for r in analyst.rules(state="proposed")]
        time.sleep(0.05)
