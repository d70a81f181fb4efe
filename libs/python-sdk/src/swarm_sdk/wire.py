"""The messages and methods of the services, built from descriptors.binpb in a pool of their own.

A private pool, so that one process can carry this SDK beside other generated modules of the same packages
(`orchestrator` is also the package of the swarm's earlier clients). Nothing here is public: use the clients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


@dataclass(frozen=True)
class Method:
    """One RPC: how gRPC calls it, and its message types."""

    path: str
    request: type[Any]
    response: type[Any]

    @property
    def serializer(self) -> Callable[[Any], bytes]:
        serialize: Callable[[Any], bytes] = self.request.SerializeToString
        return serialize

    @property
    def deserializer(self) -> Callable[[bytes], Any]:
        parse: Callable[[bytes], Any] = self.response.FromString
        return parse


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    raw = resources.files(__package__).joinpath("descriptors.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def message(name: str) -> type[Any]:
    """The class of a message, by its full name ("orchestrator.Task")."""
    cls: type[Any] = message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))
    return cls


@cache
def method(name: str) -> Method:
    """An RPC by its full name ("orchestrator.Orchestrator.PollTask")."""
    service, rpc = name.rsplit(".", 1)
    found = _pool().FindServiceByName(service).methods_by_name[rpc]
    return Method(f"/{service}/{rpc}", message(found.input_type.full_name), message(found.output_type.full_name))
