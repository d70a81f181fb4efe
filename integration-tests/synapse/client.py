"""A plain client for tests: methods by name, requests as dicts, answers as dicts without default values."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format

sys.path.insert(0, str(Path(__file__).resolve().parent))
from wire import SERVICE, Wire  # noqa: E402


class SynapseClient:
    def __init__(self, address: str, token: str | None = None, namespace: str = "default") -> None:
        """`namespace` is where ingest() and query() work when they name none."""
        self._namespace = namespace
        self.wire = Wire()
        self._metadata = [] if token is None else [("authorization", f"Bearer {token}")]
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options)

    def close(self) -> None:
        self._channel.close()

    def call(self, method: str, request: Any, metadata: list[tuple[str, str]] | None = None, timeout: float = 30.0) -> Any:
        """Raises grpc.RpcError. Field names in the answer are those of the proto."""
        request_class, response_class = self.wire.methods[method]
        if isinstance(request, dict):
            request = json_format.ParseDict(request, request_class())
        stub = self._channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda m: m.SerializeToString(),
            response_deserializer=response_class.FromString,
        )
        answer = stub(request, timeout=timeout, metadata=self._metadata if metadata is None else metadata)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    def ingest(self, *triples: tuple[str, str, str], namespace: str = "") -> int:
        rows = [{"subject": s, "predicate": p, "object": o} for s, p, o in triples]
        return int(self.call("IngestTriples", {"triples": rows, "namespace": namespace or self._namespace}).get("edges_added", 0))

    def query(self, text: str, namespace: str = "", timeout: float = 30.0) -> list[dict[str, str]]:
        request = {"query": text, "namespace": namespace or self._namespace}
        return list(json.loads(self.call("QuerySparql", request, timeout=timeout)["results_json"]))
