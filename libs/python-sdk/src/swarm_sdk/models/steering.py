"""What holds the work of the swarm back, and what brings it about: the kill switch, holds, schedules."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Any

from .. import wire
from .tasks import NewTask


@dataclass(frozen=True)
class Dispatch:
    halted: bool
    reason: str
    by: str
    since_unix_ms: int


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
