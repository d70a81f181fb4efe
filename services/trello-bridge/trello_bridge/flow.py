"""Which list a task's card belongs to, and what is said on it. Pure."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from swarm_sdk import NewTask, Task, TaskStatus

from .settings import Settings
from .trello import Card

# Any other namespace would give every card a second task.
CARD_NAMESPACE = uuid.UUID("6f0a8a1e-4a0e-5d0c-9b57-2f0c6f1f9a11")
STACK_LABEL = "stack:"
NAMES_MAX = 200
ARTIFACT_CHARS_MAX = 12_000

STATE_LISTS = {"RequirementsDefinition": "REQUIREMENTS", "SystemDesign": "DESIGN"}
WORKING = (TaskStatus.LEASED, TaskStatus.RUNNING)


def task_id(card_id: str) -> str:
    """The same for a card on every machine and after every restart, so that a card never has two tasks."""
    return str(uuid.uuid5(CARD_NAMESPACE, card_id))


def new_task(card: Card, workflow_state: str, settings: Settings) -> NewTask:
    stacks = [name.removeprefix(STACK_LABEL).strip() for name in card.labels if name.startswith(STACK_LABEL)]
    text = card.name if not card.description else f"{card.name}\n\n{card.description}"
    return NewTask(
        description=text,
        stack=(stacks or [settings.stack])[0][:NAMES_MAX],
        workflow_state=workflow_state,
        until_state=settings.until_state,
        labels={"source": "trello", "trello.card": card.id},
        task_id=task_id(card.id),
    )


def list_name(task: Task, settings: Settings) -> str:
    """Empty: the card stays where it is."""
    if task.status == TaskStatus.SUCCEEDED:
        return settings.done
    if task.status.is_final:
        return settings.failed
    if task.workflow_state in STATE_LISTS:
        return STATE_LISTS[task.workflow_state]
    return "IN PROGRESS" if task.status in WORKING else "TODO"


@dataclass(frozen=True)
class Remark:
    """What is to be said once. `mark` is part of the text, and is how a later look finds that it was said."""

    mark: str
    text: str


def remark(task: Task) -> Remark | None:
    if task.status == TaskStatus.BLOCKED and task.blocked_reason == "approval":
        mark = f"[swarm {task.task_id[:8]} approval {task.workflow_state} {task.attempt}]"
        words = "Waits for your approval. Answer with a comment: `approve`, or `reject` and why."
        return Remark(mark, f"{mark}\n{words}\n\n{_shortened(task.artifact)}".rstrip())
    if not task.status.is_final:
        return None
    mark = f"[swarm {task.task_id[:8]} {task.status.name.lower()}]"
    words = task.artifact if task.status == TaskStatus.SUCCEEDED else (task.error_message or task.status_reason)
    return Remark(mark, f"{mark}\n{_shortened(words)}".rstrip())


def refusal(card: Card, why: str) -> Remark:
    mark = f"[swarm {task_id(card.id)[:8]} refused]"
    return Remark(mark, f"{mark}\nThis card can't become a task as it is: {_shortened(why)}")


def decision(comment: str) -> tuple[bool, str] | None:
    """(approved, words) when a comment decides."""
    words = comment.strip()
    for verb, approved in (("approve", True), ("reject", False)):
        head, rest = words[: len(verb)], words[len(verb) :]
        if head.lower() == verb and (not rest or not rest[0].isalnum()):
            return approved, rest.lstrip(" :,.-\n\t").rstrip()
    return None


def _shortened(text: str) -> str:
    if len(text) <= ARTIFACT_CHARS_MAX:
        return text
    half = ARTIFACT_CHARS_MAX // 2
    return f"{text[:half]}\n… ({len(text) - 2 * half} characters left out) …\n{text[-half:]}"
