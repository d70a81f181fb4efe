"""The asynchronous clients: the same calls as in clients.py, awaited. Use them from one event loop.

    async with AsyncOrchestratorClient() as client:
        await client.submit(NewTask("…"))
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack

import grpc
import grpc.aio

from . import files, wire
from . import models as m
from . import operations as op
from .connection import ConnectionOptions
from .errors import DeadlineExceeded, SwarmError, Unavailable, from_grpc
from .operations import Operation

R = TypeVar("R")
Self = TypeVar("Self", bound="_AsyncClient")


class AsyncConnection:
    """Runs operations against one address, with the deadlines and retries of Connection. Close it when done."""

    def __init__(self, address: str, options: ConnectionOptions | None = None) -> None:
        self.address = address
        self.options = options or ConnectionOptions()
        secure = self.options.credentials()
        self._channel = (
            grpc.aio.secure_channel(address, secure, self.options.channel())
            if secure
            else grpc.aio.insecure_channel(address, self.options.channel())
        )

    async def close(self) -> None:
        """Ends every call in flight. Idempotent."""
        await self._channel.close()

    async def run(self, operation: Operation[R]) -> R:
        """The operation's answer. Retryable errors are tried again until its time is up. Cancelling it cancels the call."""
        within = self.options.within if operation.within is None else operation.within
        deadline = time.monotonic() + within
        for delay in self.options.backoff.delays():
            try:
                return await self.once(operation)
            except SwarmError as error:
                if not error.retryable or time.monotonic() + delay > deadline:
                    raise
            await asyncio.sleep(delay)
        raise AssertionError("delays() has no end")

    async def once(self, operation: Operation[R]) -> R:
        """One try."""
        method = operation.method
        call = self._channel.unary_unary(
            method.path, request_serializer=method.serializer, response_deserializer=method.deserializer
        )
        timeout = self.options.timeout if operation.timeout is None else operation.timeout
        try:
            return operation.parse(await call(operation.request, timeout=timeout, metadata=self.options.metadata()))
        except grpc.RpcError as error:
            raise from_grpc(error) from None
        except grpc.aio.UsageError as error:  # gRPC's way to say that the channel was closed
            raise Unavailable(f"{self.address}: {error}", "UNAVAILABLE") from None

    async def upload(self, assignment: m.Assignment, path: Path, name: str) -> m.Artifact:
        """Hands a file in under a lease; after a retryable error it goes on where it was."""
        source = files.FileSource(assignment, path, name, *await asyncio.to_thread(files.digest_of, path))
        method, question = wire.method(files.UPLOAD), wire.method(files.UPLOAD_OFFSET)
        call = self._channel.stream_unary(method.path, request_serializer=method.serializer, response_deserializer=method.deserializer)
        ask = self._channel.unary_unary(question.path, request_serializer=question.serializer, response_deserializer=question.deserializer)
        options = self.options
        for delay in options.backoff.delays():
            try:
                if source.asks:
                    source.go_on_at((await ask(source.question(), timeout=options.timeout, metadata=options.metadata())).offset)
                return m.Artifact.of(await call(source.pieces_async(), timeout=files.TRANSFER_SECONDS, metadata=options.metadata()))
            except grpc.RpcError as error:
                source.failed(from_grpc(error), delay)
            await asyncio.sleep(delay)
        raise AssertionError("delays() has no end")

    async def download(self, task_id: str, name: str, path: Path, attempt: int) -> m.Artifact:
        """Brings a file; after a retryable error it goes on where it was."""
        method = wire.method(files.DOWNLOAD)
        call = self._channel.unary_stream(method.path, request_serializer=method.serializer, response_deserializer=method.deserializer)
        sink = files.FileSink(path, task_id, name, attempt)
        reached, deadline = -1, 0.0
        try:
            for delay in self.options.backoff.delays():
                if sink.offset > reached:
                    reached, deadline = sink.offset, time.monotonic() + files.PATIENCE_SECONDS
                try:
                    async for part in call(sink.request(), timeout=files.TRANSFER_SECONDS, metadata=self.options.metadata()):
                        await asyncio.to_thread(sink.take, part)
                    return await asyncio.to_thread(sink.finish)
                except grpc.RpcError as error:
                    failed = from_grpc(error)
                    if not failed.retryable or time.monotonic() + delay > deadline:
                        raise failed from None
                await asyncio.sleep(delay)
        finally:
            sink.close()
        raise AssertionError("delays() has no end")

    def stream(self, operation: Operation[R]) -> "AsyncStream[R]":
        """Starts a server stream. It has no deadline: cancel it, or close the connection."""
        method = operation.method
        call = self._channel.unary_stream(
            method.path, request_serializer=method.serializer, response_deserializer=method.deserializer
        )
        return AsyncStream(call(operation.request, metadata=self.options.metadata()), operation)

    def both_ways(self, method: Any) -> Any:
        """Starts a bidirectional stream: gRPC's own call object."""
        call = self._channel.stream_stream(
            method.path, request_serializer=method.serializer, response_deserializer=method.deserializer
        )
        return call(metadata=self.options.metadata())


class AsyncStream(Generic[R]):
    """A server stream in flight: iterate it. Raises SwarmError when it breaks, ends when the server ends it."""

    def __init__(self, call: Any, operation: Operation[R]) -> None:
        self._call = call
        self._operation = operation

    async def __aiter__(self) -> AsyncIterator[R]:
        try:
            async for message in self._call:
                yield self._operation.parse(message)
        except grpc.RpcError as error:
            raise from_grpc(error) from None

    def cancel(self) -> None:
        self._call.cancel()


class _AsyncClient:
    default_address = ""
    variable = ""

    def __init__(self, address: str | None = None, options: ConnectionOptions | None = None) -> None:
        """`address` None: the environment's, or the loopback default."""
        self.connection = AsyncConnection(address or os.environ.get(self.variable) or self.default_address, options)

    async def close(self) -> None:
        await self.connection.close()

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncOrchestratorClient(_AsyncClient):
    """OrchestratorClient, awaited: see there for what each call means."""

    default_address = "127.0.0.1:50054"
    variable = "SWARM_SDK_ORCHESTRATOR"

    async def submit(self, task: m.NewTask) -> m.Submitted:
        return (await self.submit_many([task]))[0]

    async def submit_many(self, tasks: Sequence[m.NewTask]) -> tuple[m.Submitted, ...]:
        return await self.connection.run(op.submit(tasks))

    async def get(self, task_id: str) -> m.Task:
        return await self.connection.run(op.get(task_id))

    async def why(self, task_id: str) -> m.Explanation:
        return await self.connection.run(op.why(task_id, False))

    async def explain(self, task_id: str) -> m.Explanation:
        return await self.connection.run(op.why(task_id, True))

    async def redrive(self, task_ids: Sequence[str]) -> tuple[m.Redriven, ...]:
        return await self.connection.run(op.redrive(task_ids))

    async def redrive_matching(self, **filters: Unpack[op.TaskFilters]) -> AsyncIterator[m.Redriven]:
        token = ""
        while True:
            redriven, token = await self.connection.run(op.redrive_page(filters, token))
            for task in redriven:
                yield task
            if not token:
                return

    async def list(self, *, page_size: int = 100, **filters: Unpack[op.TaskFilters]) -> AsyncIterator[m.Task]:
        token = ""
        while True:
            tasks, token = await self.connection.run(op.list_page(filters, page_size, token))
            for task in tasks:
                yield task
            if not token:
                return

    async def artifacts(self, task_id: str) -> tuple[m.Artifact, ...]:
        return await self.connection.run(op.artifacts(task_id))

    async def download(self, task_id: str, name: str, path: str | Path, *, attempt: int = 0) -> m.Artifact:
        return await self.connection.download(task_id, name, Path(path), attempt)

    async def cancel(self, task_id: str, reason: str = "", *, grace: float = 0.0) -> m.Task:
        return await self.connection.run(op.cancel(task_id, reason, grace))

    async def delete(self, task_id: str) -> None:
        await self.connection.run(op.delete(task_id))

    async def approve(self, task_id: str, *, by: str = "", comment: str = "") -> m.Task:
        return await self.connection.run(op.approve(task_id, True, comment, by))

    async def reject(self, task_id: str, *, by: str = "", comment: str = "") -> m.Task:
        return await self.connection.run(op.approve(task_id, False, comment, by))

    def watch(
        self, task_ids: Sequence[str] = (), *, parent_id: str = "", snapshot: bool = True
    ) -> AsyncStream[m.TaskEvent]:
        return self.connection.stream(op.watch(task_ids, parent_id, snapshot))

    async def wait(self, task_ids: Sequence[str], within: float) -> dict[str, m.Task]:
        """The named tasks once each of them is final. Raises DeadlineExceeded, naming those that are not."""
        deadline = time.monotonic() + within
        delays = self.connection.options.backoff.delays()
        final: dict[str, m.Task] = {}
        while True:
            missing = [t for t in task_ids if t not in final]
            for task in await asyncio.gather(*(self.get(t) for t in missing)):
                if task.status.is_final:
                    final[task.task_id] = task
            missing = [t for t in task_ids if t not in final]
            if not missing:
                return {t: final[t] for t in task_ids}
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"not final after {within:g} s: {', '.join(missing)}", "DEADLINE_EXCEEDED")
            await asyncio.sleep(next(delays) / 2)

    async def agents(self) -> tuple[m.AgentState, ...]:
        return await self.connection.run(op.agents())

    async def halt(self, reason: str, by: str = "") -> m.Dispatch:
        return await self.connection.run(op.set_dispatch(True, reason, by))

    async def resume(self, by: str = "") -> m.Dispatch:
        return await self.connection.run(op.set_dispatch(False, "", by))

    async def dispatch(self) -> m.Dispatch:
        return await self.connection.run(op.dispatch())

    async def hold(self, kind: m.HoldKind, name: str, reason: str = "", by: str = "") -> m.Hold:
        return await self.connection.run(op.set_hold(kind, name, True, reason, by))

    async def release(self, kind: m.HoldKind, name: str, by: str = "") -> m.Hold:
        return await self.connection.run(op.set_hold(kind, name, False, "", by))

    async def holds(self) -> tuple[m.Hold, ...]:
        return await self.connection.run(op.holds())

    async def put_schedule(self, schedule: m.NewSchedule) -> m.Schedule:
        return await self.connection.run(op.put_schedule(schedule))

    async def pause_schedule(self, name: str, note: str = "") -> m.Schedule:
        return await self.connection.run(op.pause_schedule(name, True, note))

    async def resume_schedule(self, name: str) -> m.Schedule:
        return await self.connection.run(op.pause_schedule(name, False, ""))

    async def delete_schedule(self, name: str) -> m.Schedule:
        return await self.connection.run(op.delete_schedule(name))

    async def schedules(self, name: str = "") -> tuple[m.Schedule, ...]:
        return await self.connection.run(op.schedules(name))


class AsyncAnalystClient(_AsyncClient):
    """AnalystClient, awaited: see there for what each call means."""

    default_address = "127.0.0.1:50055"
    variable = "SWARM_SDK_ANALYST"

    async def report_failure(self, failure: m.Failure, within: float | None = None) -> m.Analysis:
        return await self.connection.run(op.report_failure(failure, within))

    async def rules(self, *, stack: str = "", role: str = "", state: str = "") -> tuple[m.GoldenRule, ...]:
        return await self.connection.run(op.rules(stack, role, state))

    def watch_rules(self, from_version: int = 0) -> AsyncStream[m.RuleEvent]:
        return self.connection.stream(op.watch_rules(from_version))

    async def groups(self, *, stack: str = "", limit: int = 100) -> m.FailureGroups:
        return await self.connection.run(op.groups(stack, limit))


class AsyncBudgetClient(_AsyncClient):
    """BudgetClient, awaited: see there for what each call means."""

    default_address = "127.0.0.1:50056"
    variable = "SWARM_SDK_GATEWAY"

    async def spend(self, scope: str = "global") -> m.Spend:
        return await self.connection.run(op.spend(scope))

    async def scopes(self, prefix: str = "") -> tuple[m.Spend, ...]:
        return await self.connection.run(op.scopes(prefix))

    def watch(self, prefix: str = "") -> AsyncStream[m.SpendEvent]:
        return self.connection.stream(op.watch_scopes(prefix))

    async def set_limit(
        self,
        limit: float,
        *,
        scope: str = "global",
        window: str = "",
        unlimited: bool = False,
        overshoot_max: float = 0.0,
        strict: bool = False,
    ) -> None:
        fields: dict[str, Any] = {"limit": limit, "scope": scope, "window": window, "unlimited": unlimited,
                                  "overshoot_max": overshoot_max, "strict": strict}
        await self.connection.run(op.set_limit(fields))

    async def reset(self, scope: str = "global") -> None:
        await self.connection.run(op.reset_budget(scope))

    async def set_task_budget(self, task_id: str, limit: float, *, strict: bool = False) -> None:
        await self.connection.run(op.set_task_budget(task_id, limit, strict))
