"""What a golden rule lets a machine check: warned of or given back, in results and in files, and only where the rule was given."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clients import http
from eventually import eventually

import swarm_sdk as sdk
from swarm_sdk import files, models, operations, wire
from swarm_sdk.connection import Connection

QUICK = sdk.ConnectionOptions(timeout=5.0, within=20.0)
LOG = """Traceback (most recent call last):
  File "/srv/shop/m{n}.py", line {n}, in m{n}
    return item.at < datetime.now()
TypeError: can't compare offset-naive and offset-aware datetimes
"""


class Swarm:
    """An orchestrator and an analyst with one rule for Python Coders, and its checks."""

    def __init__(self, orchestrator: Any, analyst: Any) -> None:
        self.orchestrator = orchestrator
        self.tasks = sdk.OrchestratorClient(orchestrator.grpc, QUICK)
        self.failures = sdk.AnalystClient(analyst.grpc, QUICK)
        self.connection = Connection(orchestrator.grpc, QUICK)
        for n in range(5):
            self.failures.report_failure(sdk.Failure(f"t{n}", LOG.format(n=n), f"e{n}", "a", "python", "Coder", 1))
        (self.rule,) = self.failures.rules(stack="python")
        self.change(must_not_match=r"datetime\.now\(\)", must_match="timezone")
        self.register()

    def register(self) -> None:
        self.connection.run(operations.register("agent", ("*",), (), (), ""))

    def change(self, **fields: str) -> int:
        method = wire.method("analyst.Analyst.ChangeRule")
        changed = operations.Operation(method, method.request(rule_id=self.rule.rule_id, **fields), lambda answer: answer.version)
        version: int = self.failures.connection.run(changed)
        eventually(lambda: self.metric("swarm_orchestrator_golden_rules_version") >= version)
        return version

    def metric(self, name: str) -> float:
        lines = http("GET", f"{self.orchestrator.admin}/metrics").body.decode().splitlines()
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)

    def take(self, stack: str = "python") -> models.Assignment:
        task_id = self.tasks.submit(sdk.NewTask("x", stack=stack, role="Coder")).task_id
        return self.next_of(task_id)

    def next_of(self, task_id: str) -> models.Assignment:
        deadline = time.monotonic() + 20
        while True:
            assignment = self.connection.run(operations.poll("agent", 2.0)).assignment
            if assignment is not None:
                assert assignment.task_id == task_id
                return assignment
            assert time.monotonic() < deadline

    def hand_in(self, assignment: models.Assignment, artifact: str, files: tuple[models.Artifact, ...] = ()) -> str:
        result = operations.submit_result(assignment, "agent", artifact, "", None, 10, files)
        return str(self.connection.run(result).task_status)

    def close(self) -> None:
        for client in (self.tasks, self.failures, self.connection):
            client.close()


@pytest.fixture
def swarm(start_orchestrator: Callable[..., Any], start_analyst: Callable[..., Any]) -> Any:
    made: list[Swarm] = []

    def make(**settings: Any) -> Swarm:
        analyst = start_analyst({"author.mode": "template"})
        made.append(Swarm(start_orchestrator({"analyst.address": analyst.grpc, "retry.backoff_initial": "1ms"} | settings), analyst))
        return made[-1]

    yield make
    for one in made:
        one.close()


GOOD = "from datetime import timezone\ndatetime.now(timezone.utc)\n"
BAD = "from datetime import timezone\nreturn datetime.now()\n"


def test_a_breach_is_written_into_the_history_and_counted(swarm: Callable[..., Swarm], tmp_path: Path) -> None:
    s = swarm()
    rule = s.rule.rule_id
    task = s.take()
    assert task.rule_ids == (rule,)
    assert s.hand_in(task, BAD) == "SUCCEEDED"
    shown = s.tasks.get(task.task_id)
    (said,) = [step.reason for step in shown.history if "golden rule" in step.reason]
    assert rule in said and "datetime.now()" in said and shown.artifact == BAD
    for artifact, words in ((GOOD, []), ("x = 1", [rule, "timezone"]), ("", []),
                            ("--- a\n+++ b\n@@ -1 +1 @@\n-datetime.now()\n+datetime.now(timezone.utc)\n", []),
                            ("--- a\n+++ b\n@@ -1 +1 @@\n-timezone\n+datetime.now()\n", [rule, "datetime.now()"])):
        task = s.take()
        assert s.hand_in(task, artifact) == "SUCCEEDED"
        history = " ".join(step.reason for step in s.tasks.get(task.task_id).history)
        assert all(word in history for word in words) and ("golden rule" in history) == bool(words), (artifact, history)
    other = s.take(stack="react")
    assert other.rule_ids == () and s.hand_in(other, BAD) == "SUCCEEDED"
    assert "golden rule" not in " ".join(step.reason for step in s.tasks.get(other.task_id).history), "it was not given"
    assert s.metric('swarm_orchestrator_rule_breaches_total{verdict="warned"}') == 3


def test_a_breach_gives_the_task_back_with_the_rule_in_its_feedback(swarm: Callable[..., Swarm], tmp_path: Path) -> None:
    s = swarm(**{"golden_rules.machine_checks": "return"})
    task = s.take()
    assert s.hand_in(task, BAD) == "FAILED"
    assert s.hand_in(task, BAD) == "FAILED", "said again, it is the same result"
    again = s.next_of(task.task_id)
    assert again.attempt == 2 and s.rule.rule_id in again.feedback[-1].text and "datetime.now()" in again.feedback[-1].text
    # In a file, far in and across two pieces.
    path = tmp_path / "module.py"
    path.write_bytes(b"timezone" + b"#" * (512 * 1024 - 12) + b"datetime.now()" + b"#" * 400_000)
    file = files.upload(s.connection, again, path, "module.py")
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert s.hand_in(again, "see module.py", (file,)) == "FAILED"
    third = s.next_of(task.task_id)
    assert "module.py" in third.feedback[-1].text
    path.write_text(GOOD)
    s.orchestrator.restart()  # the checks are the orchestrator's own by now
    s.register()
    file = files.upload(s.connection, third, path, "module.py")
    assert s.hand_in(third, "timezones everywhere", (file,)) == "SUCCEEDED"
    assert [a.accepted for a in s.tasks.artifacts(task.task_id)] == [True]


def test_off_looks_at_nothing(swarm: Callable[..., Swarm]) -> None:
    s = swarm(**{"golden_rules.machine_checks": "off"})
    task = s.take()
    assert s.hand_in(task, BAD) == "SUCCEEDED"
    assert "golden rule" not in " ".join(step.reason for step in s.tasks.get(task.task_id).history)
