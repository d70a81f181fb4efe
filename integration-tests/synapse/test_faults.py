"""What a knowledge store does to the services that use it, each fault to each service, on real processes.

In all of them: the service works on at its own pace, stays ready, says what is wrong in its readiness and its metrics,
loses nothing, and catches up by itself: everything once, in its order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from synapse.client import SynapseClient
from synapse.process import SynapseProcess
from synapse.subjects import Analyst, Gateway, Orchestrator, Subject, metric, readiness

pytestmark = pytest.mark.timeout(180)

QUICK = {"knowledge.outbox.verify_every": "300ms", "knowledge.outbox.retry_max": "200ms"}
AT_ONCE = 2.0  # seconds for a piece of work, on a machine that does other things too
Make = Callable[..., Subject]


@pytest.fixture(params=["orchestrator", "analyst", "gateway"])
def make(request: pytest.FixtureRequest) -> Make:
    """make(store, settings) -> the service, using the store."""

    def one(store: SynapseProcess, settings: dict[str, Any] | None = None) -> Subject:
        start = request.getfixturevalue(f"start_{request.param}")
        kind: Any = {"orchestrator": Orchestrator, "analyst": Analyst}.get(request.param)
        if kind is None:
            kind = Gateway.with_model(request.getfixturevalue("model_server").url)
        return kind(start, QUICK | {"knowledge.synapse.address": store.address} | (settings or {}))

    return one


def work(subject: Subject, count: int, tag: str) -> None:
    for number in range(count):
        began = time.monotonic()
        subject.work(f"{tag}{number}")
        assert time.monotonic() - began < AT_ONCE, "nobody waits for the store"


def says(subject: Subject, *words: str) -> bool:
    check = readiness(subject.service)
    return not check["ok"] and not check["required"] and all(word in check["detail"] for word in words)


def assert_caught_up(subject: Subject, ask: SynapseClient) -> None:
    assert eventually(lambda: subject.told(ask)), readiness(subject.service)
    assert eventually(lambda: readiness(subject.service) == {"name": "synapse", "ok": True, "required": False, "detail": "everything arrived"})
    assert eventually(lambda: metric(subject.service, "swarm_knowledge_outbox_pending") == 0)
    assert metric(subject.service, "swarm_knowledge_store_breaker_open") == 0
    assert subject.service.running


def test_absent_at_the_start(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    store.kill()
    subject = make(store)
    work(subject, 3, "absent")
    assert eventually(lambda: says(subject, "statements wait for the store", "UNAVAILABLE"))
    assert metric(subject.service, "swarm_knowledge_outbox_pending") > 0
    assert eventually(lambda: metric(subject.service, "swarm_knowledge_outbox_lag_seconds") > 0)
    assert eventually(lambda: metric(subject.service, "swarm_knowledge_outbox_failures_total") > 0)
    store.start()
    assert_caught_up(subject, ask)
    assert subject.in_order(store.calls()["written"])


def test_dying_under_load(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    subject = make(store)
    work(subject, 1, "before")
    over = threading.Event()

    def die_again_and_again() -> None:
        for _ in range(3):
            time.sleep(0.3)
            store.kill()  # what it had is gone
            time.sleep(0.3)
            store.start()
        over.set()

    killer = threading.Thread(target=die_again_and_again)
    killer.start()
    number = 0
    while not over.is_set():
        work(subject, 1, f"load{number}x")
        number += 1
    killer.join()
    work(subject, 1, "after")
    assert_caught_up(subject, ask)
    assert metric(subject.service, "swarm_knowledge_store_errors_total") + metric(subject.service, "swarm_knowledge_outbox_resyncs_total") > 0


def test_slow(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    """Two seconds a query, with the deadlines as they are by default: answers come late, and some too late, as queries
    hold each other up."""
    subject = make(store)
    work(subject, 1, "before")
    assert_caught_up(subject, ask)
    store.fault("slow", method="QuerySparql", seconds=2)
    work(subject, 5, "slow")
    assert eventually(lambda: says(subject, "it answers slowly, the last call took") or says(subject, "DEADLINE_EXCEEDED"), 60)
    assert metric(subject.service, "swarm_knowledge_store_seconds_sum") > 2
    store.clear_faults()
    assert_caught_up(subject, ask)
    assert subject.in_order(store.calls()["written"])


def test_refusing(make: Make, tmp_path: Path) -> None:
    store = SynapseProcess(tmp_path / "guarded", tokens={"right": ["team"]}).start()
    ask = SynapseClient(store.address, token="right", namespace="team")
    try:
        place = {"knowledge.synapse.namespace": "team"}
        subject = make(store, place | {"knowledge.synapse.token": "wr0ng-t0ken"})
        work(subject, 3, "refused")
        assert eventually(lambda: says(subject, "PERMISSION_DENIED", "Invalid token"))
        assert eventually(lambda: metric(subject.service, "swarm_knowledge_outbox_pending") > 0)
        assert "wr0ng-t0ken" not in subject.service.log_path.read_text()
        subject.service.stop()
        subject.service.configure({"knowledge.synapse.token": "right"})
        subject.service.start()
        assert_caught_up(subject, ask)
        assert subject.in_order(store.calls()["written"])
    finally:
        ask.close()
        store.stop()


def test_out_of_space(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    subject = make(store)
    store.fault("no_space")
    work(subject, 3, "full")
    assert eventually(lambda: says(subject, "statements wait for the store", "No space left on device"))
    assert metric(subject.service, "swarm_knowledge_outbox_failures_total") > 0
    store.clear_faults()
    assert_caught_up(subject, ask)
    assert subject.in_order(store.calls()["written"])


def test_garbage(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    subject = make(store)
    store.fault("garbage")
    work(subject, 3, "garbage")
    assert eventually(lambda: says(subject, "DATA_LOSS"))
    assert metric(subject.service, "swarm_knowledge_store_errors_total") > 0
    store.clear_faults()
    assert_caught_up(subject, ask)
    assert subject.in_order(store.calls()["written"])


def test_coming_back_empty(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    subject = make(store)
    for round_ in range(2):
        work(subject, 3, f"round{round_}x")
        assert_caught_up(subject, ask)
        store.kill()
        store.start()  # saved nothing
    assert_caught_up(subject, ask)
    assert metric(subject.service, "swarm_knowledge_outbox_resyncs_total") >= 1
    assert subject.in_order(store.calls()["written"])


def test_a_service_killed_with_the_store_away_tells_everything_once(make: Make, store: SynapseProcess, ask: SynapseClient) -> None:
    store.kill()
    subject = make(store)
    for life in range(3):
        work(subject, 2, f"life{life}x")
        time.sleep(0.5)  # what was done a moment ago may not be in the journal yet
        subject.service.restart()  # kill -9
    store.start()
    assert_caught_up(subject, ask)
    assert subject.in_order(store.calls()["written"])
