"""Finished tasks go when their time is over or somebody says so, with all that is kept of them, and nothing else does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
from clients import http
from orchestrator.client import Raw, code_of, msg


def eventually(look: Callable[[], Any], within: float = 20.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def gone(o: Raw, task_id: str) -> bool:
    try:
        o.get(task_id)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND
        return True
    return False


def finish(o: Raw, **fields: Any) -> str:
    task_id = o.submit(**fields)
    task = o.poll()
    assert task.task_id == task_id
    assert o.result(task, artifact="made").accepted
    return task_id


def delete(o: Raw, task_id: str) -> Any:
    return o.call("DeleteTask", msg("TaskRef", task_id=task_id))


def test_a_deleted_task_is_gone_for_good_and_its_key_is_free(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    first = finish(o, idempotency_key="k")
    open_task = o.submit("still open", role="Nobody")
    code, text = code_of(lambda: delete(o, open_task))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "not over" in text
    delete(o, first)
    assert gone(o, first)
    assert code_of(lambda: delete(o, first))[0] == grpc.StatusCode.NOT_FOUND
    assert first not in [t.task_id for t in o.call("ListTasks", msg("ListTasksRequest")).tasks]
    again = o.submit(idempotency_key="k")
    assert again != first
    service.kill()
    service.start()
    o = connect(service)
    assert gone(o, first) and o.get(again).task_id == again
    audit = "".join(f.read_text() for f in (service.data_dir / "audit").glob("*.jsonl"))
    assert "DeleteTask" in audit


def test_what_others_build_on_stays_until_they_are_over(start_orchestrator, connect):
    service = start_orchestrator({"retention.succeeded": "300ms"})
    o = connect(service)
    o.register()
    base = finish(o)
    waiting = o.submit(depends_on=[base], role="Nobody")
    child = o.submit(parent_id=base, role="Nobody")
    code, text = code_of(lambda: delete(o, base))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "needed" in text
    time.sleep(1.5)
    assert not gone(o, base), "not by retention either"
    service.kill()
    service.start()
    o = connect(service)
    time.sleep(1)
    assert not gone(o, base), "nor after a restart"
    for task_id in (waiting, child):
        o.call("CancelTask", msg("CancelTaskRequest", task_id=task_id))
    eventually(lambda: gone(o, base))
    assert not gone(o, waiting), "cancelled ones are kept"


def test_retention_goes_by_how_a_task_ended_and_survives_kill_9(start_orchestrator, connect):
    settings = {"retention.succeeded": "400ms", "retry.attempts_max": 1}
    service = start_orchestrator(settings)
    o = connect(service)
    o.register()
    done = [finish(o) for _ in range(30)]
    dead = o.submit()
    o.result(o.poll(), "failure")
    running = o.submit(role="Nobody")
    eventually(lambda: gone(o, done[0]))
    service.kill()
    service.start()
    o = connect(service)
    eventually(lambda: all(gone(o, task_id) for task_id in done))
    assert o.status(dead) == "DEAD" and o.status(running) == "QUEUED"


def test_no_more_are_kept_than_allowed_and_memory_and_pages_come_back(start_orchestrator, connect):
    service = start_orchestrator({"retention.finished_max": 200, "limits.finished_in_memory": 100_000})
    o = connect(service)
    size = 0
    for turn in range(5):
        o.call("SubmitTasks", msg("SubmitTasksRequest", tasks=[
            msg("NewTask", description=f"{turn}-{n}", role="Nobody", context="x" * 4_000, idempotency_key=f"{turn}-{n}", deadline_ms=50)
            for n in range(300)]))
        eventually(lambda: len(o.call("ListTasks", msg("ListTasksRequest", page_size=1000)).tasks) <= 200, within=100)
        if turn == 2:
            size = (service.data_dir / "data.mdb").stat().st_size
    assert (service.data_dir / "data.mdb").stat().st_size < size * 1.5, "freed pages are used again"
    lines = http("GET", f"{service.admin}/metrics").body.decode().splitlines()
    deleted = next(float(line.split()[1]) for line in lines if line.startswith("swarm_orchestrator_tasks_deleted_total "))
    assert deleted >= 1300
