from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from swarm_sdk import wire

SERVICE = "analyst.Analyst"


def msg(name: str, /, **fields: Any) -> Any:
    return wire.message(f"analyst.{name}")(**fields)


class Raw:
    """The analyst's RPCs as plain calls. Every call gives the answer or raises grpc.RpcError."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(
            address, [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        )

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, timeout: float = 15.0) -> Any:
        found = wire.method(f"{SERVICE}.{method}")
        return self.channel.unary_unary(
            f"/{SERVICE}/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer
        )(request, timeout=timeout, wait_for_ready=True)

    def report(self, task: str, log: str = "KeyError: 'x'", **more: Any) -> Any:
        fields = {"stack": "python", "role": "Coder", "attempt": 1} | more
        return self.call("ReportFailure", msg("FailureEvent", task_id=task, error_log=log, **fields))

    def rules(self, **query: Any) -> list[Any]:
        return list(self.call("GetGoldenRules", msg("RuleQuery", **query)).rules)

    def groups(self) -> Any:
        return self.call("ListGroups", msg("GroupQuery", limit=1000))

    def watch(self, from_version: int = 0) -> Any:
        found = wire.method(f"{SERVICE}.WatchGoldenRules")
        return self.channel.unary_stream(
            f"/{SERVICE}/WatchGoldenRules", request_serializer=found.serializer, response_deserializer=found.deserializer
        )(msg("WatchRulesRequest", from_version=from_version), wait_for_ready=True)


@pytest.fixture
def connect() -> Iterator[Callable[[Any], Raw]]:
    """connect(service) -> Raw, closed at the end."""
    opened: list[Raw] = []

    def make(service: Any) -> Raw:
        raw = Raw(f"127.0.0.1:{service.ports['grpc']}")
        opened.append(raw)
        return raw

    yield make
    for raw in opened:
        raw.close()
