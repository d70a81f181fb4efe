"""What passes between an agent and the orchestrator."""

from __future__ import annotations

from dataclasses import dataclass

from .tasks import Artifact, Feedback


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
