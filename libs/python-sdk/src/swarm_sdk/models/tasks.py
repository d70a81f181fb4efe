"""Tasks: what is submitted, how they stand, what becomes of them, and why."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .. import wire
from .reading import read


class TaskStatus(enum.IntEnum):
    """Where a task stands. `is_final` tells whether it can still change."""

    UNSPECIFIED = 0
    BLOCKED = 1
    QUEUED = 2
    LEASED = 3
    RUNNING = 4
    SUCCEEDED = 5
    FAILED = 6
    CANCELLED = 7
    DEAD = 8

    @property
    def is_final(self) -> bool:
        return self in (TaskStatus.SUCCEEDED, TaskStatus.CANCELLED, TaskStatus.DEAD)


class FailureClass(str, enum.Enum):
    """Why an attempt failed; decides what the orchestrator does next.

    AGENT_ERROR is the agent's own mistake: it uses up an attempt and goes to the analyst. REJECTED is a review's verdict:
    the work goes back. TRANSIENT is retried. These two don't go to the analyst. BUDGET_EXHAUSTED, CANCELLED and HALTED park or end the task and use up no attempt.
    """

    AGENT_ERROR = "agent_error"
    REJECTED = "rejected"
    TRANSIENT = "transient"
    POLICY_DENIED = "policy_denied"
    BUDGET_EXHAUSTED = "budget_exhausted"
    CANCELLED = "cancelled"
    HALTED = "halted"


@dataclass(frozen=True)
class NewTask:
    """A task to submit. With neither `task_id` nor `idempotency_key` the SDK makes a key, so that its retries are safe."""

    description: str
    context: str = ""
    stack: str = ""
    role: str = ""
    workflow_state: str = ""
    until_state: str = ""
    priority: int = 0
    max_attempts: int = 0
    depends_on: Sequence[str] = ()
    required_capabilities: Sequence[str] = ()
    required_permissions: Sequence[str] = ()
    extra_constraints: Sequence[str] = ()  # of this task alone; its agents get them after the golden rules
    labels: Mapping[str, str] = field(default_factory=dict)
    parent_id: str = ""
    requires_approval: bool = False
    delay_ms: int = 0
    deadline_ms: int = 0
    schedule_to_start_ms: int = 0  # in the queue; 0: the server's setting
    start_to_close_ms: int = 0  # one attempt
    heartbeat_ms: int = 0  # between two signs of the agent
    concurrency_key: str = ""  # at most concurrency_max (0: one) of its tenant's tasks with it are in work at a time
    concurrency_max: int = 0
    budget_usd: float = 0.0  # what its model calls may cost; 0: no limit of its own
    tenant: str = ""
    task_id: str = ""
    idempotency_key: str = ""
    parent_token: str = ""  # the parent's capability, see Attempt.child

    def to_wire(self) -> Any:
        return wire.message("orchestrator.NewTask")(**{f.name: getattr(self, f.name) for f in fields(self)})


@dataclass(frozen=True)
class Submitted:
    task_id: str
    created: bool  # False: it was there already


@dataclass(frozen=True)
class Feedback:
    """How an earlier attempt or review ended."""

    attempt: int
    role: str
    status: str
    text: str


@dataclass(frozen=True)
class Transition:
    at_unix_ms: int
    from_status: TaskStatus
    to_status: TaskStatus
    actor: str
    reason: str
    attempt: int
    workflow_state: str


@dataclass(frozen=True)
class Artifact:
    """A file that an attempt handed in. `accepted`: its attempt succeeded; others go when a later attempt does."""

    name: str
    sha256: str
    bytes: int
    attempt: int = 0
    agent: str = ""
    at_unix_ms: int = 0
    accepted: bool = False

    @classmethod
    def of(cls, message: Any) -> "Artifact":
        return read(cls, message)


@dataclass(frozen=True)
class Task:
    task_id: str
    description: str
    context: str
    stack: str
    status: TaskStatus
    blocked_reason: str
    workflow_state: str
    role: str
    attempt: int
    max_attempts: int
    priority: int
    depends_on: tuple[str, ...]
    required_capabilities: tuple[str, ...]
    required_permissions: tuple[str, ...]
    holder: str
    lease_expires_in_ms: int
    artifact: str
    error_message: str
    labels: dict[str, str]
    created_unix_ms: int
    updated_unix_ms: int
    version: int
    status_reason: str
    feedback: tuple[Feedback, ...]
    given_rule_ids: tuple[str, ...]
    parent_id: str
    tenant: str
    until_state: str
    progress: str
    history: tuple[Transition, ...]
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class TaskEvent:
    """A change of a task. `missed` > 0: so many events before this one were dropped, as the reader was too slow."""

    sequence: int
    kind: str
    task: Task
    missed: int


@dataclass(frozen=True)
class Redriven:
    from_task: str
    to_task: str
    created: bool  # False: it was redriven before


@dataclass(frozen=True)
class Obstacle:
    """One thing that stands between a task and an agent. `clears_in_ms`: by itself; 0: not known."""

    kind: str
    detail: str
    agents: int
    clears_in_ms: int


@dataclass(frozen=True)
class AgentVerdict:
    """What keeps one agent from a task; an empty `obstacle`: nothing."""

    agent: str
    obstacle: str
    detail: str
    waiting: bool
    held: int


@dataclass(frozen=True)
class Decision:
    """Who got a task last, and why."""

    agent: str
    attempt: int
    leases_granted: int
    why: str
    rules_given: tuple[str, ...]
    rules_held_out: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """Why nobody has a task, or who has it. `summary` is the obstacle that decides."""

    task_id: str
    status: TaskStatus
    summary: str
    obstacles: tuple[Obstacle, ...]
    agents: tuple[AgentVerdict, ...]
    agents_total: int
    tasks_ahead: int
    decision: Decision
