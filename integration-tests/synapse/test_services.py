"""The services with a knowledge store: what they write, what they ask, and what they survive."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from eventually import eventually
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

from swarm_sdk import Agent, AnalystClient, Failure, NewTask, OrchestratorClient, TaskRun, TaskStatus

pytestmark = pytest.mark.timeout(120)

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SWARM, NIST = "http://swarm.os/ontology/", "http://nist.gov/caisi/"
QUICK = {"knowledge.poll": "100ms", "knowledge.outbox.verify_every": "300ms", "knowledge.outbox.retry_max": "200ms"}


def readiness(service: Any) -> dict[str, Any]:
    with urllib.request.urlopen(service.admin + "/readyz", timeout=5) as answer:
        assert answer.status == 200
        return dict(json.load(answer))


def failure(number: int, note: str = "Error: IndentationError", stack: str = "python") -> list[tuple[str, str, str]]:
    run, agent = f"http://exec/{number}", f"http://agent/{number}"
    return [
        (run, RDF, SWARM + "ExecutionRecord"),
        (run, NIST + "resultState", '"on_failure"'),
        (run, "http://www.w3.org/ns/prov#wasAssociatedWith", agent),
        (run, "http://www.w3.org/2004/02/skos/core#historyNote", f'"{note}"'),
        (run, SWARM + "hasStack", f'"{stack}"'),
        (agent, RDF, "http://role/Coder"),
    ]


def rules(ask: SynapseClient, stack: str) -> list[str]:
    return [json.loads(r["?o"]) for r in ask.query(f"SELECT ?o WHERE {{ <http://swarm.os/stack/{stack}> <{NIST}HardConstraint> ?o }}")]


def marked(ask: SynapseClient) -> int:
    return len(ask.query(f'SELECT ?e WHERE {{ ?e <{SWARM}isConsolidated> "true" }}'))


def test_five_failures_in_the_store_make_one_rule_and_are_marked(
    ask: SynapseClient, store: SynapseProcess, start_analyst: Callable[..., Any]
) -> None:
    analyst = start_analyst(QUICK | {"knowledge.synapse.address": store.address, "author.mode": "template"})
    for number in range(4):
        ask.ingest(*failure(number))
    with AnalystClient(analyst.grpc) as client:
        assert eventually(lambda: client.groups().total_events == 4)
        time.sleep(0.5)  # several looks at the same four
        assert client.groups().total_events == 4 and not client.rules() and marked(ask) == 0
        ask.ingest(*failure(4, '["Error: IndentationError", "later"]'))
        assert eventually(lambda: len(client.rules()) == 1)
        rule = client.rules()[0]
    assert (rule.stack, rule.role) == ("python", "Coder") and "IndentationError" in rule.text
    assert eventually(lambda: rules(ask, "python") == [rule.text])
    assert eventually(lambda: marked(ask) == 5)
    assert analyst.running


def test_the_analyst_works_without_the_store_and_catches_up(
    ask: SynapseClient, store: SynapseProcess, start_analyst: Callable[..., Any]
) -> None:
    store.kill()
    analyst = start_analyst(QUICK | {"knowledge.synapse.address": store.address, "author.mode": "template", "rules.threshold": 1})
    with AnalystClient(analyst.grpc) as client:
        failed = Failure("t1", "TypeError: x is not iterable", "e1", agent_id="a", stack="go", role="Coder", attempt=1)
        client.report_failure(failed)
        assert len(client.rules()) == 1
    assert eventually(lambda: "wait for the store" in json.dumps(readiness(analyst)))
    store.start()
    assert eventually(lambda: len(rules(ask, "go")) == 1)
    store.kill()
    store.start()  # empty
    assert eventually(lambda: len(rules(ask, "go")) == 1)
    assert eventually(lambda: "everything arrived" in json.dumps(readiness(analyst)))


class Curious(Agent):
    def work(self, task: TaskRun) -> str:
        self.seen = (task.context, tuple(task.constraints))
        return "done"


ORCHESTRATOR = {"knowledge.refresh": "100ms", "knowledge.outbox.verify_every": "300ms", "knowledge.outbox.retry_max": "200ms"}


def one_task(address: str, stack: str) -> tuple[str, tuple[str, ...]]:
    with OrchestratorClient(address) as client:
        task = client.submit(NewTask(description="do it", stack=stack, role="Coder"))
        agent = Curious("Coder-1", roles=["Coder"], capabilities=["*"], orchestrator=client)
        agent.run(handle_signals=False, tasks_max=1)
        assert client.get(task.task_id).status == TaskStatus.SUCCEEDED
    return agent.seen


def test_tasks_get_the_rules_and_lessons_of_their_stack(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    ask.ingest(("http://swarm.os/stack/react", NIST + "HardConstraint", '"Always use keys in lists."'), *failure(1))
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    assert eventually(lambda: "Always use keys in lists." in one_task(orchestrator.grpc, "react")[1])
    assert eventually(lambda: "Error: IndentationError" in one_task(orchestrator.grpc, "python")[0])


def test_task_states_and_runs_reach_the_store(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    one_task(orchestrator.grpc, "python")
    states = f"SELECT ?state WHERE {{ ?t a <{SWARM}TaskTransition> ; <{SWARM}taskState> ?state }}"
    assert eventually(lambda: '"SUCCEEDED"' in str(ask.query(states)).upper().replace("'", ""))
    runs = f'SELECT ?e WHERE {{ ?e a <{SWARM}ExecutionRecord> ; <{NIST}resultState> "success" ; <{SWARM}hasStack> "python" }}'
    assert eventually(lambda: len(ask.query(runs)) == 1)


def test_the_swarms_kill_switch_halts_and_resumes(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    with OrchestratorClient(orchestrator.grpc) as client:
        for second, status in enumerate(("HALTED", "OPERATIONAL")):
            event = f"{NIST}event/status/{status}"
            ask.ingest(
                (event, NIST + "newStatus", f'"{status}"'),
                (event, "http://www.w3.org/ns/prov#generatedAtTime", f'"2026-11-21T10:00:0{second}.000000"'),
            )
            assert eventually(lambda s=status: client.dispatch().halted == (s == "HALTED"))
