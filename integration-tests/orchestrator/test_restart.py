"""kill -9, restarts, and what a data directory or a port may have against it."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import grpc
from clients import http
from orchestrator.client import code_of, msg


def test_what_was_acknowledged_survives_kill_9_at_random_moments(start_orchestrator, connect):
    """Submitters and agents work on while the process is killed again and again; the seed is printed."""
    seed = int(os.environ.get("SWARM_SEED") or random.SystemRandom().randrange(1 << 32))
    rounds = int(os.environ.get("SWARM_KILL_ROUNDS") or 12)
    print(f"SWARM_SEED={seed}")
    dice = random.Random(seed)
    service = start_orchestrator({"lease.time": "1s", "lease.start_within": "300ms", "retry.backoff_initial": "1ms"})
    stop = threading.Event()
    acknowledged: dict[str, str] = {}  # task id -> description
    accepted: dict[str, str] = {}      # task id -> artefact of the accepted result
    faults: list[str] = []

    def submitter(number: int) -> None:
        o = connect(service)
        n = 0
        while not stop.is_set():
            description = f"s{number}-{n}"
            try:
                task_id = o.submit(description, idempotency_key=description)
            except grpc.RpcError:
                time.sleep(0.02)
                continue  # the same key again: it must not become a second task
            if acknowledged.setdefault(task_id, description) != description:
                faults.append(f"{task_id} was given to two submissions")
            n += 1
            time.sleep(0.004)

    def agent(name: str) -> None:
        o = connect(service)
        while not stop.is_set():
            try:
                task = o.poll(name, wait_ms=200)
                if not task.task_id:
                    continue
                artifact = f"{task.description} by {name} {task.lease_token}"
                while not stop.is_set():
                    try:
                        ack = o.result(task, artifact=artifact)
                        if ack.accepted and accepted.setdefault(task.task_id, artifact) != artifact:
                            faults.append(f"two results of {task.task_id} were accepted")
                        break
                    except grpc.RpcError as error:
                        if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                            break
                        time.sleep(0.02)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                    try:
                        o.register(name)
                    except grpc.RpcError:
                        pass
                time.sleep(0.02)

    threads = [threading.Thread(target=submitter, args=(n,)) for n in range(3)]
    threads += [threading.Thread(target=agent, args=(f"agent-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(rounds):
            time.sleep(dice.uniform(0.05, 0.5))
            service.kill()
            service.start()
        time.sleep(0.5)
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    o = connect(service)
    o.register("last")
    while (task := o.poll("last", wait_ms=3000)).task_id:
        o.result(task, artifact=f"{task.description} at the end")
    assert not faults
    assert len(acknowledged) > rounds
    for task_id, description in acknowledged.items():
        stored = o.get(task_id)
        assert stored.description == description
        assert stored.status == 5, f"{task_id} is {stored.status}: {stored.status_reason}"
        if task_id in accepted:
            assert stored.artifact == accepted[task_id]
    assert len(set(acknowledged.values())) == len(acknowledged)


def test_a_restart_keeps_leases_queues_and_answers(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    leased_id, queued_id = o.submit("leased"), o.submit("queued", priority=-1)
    blocked_id = o.submit("blocked", depends_on=[queued_id])
    task = o.poll()
    assert task.task_id == leased_id
    service.kill()
    service.start()
    o = connect(service)
    assert [o.status(t) for t in (leased_id, queued_id, blocked_id)] == ["LEASED", "QUEUED", "BLOCKED"]
    assert 0 < o.get(leased_id).lease_expires_in_ms
    beat = msg("HeartbeatRequest", agent_id="a", leases=[msg("LeaseRef", task_id=leased_id, lease_token=task.lease_token)])
    assert not o.call("Heartbeat", beat).lost_task_ids
    assert o.result(task, artifact="x").accepted
    service.kill()
    service.start()
    o = connect(service)
    assert o.result(task, artifact="x").accepted
    o.register()
    for expected in (queued_id, blocked_id):
        got = o.poll()
        assert got.task_id == expected
        o.result(got)


def test_an_unread_assignment_is_repeated_after_a_restart(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    o.submit()
    first = o.poll()
    service.kill()
    service.start()
    o = connect(service)
    o.register()
    again = o.poll()
    assert (again.task_id, again.lease_token, again.attempt) == (first.task_id, first.lease_token, 1)


def test_sigterm_ends_parked_polls_and_streams_with_a_retryable_status(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register(roles=["Coder"])
    poll = o.start("PollTask", msg("AgentQuery", agent_id="a", wait_ms=20000), timeout=30)
    watch = o.watch()
    o.submit(role="nobody")
    assert next(watch).kind == "created"
    began = time.monotonic()
    service.terminate()
    assert poll.exception(timeout=10).code() == grpc.StatusCode.UNAVAILABLE
    code, _ = code_of(lambda: list(watch))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert service.wait_exit() == 0
    assert time.monotonic() - began < 8


def test_a_port_in_use_is_one_clear_line(start_orchestrator):
    first = start_orchestrator()
    second = start_orchestrator({"grpc.listen": f"127.0.0.1:{first.ports['grpc']}"}, ready=False)
    assert second.wait_exit() == 1
    assert str(first.ports["grpc"]) in second.tail(5)


def test_a_directory_in_use_is_refused(start_orchestrator):
    first = start_orchestrator()
    second = start_orchestrator({"data_dir": str(first.data_dir)}, ready=False)
    assert second.wait_exit() == 1
    assert "data" in second.tail(5)
    assert first.running


def test_foreign_and_torn_directories_are_refused(start_orchestrator, tmp_path: Path):
    service = start_orchestrator()
    service.terminate()
    assert service.wait_exit() == 0
    identity = service.data_dir / "identity"
    kept = identity.read_bytes()
    identity.write_bytes(kept.replace(b"orchestrator-core", b"somebody-else"))
    service.spawn()
    assert service.wait_exit() == 1
    assert "somebody-else" in service.tail(5)
    identity.write_bytes(kept)
    data = service.data_dir / "data.mdb"
    (service.data_dir / "clean").unlink(missing_ok=True)
    data.write_bytes(os.urandom(data.stat().st_size))
    service.spawn()
    assert service.wait_exit() == 1


def test_a_full_store_refuses_and_works_on_when_there_is_room_again(start_orchestrator, connect):
    service = start_orchestrator({"limits.store": "1MiB"})
    o = connect(service)
    o.register()
    kept: list[str] = []
    error = None
    for n in range(400):
        try:
            kept.append(o.submit(f"{n}", context="x" * 20_000))
        except grpc.RpcError as full:
            error = full
            break
    assert error is not None and error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert service.running
    assert [o.get(task_id).task_id for task_id in kept] == kept
    disk = next(c for c in http("GET", f"{service.admin}/readyz").json()["checks"] if c["name"] == "disk")
    assert not disk["ok"] and disk["detail"] == "everything that writes is refused: " + error.details()
    service.terminate()
    assert service.wait_exit() == 0
    bigger = start_orchestrator({"limits.store": "64MiB", "data_dir": str(service.data_dir)})
    o = connect(bigger)
    o.register()
    assert o.poll().task_id == kept[0]
    o.submit("room again")
    assert "disk" not in {c["name"] for c in http("GET", f"{bigger.admin}/readyz").json()["checks"]}


def test_a_slow_follower_is_told_what_it_missed(start_orchestrator, connect):
    o = connect(start_orchestrator({"limits.watch_events": 32}))
    watch = o.watch()
    o.submit("first")
    assert next(watch).kind == "created"
    text = "x" * 60_000  # fills the transport's windows soon
    for _ in range(40):
        o.call("SubmitTasks", msg("SubmitTasksRequest", tasks=[msg("NewTask", description=text) for _ in range(20)]))
    o.submit("last")
    seen = missed = 0
    for event in watch:
        seen += 1
        missed += event.missed
        if event.task.description == "last":
            break
    watch.cancel()
    assert seen + missed == 801 and missed > 0
