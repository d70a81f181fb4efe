"""A whole task by an agent of each older generation, against all services and a knowledge store; and what it leaves behind
is what agents of today are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from existing_agents.old_agent import OldAgent
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

from swarm_sdk import Agent, BudgetClient, NewTask, OrchestratorClient, TaskRun

pytestmark = pytest.mark.timeout(180)
NOTE = "Error: IndentationError: unexpected indent"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SynapseProcess]:
    process = SynapseProcess(tmp_path / "store").start()
    yield process
    process.stop()


@pytest.fixture
def swarm(start_orchestrator: Any, start_analyst: Any, start_gateway: Any, model_server: Any, store: SynapseProcess) -> dict[str, Any]:
    # The analyst does not follow the store here: the old agents' own consolidation is what is tried.
    return {
        "orchestrator": start_orchestrator({"knowledge.synapse.address": store.address, "knowledge.refresh": "100ms"}),
        "analyst": start_analyst({"author.mode": "template"}),
        "gateway": start_gateway(gateway_settings(f"{model_server.url}/v1"), env={UPSTREAM_KEY_VARIABLE: "k"}),
    }


@pytest.fixture
def make_agent(
    swarm: dict[str, Any], store: SynapseProcess, legacy_channel: Callable[[str], Any], generations: Any
) -> Iterator[Callable[..., OldAgent]]:
    asked: list[SynapseClient] = []

    def make(package: str, works: Callable[[str, str], tuple[bool, str]]) -> OldAgent:
        asked.append(SynapseClient(store.address))
        channels = {name: legacy_channel(service.grpc) for name, service in swarm.items()}
        return OldAgent(generations[package], **channels, store=asked[-1], works=works)

    yield make
    for client in asked:
        client.close()


class Reviewed:
    """The review fails so often, then all is well."""

    def __init__(self, failures: int) -> None:
        self._left = failures

    def __call__(self, state: str, answer: str) -> tuple[bool, str]:
        assert answer
        if state == "CodeReview" and self._left > 0:
            self._left -= 1
            return False, NOTE
        return True, "fine"


@pytest.mark.parametrize("package", ["orchestrator.v1", "orchestrator"])
def test_a_task_goes_through_its_flow(make_agent: Callable[..., OldAgent], swarm: dict[str, Any], model_server: Any, package: str) -> None:
    agent = make_agent(package, Reviewed(2))
    agent.run("add a login page", "RequirementsDefinition", "python")
    review = ["FeatureImplementation", "CodeReview"]
    assert [s.state for s in agent.steps] == ["RequirementsDefinition", "SystemDesign", *review * 3, "Deployment"]
    assert [s.handler for s in agent.steps[:4]] == ["ProductManager", "Architect", "Coder", "Reviewer"]
    if package == "orchestrator.v1":
        assert agent.steps[0].prompt == "ProductManager: add a login page\n\nState: RequirementsDefinition"
        assert len(agent.cluster_strings()) == 1
    assert len(model_server.requests()) == len(agent.steps), "each prompt was paid for once"
    with BudgetClient(swarm["gateway"].grpc) as budget:
        assert budget.spend().requests == len(agent.steps)


@pytest.mark.parametrize("package", ["orchestrator.v1", "orchestrator"])
def test_a_task_that_fails_its_review_forever_ends(make_agent: Callable[..., OldAgent], package: str) -> None:
    agent = make_agent(package, Reviewed(10_000))
    agent.run("the impossible", "FeatureImplementation", "python")
    assert sum(not s.passed for s in agent.steps) == 6  # five rounds, and the one that ended it
    assert agent.steps[-1].state == "CodeReview"


class Curious(Agent):
    def work(self, task: TaskRun) -> str:
        self.seen = tuple(task.constraints)
        return "done"


def test_the_rule_that_old_agents_make_reaches_agents_of_today(make_agent: Callable[..., OldAgent], swarm: dict[str, Any]) -> None:
    agent = make_agent("orchestrator", Reviewed(5))
    agent.run("parse the log", "FeatureImplementation", "python")
    (rule,) = agent.consolidate()
    assert "IndentationError" in rule
    assert agent.consolidate() == [], "all five are marked"

    def given() -> tuple[str, ...]:
        with OrchestratorClient(swarm["orchestrator"].grpc) as client:
            client.submit(NewTask(description="do it", stack="python", role="Coder"))
            curious = Curious("Coder-9", roles=["Coder"], capabilities=["*"], orchestrator=client)
            curious.run(handle_signals=False, tasks_max=1)
        return curious.seen

    assert eventually(lambda: given() == (rule,))
    # And the old agents' own next task begins with it.
    agent.run("parse another log", "Deployment", "python")
    assert rule in agent.steps[-1].prompt
