"""The interface of protos/synapse/semantic_engine.proto: message classes and the list of methods.

The file is compiled at start with grpc_tools into a descriptor pool of its own, so there is no generated code to keep in
step and nothing to collide with in a process that also holds generated modules.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
PROTO = "protos/synapse/semantic_engine.proto"
SERVICE = "semantic_engine.SemanticEngine"


class Wire:
    """`message(name)` is a message class; `methods` maps a method's name to its (request, response) classes."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.DescriptorPool()
        for file in _compile().file:
            self._pool.Add(file)
        service = self._pool.FindServiceByName(SERVICE)
        self.methods = {
            m.name: (message_factory.GetMessageClass(m.input_type), message_factory.GetMessageClass(m.output_type))
            for m in service.methods
        }

    def message(self, name: str) -> Any:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"semantic_engine.{name}"))


def _compile() -> descriptor_pb2.FileDescriptorSet:
    with tempfile.NamedTemporaryFile(suffix=".binpb") as out:
        if protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={out.name}", PROTO]) != 0:
            raise RuntimeError(f"protoc failed on {ROOT / PROTO}")
        return descriptor_pb2.FileDescriptorSet.FromString(Path(out.name).read_bytes())
