"""Calls that a well-behaved client would not make: raw bytes over gRPC and HTTP. For the rest there is swarm_sdk."""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import grpc


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def http(
    method: str, url: str, body: bytes | dict[str, Any] | None = None, headers: dict[str, str] | None = None,
    timeout: float = 15.0,
) -> Answer:
    """One request; an error status is an answer like any other."""
    raw = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, raw, {"content-type": "application/json"} | (headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return Answer(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _lower(error.headers), error.read())


def raw_http(port: int, request: bytes, timeout: float = 10.0) -> bytes:
    """Sends bytes as they are, and gives all that comes back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):  # the other side may have refused and closed already
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def raw_grpc(address: str, path: str, request: bytes, timeout: float = 10.0) -> tuple[grpc.StatusCode, str]:
    """Sends bytes as the request of a unary call; its status and details."""
    channel = grpc.insecure_channel(address, [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)])
    try:
        channel.unary_unary(path)(request, timeout=timeout)
        return grpc.StatusCode.OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()
    finally:
        channel.close()


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
