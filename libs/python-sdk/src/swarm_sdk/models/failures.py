"""Failures, and what the analyst makes of them."""

from __future__ import annotations

from dataclasses import dataclass


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
