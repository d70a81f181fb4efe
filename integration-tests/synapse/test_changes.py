"""Every change of every task arrives in the common store, in order and once, also when the orchestrator is killed at any moment."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from eventually import eventually
from orchestrator.client import Raw, msg
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

pytestmark = pytest.mark.timeout(180)

SWARM = "http://swarm.os/ontology/"
# No look by itself within the test: what arrives was told, and not sent again by a resync.
SETTINGS = {"knowledge.outbox.verify_every": "1h", "knowledge.outbox.retry_max": "200ms", "knowledge.refresh": "1h",
            "lease.time": "10m", "lease.start_within": "10m", "retry.backoff_initial": "10ms", "retry.attempts_max": 2}


def told_transitions(store: SynapseProcess) -> dict[str, list[tuple[int, str]]]:
    """Task → (version, state), in the order in which they were written, repeats included."""
    out: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for subject, predicate, value in store.calls()["written"]:
        if predicate == SWARM + "taskState":
            task, version = subject.rsplit("/", 2)[-2:]
            out[task].append((int(version), value.strip('"')))
    return out


def transitions(ask: SynapseClient) -> set[tuple[str, int, str]]:
    found = ask.query(f"SELECT ?t ?s WHERE {{ ?t <{SWARM}taskState> ?s }}")
    return {(r["?t"].strip("<>").rsplit("/", 2)[-2], int(r["?t"].strip("<>").rsplit("/", 1)[-1]), r["?s"].strip('"')) for r in found}


def attempts(ask: SynapseClient) -> set[str]:
    found = ask.query(f"SELECT ?e WHERE {{ ?e a <{SWARM}ExecutionRecord> }}")
    return {r["?e"].strip("<>").split("/execution/", 1)[-1] for r in found}


def status_name(number: int) -> str:
    return str(msg("Task").DESCRIPTOR.fields_by_name["status"].enum_type.values_by_number[number].name)


class Load:
    """Clients that submit, work, fail and cancel until the process is gone."""

    def __init__(self, address: str, dice: random.Random) -> None:
        self.address = address
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n, dice.randrange(1 << 32))) for n in range(4)]
        for thread in self.threads:
            thread.start()

    def run(self, number: int, seed: int) -> None:
        dice, o, name = random.Random(seed), Raw(self.address), f"agent-{number}"
        try:
            o.register(name)
            while not self.stop.is_set():
                task_id = o.submit(f"task of {name}", requires_approval=dice.random() < 0.2)
                if dice.random() < 0.2:
                    o.call("CancelTask", msg("CancelTaskRequest", task_id=task_id, reason="not wanted"))
                task = o.poll(name, wait_ms=20)
                if task.task_id:
                    o.result(task, dice.choice(["success", "failure"]), error_message="TypeError")
        except grpc.RpcError:
            pass  # killed
        finally:
            o.close()

    def join(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def everything(o: Raw) -> tuple[set[tuple[str, str]], dict[str, list[str]], set[str]]:
    """What the orchestrator itself says: last states, all states of each task in order, attempts that counted."""
    last: set[tuple[str, str]] = set()
    states: dict[str, list[str]] = {}
    counted: set[str] = set()
    before = ""
    while True:
        page = o.call("ListTasks", msg("ListTasksRequest", page_size=500, page_token=before))
        for brief in page.tasks:
            task = o.get(brief.task_id)
            states[task.task_id] = [status_name(entry.to) for entry in task.history]
            last.add((task.task_id, status_name(task.status)))
            counted |= {f"{task.task_id}/{f.attempt}" for f in task.feedback}
        before = page.next_page_token
        if not before:
            return last, states, counted


@pytest.mark.parametrize("away", [False, True], ids=["store up", "store away"])
def test_every_change_arrives_in_order_and_once_over_kills(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any], away: bool
) -> None:
    seed = int(os.environ.get("SWARM_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"SWARM_SEED={seed}")
    dice = random.Random(seed)
    service = start_orchestrator(SETTINGS | {"knowledge.synapse.address": store.address})
    if away:
        store.kill()
    for _ in range(int(os.environ.get("SWARM_KILL_ROUNDS") or 6)):
        load = Load(service.grpc, dice)
        time.sleep(dice.uniform(0.2, 0.8))
        service.kill()
        load.join()
        service.start()
    if away:
        store.start()
    o = Raw(service.grpc)
    last, states, counted = everything(o)
    o.close()
    assert len(states) > 20
    moves = sum(len(s) for s in states.values())
    assert eventually(lambda: len(transitions(ask)) >= moves, within=60)
    by_task: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for task, version, state in transitions(ask):
        by_task[task].append((version, state))
    assert set(by_task) == set(states)
    for task, known in by_task.items():
        assert [state for _, state in sorted(known)] == states[task], task
    assert counted <= attempts(ask)
    for task, written in told_transitions(store).items():
        firsts = list(dict.fromkeys(version for version, _ in written))
        assert firsts == sorted(firsts), f"{task} was told out of order"


def test_changes_that_no_outbox_takes_wait_in_the_store_and_are_told_when_there_is_room(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    """The outbox is full: tasks go on, and what happened meanwhile is told after a start with more room."""
    store.kill()
    settings = SETTINGS | {"knowledge.synapse.address": store.address}
    service = start_orchestrator(settings | {"knowledge.outbox.bytes_max": "1MiB"})
    o = Raw(service.grpc)
    o.register()

    def cycles(count: int) -> None:
        for _ in range(count):
            o.submit("x" * 100)
            assert o.result(o.poll()).accepted

    while "takes nothing" not in service.log_path.read_text():
        cycles(50)
    cycles(50)
    o.close()
    service.kill()
    service.configure(settings | {"knowledge.outbox.bytes_max": "1GiB"})
    service.start()
    store.start()
    o = Raw(service.grpc)
    _, states, _ = everything(o)
    o.close()
    assert eventually(lambda: len(transitions(ask)) == sum(len(s) for s in states.values()), within=60)
