"""A rule on its way from the analyst into constraints: in time, in scope, across restarts of either end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import swarm_sdk as sdk
from swarm_sdk import models, operations
from swarm_sdk.connection import Connection

Start = Callable[..., Any]
QUICK = sdk.ConnectionOptions(timeout=5.0, within=20.0)
LOG = """Traceback (most recent call last):
  File "/srv/shop/{name}.py", line {line}, in {name}
    return item.{name}_at < datetime.now()
TypeError: can't compare offset-naive and offset-aware datetimes
"""


class Loop:
    """Orchestrator and analyst, and the calls that this file makes of them."""

    def __init__(self, orchestrator: Any, analyst: Any) -> None:
        self.orchestrator, self.analyst = orchestrator, analyst
        self.tasks = sdk.OrchestratorClient(orchestrator.grpc, QUICK)
        self.failures = sdk.AnalystClient(analyst.grpc, QUICK)
        self.connection = Connection(orchestrator.grpc, QUICK)

    def fail(self, number: int, stack: str = "python", role: str = "Coder") -> sdk.Analysis:
        log = LOG.format(name=f"module{number}", line=number)
        return self.failures.report_failure(sdk.Failure(f"{stack}-{number}", log, f"{stack}-{number}", "a", stack, role, 1))

    def constraints(self, stack: str, role: str = "Coder") -> tuple[str, ...]:
        """What a task of this stack is given now: submitted, assigned, done."""
        task_id = self.tasks.submit(sdk.NewTask("x", stack=stack, role=role)).task_id
        self.connection.run(operations.register(f"agent-{role}", ("*",), (role,), (), ""))
        assignment = self.connection.run(operations.poll(f"agent-{role}", 5.0)).assignment
        assert isinstance(assignment, models.Assignment) and assignment.task_id == task_id
        self.connection.run(operations.submit_result(assignment, f"agent-{role}", "", "", None, within=10))
        return assignment.constraints

    def eventually_given(self, stack: str, role: str = "Coder", within: float = 5.0) -> tuple[str, ...]:
        deadline = time.monotonic() + within
        while True:
            if given := self.constraints(stack, role):
                return given
            assert time.monotonic() < deadline, f"no rule was given within {within} s"
            time.sleep(0.02)

    def close(self) -> None:
        for client in (self.tasks, self.failures, self.connection):
            client.close()


@pytest.fixture
def loop(start_orchestrator: Start, start_analyst: Start) -> Any:
    analyst = start_analyst({"author.mode": "template"})
    it = Loop(start_orchestrator({"analyst.address": analyst.grpc}), analyst)
    yield it
    it.close()


def test_the_fifth_task_makes_the_rule_and_the_next_assignment_carries_it(loop: Loop) -> None:
    assert [loop.fail(n).rule_generated for n in range(5)] == [False] * 4 + [True]
    began = time.monotonic()
    (given,) = loop.eventually_given("python")
    assert time.monotonic() - began < 2.0
    assert "TypeError" in given and "offset-naive" in given


def test_a_task_that_fails_five_times_is_no_five_tasks(loop: Loop) -> None:
    for attempt in range(1, 8):
        log = LOG.format(name="same", line=attempt)
        analysis = loop.failures.report_failure(sdk.Failure("one", log, f"e{attempt}", "a", "python", "Coder", attempt))
    assert (analysis.kind_tasks, analysis.rule_generated) == (1, False)


def test_a_rule_stays_in_its_stack_and_role(loop: Loop) -> None:
    for number in range(5):
        loop.fail(number, stack="python", role="Coder")
    loop.eventually_given("python")
    assert loop.constraints("react") == ()
    assert loop.constraints("python", role="Reviewer") == ()


def test_a_rule_outlives_kill_9_of_either_end(loop: Loop) -> None:
    for number in range(5):
        loop.fail(number)
    given = loop.eventually_given("python")
    loop.analyst.kill()
    loop.orchestrator.restart()
    assert loop.constraints("python") == given, "the orchestrator knows its rules without the analyst"
    loop.analyst.start()
    for number in range(5):
        loop.fail(number, stack="react")
    assert "TypeError" in loop.eventually_given("react", within=10.0)[0], "and hears of new ones once it is back"


def test_each_assignment_says_which_rules_it_gave(loop: Loop) -> None:
    for number in range(5):
        loop.fail(number)
    loop.eventually_given("python")
    (rule,) = loop.failures.rules(stack="python")
    newest = next(iter(loop.tasks.list()))
    assert loop.tasks.get(newest.task_id).given_rule_ids == (rule.rule_id,)
