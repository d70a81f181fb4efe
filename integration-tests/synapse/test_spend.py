"""The gateway's budget with a knowledge store as its second home."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from eventually import eventually
from gateway.budget import complete
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings
from synapse.client import SynapseClient
from synapse.process import SynapseProcess
from synapse.subjects import told_spend

from swarm_sdk import BudgetClient

pytestmark = pytest.mark.timeout(120)

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SWARM = "http://swarm.os/ontology/"
AT = "http://www.w3.org/ns/prov#generatedAtTime"
QUICK = {
    "knowledge.report": "100ms",
    "knowledge.outbox.verify_every": "300ms",
    "knowledge.outbox.retry_max": "200ms",
    "knowledge.synapse.query_timeout": "500ms",
}
Start = Callable[..., Any]


@pytest.fixture
def start(start_gateway: Start, model_server: Any, store: SynapseProcess) -> Start:
    """start(settings) -> a gateway with the scripted model and the store."""

    def make(settings: dict[str, Any] | None = None, **more: Any) -> Any:
        base = gateway_settings(f"{model_server.url}/v1") | QUICK | {"knowledge.synapse.address": store.address}
        return start_gateway(base | (settings or {}), env={UPSTREAM_KEY_VARIABLE: "k"}, **more)

    return make


def spend_some(gateway: Any, count: int, tag: str = "") -> None:
    for n in range(count):
        complete(gateway, prompt=f"say {tag}{n}", model="scripted")


def spent(gateway: Any) -> Decimal:
    """By the local ledger, with what a crash may have cost."""
    with BudgetClient(gateway.grpc) as budget:
        return Decimal(f"{budget.spend().current_spend:.9f}")


def limit(ask: SynapseClient, number: int, amount: str, scope: str = "global", at: str = "2026-11-21T10:00:00.000Z") -> None:
    event = f"http://other-gateway/limit/{number}"
    ask.ingest((event, RDF, SWARM + "LimitEvent"), (event, SWARM + "scope", f'"{scope}"'),
               (event, SWARM + "amount", f'"{amount}"'), (event, AT, f'"{at}"'))


def limit_of(gateway: Any, scope: str = "global") -> float:
    with BudgetClient(gateway.grpc) as budget:
        return budget.spend(scope).limit


def readiness(gateway: Any) -> str:
    with urllib.request.urlopen(gateway.admin + "/readyz", timeout=5) as answer:
        assert answer.status == 200
        return str(answer.read(), "utf-8")


def metric(gateway: Any, name: str) -> float:
    with urllib.request.urlopen(gateway.admin + "/metrics", timeout=5) as answer:
        (line,) = [x for x in answer.read().decode().splitlines() if x.startswith(name + " ")]
    return float(line.split()[-1])


def test_spend_arrives_and_adds_up_over_kills(start: Start, ask: SynapseClient) -> None:
    gateway = start()
    for life in range(4):
        spend_some(gateway, 5, f"{life}-")
        time.sleep(0.07 * life)  # before, within and after a report
        gateway.restart()  # kill -9
    assert spent(gateway) > 0
    assert eventually(lambda: told_spend(ask) == spent(gateway)), (told_spend(ask), spent(gateway))
    assert eventually(lambda: metric(gateway, "swarm_gateway_common_spent_today_usd") == pytest.approx(float(spent(gateway)), abs=1e-9))


def test_a_clean_stop_leaves_nothing_untold(start: Start, ask: SynapseClient) -> None:
    gateway = start({"knowledge.report": "1h"})
    spend_some(gateway, 3)
    gateway.stop()
    gateway.start()
    assert eventually(lambda: told_spend(ask) == spent(gateway) > 0)


def test_the_newest_limit_counts_wherever_it_was_set(start: Start, ask: SynapseClient) -> None:
    limit(ask, 1, "5", at="2026-01-01T00:00:00.000Z")
    limit(ask, 2, "7.5", at="2026-01-02T00:00:00.000Z")
    limit(ask, 3, "1", scope="team/swarm")
    gateway = start({"knowledge.limits": True, "budgets.team/swarm.limit_usd": 3})
    assert eventually(lambda: limit_of(gateway) == 7.5)
    assert eventually(lambda: limit_of(gateway, "team/swarm") == 1)
    with BudgetClient(gateway.grpc) as budget:
        budget.set_limit(9)
    amounts = f'SELECT ?a WHERE {{ ?e a <{SWARM}LimitEvent> ; <{SWARM}scope> "global" ; <{SWARM}amount> ?a }}'
    assert eventually(lambda: len(ask.query(amounts)) == 3)
    gateway.restart()
    assert eventually(lambda: "everything arrived" in readiness(gateway))
    assert limit_of(gateway) == 9
    limit(ask, 4, "2", at="2099-01-01T00:00:00.000Z")  # another gateway's
    gateway.restart()
    assert eventually(lambda: limit_of(gateway) == 2)
    limit(ask, 5, "unlimited", at="2099-01-02T00:00:00.000Z")
    gateway.restart()

    def unlimited() -> bool:
        with BudgetClient(gateway.grpc) as budget:
            return budget.spend().unlimited

    assert eventually(unlimited)


@pytest.mark.parametrize("amount", ["-3", "1e9", "NaN", "", " 5", "5 dollars", "\\u0022 } #", "9" * 40])
def test_a_limit_that_makes_no_sense_is_left_alone(start: Start, ask: SynapseClient, amount: str) -> None:
    limit(ask, 1, amount)
    gateway = start({"knowledge.limits": True})
    assert gateway.wait_for_line(lambda line: "common knowledge" in str(line.get("msg")))
    assert limit_of(gateway) == 2.0


def test_limits_are_not_read_unless_that_is_configured(start: Start, ask: SynapseClient) -> None:
    limit(ask, 1, "5")
    gateway = start()
    spend_some(gateway, 1)
    assert eventually(lambda: told_spend(ask) == spent(gateway))
    assert limit_of(gateway) == 2.0
    with BudgetClient(gateway.grpc) as budget:
        budget.set_limit(9)
    time.sleep(0.5)
    assert len(ask.query(f"SELECT ?e WHERE {{ ?e a <{SWARM}LimitEvent> }}")) == 1
    assert json.loads(readiness(gateway))
