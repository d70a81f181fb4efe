"""Agents that hold a stream open and never read it: what waits for them is bounded, and their tasks go to others."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
from orchestrator.client import msg

MIB = 1 << 20


def anonymous(service: Any) -> int:
    """Bytes of memory without the mapped data file."""
    with open(f"/proc/{service.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


class Deaf:
    """A Work stream whose answers nobody takes. `more` are sent after the join, as long as the server takes them."""

    def __init__(self, o: Any, more: Iterator[Any]) -> None:
        self.sent = 0
        self.over = threading.Event()
        self.call = o.stream("Work", self.requests(more))

    def requests(self, more: Iterator[Any]) -> Iterator[Any]:
        yield msg("WorkRequest", join=msg("AgentInfo", name="deaf", capabilities=["*"]))
        for request in more:
            if self.over.is_set():
                return
            self.sent += 1
            yield request
        self.over.wait(60)

    def close(self) -> None:
        self.over.set()
        self.call.cancel()


def test_assignments_that_nobody_reads_are_bounded_and_go_to_others(start_orchestrator, connect):
    service = start_orchestrator({"lease.start_within": "500ms"})
    o = connect(service)
    before = anonymous(service)
    deaf = Deaf(connect(service), iter([msg("WorkRequest", credit=100_000)]))
    text = "x" * 500_000
    ids = {o.submit(f"{n}", context=text) for n in range(200)}
    o.register("good")
    time.sleep(1)
    done = set()
    deadline = time.monotonic() + 60
    while done != ids and time.monotonic() < deadline:
        task = o.poll("good", wait_ms=1000)
        if task.task_id and o.result(task).accepted:
            done.add(task.task_id)
    grown = anonymous(service) - before
    deaf.close()
    assert done == ids
    assert grown < 150 * MIB, f"grew by {grown // MIB} MiB"
    assert any("does not read" in line.get("msg", "") for line in service.lines())


def test_an_agent_that_reports_without_reading_is_not_listened_to_any_more(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    before = anonymous(service)
    results = [msg("TaskResult", task_id=str(uuid.uuid4()), status="success") for _ in range(1_000)]
    flood = msg("WorkRequest", results=msg("WorkResults", results=results))
    deaf = Deaf(connect(service), (flood for _ in range(100_000)))
    time.sleep(3)
    sent = deaf.sent
    time.sleep(1)
    assert deaf.sent == sent, "back-pressure reaches the sender"
    assert anonymous(service) - before < 100 * MIB
    o.register("good")
    task_id = o.submit()
    assert o.poll("good").task_id == task_id
    deaf.close()
    service.terminate()
    assert service.wait_exit() == 0


def test_a_stream_that_pauses_for_a_while_loses_nothing(start_orchestrator, connect):
    o = connect(service := start_orchestrator({"lease.start_within": "30s"}))
    ids = {o.submit(f"{n}", context="y" * 100_000) for n in range(40)}
    deaf = Deaf(connect(service), iter([msg("WorkRequest", credit=40)]))
    time.sleep(0.5)
    got = set()
    try:
        for answer in deaf.call:
            got |= {a.task_id for a in answer.assignments}
            if got == ids:
                break
    except grpc.RpcError as error:
        raise AssertionError(f"the stream broke: {error.details()}") from error
    deaf.close()
    assert got == ids
