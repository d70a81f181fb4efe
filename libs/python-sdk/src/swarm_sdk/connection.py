"""One channel to one service: deadlines, retries, credentials, trace context. Synchronous."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import grpc

from . import trace
from .errors import SwarmError, Unavailable, from_grpc
from .operations import Operation
from .retry import Backoff

R = TypeVar("R")

CHANNEL_OPTIONS = (
    # A service that restarts is back within a second; gRPC's own back-off would go up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # In spite of its name this is how long an attempt to connect may take: of itself 20 s.
    ("grpc.min_reconnect_backoff_ms", 5000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # The services are the swarm's own: a proxy of the environment is for the way out, and would capture even loopback.
    ("grpc.enable_http_proxy", 0),
    # Two clients of one process must not share the fate of one connection.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class ConnectionOptions:
    """How to reach a service.

    Plain text by default, which is meant for the loopback only. `root_certificates` (PEM) turns TLS on; with
    `private_key` and `certificate_chain` the client proves its own identity as well. `token` goes as a bearer token; a
    callable is asked before each call, as RenewingToken is.
    """

    timeout: float = 5.0  # seconds, one try of one call
    within: float = 30.0  # seconds, all tries of one call
    backoff: Backoff = field(default_factory=Backoff)
    token: str | Callable[[], str] = ""
    root_certificates: bytes | None = None
    private_key: bytes | None = None
    certificate_chain: bytes | None = None
    keepalive: float = 15.0  # seconds of silence; then the connection has two thirds as long to show that it is alive

    def credentials(self) -> grpc.ChannelCredentials | None:
        if self.root_certificates is None:
            return None
        return grpc.ssl_channel_credentials(self.root_certificates, self.private_key, self.certificate_chain)

    def channel(self) -> tuple[tuple[str, int], ...]:
        """gRPC's settings. Without keepalive a peer that went without a word, as machines and networks do, is noticed after a quarter
        of an hour. The services take more than one ping in 10 s for abuse."""
        answer_ms = int(self.keepalive * 1000 / 1.5)
        return CHANNEL_OPTIONS + (
            ("grpc.keepalive_time_ms", int(self.keepalive * 1000)),
            ("grpc.keepalive_timeout_ms", answer_ms),
            ("grpc.http2.ping_timeout_ms", answer_ms),  # newer gRPC goes by this one, which is a minute of itself
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),  # a long poll is silent by nature
        )

    def metadata(self) -> tuple[tuple[str, str], ...]:
        context = trace.current()
        traced = (("traceparent", context.child().traceparent),) if context else ()
        token = self.token() if callable(self.token) else self.token
        return traced + ((("authorization", f"Bearer {token}"),) if token else ())


class Connection:
    """Runs operations against one address. Thread-safe. Close it when done."""

    def __init__(self, address: str, options: ConnectionOptions | None = None) -> None:
        self.address = address
        self.options = options or ConnectionOptions()
        secure = self.options.credentials()
        self._channel = (
            grpc.secure_channel(address, secure, self.options.channel())
            if secure
            else grpc.insecure_channel(address, self.options.channel())
        )

    def close(self) -> None:
        """Ends every call in flight. Idempotent."""
        self._channel.close()

    def run(self, operation: Operation[R], stop: threading.Event | None = None) -> R:
        """The operation's answer. Retryable errors are tried again until its time is up, or `stop` is set."""
        within = self.options.within if operation.within is None else operation.within
        deadline = time.monotonic() + within
        for delay in self.options.backoff.delays():
            try:
                return self.start(operation).result()
            except SwarmError as error:
                if not error.retryable or time.monotonic() + delay > deadline or (stop and stop.is_set()):
                    raise
            if stop is None:
                time.sleep(delay)
            else:
                stop.wait(delay)
        raise AssertionError("delays() has no end")

    def start(self, operation: Operation[R]) -> "Call[R]":
        """Starts one try and returns at once."""
        call = self._channel.unary_unary(
            operation.method.path,
            request_serializer=operation.method.serializer,
            response_deserializer=operation.method.deserializer,
        )
        try:
            future = call.future(
                operation.request,
                timeout=self.options.timeout if operation.timeout is None else operation.timeout,
                metadata=self.options.metadata(),
            )
        except ValueError as error:  # gRPC's way to say that the channel was closed
            raise Unavailable(f"{self.address}: {error}", "UNAVAILABLE") from None
        return Call(future, operation)

    def stream(self, operation: Operation[R]) -> "Stream[R]":
        """Starts a server stream. It has no deadline: cancel it, or close the connection."""
        call = self._channel.unary_stream(
            operation.method.path,
            request_serializer=operation.method.serializer,
            response_deserializer=operation.method.deserializer,
        )
        return Stream(call(operation.request, metadata=self.options.metadata()), operation)


class Call(Generic[R]):
    """A call in flight."""

    def __init__(self, future: Any, operation: Operation[R]) -> None:
        self._future = future
        self._operation = operation

    def result(self) -> R:
        """Waits for the answer. Raises SwarmError."""
        try:
            return self._operation.parse(self._future.result())
        except grpc.FutureCancelledError as error:
            raise from_grpc(error) from None
        except grpc.RpcError as error:
            raise from_grpc(error) from None

    def cancel(self) -> None:
        """Gives the call up from any thread; result() then raises Cancelled."""
        self._future.cancel()


class Stream(Generic[R]):
    """A server stream in flight: iterate it. Raises SwarmError when it breaks, ends when the server ends it."""

    def __init__(self, call: Any, operation: Operation[R]) -> None:
        self._call = call
        self._operation = operation

    def __iter__(self) -> Iterator[R]:
        try:
            for message in self._call:
                yield self._operation.parse(message)
        except grpc.RpcError as error:
            raise from_grpc(error) from None

    def cancel(self) -> None:
        self._call.cancel()
