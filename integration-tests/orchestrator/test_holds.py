"""Agents are drained, queues paused, and tasks asked to end: told in band, also over a stream, and kept through a restart."""

from __future__ import annotations

import threading
import time

import grpc
from orchestrator.client import Raw, code_of, msg

AGENT, ROLE, STACK, TENANT = 1, 2, 3, 4


def hold(o: Raw, kind: int, name: str, held: bool = True) -> None:
    o.call("SetHold", msg("HoldRequest", kind=kind, name=name, held=held, reason="upgrade", by="ann"))


def test_a_drained_agent_finishes_what_it_has_and_gets_nothing_new(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register("a")
    o.submit()
    task = o.poll("a")
    waiting = o.start("PollTask", msg("AgentQuery", agent_id="a", wait_ms=20_000), timeout=30)
    beat = msg("HeartbeatRequest", agent_id="a", leases=[msg("LeaseRef", task_id=task.task_id, lease_token=task.lease_token)])
    assert not o.call("Heartbeat", beat).drain
    waiting.cancel()
    hold(o, AGENT, "a")
    assert o.call("Heartbeat", beat).drain
    assert o.result(task).accepted
    o.submit()
    began = time.monotonic()
    answer = o.poll("a", wait_ms=20_000)
    assert not answer.task_id and answer.drain and 0.5 < time.monotonic() - began < 5
    shown = o.call("ListAgents", msg("ListAgentsRequest")).agents[0]
    assert shown.drained and not shown.waiting
    service.kill()
    service.start()
    o = connect(service)
    o.register("a")
    assert o.poll("a").drain, "it stays drained"
    assert [(h.kind, h.name, h.reason, h.by) for h in o.call("ListHolds", msg("ListHoldsRequest")).holds] == [(AGENT, "a", "upgrade", "ann")]
    hold(o, AGENT, "a", False)
    assert o.poll("a").task_id


def test_a_paused_queue_gives_nothing_away_and_says_so(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register("a")
    for kind, name, fields in ((ROLE, "Coder", {"role": "Coder"}), (STACK, "rust", {"stack": "rust"}), (TENANT, "blue", {"tenant": "blue"})):
        hold(o, kind, name)
        task_id = o.submit(**fields)
        assert not o.poll("a", wait_ms=200).task_id
        why = o.call("WhyNotScheduled", msg("TaskRef", task_id=task_id))
        assert why.obstacles[0].kind == "paused" and "upgrade" in why.summary
        waiting = o.start("PollTask", msg("AgentQuery", agent_id="a", wait_ms=10_000), timeout=20)
        time.sleep(0.2)
        hold(o, kind, name, False)
        task = waiting.result(timeout=10)
        assert task.task_id == task_id
        o.result(task)


def test_hostile_holds_are_refused(start_orchestrator, connect):
    o = connect(start_orchestrator({"limits.holds": 2}))
    for fields in ({"kind": 0, "name": "x"}, {"kind": 9, "name": "x"}, {"kind": AGENT}, {"kind": ROLE, "name": "a\nb"}, {"kind": ROLE, "name": "x" * 300}):
        assert code_of(lambda: o.call("SetHold", msg("HoldRequest", held=True, **fields)))[0] == grpc.StatusCode.INVALID_ARGUMENT
    hold(o, ROLE, "a")
    hold(o, ROLE, "b")
    assert code_of(lambda: hold(o, ROLE, "c"))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    hold(o, ROLE, "nobody", False)


def test_an_agent_has_its_grace_and_then_the_task_is_over(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register("a")
    kept, late = o.submit("kept"), o.submit("late")
    first = o.poll("a")
    cancel = o.call("CancelTask", msg("CancelTaskRequest", task_id=kept, reason="enough", grace_ms=20_000))
    assert cancel.status == 3, "it is still leased"
    beat = msg("HeartbeatRequest", agent_id="a", leases=[msg("LeaseRef", task_id=kept, lease_token=first.lease_token)])
    answer = o.call("Heartbeat", beat)
    assert list(answer.cancelled_task_ids) == [kept] and not answer.lost_task_ids
    service.kill()
    service.start()
    o = connect(service)
    o.register("a")
    assert list(o.call("Heartbeat", beat).cancelled_task_ids) == [kept], "the wish outlives a restart"
    assert o.result(first, artifact="just done").accepted
    assert (o.status(kept), o.get(kept).artifact) == ("SUCCEEDED", "just done")
    second = o.poll("a")
    o.call("CancelTask", msg("CancelTaskRequest", task_id=late, reason="enough", grace_ms=800))
    time.sleep(1.2)
    assert o.status(late) == "CANCELLED" and o.get(late).status_reason == "enough"
    assert not o.result(second).accepted
    assert code_of(lambda: o.call("CancelTask", msg("CancelTaskRequest", task_id=late, grace_ms=-1)))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_flood_of_cancels_ends_every_task_once_and_holds_nobody_up(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register("a", roles=["R"])
    ids = [t.task_id for t in o.call("SubmitTasks", msg("SubmitTasksRequest", tasks=[
        msg("NewTask", description="x", role="Nobody") for _ in range(1000)])).tasks]

    def flood() -> None:
        other = Raw(service.grpc)
        calls = []
        for task_id in ids:
            calls.append(other.start("CancelTask", msg("CancelTaskRequest", task_id=task_id), timeout=60))
        for call in calls:
            call.exception(timeout=60)
        other.close()

    floods = [threading.Thread(target=flood) for _ in range(3)]
    for thread in floods:
        thread.start()
    began = time.monotonic()
    mine = o.submit("meanwhile", role="R")
    task = o.poll("a", wait_ms=20_000)
    assert task.task_id == mine
    result = msg("TaskResult", task_id=mine, lease_token=task.lease_token, status="success")
    assert o.call("SubmitResult", result, timeout=60).accepted
    assert time.monotonic() - began < 60
    for thread in floods:
        thread.join()
    left = o.call("ListTasks", msg("ListTasksRequest", status=2, page_size=1000)).tasks
    for task in left:
        o.call("CancelTask", msg("CancelTaskRequest", task_id=task.task_id))
    assert all(len(o.get(task_id).history) == 2 and o.status(task_id) == "CANCELLED" for task_id in ids[::100])
