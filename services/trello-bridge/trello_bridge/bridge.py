"""One look at the board after the other: new cards become tasks, tasks move cards and comment on them.

Nothing is remembered between two looks that the board and the orchestrator do not know themselves: a card's task has an
id made of the card's, a remark carries a mark that is looked for before it is said. So a restart at any moment, or a
second bridge, changes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from swarm_sdk import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, OrchestratorClient, SwarmError, Task

from . import flow
from .settings import KEY_ENV, TOKEN_ENV, Settings, SettingsError
from .trello import Card, Comment, Trello, TrelloError

log = logging.getLogger("trello-bridge")


class Bridge:
    """Not thread-safe."""

    def __init__(
        self, settings: Settings, trello: Trello, orchestrator: OrchestratorClient, stop: threading.Event,
        looked: Callable[[str | None], None] | None = None,
    ) -> None:
        """`stop` ends run() when it is set; `looked` hears of the end of each look, with its fault if it had one."""
        self._settings = settings
        self._trello = trello
        self._orchestrator = orchestrator
        self._looked = looked or (lambda _: None)
        self._stop = stop
        self._lists: dict[str, str] = {}
        self._me = ""
        self._done: set[str] = set()  # cards whose last word was said; saves requests only
        self._wrong: dict[str, str] = {}  # card → what was told to be wrong with it; saves requests and lines only

    def run(self) -> None:
        """Until the stop. What fails is logged and tried again at the next look. Raises SettingsError when the first answer
        of Trello shows that the settings can't be right."""
        checked = False
        while not self._stop.is_set():
            fault = None
            try:
                if not checked:
                    self.check()
                    checked = True
                    log.info("follows board %s, %d lists, as %s", self._settings.board, len(self._lists), self._me)
                self.look()
            except TrelloError as error:
                fault = str(error)
            except SwarmError as error:
                fault = f"orchestrator: {error}"
            if fault:
                log.warning("%s", fault)
            self._looked(fault)
            self._stop.wait(self._settings.interval)

    def check(self) -> None:
        """Whether key, token, board and lists exist. Raises SettingsError, or TrelloError when that can't be told now."""
        s = self._settings
        try:
            self._me = self._trello.me()
            self._lists = self._trello.lists(s.board)
        except TrelloError as error:
            if error.status in (401, 403):
                raise SettingsError(f"{KEY_ENV} and {TOKEN_ENV} are refused: {error}") from None
            if error.status in (400, 404):
                raise SettingsError(f"board {s.board!r} is not there: {error}") from None
            raise
        missing = sorted({n for n in (*s.intake, s.done, s.failed) if n} - set(self._lists.values()))
        if missing:
            raise SettingsError(f"board {s.board!r} has no list {', '.join(map(repr, missing))}, only {', '.join(map(repr, self._lists.values()))}")

    def look(self) -> None:
        """One look at every open card, those that are at work first. A card that something is wrong with stops no other.
        Raises TrelloError or SwarmError."""
        self._lists = self._trello.lists(self._settings.board)
        over: list[tuple[Card, Task]] = []
        for card in self._trello.cards(self._settings.board):
            if self._stop.is_set():
                return
            if card.id in self._done:
                continue
            task = self._task_of(card)
            if task is not None and task.status.is_final:
                over.append((card, task))
            elif task is not None:
                self._follow(card, task)
        for card, task in over:
            if not self._stop.is_set():
                self._follow(card, task)

    def _task_of(self, card: Card) -> Task | None:
        try:
            return self._orchestrator.get(flow.task_id(card.id))
        except NotFound:
            state = self._settings.intake.get(self._lists.get(card.list_id, ""))
        if state is None:
            return None
        try:
            made = self._orchestrator.submit(flow.new_task(card, state, self._settings))
            log.info("card %s %r is task %s", card.id, card.name, made.task_id)
        except AlreadyExists:  # another bridge was quicker, with an older text of the card
            log.info("card %s has its task already", card.id)
        except InvalidArgument as error:
            self._refuse(card, str(error))
            return None
        return self._orchestrator.get(flow.task_id(card.id))

    def _refuse(self, card: Card, why: str) -> None:
        """Says on the card, once, that the orchestrator takes no such task."""
        if self._wrong.get(card.id) == why:
            return
        remark = flow.refusal(card, why)
        if not any(remark.mark in c.text and c.author == self._me for c in self._trello.comments(card.id)):
            self._trello.comment(card.id, remark.text)
        self._log_wrong(card, why)

    def _log_wrong(self, card: Card, what: str) -> None:
        if self._wrong.get(card.id) != what:
            self._wrong[card.id] = what
            log.warning("card %s %r: %s", card.id, card.name, what)

    def _follow(self, card: Card, task: Task) -> None:
        """Raises TrelloError, but not for what Trello refuses of this card alone (it was archived a moment ago, say)."""
        try:
            self._bring_up_to_date(card, task)
        except TrelloError as error:
            if not error.is_about_the_request:
                raise
            self._log_wrong(card, str(error))

    def _bring_up_to_date(self, card: Card, task: Task) -> None:
        self._move(card, flow.list_name(task, self._settings))
        remark = flow.remark(task)
        if remark is None:
            return
        comments = self._trello.comments(card.id)
        said = [n for n, c in enumerate(comments) if remark.mark in c.text and c.author == self._me]
        if not said:
            self._trello.comment(card.id, remark.text)
            log.info("card %s: said %s", card.id, remark.mark)
            return
        if task.status.is_final:
            self._done.add(card.id)
        else:
            self._decide(task, [c for c in comments[said[-1] + 1 :] if self._may_decide(c.author)])

    def _move(self, card: Card, name: str) -> None:
        target = next((i for i, n in self._lists.items() if n == name), None)
        if name and target is None:
            log.warning("the board has no list %r", name)
        if target is not None and target != card.list_id:
            self._trello.move(card.id, target)
            log.info("card %s is in %s now", card.id, name)

    def _may_decide(self, author: str) -> bool:
        return author != self._me and (not self._settings.approvers or author in self._settings.approvers)

    def _decide(self, task: Task, answers: list[Comment]) -> None:
        for answer in answers:
            found = flow.decision(answer.text)
            if found is None:
                continue
            approved, words = found
            call = self._orchestrator.approve if approved else self._orchestrator.reject
            try:
                call(task.task_id, by=f"trello:{answer.author}", comment=words)
                log.info("task %s %s by %s", task.task_id, "approved" if approved else "rejected", answer.author)
            except FailedPrecondition as error:
                log.info("task %s no longer waits: %s", task.task_id, error)
            return
