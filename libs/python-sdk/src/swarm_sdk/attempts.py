"""What both kinds of agents share: an attempt as its work sees it, what the agent tells of it, and whom it tells."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from . import capability, trace
from .failures import LeaseLost, TaskCancelled, TaskFailed
from .models import Analysis, Artifact, Assignment, Failure, FailureClass, Feedback, NewTask

log = logging.getLogger("swarm_sdk")
PROGRESS_CHARS_MAX = 500


class Attempt:
    """One attempt at a task. TaskRun and AsyncTaskRun are the two kinds."""

    def __init__(self, assignment: Assignment, context: trace.TraceContext) -> None:
        self.assignment = assignment
        self.trace = context
        self.attached: list[Artifact] = []  # files that belong to the result, newest of each name

    @property
    def task_id(self) -> str:
        return self.assignment.task_id

    @property
    def attempt(self) -> int:
        return self.assignment.attempt

    @property
    def description(self) -> str:
        return self.assignment.description

    @property
    def context(self) -> str:
        return self.assignment.context

    @property
    def previous_artifact(self) -> str:
        """What the task's last successful attempt handed over: a Coder's diff, for its Reviewer."""
        return self.assignment.previous_artifact

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Files that earlier attempts of the task handed in: `download` brings them."""
        return self.assignment.artifacts

    def _keep(self, artifact: Artifact) -> Artifact:
        self.attached = [a for a in self.attached if a.name != artifact.name] + [artifact]
        return artifact

    @property
    def constraints(self) -> tuple[str, ...]:
        """Golden rules for this task. Put all of them into the prompt."""
        return self.assignment.constraints

    @property
    def feedback(self) -> tuple[Feedback, ...]:
        """How earlier attempts and reviews ended, oldest first."""
        return self.assignment.feedback

    @property
    def is_cancelled(self) -> bool:
        """The task was cancelled."""
        raise NotImplementedError

    @property
    def is_lost(self) -> bool:
        """The lease is gone."""
        raise NotImplementedError

    @property
    def should_stop(self) -> bool:
        """True once the task was cancelled or the lease is gone. Look at it now and then in long work, or call check."""
        return self.is_lost or self.is_cancelled

    def check(self) -> None:
        """Raises TaskCancelled or LeaseLost when there is no point in going on."""
        if self.is_cancelled:
            raise TaskCancelled()
        if self.is_lost:
            raise LeaseLost(self.task_id)

    @property
    def token(self) -> str:
        """The capability of this task, empty when the orchestrator signs none. Hand on only a narrower one."""
        return self.assignment.budget_task_token

    def narrowed_token(
        self,
        *,
        rights: Sequence[str] | None = None,
        permissions: Sequence[str] | None = None,
        expires_in: float | None = None,
    ) -> str:
        """A capability that allows less, for a tool or another agent: see capability.narrow. Empty when there is none."""
        if not self.token:
            return ""
        return capability.narrow(self.token, rights=rights, permissions=permissions, expires_in=expires_in)

    def child(self, task: NewTask) -> NewTask:
        """The same task as a child of this one, with the capability to be that."""
        return replace(task, parent_id=self.task_id, parent_token=self.token)

    def model_headers(self) -> dict[str, str]:
        """Headers for model calls through the gateway: they charge this task's budget and carry its trace."""
        headers = {"x-swarm-task-id": self.task_id, "traceparent": self.trace.child().traceparent}
        if self.token:
            headers["x-swarm-task-token"] = self.token
        return headers


@dataclass(frozen=True)
class AgentEvent:
    """What an agent just did: for progress displays and tests.

    `kind` is registered, assigned, succeeded, failed, rejected, cancelled, lost (the lease went during the work) or
    refused (the result was not accepted).
    """

    kind: str
    agent: str
    assignment: Assignment | None = None
    detail: str = ""
    failure_class: FailureClass | None = None
    analysis: Analysis | None = None
    seconds: float = 0.0


_EVENT_OF_FAILURE = {FailureClass.REJECTED: "rejected", FailureClass.CANCELLED: "cancelled"}


class AgentBase:
    """The name, the events and the failure reports of an agent."""

    def __init__(self, name: str, on_event: Callable[[AgentEvent], None] | None) -> None:
        self.name = name
        self._on_event = on_event

    def describe_failure(self, assignment: Assignment, failure: TaskFailed) -> Failure:
        """What the analyst is told. Override it to name another stack or role."""
        identity = f"{assignment.task_id}/{assignment.attempt}/{assignment.lease_token}"
        return Failure(
            task_id=assignment.task_id,
            error_log=failure.log or failure.message,
            event_id=str(uuid.uuid5(uuid.NAMESPACE_OID, identity)),
            agent_id=self.name,
            stack=assignment.stack,
            role=assignment.role,
            attempt=assignment.attempt,
        )

    def _tell(self, event: AgentEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)

    def _tell_failed(
        self, assignment: Assignment, failure: TaskFailed, seconds: float, analysis: Analysis | None = None
    ) -> None:
        kind = _EVENT_OF_FAILURE.get(failure.failure_class, "failed")
        self._tell(AgentEvent(kind, self.name, assignment, failure.message, failure.failure_class, analysis, seconds))
