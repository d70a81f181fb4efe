"""BudgetControl and Complete as the tests use them: requests and answers as dictionaries."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from swarm_sdk.wire import method


def call(gateway: Any, rpc: str, metadata: list[tuple[str, str]] | None = None, timeout: float = 10.0, **fields: Any) -> dict[str, Any]:
    """`rpc` by its full name, e.g. "llm_gateway.BudgetControl.SetLimit"."""
    found = method(rpc)
    with grpc.insecure_channel(gateway.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = channel.unary_unary(found.path, found.serializer, found.deserializer)
        answer = stub(found.request(**fields), timeout=timeout, metadata=metadata)
    return MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def spend(gateway: Any, scope: str = "") -> dict[str, Any]:
    return call(gateway, "llm_gateway.BudgetControl.GetCurrentSpend", scope=scope)


@cache
def _compat(name: str) -> type[Any]:
    """A message of the earlier agents' package, in a pool of its own: the SDK does not carry it."""
    from grpc_tools import protoc

    source = Path(__file__).resolve().parent.parent.parent / "protos" / "compat"
    with tempfile.TemporaryDirectory() as out:
        described = Path(out) / "set"
        assert protoc.main(["protoc", f"-I{source}", f"--descriptor_set_out={described}", "orchestrator_v1.proto"]) == 0
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()).file:
            pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"orchestrator.v1.{name}"))


def complete(gateway: Any, timeout: float = 10.0, **fields: Any) -> str:
    request, response = _compat("CompletionRequest"), _compat("CompletionResponse")
    with grpc.insecure_channel(gateway.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        stub = channel.unary_unary("/orchestrator.v1.LlmGatewayService/Complete", request.SerializeToString, response.FromString)
        return stub(request(**fields), timeout=timeout).completion
