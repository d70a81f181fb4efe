"""The orchestrator's RPCs as plain calls."""

from __future__ import annotations

from typing import Any

import grpc
from raw_calls import RawClient

from swarm_sdk import wire


def msg(name: str, /, **fields: Any) -> Any:
    return wire.message(f"orchestrator.{name}")(**fields)


class Raw(RawClient):
    SERVICE = "orchestrator.Orchestrator"

    def watch(self, **fields: Any) -> Any:
        return self.follow("WatchTasks", msg("WatchTasksRequest", **fields))

    # The few that every test uses.
    def register(self, name: str = "a", **fields: Any) -> Any:
        fields.setdefault("capabilities", ["*"])
        return self.call("RegisterAgent", msg("AgentInfo", name=name, **fields))

    def poll(self, name: str = "a", wait_ms: int = 2000) -> Any:
        return self.call("PollTask", msg("AgentQuery", agent_id=name, wait_ms=wait_ms))

    def submit(self, description: str = "do it", **fields: Any) -> str:
        return str(self.call("SubmitTask", msg("NewTask", description=description, **fields)).task_id)

    def result(self, task: Any, status: str = "success", **fields: Any) -> Any:
        fields.setdefault("lease_token", task.lease_token)
        return self.call(
            "SubmitResult", msg("TaskResult", task_id=task.task_id, status=status, attempt=task.attempt, **fields)
        )

    def get(self, task_id: str) -> Any:
        return self.call("GetTask", msg("TaskRef", task_id=task_id))

    def status(self, task_id: str) -> str:
        task = self.get(task_id)
        return str(task.DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[task.status].name)


def code_of(call: Any) -> tuple[grpc.StatusCode, str]:
    """Runs a call that must fail."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise AssertionError(f"expected an error, got {answer}")
