"""What has happened so far, put together from what the agents tell. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Attempt:
    number: int
    agent: str
    role: str
    rules: tuple[str, ...]
    outcome: str = ""  # succeeded, failed, rejected, …
    detail: str = ""


@dataclass
class TaskStory:
    task_id: str
    module: str
    attempts: dict[tuple[str, int], Attempt] = field(default_factory=dict)  # by role and number

    def by(self, role: str) -> list[Attempt]:
        return [a for a in self.attempts.values() if a.role == role]

    @property
    def started_with_rule(self) -> bool:
        """Whether the very first attempt was given a rule."""
        return bool(self.by("Coder")) and bool(self.by("Coder")[0].rules)

    @property
    def failures(self) -> int:
        return sum(a.outcome == "failed" for a in self.by("Coder"))

    @property
    def returned(self) -> int:
        return sum(a.outcome == "rejected" for a in self.by("Reviewer"))

    @property
    def attempts_to_pass(self) -> int:
        """Attempts until the tests passed; what a review sends back later is not a failure to learn from."""
        coder = self.by("Coder")
        passed = next((i for i, a in enumerate(coder) if a.outcome == "succeeded"), len(coder) - 1)
        return passed + 1

    @property
    def helped(self) -> bool:
        """Whether an attempt that was given a rule passed the tests."""
        return any(a.outcome == "succeeded" and a.rules for a in self.by("Coder"))


class Story:
    """Takes the agents' events in any order between agents. A repeated assignment of one attempt counts once."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskStory] = {}
        self.planner_id = ""

    def take(self, event: dict[str, Any]) -> tuple[TaskStory, Attempt] | None:
        """The task and attempt that the event is about; None when it is about neither."""
        if "task" not in event:
            return None
        task = self.tasks.setdefault(event["task"], TaskStory(event["task"], _module(event["description"])))
        key = (event["role"], event["attempt"])
        attempt = task.attempts.get(key)
        if attempt is None:
            attempt = Attempt(event["attempt"], event["agent"], event["role"], tuple(event["rules"]))
            task.attempts[key] = attempt
        if event["event"] != "assigned":
            attempt.outcome = event["event"]
            attempt.detail = event.get("detail", "")
        return task, attempt

    @property
    def children(self) -> list[TaskStory]:
        return [t for t in self.tasks.values() if t.task_id != self.planner_id]


def _module(description: str) -> str:
    """The file that a description names."""
    return next((w.strip(".,") for w in description.split() if w.strip(".,").endswith(".py")), description[:40])


def mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None
