"""The orchestrator's RPCs as plain calls with protobuf messages: for what a well-behaved SDK would not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc

from swarm_sdk import wire

SERVICE = "orchestrator.Orchestrator"


def msg(name: str, /, **fields: Any) -> Any:
    return wire.message(f"orchestrator.{name}")(**fields)


class Raw:
    """One channel. Every call gives the answer or raises grpc.RpcError."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(
            address, [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        )

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, timeout: float = 10.0) -> Any:
        found = wire.method(f"{SERVICE}.{method}")
        return self.channel.unary_unary(
            f"/{SERVICE}/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer
        )(request, timeout=timeout)

    def start(self, method: str, request: Any, timeout: float = 10.0) -> Any:
        found = wire.method(f"{SERVICE}.{method}")
        return self.channel.unary_unary(
            f"/{SERVICE}/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer
        ).future(request, timeout=timeout)

    def stream(self, method: str, requests: Iterator[Any]) -> Any:
        found = wire.method(f"{SERVICE}.{method}")
        return self.channel.stream_stream(
            f"/{SERVICE}/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer
        )(requests)

    def watch(self, **fields: Any) -> Any:
        found = wire.method(f"{SERVICE}.WatchTasks")
        return self.channel.unary_stream(
            f"/{SERVICE}/WatchTasks", request_serializer=found.serializer, response_deserializer=found.deserializer
        )(msg("WatchTasksRequest", **fields))

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
