"""Tasks that are submitted again and again, on the real process: at their times, through kill -9 and clocks that are set."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import grpc
import pytest
from orchestrator.client import Raw, code_of, msg

MIDNIGHT = datetime(2026, 6, 1, tzinfo=timezone.utc).timestamp()
ALLOW, SKIP, CANCEL = 1, 2, 3


def put(o: Raw, cron: str, name: str = "s", task: dict[str, Any] | None = None, **fields: Any) -> Any:
    new = msg("NewTask", **({"description": "again", "role": "Nobody"} | (task or {})))
    return o.call("PutSchedule", msg("NewSchedule", name=name, cron=cron, task=new, **fields))


def show(o: Raw, name: str = "s") -> Any:
    return o.call("ListSchedules", msg("ListSchedulesRequest", name=name)).schedules[0]


def made(o: Raw, name: str = "s") -> list[Any]:
    return list(o.call("ListTasks", msg("ListTasksRequest", labels={"schedule": name}, page_size=1000)).tasks)


def eventually(look: Callable[[], Any], within: float = 25.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def test_a_schedule_fires_at_its_time_and_its_task_is_done(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 57)
    o = connect(start_orchestrator(env=wall_clock.env))
    schedule = put(o, "* * * * *", task={"role": "", "labels": {"team": "a"}, "priority": 3}, time_zone="Europe/Berlin")
    assert list(schedule.next_unix_ms) == [int((MIDNIGHT + 60 * n) * 1000) for n in range(1, 6)]
    o.register()
    task = o.poll(wait_ms=20_000)
    assert task.description == "again" and dict(task.labels) == {"team": "a", "schedule": "s"}
    assert o.result(task).accepted
    shown = show(o)
    assert (shown.fired, shown.last_task_id) == (1, task.task_id)
    assert shown.last_unix_ms == int((MIDNIGHT + 60) * 1000)
    assert "schedule s fired" in o.get(task.task_id).history[0].reason


def test_pause_resume_delete_and_list(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 30)
    o = connect(start_orchestrator(env=wall_clock.env))
    put(o, "* * * * *")
    put(o, "0 3 * * *", name="nightly", time_zone="America/New_York", task={"description": "d" * 5_000, "context": "c"})
    listed = o.call("ListSchedules", msg("ListSchedulesRequest")).schedules
    assert [s.what.name for s in listed] == ["nightly", "s"]
    assert len(listed[0].what.task.description) == 200 and not listed[0].what.task.context
    assert show(o, "nightly").what.task.context == "c"
    assert datetime.fromtimestamp(listed[0].next_unix_ms[0] / 1000, timezone.utc).hour == 7
    paused = o.call("PauseSchedule", msg("PauseScheduleRequest", name="s", paused=True, note="not now"))
    assert paused.paused and paused.note == "not now" and not paused.next_unix_ms
    wall_clock.move(300)
    time.sleep(0.5)
    resumed = o.call("PauseSchedule", msg("PauseScheduleRequest", name="s"))
    assert resumed.next_unix_ms[0] > wall_clock.now() * 1000 and not made(o)
    assert o.call("DeleteSchedule", msg("ScheduleRef", name="s")).what.name == "s"
    for call in (lambda: o.call("DeleteSchedule", msg("ScheduleRef", name="s")), lambda: show(o)):
        assert code_of(call)[0] == grpc.StatusCode.NOT_FOUND


def test_the_clock_is_set_by_hours_in_both_directions(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 30)
    o = connect(start_orchestrator(env=wall_clock.env))
    put(o, "*/10 * * * *", name="skips")
    put(o, "*/10 * * * *", name="makes-up", missed=2)
    wall_clock.move(5 * 3600 + 300)
    eventually(lambda: show(o, "skips").missed > 0)  # within the ten seconds between two looks
    assert [len(made(o, name)) for name in ("skips", "makes-up")] == [0, 1]
    assert show(o, "skips").missed == 30
    wall_clock.set(MIDNIGHT + 9 * 60 + 55)  # back before all of that: the next firing is ten past midnight
    eventually(lambda: len(made(o, "skips")) == 1)
    # The one that makes up did so for ten past midnight: that time has had its task.
    eventually(lambda: show(o, "makes-up").next_unix_ms[0] == int((MIDNIGHT + 20 * 60) * 1000))
    assert len(made(o, "makes-up")) == 1


def test_firings_survive_kill_9_and_none_counts_twice(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 55)
    service = start_orchestrator(env=wall_clock.env)
    o = connect(service)
    for n in range(40):
        put(o, "0 * * * *", name=f"s{n}", missed=2)
    for hour in range(1, 5):
        wall_clock.set(MIDNIGHT + 3600 * hour - 0.3)
        time.sleep(0.3 + hour * 0.02)  # in the middle of the firings, or just before or after
        service.kill()
        service.start()
        o = connect(service)
        eventually(lambda: all(show(o, f"s{n}").fired == hour for n in range(40)))
    for n in range(40):
        tasks = made(o, f"s{n}")
        assert len(tasks) == 4 and show(o, f"s{n}").fired == 4


def test_downtime_is_skipped_or_made_up_for(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 30)
    service = start_orchestrator(env=wall_clock.env)
    o = connect(service)
    put(o, "0 * * * *", name="skips")
    put(o, "0 * * * *", name="makes-up", missed=2)
    service.kill()
    wall_clock.move(6 * 3600 + 600)
    service.start()
    o = connect(service)
    eventually(lambda: made(o, "makes-up"))
    assert not made(o, "skips")
    assert (show(o, "skips").missed, show(o, "makes-up").missed) == (6, 6)
    assert show(o, "makes-up").fired == 1


def test_overlap_skips_or_cancels(start_orchestrator, connect, wall_clock):
    wall_clock.set(MIDNIGHT + 3598)
    o = connect(start_orchestrator(env=wall_clock.env))
    put(o, "0 * * * *", name="skips", overlap=SKIP)
    put(o, "0 * * * *", name="cancels", overlap=CANCEL)
    eventually(lambda: made(o, "skips") and made(o, "cancels"))
    wall_clock.set(MIDNIGHT + 7198)
    eventually(lambda: show(o, "skips").overlapped == 1 and len(made(o, "cancels")) == 2)
    assert len(made(o, "skips")) == 1
    newest, oldest = made(o, "cancels")
    assert o.status(oldest.task_id) == "CANCELLED" and o.status(newest.task_id) == "QUEUED"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"cron": "61 * * * *"}, "minute"),
        ({"cron": "* * *"}, "five"),
        ({"cron": "0 0 30 2 *"}, "never"),
        ({"cron": "*" * 100_000}, "256"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../../etc/passwd"}, "time_zone"),
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"missed": 7}, "missed"),
        ({"overlap": -1}, "overlap"),
        ({"task": {"description": ""}}, "description"),
        ({"task": {"task_id": "01900000-0000-7000-8000-000000000000"}}, "task_id"),
        ({"task": {"idempotency_key": "k"}}, "idempotency_key"),
        ({"task": {"delay_ms": 5}}, "delay_ms"),
        ({"task": {"description": "[MODE:COUNCIL] all"}}, "mode"),
        ({"task": {"context": "x" * 70_000}}, "texts"),
        ({"task": {"role": "a\x00b"}}, "control"),
    ],
)
def test_hostile_schedules_name_the_field_at_fault(start_orchestrator, connect, fields, word):
    o = connect(start_orchestrator())
    code, text = code_of(lambda: put(o, **({"cron": "* * * * *"} | fields)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and word in text


def test_there_is_a_bound_on_schedules(start_orchestrator, connect):
    o = connect(start_orchestrator({"limits.schedules": 3}))
    for n in range(3):
        put(o, "0 0 1 1 *", name=f"s{n}")
    assert code_of(lambda: put(o, "0 0 1 1 *", name="one-more"))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert put(o, "0 1 1 1 *", name="s1").what.cron == "0 1 1 1 *", "but they can be changed"
