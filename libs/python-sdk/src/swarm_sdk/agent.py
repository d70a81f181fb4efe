"""The base class of agents: everything between "I am here" and "here is the result", except the work itself."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import files
from . import operations as op
from . import trace
from .attempts import PROGRESS_CHARS_MAX, AgentBase, AgentEvent, Attempt, log
from .clients import AnalystClient, OrchestratorClient
from .connection import Call, Connection, ConnectionOptions
from .errors import Cancelled, FailedPrecondition, NotFound, SwarmError
from .failures import LeaseLost, TaskFailed, as_failure
from .leases import HeldLease, LeaseKeeper
from .models import Analysis, Artifact, Assignment, FailureClass, Polled, Registration
from .reporter import FailureReporter


class TaskRun(Attempt):
    """One attempt at a task, as Agent.work sees it. Thread-safe."""

    def __init__(
        self, assignment: Assignment, lease: HeldLease, keeper: LeaseKeeper, context: trace.TraceContext, connection: Connection
    ):
        super().__init__(assignment, context)
        self._lease = lease
        self._keeper = keeper
        self._connection = connection

    @property
    def is_cancelled(self) -> bool:
        return self._lease.cancelled.is_set()

    @property
    def is_lost(self) -> bool:
        return self._lease.lost.is_set()

    def progress(self, text: str) -> None:
        """Says in a few words what is going on; shown with the task. Sent with the next heartbeat."""
        self._lease.progress = text[:PROGRESS_CHARS_MAX]
        self._keeper.beat_soon()

    def attach(self, path: str | Path, name: str = "") -> Artifact:
        """Hands a file in with this attempt, however large: it is read piece by piece. `name`: the file's own, if empty.

        Returns once it is durable. The result then counts only with all that was attached. Raises PermissionDenied when a
        policy forbids what it holds (the attempt is over then), FailedPrecondition when the lease is gone or the task has
        no room for more files.
        """
        path = Path(path)
        return self._keep(files.upload(self._connection, self.assignment, path, name or path.name))

    def download(self, name: str, path: str | Path, *, task_id: str = "") -> Artifact:
        """Writes a file of this task, or of the one named, to `path`."""
        return files.download(self._connection, task_id or self.task_id, name, Path(path), 0)


class Agent(AgentBase):
    """One agent process: registers, takes one task at a time, keeps its lease, reports how it went.

    Subclass it and write `work`:

        class Echo(Agent):
            def work(self, task: TaskRun) -> str:
                return task.description.upper()

        Echo("echo-1", roles=["Echo"]).run()

    What it takes care of: it polls again after any outage, registers again when a restarted orchestrator does not know
    it, renews the lease in the background, notices when a task was cancelled or its lease lost, sends the result with
    token and attempt until it is accepted, reports the agent's own mistakes to the analyst before it gives the attempt
    back, and ends gracefully: `stop` lets the task in hand finish.

    `analyst` None reports no failures. `name` must be unique among running agents: it is the agent's id. `poll_wait` is
    the length of one long poll, `result_within` how long a result is tried to be delivered, `report_wait` how long a
    result waits for the analyst's answer to its failure; all in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        capabilities: Sequence[str] = (),
        roles: Sequence[str] = (),
        permissions: Sequence[str] = (),
        tenant: str = "",
        orchestrator: OrchestratorClient | None = None,
        analyst: AnalystClient | None = None,
        options: ConnectionOptions | None = None,
        poll_wait: float = 20.0,
        result_within: float = 120.0,
        report_wait: float = 5.0,
        on_event: Callable[[AgentEvent], None] | None = None,
    ) -> None:
        super().__init__(name, on_event)
        self.orchestrator = orchestrator or OrchestratorClient(options=options)
        self.analyst = analyst
        self._registration_request = op.register(name, capabilities, roles, permissions, tenant)
        self._poll_wait = poll_wait
        self._result_within = result_within
        self._connection = self.orchestrator.connection
        self._keeper = LeaseKeeper(self._connection, name, self._register_quietly, self.stop)
        self._reporter = FailureReporter(analyst.connection, wait=report_wait) if analyst else None
        self._stopping = threading.Event()
        self._poll: Call[Polled] | None = None

    # -- to be written by the subclass ---------------------------------------------------------------------------------

    def work(self, task: TaskRun) -> str:
        """Does the task and returns the artifact (text). Raises TaskFailed, or anything else, when it cannot.

        Runs on the thread of `run`. An exception counts as this agent's mistake unless it is a TaskFailed of another
        class or is recognised as something else (model unavailable: transient; budget used up: parks the task).
        """
        raise NotImplementedError

    # -- life ----------------------------------------------------------------------------------------------------------

    def run(self, *, handle_signals: bool = True, tasks_max: int | None = None, drain_time: float = 10.0) -> None:
        """Works until `stop` is called, a signal comes, or `tasks_max` tasks were done.

        With `handle_signals` (main thread only) SIGTERM and SIGINT call `stop`. Raises SwarmError when the orchestrator
        refuses the agent for good, never because it is away.
        """
        if handle_signals:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self.stop())
        self._keeper.start()
        if self._reporter:
            self._reporter.start()
        try:
            self._register()
            self._loop(tasks_max)
        finally:
            self._keeper.stop()
            if self._reporter and (left := self._reporter.stop(drain_time)):
                log.error("%d failure reports were not delivered", left)

    def stop(self) -> None:
        """Takes no new task; `run` returns when the task in hand is done. From any thread or signal handler."""
        self._stopping.set()
        poll = self._poll  # no lock: a signal handler may interrupt the thread that holds it
        if poll is not None:
            poll.cancel()

    def _loop(self, tasks_max: int | None) -> None:
        done = 0
        delays = self._connection.options.backoff.delays()
        while not self._stopping.is_set() and (tasks_max is None or done < tasks_max):
            try:
                polled = self._next()
            except SwarmError as error:
                if isinstance(error, FailedPrecondition):  # a restarted orchestrator does not know its agents
                    self._register()
                elif not error.retryable and not isinstance(error, Cancelled):
                    raise
                self._stopping.wait(next(delays))
                continue
            delays = self._connection.options.backoff.delays()
            if polled.assignment is not None:
                self._attempt(polled.assignment)
                done += 1
            if polled.drain:
                self.stop()

    def _next(self) -> Polled:
        self._poll = self._connection.start(op.poll(self.name, self._poll_wait))
        if self._stopping.is_set():  # stop() may have come before it could see this poll
            self._poll.cancel()
        try:
            return self._poll.result()
        finally:
            self._poll = None

    def _register(self) -> Registration | None:
        """Until it is registered or stopped."""
        delays = self._connection.options.backoff.delays()
        while not self._stopping.is_set():
            try:
                registration = self._connection.start(self._registration_request).result()
            except SwarmError as error:
                if not error.retryable:
                    raise
                self._stopping.wait(next(delays))
                continue
            if registration.heartbeat_ms:
                self._keeper.interval = registration.heartbeat_ms / 1000
            self._tell(AgentEvent("registered", self.name, detail=registration.server_version))
            return registration
        return None

    def _register_quietly(self) -> None:
        try:
            self._connection.start(self._registration_request).result()
        except SwarmError as error:
            log.info("cannot register again yet: %s", error)

    # -- one attempt ---------------------------------------------------------------------------------------------------

    def _attempt(self, assignment: Assignment) -> None:
        lease = HeldLease(assignment.task_id, assignment.lease_token)
        self._keeper.hold(lease)
        started = time.monotonic()
        with trace.scope(trace.start()) as context:
            self._tell(AgentEvent("assigned", self.name, assignment))
            run = TaskRun(assignment, lease, self._keeper, context, self._connection)
            try:
                artifact: str | None = None
                failure: TaskFailed | None = None
                try:
                    artifact = self.work(run)
                except LeaseLost:
                    self._tell(AgentEvent("lost", self.name, assignment))
                    return
                except Exception as error:  # whatever the work raises is the outcome of the attempt
                    failure = as_failure(error)
                seconds = time.monotonic() - started
                if lease.lost.is_set():
                    self._tell(AgentEvent("lost", self.name, assignment, seconds=seconds))
                elif failure is None:
                    self._succeed(run, artifact or "", seconds)
                else:
                    self._fail(assignment, failure, seconds)
            finally:
                self._keeper.release(lease)

    def _succeed(self, run: TaskRun, artifact: str, seconds: float) -> None:
        if self._deliver(run.assignment, artifact, "", None, run.attached):
            self._tell(AgentEvent("succeeded", self.name, run.assignment, artifact, seconds=seconds))

    def _fail(self, assignment: Assignment, failure: TaskFailed, seconds: float) -> None:
        analysis = self._report(assignment, failure)
        if self._deliver(assignment, None, failure.message, failure.failure_class):
            self._tell_failed(assignment, failure, seconds, analysis)

    def _report(self, assignment: Assignment, failure: TaskFailed) -> Analysis | None:
        """The analyst hears of it first: the rule that this failure may complete is then ready for the next attempt."""
        if self._reporter is None or failure.failure_class is not FailureClass.AGENT_ERROR:
            return None
        return self._reporter.report(self.describe_failure(assignment, failure))

    def _deliver(
        self,
        assignment: Assignment,
        artifact: str | None,
        error: str,
        failure_class: FailureClass | None,
        attached: Sequence[Artifact] = (),
    ) -> bool:
        operation: Any = op.submit_result(assignment, self.name, artifact, error, failure_class, self._result_within, attached)
        try:
            self._connection.run(operation)
            return True
        except (FailedPrecondition, NotFound) as refused:
            self._tell(AgentEvent("refused", self.name, assignment, str(refused)))
        except SwarmError as error_:
            log.error("result not delivered task=%s attempt=%d: %s", assignment.task_id, assignment.attempt, error_)
            self._tell(AgentEvent("refused", self.name, assignment, str(error_)))
        return False
