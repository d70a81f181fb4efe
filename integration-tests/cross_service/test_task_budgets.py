"""A task's money: kept by the gateway, looked at by the orchestrator before it gives the task to anyone."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from clients import http
from eventually import eventually
from gateway.budget import call, spend
from orchestrator.client import Raw
from swarm_settings import AGENT_KEY, UPSTREAM_KEY_VARIABLE, gateway_settings

Start = Callable[..., Any]
CONTROL = "llm_gateway.BudgetControl."
# A parked task must come back because it was told to, not because it was time to look again.
PATIENT = {"retry.park_budget": "10m"}


class Pair:
    """A gateway that serves a scripted model, and an orchestrator that follows its budgets."""

    def __init__(self, gateway: Any, orchestrator: Any) -> None:
        self.gateway, self.orchestrator = gateway, orchestrator
        self.o = Raw(orchestrator.grpc)
        self.o.register()

    def ask_model(self, task_id: str) -> Any:
        body = {"model": "scripted", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"authorization": f"Bearer {AGENT_KEY}", "x-swarm-task-id": task_id}
        return http("POST", f"{self.gateway.http}/v1/chat/completions", body, headers, 30)

    def dry(self, task_id: str) -> None:
        """Spends something of the task's budget and takes the rest away."""
        eventually(lambda: call(self.gateway, CONTROL + "ListScopes", scope_prefix="task/").get("scopes"))
        assert self.ask_model(task_id).status == 200
        spent = spend(self.gateway, f"task/{task_id}")["current_spend"]
        self.limit(f"task/{task_id}", spent / 2)
        eventually(lambda: self.metric("swarm_orchestrator_budgets_dry") == 1)

    def limit(self, scope: str, usd: float) -> None:
        call(self.gateway, CONTROL + "SetLimit", scope=scope, limit=usd, window="total" if scope.startswith("task/") else "day")

    def metric(self, name: str) -> float:
        lines = http("GET", f"{self.orchestrator.admin}/metrics").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

    def connected(self) -> bool:
        return self.metric("swarm_orchestrator_gateway_connected") == 1

    def why(self, task_id: str) -> str:
        task = self.o.get(task_id)
        return f"{task.blocked_reason}: {task.status_reason}"


@pytest.fixture
def start_pair(start_orchestrator: Start, start_gateway: Start, start_model_server: Start) -> Any:
    made: list[Pair] = []

    def start(settings: dict[str, Any] | None = None) -> Pair:
        model = start_model_server()
        gateway = start_gateway(gateway_settings(model.url), env={UPSTREAM_KEY_VARIABLE: "sk-model"})
        address = f"127.0.0.1:{gateway.ports['grpc']}"
        pair = Pair(gateway, start_orchestrator({"gateway.address": address} | PATIENT | (settings or {})))
        made.append(pair)
        eventually(pair.connected)
        return pair

    yield start
    for pair in made:
        pair.o.close()


def test_a_tasks_budget_reaches_the_gateway_and_a_dry_one_parks_the_task_until_it_is_raised(start_pair: Any) -> None:
    p = start_pair()
    task_id = p.o.submit("dear", budget_usd=0.25)
    # The orchestrator may have asked for the scope before it set its limit.
    report = eventually(lambda: [s for s in call(p.gateway, CONTROL + "ListScopes", scope_prefix="task/")["scopes"] if s.get("limit")])[0]
    assert report["scope"] == f"task/{task_id}" and report["limit"] == pytest.approx(0.25)
    assert p.o.get(task_id).budget_usd == pytest.approx(0.25)
    p.dry(task_id)
    other = p.o.submit("free", priority=-1)
    given = p.o.poll()
    assert given.task_id == other, "the dry one is passed over"
    assert p.why(task_id) == f"budget: the budget task/{task_id} is used up"
    assert p.o.result(given).accepted
    assert p.o.poll(wait_ms=300).task_id == ""
    p.limit(f"task/{task_id}", 1.0)
    back = p.o.poll(wait_ms=5000)
    assert back.task_id == task_id and back.attempt == 1, "parking counts no attempt"
    assert p.o.result(back).task_status == "SUCCEEDED"
    # The task is over: the gateway needs not remember its limit.
    eventually(lambda: not any(s.get("limit") for s in call(p.gateway, CONTROL + "ListScopes", scope_prefix="task/").get("scopes", [])))


def test_a_reset_brings_parked_tasks_back_and_a_dry_team_parks_its_tenants_tasks(start_pair: Any) -> None:
    p = start_pair()
    own, others = p.o.submit("a", tenant="swarm"), p.o.submit("b", tenant="elsewhere", priority=-1)
    assert p.ask_model(own).status == 200
    p.limit("team/swarm", spend(p.gateway, "team/swarm")["current_spend"] / 2)
    eventually(lambda: p.metric("swarm_orchestrator_budgets_dry") == 1)
    given = p.o.poll()
    assert given.task_id == others and p.o.result(given).accepted
    assert p.o.status(own) == "BLOCKED" and "team/swarm" in p.why(own)
    call(p.gateway, CONTROL + "ResetBudget", scope="team/swarm")
    assert p.o.poll(wait_ms=5000).task_id == own


def test_an_agents_own_word_for_a_dry_budget_holds_until_money_comes_in(start_pair: Any) -> None:
    p = start_pair()
    task_id = p.o.submit("a", budget_usd=0.5)
    assert p.ask_model(task_id).status == 200
    eventually(lambda: call(p.gateway, CONTROL + "ListScopes", scope_prefix="task/")["scopes"])
    assert p.o.result(p.o.poll(), "failure", failure_class="budget_exhausted").task_status == "BLOCKED"
    assert p.o.poll(wait_ms=300).task_id == ""
    p.limit(f"task/{task_id}", 2.0)
    back = p.o.poll(wait_ms=5000)
    assert back.task_id == task_id and back.attempt == 1


def test_a_dead_gateway_holds_nobody_up_and_known_dry_budgets_stay_dry(start_pair: Any) -> None:
    p = start_pair()
    dry = p.o.submit("dear", budget_usd=0.25)
    p.dry(dry)
    p.gateway.kill()
    eventually(lambda: not p.connected())
    for n in range(5):
        other = p.o.submit(f"{n}")
        given = p.o.poll()
        assert given.task_id == other and p.o.result(given).accepted
    assert p.o.status(dry) == "BLOCKED"
    p.orchestrator.restart()
    again = Raw(p.orchestrator.grpc)
    assert again.status(dry) == "BLOCKED", "what was parked stays parked over a restart"
    p.gateway.start()
    eventually(p.connected)
    again.register()
    assert again.poll(wait_ms=1000).task_id == "", "the limit that an operator set is not put back to the first one"
    p.limit(f"task/{dry}", 1.0)
    assert again.poll(wait_ms=5000).task_id == dry
    again.close()


def test_by_setting_a_gateway_that_is_away_lets_everything_go_on(start_pair: Any) -> None:
    p = start_pair({"gateway.forget_when_away": True})
    dry = p.o.submit("dear", budget_usd=0.25)
    p.dry(dry)
    assert p.o.poll(wait_ms=200).task_id == ""
    p.gateway.kill()
    assert p.o.poll(wait_ms=5000).task_id == dry


def test_a_gateway_that_takes_connections_and_says_nothing_slows_no_call_down(start_orchestrator: Start) -> None:
    """Beside an orchestrator that has none, in turns: whatever else the machine does, both feel it."""

    def cycle(o: Raw) -> float:
        began = time.monotonic()
        o.submit("x", budget_usd=1)
        given = o.poll()
        assert o.result(given).accepted
        return (time.monotonic() - began) / 3

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        pair = [Raw(start_orchestrator({"gateway.address": a}).grpc) for a in (address, "")]
        for o in pair:
            o.register()
        took = [[cycle(o) for o in pair] for _ in range(40)]
        for o in pair:
            o.close()
        with_it, without = zip(*took)
        assert min(with_it) < 0.010
        assert statistics.median(with_it) < 2 * statistics.median(without) + 0.005
