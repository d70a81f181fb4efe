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
def compat_messages(file: str, package: str, *names: str) -> tuple[type[Any], ...]:
    """Messages of the earlier agents' packages, in a pool of their own: the SDK does not carry them."""
    from grpc_tools import protoc

    source = Path(__file__).resolve().parent.parent.parent / "protos" / "compat"
    with tempfile.TemporaryDirectory() as out:
        described = Path(out) / "set"
        assert protoc.main(["protoc", f"-I{source}", f"--descriptor_set_out={described}", file]) == 0
        pool = descriptor_pool.DescriptorPool()
        for one in descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()).file:
            pool.AddSerializedFile(one.SerializeToString())
    return tuple(message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names)


def completion_stub(channel: grpc.Channel) -> Any:
    """call(timeout=…, **fields) -> the completion's text, as the first generation of agents asks."""
    request, response = compat_messages("orchestrator_v1.proto", "orchestrator.v1", "CompletionRequest", "CompletionResponse")
    stub = channel.unary_unary("/orchestrator.v1.LlmGatewayService/Complete", request.SerializeToString, response.FromString)
    return lambda timeout=10.0, **fields: stub(request(**fields), timeout=timeout).completion


def complete(gateway: Any, timeout: float = 10.0, **fields: Any) -> str:
    with grpc.insecure_channel(gateway.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        return str(completion_stub(channel)(timeout, **fields))
