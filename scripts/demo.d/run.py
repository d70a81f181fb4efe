"""One run from the request to the verdict."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import time
from typing import Any

from chaos import Chaos
from display import Display
from stack import DAILY_LIMIT_USD, THRESHOLD, Stack
from story import Story, mean

from swarm_sdk import (
    AnalystClient,
    BudgetClient,
    GoldenRule,
    NewTask,
    OrchestratorClient,
    SwarmError,
    Task,
    TaskStatus,
)

REQUEST = "Write what is missing in the shop, so that all its tests pass."
ATTEMPTS_MAX = 3


class Timeout(RuntimeError):
    """The run did not end in time."""


class Run:
    def __init__(self, stack: Stack, display: Display, chaos: Chaos | None, timeout: float) -> None:
        self._stack, self._display, self._chaos = stack, display, chaos
        self._timeout = timeout
        self._story = Story()
        self._started = time.monotonic()
        self._orchestrator = OrchestratorClient(stack.services["orchestrator"].grpc)
        self._analyst = AnalystClient(stack.services["analyst"].grpc)
        self._budget = BudgetClient(stack.services["gateway"].grpc)
        self._rules: dict[str, GoldenRule] = {}

    def to_the_end(self) -> dict[str, Any]:
        """Submits the request, follows the work until every task is final, and judges. Raises Timeout, StartFailed."""
        context = {"repository": str(self._stack.repository), "max_attempts": ATTEMPTS_MAX}
        submitted = self._orchestrator.submit(NewTask(
            REQUEST, context=json.dumps(context), stack="python", role="ProductManager", max_attempts=3,
            idempotency_key="demo",
        ))
        self._story.planner_id = submitted.task_id
        self._display.request(REQUEST)
        tasks = self._follow(submitted.task_id)
        if self._chaos is not None:
            self._chaos.finish()
        self._drain_events()
        self._look_for_rules()
        self._display.status("")
        return self._summary(tasks, time.monotonic() - self._started)

    # -- following -----------------------------------------------------------------------------------------------------

    def _follow(self, planner_id: str) -> list[Task]:
        deadline = self._started + self._timeout
        look_again = 0.0
        while True:
            try:
                self._take(self._stack.events.get(timeout=0.1))
                self._drain_events()
            except queue.Empty:
                pass
            now = time.monotonic()
            if now > deadline:
                raise Timeout(f"not done after {self._timeout:g} s")
            if dead := self._stack.dead_agents():
                raise Timeout(f"{', '.join(dead)} ended unexpectedly; see its log")
            if self._chaos is None and (dead := self._stack.dead_services()):
                raise Timeout(f"{', '.join(dead)} ended unexpectedly; see its log")
            if now < look_again:
                continue
            look_again = now + 0.25
            self._look_for_rules()
            tasks = self._final_tasks(planner_id)
            if tasks is not None:
                return tasks

    def _final_tasks(self, planner_id: str) -> list[Task] | None:
        """The planner's task and its children, once all are final."""
        try:
            planner = self._orchestrator.get(planner_id)
            if not planner.status.is_final:
                self._display.status("the Product Manager is planning")
                return None
            listed = list(self._orchestrator.list(parent_id=planner_id))
            if not all(t.status.is_final for t in listed):
                done = sum(t.status is TaskStatus.SUCCEEDED for t in listed)
                self._display.status(f"{done} of {len(listed)} tasks done")
                return None
            return [planner, *(self._orchestrator.get(t.task_id) for t in listed)]
        except SwarmError:
            return None  # it is being restarted; the time limit is the outer loop's

    def _drain_events(self) -> None:
        while not self._stack.events.empty():
            self._take(self._stack.events.get())

    def _take(self, event: dict[str, Any]) -> None:
        about = self._story.take(event)
        if self._chaos is not None and self._chaos.see(event):
            self._display.killed(self._elapsed(), self._chaos.service)
        if about is not None:
            task, attempt = about
            planner = task.task_id == self._story.planner_id
            self._display.event(self._elapsed(), event, task.module, planner, attempt.rules)

    def _look_for_rules(self) -> None:
        try:
            for rule in self._analyst.rules():
                known = self._rules.get(rule.rule_id)
                if known is None or known.text != rule.text:
                    self._display.rule(self._elapsed(), rule, revised=known is not None)
                self._rules[rule.rule_id] = rule
        except SwarmError:
            pass  # it is being restarted

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    # -- judging -------------------------------------------------------------------------------------------------------

    def _summary(self, tasks: list[Task], seconds: float) -> dict[str, Any]:
        planner, children = tasks[0], tasks[1:]
        stories = {t.task_id: t for t in self._story.children}
        groups = self._analyst.groups()
        spend = self._budget.spend()
        order = {task_id: number for number, task_id in enumerate(stories)}  # as they were begun
        before = [s.attempts_to_pass for s in stories.values() if not s.started_with_rule]
        after = [s.attempts_to_pass for s in stories.values() if s.started_with_rule]
        summary: dict[str, Any] = {
            "seconds": round(seconds, 2),
            "model": self._stack.upstream.label,
            "tasks": [self._task_row(t) for t in sorted(children, key=lambda t: order.get(t.task_id, 0))],
            "planned": len(children),
            "succeeded": sum(t.status is TaskStatus.SUCCEEDED for t in children),
            "attempts": sum(len(s.by("Coder")) for s in stories.values()),
            "failures": sum(s.failures for s in stories.values()),
            "returned": sum(s.returned for s in stories.values()),
            "threshold": THRESHOLD,
            "reported": groups.total_events,
            "groups": [{"cause": g.cause, "stack": g.stack, "role": g.role, "failures": g.events, "tasks": g.tasks}
                       for g in groups.groups],
            "rules": [{"id": r.rule_id, "stack": r.stack, "role": r.role, "text": r.text, "state": r.state,
                       "author": r.author} for r in self._rules.values()],
            "before": {"tasks": len(before), "attempts_per_task": mean(before)},
            "after": {"tasks": len(after), "attempts_per_task": mean(after)},
            "spend": {"usd": spend.current_spend, "limit_usd": spend.limit or DAILY_LIMIT_USD,
                      "requests": spend.requests, "unknown_crash_usd": spend.unknown_crash},
            "model_requests": self._stack.model_requests(),
            "commits": self._commits(),
            "suite_passes": self._suite_passes(),
        }
        summary["open"] = self._what_is_open(summary, planner)
        summary["closed"] = not summary["open"]
        return summary

    def _task_row(self, task: Task) -> dict[str, Any]:
        story = self._story.tasks.get(task.task_id)
        return {
            "task_id": task.task_id,
            "module": task.labels.get("module", task.description),
            "status": task.status.name.lower(),
            "reason": task.status_reason,
            "attempts": len(story.by("Coder")) if story else 0,
            "failures": story.failures if story else 0,
            "returned": story.returned if story else 0,
            "started_with_rule": story.started_with_rule if story else False,
            "results": [{"at": t.at_unix_ms, "from": t.from_status.name, "to": t.to_status.name, "attempt": t.attempt,
                         "state": t.workflow_state, "actor": t.actor, "reason": t.reason} for t in task.history],
        }

    def _what_is_open(self, summary: dict[str, Any], planner: Task) -> list[str]:
        """Why the loop did not close; empty when it did."""
        before, after = summary["before"]["attempts_per_task"], summary["after"]["attempts_per_task"]
        helped = any(s.helped for s in self._story.children)
        checks = [
            (planner.status is TaskStatus.SUCCEEDED and summary["planned"] > 0, "the Product Manager planned nothing"),
            (bool(summary["rules"]), "no golden rule became active"
             + (f": only {summary['failures']} attempts failed, the model needed no rule"
                if summary["failures"] < THRESHOLD and summary["succeeded"] == summary["planned"] > 0 else "")),
            (helped, "no attempt that was given a rule succeeded"),
            (summary["succeeded"] == summary["planned"],
             f"{summary['planned'] - summary['succeeded']} of {summary['planned']} tasks did not succeed"),
            (summary["suite_passes"], "the repository's tests do not all pass"),
            (before is not None and after is not None and after < before,
             "tasks that started with a rule did not need fewer attempts"),
        ]
        return [text for holds, text in checks if not holds]

    def _commits(self) -> dict[str, int]:
        """How often each task's work was merged."""
        log = subprocess.run(["git", "log", "--format=%B"], cwd=self._stack.repository, capture_output=True, text=True)
        merged = [line.removeprefix("Task: ") for line in log.stdout.splitlines() if line.startswith("Task: ")]
        return {task_id: merged.count(task_id) for task_id in merged}

    def _suite_passes(self) -> bool:
        done = subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=self._stack.repository, capture_output=True)
        return done.returncode == 0
