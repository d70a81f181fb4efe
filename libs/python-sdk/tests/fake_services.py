"""In-process gRPC servers that answer as told. For what the real services do, see integration-tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc

from swarm_sdk import wire

Handler = Callable[[Any, grpc.ServicerContext], Any]


class FakeService:
    """One service on a free loopback port. `on(rpc)` registers how a call is answered; calls are recorded."""

    def __init__(self, service: str, port: int = 0) -> None:
        self.service = service
        self.calls: list[tuple[str, Any, dict[str, str]]] = []
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Router(self),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def on(self, rpc: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._handlers[rpc] = handler
            return handler

        return register

    def seen(self, rpc: str) -> list[Any]:
        with self._lock:
            return [request for name, request, _ in self.calls if name == rpc]

    def metadata(self, rpc: str) -> list[dict[str, str]]:
        with self._lock:
            return [metadata for name, _, metadata in self.calls if name == rpc]

    def stop(self) -> None:
        self._server.stop(None).wait()

    def dispatch(self, rpc: str, request: Any, context: grpc.ServicerContext) -> Any:
        with self._lock:
            self.calls.append((rpc, request, dict(context.invocation_metadata())))
        handler = self._handlers.get(rpc)
        if handler is None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the fake has no {rpc}")
        return handler(request, context)


class _Router(grpc.GenericRpcHandler):
    def __init__(self, fake: FakeService) -> None:
        self._fake = fake

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        service, rpc = details.method.lstrip("/").split("/")
        if service != self._fake.service:
            return None
        method = wire.method(f"{service}.{rpc}")
        make = grpc.unary_unary_rpc_method_handler
        if rpc.startswith("Watch"):
            make = grpc.unary_stream_rpc_method_handler
        if rpc == "Work":
            make = grpc.stream_stream_rpc_method_handler
        return make(
            lambda request, context: self._fake.dispatch(rpc, request, context),
            request_deserializer=method.request.FromString,
            response_serializer=method.response.SerializeToString,
        )


class FakeOrchestrator(FakeService):
    """Gives out the queued assignments once each, takes every result, knows only agents that registered."""

    def __init__(self, port: int = 0) -> None:
        super().__init__("orchestrator.Orchestrator", port)
        self.queue: list[Any] = []
        self.known: set[str] = set()
        self.lost: list[str] = []
        self.cancelled: list[str] = []
        self.heartbeat_ms = 50
        self.on("RegisterAgent")(self._register)
        self.on("PollTask")(self._poll)
        self.on("SubmitResult")(lambda request, context: wire.message("orchestrator.Ack")(accepted=True))
        self.on("Heartbeat")(self._heartbeat)

    def give(self, task_id: str, **fields: Any) -> None:
        defaults = {"lease_token": f"token-{task_id}", "attempt": 1, "description": task_id, "stack": "python"}
        self.queue.append(wire.message("orchestrator.TaskAssignment")(task_id=task_id, **(defaults | fields)))

    def _register(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.known.add(request.name)
        return wire.message("orchestrator.RegisterResponse")(
            agent_id=request.name, lease_ms=2000, heartbeat_ms=self.heartbeat_ms, server_version="fake"
        )

    def _poll(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.agent_id not in self.known:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "agent is not registered")
        if self.queue:
            return self.queue.pop(0)
        threading.Event().wait(min(request.wait_ms / 1000, 0.05))
        return wire.message("orchestrator.TaskAssignment")()

    def _heartbeat(self, request: Any, context: grpc.ServicerContext) -> Any:
        return wire.message("orchestrator.HeartbeatResponse")(
            lost_task_ids=self.lost, cancelled_task_ids=self.cancelled
        )
