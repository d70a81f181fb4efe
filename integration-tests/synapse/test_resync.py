"""`swarmctl knowledge`: what waits for the store, and everything there again after it lost what it had."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from gateway.budget import complete
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

from swarm_sdk import AnalystClient, Failure, NewTask, OrchestratorClient

pytestmark = pytest.mark.timeout(120)

# No look by itself within the test: only the operator's order sends anything again.
SETTINGS = {"knowledge.outbox.verify_every": "1h", "knowledge.outbox.retry_max": "200ms"}
EVERYTHING = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"


@pytest.fixture
def swarm(
    start_orchestrator: Callable[..., Any], start_analyst: Callable[..., Any], start_gateway: Callable[..., Any],
    model_server: Any, store: SynapseProcess,
) -> dict[str, Any]:
    at = SETTINGS | {"knowledge.synapse.address": store.address}
    return {
        "orchestrator": start_orchestrator(at),
        "analyst": start_analyst(at | {"author.mode": "template", "rules.threshold": 1}),
        "gateway": start_gateway(gateway_settings(f"{model_server.url}/v1") | at | {"knowledge.report": "100ms"},
                                 env={UPSTREAM_KEY_VARIABLE: "k"}),
    }  # fmt: skip


@pytest.fixture
def ctl(swarm_bin: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(services: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        addresses = [x for name, service in services.items() for x in (f"--{name}", service.grpc)]
        return subprocess.run([swarm_bin / "swarmctl", *arguments, *addresses], capture_output=True, text=True, timeout=60)

    return run


def live(swarm: dict[str, Any]) -> None:
    """Each service has something to tell."""
    with OrchestratorClient(swarm["orchestrator"].grpc) as client:
        client.submit(NewTask(description="do it", stack="python", role="Coder"))
    with AnalystClient(swarm["analyst"].grpc) as client:
        client.report_failure(Failure("t1", "TypeError: x is not iterable", "e1", agent_id="a", stack="go", role="Coder", attempt=1))
    complete(swarm["gateway"], prompt="hello", model="scripted")


def journals(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_store_that_came_back_empty_has_everything_again_after_a_resync(
    swarm: dict[str, Any], ctl: Callable[..., Any], store: SynapseProcess, ask: SynapseClient
) -> None:
    live(swarm)

    def all_arrived() -> bool:
        states = journals(ctl(swarm, "knowledge", "status", "--json")).values()
        return all(int(s["kept"]) > 0 and int(s["pending"]) == 0 for s in states)

    assert eventually(all_arrived)
    before = sorted(map(str, ask.query(EVERYTHING)))
    kinds = str(before)
    assert all(word in kinds for word in ("TaskTransition", "HardConstraint", "SpendEvent"))
    store.kill()
    store.start()
    assert eventually(lambda: ask.query(EVERYTHING) == [])
    done = ctl(swarm, "knowledge", "resync", "--wait")
    assert done.returncode == 0, done.stderr
    assert sorted(map(str, ask.query(EVERYTHING))) == before
    # Once more changes nothing.
    assert ctl(swarm, "knowledge", "resync", "--wait").returncode == 0
    assert sorted(map(str, ask.query(EVERYTHING))) == before


def test_a_resync_outlives_a_kill_and_an_absent_store(
    swarm: dict[str, Any], ctl: Callable[..., Any], store: SynapseProcess, ask: SynapseClient
) -> None:
    live(swarm)
    states = "SELECT ?t WHERE { ?t a <http://swarm.os/ontology/TaskTransition> }"
    assert eventually(lambda: len(ask.query(states)) > 0)
    expected = len(ask.query(states))
    store.kill()
    done = ctl(swarm, "knowledge", "resync", "--service", "orchestrator", "--wait", "--wait-max", "300ms")
    assert done.returncode == 1 and "goes on being sent" in done.stderr
    swarm["orchestrator"].restart()
    store.start()
    assert eventually(lambda: len(ask.query(states)) == expected)


def test_services_without_a_store_say_so(start_orchestrator: Callable[..., Any], ctl: Callable[..., Any]) -> None:
    alone = {"orchestrator": start_orchestrator()}
    done = ctl(alone, "knowledge", "resync", "--service", "orchestrator")
    assert done.returncode == 1 and "knowledge.synapse.address" in done.stderr
    done = ctl(alone, "knowledge", "status", "--service", "orchestrator")
    assert done.returncode == 0 and "no common store" in done.stdout
