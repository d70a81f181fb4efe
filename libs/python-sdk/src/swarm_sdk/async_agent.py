"""An agent that works on many tasks at once, over one stream to the orchestrator.

Assignments come in batches as far as credit was granted, results go back in batches: this is the form for throughput.
The leases, tokens and guarantees are those of Agent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grpc

from . import operations as op
from . import trace, wire
from .aio import AsyncAnalystClient, AsyncConnection, AsyncOrchestratorClient
from .attempts import PROGRESS_CHARS_MAX, AgentBase, AgentEvent, Attempt, log
from .errors import SwarmError, Unavailable, from_grpc
from .failures import LeaseLost, TaskCancelled, TaskFailed, as_failure
from .models import Artifact, Assignment, Failure, FailureClass, Registration, read

REPORT_WAIT = 3.0  # seconds that a result waits for the analyst's answer; then the report goes on by itself
REPORTS_MAX = 256
RESULTS_PER_MESSAGE_MAX = 64

# What grpc.aio says, instead of the stream's status, when a write meets its end. The next stream tells whether to go on.
WRITTEN_TOO_LATE = "Internal error from Core"


class AsyncTaskRun(Attempt):
    """One attempt at a task, as AsyncAgent.work sees it. Of the event loop's thread."""

    def __init__(self, assignment: Assignment, context: trace.TraceContext, connection: AsyncConnection) -> None:
        super().__init__(assignment, context)
        self._connection = connection
        self.progress = ""  # a few words, sent with the next heartbeat
        self.lost = False
        self.cancelled = False

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled

    @property
    def is_lost(self) -> bool:
        return self.lost

    async def attach(self, path: str | Path, name: str = "") -> Artifact:
        """Hands a file in with this attempt: see TaskRun.attach."""
        path = Path(path)
        return self._keep(await self._connection.upload(self.assignment, path, name or path.name))

    async def download(self, name: str, path: str | Path, *, task_id: str = "") -> Artifact:
        """Writes a file of this task, or of the one named, to `path`."""
        return await self._connection.download(task_id or self.task_id, name, Path(path), 0)


class AsyncAgent(AgentBase):
    """Subclass it and write `work`; up to `concurrency` of them run at once, on the event loop of `run`.

    A broken stream is opened again with back-off; work in progress goes on meanwhile, and results that the
    orchestrator had not acknowledged are sent again. A task that was cancelled, or whose lease is gone, has its `work`
    cancelled (asyncio.CancelledError). Blocking work belongs into asyncio.to_thread.
    """

    def __init__(
        self,
        name: str,
        *,
        capabilities: Sequence[str] = (),
        roles: Sequence[str] = (),
        permissions: Sequence[str] = (),
        tenant: str = "",
        orchestrator: AsyncOrchestratorClient | None = None,
        analyst: AsyncAnalystClient | None = None,
        concurrency: int = 8,
        on_event: Callable[[AgentEvent], None] | None = None,
    ) -> None:
        super().__init__(name, on_event)
        self.orchestrator = orchestrator or AsyncOrchestratorClient()
        self.analyst = analyst
        self.concurrency = concurrency
        self._join = op.register(name, capabilities, roles, permissions, tenant).request
        self._method = wire.method("orchestrator.Orchestrator.Work")
        self._outbox: asyncio.Queue[Any] = asyncio.Queue()
        self._held: dict[str, tuple[AsyncTaskRun, asyncio.Task[None]]] = {}  # by lease token
        self._unacknowledged: dict[tuple[str, int], Any] = {}  # results by task and attempt
        self._reports: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._stopping = asyncio.Event()
        self._interval = 1.0

    async def work(self, task: AsyncTaskRun) -> str:
        """Does the task and returns the artifact. Raises TaskFailed, or anything else, when it cannot."""
        raise NotImplementedError

    # -- life ----------------------------------------------------------------------------------------------------------

    async def run(self, drain_time: float = 10.0) -> None:
        """Works until `stop`. Raises SwarmError when the orchestrator refuses the agent for good."""
        delays = self.orchestrator.connection.options.backoff.delays()
        try:
            while not self._finished():
                try:
                    if await self._session():
                        delays = self.orchestrator.connection.options.backoff.delays()
                except SwarmError as error:
                    if not error.retryable and error.code != "CANCELLED":
                        raise
                    log.info("stream broken, connecting again: %s", error)
                if not self._finished():
                    await asyncio.sleep(next(delays))
        finally:
            for _, attempt in self._held.values():
                attempt.cancel()
            if self._reports:
                await asyncio.wait(self._reports, timeout=drain_time)
            for report in self._reports:
                report.cancel()

    def stop(self) -> None:
        """Takes no new task; `run` returns once the tasks in hand are done and acknowledged. From the event loop."""
        self._stopping.set()
        self._wake()

    def _finished(self) -> bool:
        return self._stopping.is_set() and not self._held and not self._unacknowledged

    def _wake(self) -> None:
        if self._finished():
            self._idle.set()

    # -- one stream ----------------------------------------------------------------------------------------------------

    async def _session(self) -> bool:
        """From joining until the stream ends. True when it got as far as having joined."""
        request = self._method.request
        stream = self.orchestrator.connection.both_ways(self._method)
        self._outbox = asyncio.Queue()
        joined = False
        tasks: list[asyncio.Task[Any]] = []
        try:
            await stream.write(request(join=self._join))
            answer = await stream.read()
            if answer is grpc.aio.EOF:
                raise from_grpc_call(await stream.code(), await stream.details())
            joined = True
            self._joined(read(Registration, answer.joined))
            self._receive(answer)
            tasks = [asyncio.create_task(self._write(stream)), asyncio.create_task(self._beat()),
                     asyncio.create_task(self._read(stream)), asyncio.create_task(self._idle.wait())]
            done, _ = await asyncio.wait(tasks[2:], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except grpc.RpcError as error:
            if error.details() == WRITTEN_TOO_LATE:
                raise Unavailable("the stream ended while it was written to", "UNAVAILABLE") from None
            raise from_grpc(error) from None
        finally:
            for task in tasks:
                task.cancel()
            stream.cancel()
        return joined

    def _joined(self, registration: Registration) -> None:
        if registration.heartbeat_ms:
            self._interval = registration.heartbeat_ms / 1000
        self._tell(AgentEvent("registered", self.name, detail=registration.server_version))
        for result in self._unacknowledged.values():
            self._outbox.put_nowait(result)
        if self._held:
            self._outbox.put_nowait(self._heartbeat())
        free = self.concurrency - len(self._held)
        if free > 0 and not self._stopping.is_set():
            self._outbox.put_nowait(self._method.request(credit=free))

    async def _read(self, stream: Any) -> None:
        while (answer := await stream.read()) is not grpc.aio.EOF:
            self._receive(answer)
        code, details = await stream.code(), await stream.details()
        if code is not grpc.StatusCode.OK:
            raise from_grpc_call(code, details)

    async def _write(self, stream: Any) -> None:
        """Results that wait together go out together."""
        work_results = wire.message("orchestrator.WorkResults")
        result_type = wire.message("orchestrator.TaskResult")
        while True:
            batch = [await self._outbox.get()]
            while not self._outbox.empty() and len(batch) < RESULTS_PER_MESSAGE_MAX:
                batch.append(self._outbox.get_nowait())
            results = [item for item in batch if isinstance(item, result_type)]
            if results:
                await stream.write(self._method.request(results=work_results(results=results)))
            for item in batch:
                if not isinstance(item, result_type):
                    await stream.write(item)

    async def _beat(self) -> None:
        while True:
            asleep = time.monotonic()
            await asyncio.sleep(self._interval)
            late = time.monotonic() - asleep - self._interval
            if self._held and late > self._interval:
                log.warning("the event loop stood still for %.1f s, and no heartbeat went out: leases end that way; "
                            "blocking work belongs into asyncio.to_thread, or into an Agent", late)
            if self._held:
                self._outbox.put_nowait(self._heartbeat())

    def _heartbeat(self) -> Any:
        leases = [{"task_id": run.assignment.task_id, "lease_token": token, "progress": run.progress[:PROGRESS_CHARS_MAX]}
                  for token, (run, _) in self._held.items()]
        return self._method.request(heartbeat={"agent_id": self.name, "leases": leases})

    def _receive(self, answer: Any) -> None:
        for message in answer.assignments:
            assignment = read(Assignment, message)
            if assignment.lease_token not in self._held:  # a new stream may repeat what the old one had brought
                self._start(assignment)
        for ack in answer.acks:
            self._acknowledged(ack)
        for token, (run, attempt) in list(self._held.items()):
            run.cancelled = run.cancelled or run.assignment.task_id in answer.heartbeat.cancelled_task_ids
            run.lost = run.lost or run.assignment.task_id in answer.heartbeat.lost_task_ids
            if run.cancelled or run.lost:
                attempt.cancel()
        if answer.heartbeat.drain:
            self._stopping.set()
        self._wake()

    def _acknowledged(self, ack: Any) -> None:
        if ack.attempt:
            waiting = [(ack.task_id, ack.attempt)]
        else:  # a refusal that does not know the attempt
            waiting = [key for key in self._unacknowledged if key[0] == ack.task_id]
        known = [key for key in waiting if self._unacknowledged.pop(key, None) is not None]
        if known and not ack.accepted:
            log.info("result refused task=%s attempt=%d: %s", ack.task_id, ack.attempt, ack.message)
            self._tell(AgentEvent("refused", self.name, detail=ack.message))

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _start(self, assignment: Assignment) -> None:
        context = trace.start()
        run = AsyncTaskRun(assignment, context, self.orchestrator.connection)
        with trace.scope(context):  # the new task inherits it
            attempt = asyncio.create_task(self._attempt(run))
        self._held[assignment.lease_token] = (run, attempt)
        self._tell(AgentEvent("assigned", self.name, assignment))

    async def _attempt(self, run: AsyncTaskRun) -> None:
        assignment, started = run.assignment, time.monotonic()
        artifact = ""
        failure: TaskFailed | None = None
        try:
            artifact = await self.work(run)
        except asyncio.CancelledError:
            if not (run.cancelled or run.lost):
                raise  # the agent itself is being torn down
            failure = TaskCancelled()
        except LeaseLost:
            run.lost = True
        except Exception as error:  # whatever the work raises is the outcome of the attempt
            failure = as_failure(error)
        finally:
            seconds = time.monotonic() - started
            if run.lost:
                self._tell(AgentEvent("lost", self.name, assignment, seconds=seconds))
        if not run.lost:
            if failure is not None and failure.failure_class is FailureClass.AGENT_ERROR:
                await self._report(self.describe_failure(assignment, failure))
            self._finish(run, artifact, failure, seconds)
        del self._held[assignment.lease_token]
        if not self._stopping.is_set():
            self._outbox.put_nowait(self._method.request(credit=1))
        self._wake()

    def _finish(self, run: AsyncTaskRun, artifact: str, failure: TaskFailed | None, seconds: float) -> None:
        assignment = run.assignment
        failure_class = failure.failure_class if failure else None
        message = failure.message if failure else ""
        result = op.submit_result(assignment, self.name, artifact, message, failure_class, 0, [] if failure else run.attached).request
        self._unacknowledged[(assignment.task_id, assignment.attempt)] = result
        self._outbox.put_nowait(result)
        if failure:
            self._tell_failed(assignment, failure, seconds)
        else:
            self._tell(AgentEvent("succeeded", self.name, assignment, artifact, seconds=seconds))

    async def _report(self, failure: Failure) -> None:
        if self.analyst is None:
            return
        if len(self._reports) >= REPORTS_MAX:
            log.error("failure report dropped, too many are waiting task=%s", failure.task_id)
            return
        report = asyncio.create_task(self._deliver_report(self.analyst, failure))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)
        await asyncio.wait([report], timeout=REPORT_WAIT)

    async def _deliver_report(self, analyst: AsyncAnalystClient, failure: Failure) -> None:
        try:
            await analyst.report_failure(failure, within=300.0)
        except SwarmError as error:
            log.error("failure not reported task=%s: %s", failure.task_id, error)


def from_grpc_call(code: grpc.StatusCode, details: str | None) -> SwarmError:
    """The SDK's error for a stream that ended with this status."""
    return from_grpc(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details or ""))
