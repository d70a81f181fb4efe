"""The synchronous clients of the three services. All are thread-safe, and context managers.

Every call has a deadline and is repeated on retryable errors within the connection's time limit; each may be repeated
without harm. What fails for good raises a SwarmError that names the status and the service's own words.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

from . import files
from . import models as m
from . import operations as op
from .connection import Connection, ConnectionOptions, Stream
from .errors import DeadlineExceeded, SwarmError

Self = TypeVar("Self", bound="_Client")
R = TypeVar("R")


class _Client:
    default_address = ""
    variable = ""

    def __init__(self, address: str | None = None, options: ConnectionOptions | None = None) -> None:
        """`address` None: the environment's, or the loopback default."""
        self.connection = Connection(address or os.environ.get(self.variable) or self.default_address, options)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class OrchestratorClient(_Client):
    """Submits, lists, watches and steers tasks. Agents use Agent instead, which polls and reports through one of these."""

    default_address = "127.0.0.1:50054"
    variable = "SWARM_SDK_ORCHESTRATOR"

    def submit(self, task: m.NewTask) -> m.Submitted:
        """Stores a task durably. Idempotent by task id or idempotency key."""
        return self.submit_many([task])[0]

    def submit_many(self, tasks: Sequence[m.NewTask]) -> tuple[m.Submitted, ...]:
        """Stores up to 1,000 tasks in one durable commit: all of them or none."""
        return self.connection.run(op.submit(tasks))

    def get(self, task_id: str) -> m.Task:
        """One task with its history. Raises NotFound."""
        return self.connection.run(op.get(task_id))

    def why(self, task_id: str) -> m.Explanation:
        """What stands between a task and an agent: filters, limits, budgets, dependencies, missing agents."""
        return self.connection.run(op.why(task_id, False))

    def explain(self, task_id: str) -> m.Explanation:
        """The same, asked for its `decision`: who got the task last, and why."""
        return self.connection.run(op.why(task_id, True))

    def redrive(self, task_ids: Sequence[str]) -> tuple[m.Redriven, ...]:
        """Submits dead or cancelled tasks again, as new ones. A repeat answers with the same new ones."""
        return self.connection.run(op.redrive(task_ids))

    def redrive_matching(self, **filters: Unpack[op.TaskFilters]) -> Iterator[m.Redriven]:
        """Does so with all dead tasks that match, whatever `status` says, page by page as it is iterated."""
        token = ""
        while True:
            redriven, token = self.connection.run(op.redrive_page(filters, token))
            yield from redriven
            if not token:
                return

    def list(self, *, page_size: int = 100, **filters: Unpack[op.TaskFilters]) -> Iterator[m.Task]:
        """All tasks that match, newest first, without contexts, artifacts and histories. Fetches page by page."""
        token = ""
        while True:
            tasks, token = self.connection.run(op.list_page(filters, page_size, token))
            yield from tasks
            if not token:
                return

    def artifacts(self, task_id: str) -> tuple[m.Artifact, ...]:
        """The files that a task's attempts handed in."""
        return self.connection.run(op.artifacts(task_id))

    def download(self, task_id: str, name: str, path: str | Path, *, attempt: int = 0) -> m.Artifact:
        """Writes a file of a task to `path`, once all of it is there and is what was handed in. Goes on after an outage."""
        return files.download(self.connection, task_id, name, Path(path), attempt)

    def cancel(self, task_id: str, reason: str = "", *, grace: float = 0.0) -> m.Task:
        """Cancels a task; an agent that holds it is told at its next heartbeat, and has `grace` seconds to end it itself."""
        return self.connection.run(op.cancel(task_id, reason, grace))

    def delete(self, task_id: str) -> None:
        """Drops a finished task with all that is kept of it. Raises FailedPrecondition while others build on it."""
        self.connection.run(op.delete(task_id))

    def approve(self, task_id: str, *, by: str = "", comment: str = "") -> m.Task:
        """Lets a task go on that waits for approval."""
        return self.connection.run(op.approve(task_id, True, comment, by))

    def reject(self, task_id: str, *, by: str = "", comment: str = "") -> m.Task:
        """Refuses a task that waits for approval."""
        return self.connection.run(op.approve(task_id, False, comment, by))

    def watch(
        self, task_ids: Sequence[str] = (), *, parent_id: str = "", snapshot: bool = True
    ) -> Stream[m.TaskEvent]:
        """Follows tasks (all, when none is named). The stream breaks when the orchestrator goes; `follow` does not."""
        return self.connection.stream(op.watch(task_ids, parent_id, snapshot))

    def follow(
        self, task_ids: Sequence[str] = (), *, parent_id: str = "", reconnect_within: float = 60.0
    ) -> Iterator[m.TaskEvent]:
        """Like watch, across restarts of the orchestrator: connects again and starts over with a snapshot.

        Raises the last error once it could not reconnect for `reconnect_within` seconds.
        """
        lost_at: float | None = None
        delays = self.connection.options.backoff.delays()
        while True:
            try:
                for event in self.watch(task_ids, parent_id=parent_id):
                    lost_at, delays = None, self.connection.options.backoff.delays()
                    yield event
                lost_at = lost_at or time.monotonic()
            except SwarmError as error:
                lost_at = lost_at or time.monotonic()
                if not error.retryable or time.monotonic() - lost_at > reconnect_within:
                    raise
            time.sleep(next(delays))

    def wait(self, task_ids: Sequence[str], within: float) -> dict[str, m.Task]:
        """The named tasks once each of them is final. Raises DeadlineExceeded, naming those that are not."""
        deadline = time.monotonic() + within
        delays = self.connection.options.backoff.delays()
        final: dict[str, m.Task] = {}
        while True:
            for task_id in [t for t in task_ids if t not in final]:
                task = self.get(task_id)
                if task.status.is_final:
                    final[task_id] = task
            missing = [t for t in task_ids if t not in final]
            if not missing:
                return {t: final[t] for t in task_ids}
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"not final after {within:g} s: {', '.join(missing)}", "DEADLINE_EXCEEDED")
            time.sleep(next(delays) / 2)

    def agents(self) -> tuple[m.AgentState, ...]:
        """The agents that are connected, with what they hold."""
        return self.connection.run(op.agents())

    def halt(self, reason: str, by: str = "") -> m.Dispatch:
        """Kill switch: no assignment leaves the orchestrator until `resume`, not even after its restart."""
        return self.connection.run(op.set_dispatch(True, reason, by))

    def resume(self, by: str = "") -> m.Dispatch:
        return self.connection.run(op.set_dispatch(False, "", by))

    def dispatch(self) -> m.Dispatch:
        return self.connection.run(op.dispatch())

    def hold(self, kind: m.HoldKind, name: str, reason: str = "", by: str = "") -> m.Hold:
        """Drains an agent, or pauses the work of a role, stack or tenant; also after a restart."""
        return self.connection.run(op.set_hold(kind, name, True, reason, by))

    def release(self, kind: m.HoldKind, name: str, by: str = "") -> m.Hold:
        """Gives an agent, or the work of a role, stack or tenant, free again."""
        return self.connection.run(op.set_hold(kind, name, False, "", by))

    def holds(self) -> tuple[m.Hold, ...]:
        return self.connection.run(op.holds())

    def put_schedule(self, schedule: m.NewSchedule) -> m.Schedule:
        """Has a task submitted again and again; replaces the schedule of that name."""
        return self.connection.run(op.put_schedule(schedule))

    def pause_schedule(self, name: str, note: str = "") -> m.Schedule:
        return self.connection.run(op.pause_schedule(name, True, note))

    def resume_schedule(self, name: str) -> m.Schedule:
        """What it would have fired for meanwhile is not made up for."""
        return self.connection.run(op.pause_schedule(name, False, ""))

    def delete_schedule(self, name: str) -> m.Schedule:
        """Ends a schedule; its tasks stay. Answers it as it was."""
        return self.connection.run(op.delete_schedule(name))

    def schedules(self, name: str = "") -> tuple[m.Schedule, ...]:
        """All schedules, their texts shortened; or one, with its whole texts."""
        return self.connection.run(op.schedules(name))


class AnalystClient(_Client):
    """Reports failures, and reads what the analyst made of them."""

    default_address = "127.0.0.1:50055"
    variable = "SWARM_SDK_ANALYST"

    def report_failure(self, failure: m.Failure, within: float | None = None) -> m.Analysis:
        """Stores a failure durably and says what kind it is. Logs over 15 MiB lose their middle. Idempotent."""
        return self.connection.run(op.report_failure(failure, within))

    def rules(self, *, stack: str = "", role: str = "", state: str = "") -> tuple[m.GoldenRule, ...]:
        """Golden rules; `state` empty means the active ones."""
        return self.connection.run(op.rules(stack, role, state))

    def watch_rules(self, from_version: int = 0) -> Stream[m.RuleEvent]:
        """The rules as they are, one event of kind "synced", then every change."""
        return self.connection.stream(op.watch_rules(from_version))

    def groups(self, *, stack: str = "", limit: int = 100) -> m.FailureGroups:
        """Kinds of failure, with counts that add up."""
        return self.connection.run(op.groups(stack, limit))


class BudgetClient(_Client):
    """Reads and sets the gateway's budgets, in US dollars. Scopes: global, team/<name>, key/<name>, task/<id>."""

    default_address = "127.0.0.1:50056"
    variable = "SWARM_SDK_GATEWAY"

    def spend(self, scope: str = "global") -> m.Spend:
        """What a scope has spent in its current window."""
        return self.connection.run(op.spend(scope))

    def scopes(self, prefix: str = "") -> tuple[m.Spend, ...]:
        return self.connection.run(op.scopes(prefix))

    def watch(self, prefix: str = "") -> Stream[m.SpendEvent]:
        """All scopes that match, then each change of limit, state or window."""
        return self.connection.stream(op.watch_scopes(prefix))

    def set_limit(
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
        self.connection.run(op.set_limit(fields))

    def reset(self, scope: str = "global") -> None:
        """Starts the scope's current windows again at zero, by an adjustment row in the ledger."""
        self.connection.run(op.reset_budget(scope))

    def set_task_budget(self, task_id: str, limit: float, *, strict: bool = False) -> None:
        self.connection.run(op.set_task_budget(task_id, limit, strict))
