"""The three services as users of a knowledge store: something to do that has to be told there, and what must stand there
in the end. All of it is the services' ordinary work; nothing knows of the store but `told` and `order`."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from gateway.budget import complete
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings
from synapse.client import SynapseClient

from swarm_sdk import Agent, AnalystClient, BudgetClient, Failure, NewTask, OrchestratorClient, TaskRun, TaskStatus

SWARM, NIST = "http://swarm.os/ontology/", "http://nist.gov/caisi/"
Start = Callable[..., Any]
Triple = tuple[str, str, str]


class Subject(Protocol):
    service: Any

    def work(self, tag: str) -> None:
        """Does one thing that is told to the store; raises when the service does not do it."""

    def told(self, ask: SynapseClient) -> bool:
        """The store holds exactly what was done, each thing once."""

    def in_order(self, written: list[Triple]) -> bool:
        """What the store was given came in the order in which it was done, of each subject."""


def readiness(service: Any) -> dict[str, Any]:
    """The check of the knowledge store. The service is ready whatever it says."""
    with urllib.request.urlopen(service.admin + "/readyz", timeout=5) as answer:
        assert answer.status == 200
        (check,) = [c for c in json.load(answer)["checks"] if c["name"] == "synapse"]
    return dict(check)


def metric(service: Any, name: str) -> float:
    """The sum over all labels; 0 where there is none."""
    with urllib.request.urlopen(service.admin + "/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if re.match(re.escape(name) + r"[{ ]", line))


def seen_first(triples: list[Triple]) -> list[Triple]:
    """Without repeats: what was sent again adds nothing."""
    return list(dict.fromkeys(map(tuple, triples)))


class _Worker(Agent):
    def work(self, task: TaskRun) -> str:
        return "done"


class Orchestrator:
    def __init__(self, start: Start, settings: dict[str, Any]) -> None:
        self.service = start(settings | {"knowledge.refresh": "100ms", "knowledge.classify": False})
        self._tasks: list[str] = []

    def work(self, tag: str) -> None:
        with OrchestratorClient(self.service.grpc) as client:
            task = client.submit(NewTask(description=f"do {tag}", stack="python", role="Coder"))
            _Worker("Coder-1", roles=["Coder"], capabilities=["*"], orchestrator=client).run(handle_signals=False, tasks_max=1)
            assert client.get(task.task_id).status == TaskStatus.SUCCEEDED
        self._tasks.append(task.task_id)

    def told(self, ask: SynapseClient) -> bool:
        runs = ask.query(f'SELECT ?t WHERE {{ ?e a <{SWARM}ExecutionRecord> ; <{NIST}resultState> "success" ; <{SWARM}ofTask> ?t }}')
        ends = ask.query(f'SELECT ?t WHERE {{ ?c a <{SWARM}TaskTransition> ; <{SWARM}taskState> "SUCCEEDED" ; <{SWARM}ofTask> ?t }}')
        wanted = sorted(f"<{SWARM}task/{task}>" for task in self._tasks)
        return sorted(r["?t"] for r in runs) == sorted(r["?t"] for r in ends) == wanted

    def in_order(self, written: list[Triple]) -> bool:
        versions: dict[str, list[int]] = {}
        for subject, predicate, _ in seen_first(written):
            if predicate == SWARM + "taskState":
                task, version = subject.removeprefix(SWARM + "transition/").split("/")
                versions.setdefault(task, []).append(int(version))
        return set(versions) == set(self._tasks) and all(v == sorted(v) for v in versions.values())


class Analyst:
    def __init__(self, start: Start, settings: dict[str, Any]) -> None:
        self.service = start(settings | {"knowledge.poll": "100ms", "author.mode": "template", "rules.threshold": 1})
        self._rules: list[str] = []

    def work(self, tag: str) -> None:
        # Words that nothing masks: each is a kind of its own.
        word = re.sub(r"[^a-z]", "", "".join(chr(ord("a") + int(c)) if c.isdigit() else c for c in tag.lower()))
        failed = Failure(f"t-{tag}", f"{word.capitalize()}Error: {word} is not {word}able", f"e-{tag}", agent_id="a", stack="go", role="Coder", attempt=1)
        with AnalystClient(self.service.grpc) as client:
            self._rules.append(client.report_failure(failed).rule_content)
        assert self._rules[-1] and len(set(self._rules)) == len(self._rules), self._rules

    def told(self, ask: SynapseClient) -> bool:
        rows = ask.query(f"SELECT ?o WHERE {{ <http://swarm.os/stack/go> <{NIST}HardConstraint> ?o }}")
        return sorted(json.loads(r["?o"]) for r in rows) == sorted(self._rules)

    def in_order(self, written: list[Triple]) -> bool:
        told = [o[1:-1] for _, predicate, o in seen_first(written) if predicate == NIST + "HardConstraint"]
        return told == self._rules


class Gateway:
    """Built with a model server's address: `Gateway.with_model(url)(start, settings)`."""

    def __init__(self, start: Start, settings: dict[str, Any], model: str) -> None:
        base = gateway_settings(f"{model}/v1") | {"knowledge.report": "100ms"}
        self.service = start(base | settings, env={UPSTREAM_KEY_VARIABLE: "k"})

    @staticmethod
    def with_model(url: str) -> Callable[[Start, dict[str, Any]], Gateway]:
        return lambda start, settings: Gateway(start, settings, url)

    def work(self, tag: str) -> None:
        assert complete(self.service, prompt=f"say {tag}", model="scripted") == f"scripted: say {tag}"

    def told(self, ask: SynapseClient) -> bool:
        with BudgetClient(self.service.grpc) as budget:
            spent = Decimal(f"{budget.spend().current_spend:.9f}")
        return spent > 0 and told_spend(ask) == spent

    def in_order(self, written: list[Triple]) -> bool:
        ranges = [int(s.rsplit("/", 1)[1].split("-")[0]) for s, p, _ in seen_first(written) if p == SWARM + "amount"]
        return ranges == sorted(ranges) and len(set(ranges)) == len(ranges)


def told_spend(ask: SynapseClient, day: str | None = None) -> Decimal:
    """The day's sum as the swarm's agents ask for it."""
    day = day or datetime.now(UTC).strftime("%Y-%m-%d")
    rows = ask.query(
        "PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> SELECT (SUM(COALESCE(xsd:decimal(?a), 0)) AS ?total) "
        f'WHERE {{ ?e a <{SWARM}SpendEvent> ; <{SWARM}date> "{day}" ; <{SWARM}amount> ?a }}'
    )
    return Decimal(rows[0]["?total"].split('"')[1])
