"""One service's RPCs as plain calls with protobuf messages: for what a well-behaved SDK would not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from swarm_sdk import wire


class RawClient:
    """One channel. Every call gives the answer or raises grpc.RpcError. Subclasses name the service."""

    SERVICE = ""
    TIMEOUT = 10.0

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(
            address, [("grpc.use_local_subchannel_pool", 1), ("grpc.max_send_message_length", -1)]
        )

    def close(self) -> None:
        self.channel.close()

    def call(self, method: str, request: Any, timeout: float | None = None, **more: Any) -> Any:
        return self._method("unary_unary", method)(request, timeout=timeout or self.TIMEOUT, **more)

    def start(self, method: str, request: Any, timeout: float | None = None) -> Any:
        return self._method("unary_unary", method).future(request, timeout=timeout or self.TIMEOUT)

    def stream(self, method: str, requests: Iterator[Any]) -> Any:
        return self._method("stream_stream", method)(requests)

    def follow(self, method: str, request: Any, **more: Any) -> Any:
        """A server stream."""
        return self._method("unary_stream", method)(request, **more)

    def _method(self, shape: str, method: str) -> Any:
        found = wire.method(f"{self.SERVICE}.{method}")
        return getattr(self.channel, shape)(
            f"/{self.SERVICE}/{method}", request_serializer=found.serializer, response_deserializer=found.deserializer
        )


Raw = TypeVar("Raw", bound=RawClient)


def connections(client: type[Raw]) -> Iterator[Callable[[Any], Raw]]:
    """For a fixture: connect(service) -> its client, closed at the end."""
    opened: list[Raw] = []

    def connect(service: Any) -> Raw:
        raw = client(f"127.0.0.1:{service.ports['grpc']}")
        opened.append(raw)
        return raw

    yield connect
    for raw in opened:
        raw.close()
