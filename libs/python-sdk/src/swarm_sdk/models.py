"""What goes in and comes out, as plain immutable values. Field meanings are those of protos/*.proto."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from . import wire

T = TypeVar("T")


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


@dataclass(frozen=True)
class Redriven:
    from_task: str
    to_task: str
    created: bool  # False: it was redriven before


@dataclass(frozen=True)
class TaskEvent:
    """A change of a task. `missed` > 0: so many events before this one were dropped, as the reader was too slow."""

    sequence: int
    kind: str
    task: Task
    missed: int


@dataclass(frozen=True)
class Assignment:
    """A task given to this agent under a lease. `constraints` are golden rules: obey them."""

    task_id: str
    description: str
    context: str
    constraints: tuple[str, ...]
    lease_token: str
    attempt: int
    stack: str
    role: str
    workflow_state: str
    lease_ms: int
    rule_ids: tuple[str, ...]
    labels: dict[str, str]
    feedback: tuple[Feedback, ...]
    budget_task_token: str
    previous_artifact: str
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True)
class Polled:
    """What a poll came to. `drain`: nothing will come any more."""

    assignment: Assignment | None
    drain: bool


@dataclass(frozen=True)
class Registration:
    agent_id: str
    lease_ms: int
    heartbeat_ms: int
    server_version: str


@dataclass(frozen=True)
class Lease:
    task_id: str
    lease_token: str
    progress: str = ""


@dataclass(frozen=True)
class HeartbeatAnswer:
    lost_task_ids: tuple[str, ...]
    cancelled_task_ids: tuple[str, ...]
    drain: bool


@dataclass(frozen=True)
class ResultAck:
    accepted: bool
    message: str
    task_status: str


@dataclass(frozen=True)
class AgentState:
    name: str
    capabilities: tuple[str, ...]
    roles: tuple[str, ...]
    held_task_ids: tuple[str, ...]
    last_seen_ms_ago: int
    waiting: bool
    drained: bool
    permissions: tuple[str, ...]
    tenant: str


class HoldKind(enum.IntEnum):
    """What is held back: an agent, or the work of a role, stack or tenant."""

    UNSPECIFIED = 0
    AGENT = 1
    ROLE = 2
    STACK = 3
    TENANT = 4


@dataclass(frozen=True)
class Hold:
    kind: HoldKind
    name: str
    reason: str
    by: str
    since_unix_ms: int


class MissedFirings(enum.IntEnum):
    """What happens with firings of a schedule while the server was away: none is made up for, or all of them by one."""

    UNSPECIFIED = 0
    SKIP = 1
    ONE = 2


class Overlap(enum.IntEnum):
    """What a schedule does when the task of its last firing is not over: fires, leaves this one out, or cancels that one."""

    UNSPECIFIED = 0
    ALLOW = 1
    SKIP = 2
    CANCEL = 3


@dataclass(frozen=True)
class NewSchedule:
    """A task that is submitted again and again. `cron` as crontab(5): minute hour day month weekday, or @daily and the like."""

    name: str
    cron: str
    task: NewTask
    time_zone: str = "UTC"
    missed: MissedFirings = MissedFirings.SKIP
    overlap: Overlap = Overlap.ALLOW

    def to_wire(self) -> Any:
        values = {f.name: getattr(self, f.name) for f in fields(self)} | {"task": self.task.to_wire()}
        return wire.message("orchestrator.NewSchedule")(**values)


@dataclass(frozen=True)
class Schedule:
    """A schedule and how far it has come. `next_unix_ms`: its next five firings; none while it is paused."""

    what: NewSchedule
    paused: bool
    note: str
    created_unix_ms: int
    last_unix_ms: int
    last_task_id: str
    fired: int
    missed: int
    overlapped: int
    refused: int
    next_unix_ms: tuple[int, ...]


@dataclass(frozen=True)
class Dispatch:
    halted: bool
    reason: str
    by: str
    since_unix_ms: int


@dataclass(frozen=True)
class Failure:
    """A failure for the analyst. `event_id` makes a repeated report count once."""

    task_id: str
    error_log: str
    event_id: str
    agent_id: str = ""
    stack: str = ""
    role: str = ""
    attempt: int = 0


@dataclass(frozen=True)
class Analysis:
    """What the analyst made of a failure."""

    rule_generated: bool
    rule_content: str
    kind_id: str
    place_id: str
    cause: str
    kind_tasks: int
    threshold: int
    repeat: bool
    family: str


@dataclass(frozen=True)
class GoldenRule:
    rule_id: str
    stack: str
    role: str
    text: str
    state: str
    author: str
    kind_id: str
    evidence: tuple[str, ...]
    created_unix_ms: int
    version: int
    cause: str
    failures: int
    tasks: int
    effect: float
    state_reason: str


@dataclass(frozen=True)
class RuleEvent:
    """`kind` is "rule" or, once, "synced": the end of the snapshot."""

    kind: str
    rule: GoldenRule
    version: int


@dataclass(frozen=True)
class FailureGroup:
    kind_id: str
    role: str
    stack: str
    cause: str
    family: str
    events: int
    tasks: int
    rule_id: str
    sample: str
    first_seen_unix_ms: int
    last_seen_unix_ms: int


@dataclass(frozen=True)
class FailureGroups:
    groups: tuple[FailureGroup, ...]
    total_events: int
    total_groups: int


@dataclass(frozen=True)
class Spend:
    """A budget scope in US dollars. `limit` and `remaining` mean nothing when `unlimited`."""

    scope: str
    current_spend: float
    limit: float
    remaining: float
    window: str
    reserved: float
    unlimited: bool
    resets_unix_ms: int
    state: str
    overshoot_max: float
    strict: bool
    unknown_crash: float
    age_ms: int
    requests: int


@dataclass(frozen=True)
class SpendEvent:
    scope: Spend
    sequence: int


_NESTED: dict[tuple[type, str], type] = {
    (Task, "feedback"): Feedback,
    (Task, "history"): Transition,
    (Task, "artifacts"): Artifact,
    (Assignment, "artifacts"): Artifact,
    (TaskEvent, "task"): Task,
    (Assignment, "feedback"): Feedback,
    (RuleEvent, "rule"): GoldenRule,
    (FailureGroups, "groups"): FailureGroup,
    (SpendEvent, "scope"): Spend,
    (Explanation, "obstacles"): Obstacle,
    (Explanation, "agents"): AgentVerdict,
    (Explanation, "decision"): Decision,
    (NewSchedule, "task"): NewTask,
    (Schedule, "what"): NewSchedule,
}
_RENAMED: dict[tuple[type, str], str] = {
    (Transition, "from_status"): "from",
    (Transition, "to_status"): "to",
    (Redriven, "from_task"): "from",
    (Redriven, "to_task"): "to",
}
_ENUMS: dict[tuple[type, str], type[enum.IntEnum]] = {
    (Task, "status"): TaskStatus,
    (Explanation, "status"): TaskStatus,
    (Transition, "from_status"): TaskStatus,
    (Transition, "to_status"): TaskStatus,
    (Hold, "kind"): HoldKind,
    (NewSchedule, "missed"): MissedFirings,
    (NewSchedule, "overlap"): Overlap,
}


def read(cls: type[T], message: Any) -> T:
    """The value of type `cls` that a wire message carries."""
    values: dict[str, Any] = {}
    for f in fields(cls):  # type: ignore[arg-type]
        key = (cls, f.name)
        value = getattr(message, _RENAMED.get(key, f.name))
        if key in _NESTED:
            nested = _NESTED[key]
            one = hasattr(value, "DESCRIPTOR")
            values[f.name] = read(nested, value) if one else tuple(read(nested, v) for v in value)
        elif key in _ENUMS:
            known = _ENUMS[key]
            values[f.name] = known(value if value in known._value2member_map_ else 0)
        elif isinstance(value, (str, int, float, bool)):
            values[f.name] = value
        else:
            values[f.name] = dict(value) if isinstance(value, Mapping) else tuple(value)
    return cls(**values)
