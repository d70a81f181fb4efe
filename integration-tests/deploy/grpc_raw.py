"""Calls without generated code: the standard services and one harmless request of each of ours."""

from __future__ import annotations

import grpc

# A read that every fresh installation can answer; an empty message is a valid request of each.
REAL_REQUEST = {
    "orchestrator-core": "/orchestrator.Orchestrator/ListTasks",
    "analyst-service": "/analyst.Analyst/GetGoldenRules",
    "llm-gateway": "/llm_gateway.BudgetControl/GetCurrentSpend",
}
SERVICE_NAME = {
    "orchestrator-core": "orchestrator.Orchestrator",
    "analyst-service": "analyst.Analyst",
    "llm-gateway": "llm_gateway.BudgetControl",
}
_SERVING = b"\x08\x01"


def call(channel: grpc.Channel, method: str, request: bytes = b"", timeout: float = 10.0, token: str | None = None) -> bytes:
    metadata = [("authorization", f"Bearer {token}")] if token else []
    return channel.unary_unary(method)(request, timeout=timeout, metadata=metadata)


def serving(channel: grpc.Channel, service: str = "", timeout: float = 10.0) -> bool:
    request = b"\x0a" + bytes([len(service)]) + service.encode() if service else b""
    return call(channel, "/grpc.health.v1.Health/Check", request, timeout) == _SERVING


def reflected_services(channel: grpc.Channel, timeout: float = 10.0) -> str:
    """What server reflection lists, as the raw answer decoded leniently: enough to look for a name."""
    ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    answers = ask(iter([b"\x3a\x01*"]), timeout=timeout)
    return next(answers).decode("utf-8", "replace")
