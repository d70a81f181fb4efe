"""kill -9 at named points of a commit, in recovery and at random, under load; every answer is recorded, and what was
answered must be something that one task after the other could have done.

SWARM_SEED repeats a run's choices, SWARM_KILL_ROUNDS makes it longer, SWARM_KILL_SECONDS bounds it.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import grpc
import pytest
from orchestrator.client import Raw, msg
from orchestrator.linearise import OPEN, Call, linearisable

POINTS = ["before_sync", "before_meta", "after_meta", "recovery", "random"]
PATIENT = {"lease.time": "10m", "lease.start_within": "10m", "retry.attempts_max": 1}


@pytest.fixture(scope="module")
def crash_point(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("crash") / "crash_point.so"
    source = Path(__file__).with_name("crash_point.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True)
    return made


class Recorder:
    """What every client asked and heard. A call's object is the task's idempotency key."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.ids: dict[str, str] = {}           # key -> id, once known
        self.tokens: dict[str, Any] = {}        # key -> an assignment
        self.faults: list[str] = []
        self.lost = 0

    def learn(self, key: str, task_id: str) -> None:
        with self.lock:
            if self.ids.setdefault(key, task_id) != task_id:
                self.faults.append(f"{key} is {task_id} and {self.ids[key]}")

    def run(self, key: str, kind: str, argument: str, call: Any, read: Any) -> None:
        """`read` makes the answer of a message, or of the status of a refusal (FAILED_PRECONDITION)."""
        began = time.monotonic()
        answer, ended = None, OPEN
        try:
            answer, ended = read(call()), time.monotonic()
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                answer, ended = False, time.monotonic()
            elif error.code() == grpc.StatusCode.NOT_FOUND:
                with self.lock:
                    self.faults.append(f"{kind} of {key}: it was acknowledged and is not found")
            else:
                self.lost += 1
        with self.lock:
            self.calls[key].append(Call(kind, argument, began, ended, answer))


def seen(task: Any) -> str:
    return {5: f"S:{task.artifact}", 7: "C"}.get(task.status, "")


class Load:
    """Six clients that work on the same few tasks until the process is gone."""

    def __init__(self, record: Recorder, address: str, number: int, dice: random.Random) -> None:
        self.record, self.address, self.round = record, address, number
        self.stop = threading.Event()
        seeds = [dice.randrange(1 << 32) for _ in range(6)]
        jobs = [self.submit, self.submit, self.work, self.work, self.meddle, self.meddle]
        self.threads = [threading.Thread(target=self.client, args=(job, n, random.Random(seed)))
                        for n, (job, seed) in enumerate(zip(jobs, seeds))]
        for thread in self.threads:
            thread.start()

    def client(self, job: Any, number: int, dice: random.Random) -> None:
        o = Raw(self.address)
        try:
            for turn in range(10_000):
                if self.stop.is_set():
                    return
                try:
                    job(o, number, turn, dice)
                except grpc.RpcError:
                    if self.stop.wait(0.01):
                        return
        finally:
            o.close()

    def submit(self, o: Raw, number: int, turn: int, dice: random.Random) -> None:
        # A key of both submitters now and then, so that they race for it; one of an earlier round, so that it is old.
        key = f"r{self.round}-{turn // 2}" if dice.random() < 0.5 else f"r{self.round}-{number}-{turn}"
        if dice.random() < 0.15 and self.round > 0:
            key = f"r{self.round - 1}-{dice.randrange(10)}"

        def read(answer: Any) -> bool:
            self.record.learn(key, answer.task_id)
            return bool(answer.created)

        task = msg("NewTask", description=key, idempotency_key=key)
        self.record.run(key, "submit", "", lambda: o.call("SubmitTask", task, timeout=3), read)

    def work(self, o: Raw, number: int, turn: int, dice: random.Random) -> None:
        name = f"agent-{number}"
        try:
            task = o.call("PollTask", msg("AgentQuery", agent_id=name, wait_ms=100), timeout=3)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                o.register(name)
            raise
        if not task.task_id:
            return
        key = task.description
        self.record.learn(key, task.task_id)
        with self.record.lock:
            before = self.record.tokens.setdefault(key, task)
            if before.lease_token != task.lease_token:
                self.record.faults.append(f"{key} has two leases at a time")
        self.report(o, key, task, f"{name}-{turn % 3}")
        if dice.random() < 0.3:
            self.report(o, key, task, f"{name}-{dice.randrange(3)}")

    def report(self, o: Raw, key: str, task: Any, artifact: str) -> None:
        self.record.run(key, "report", artifact, lambda: o.result(task, artifact=artifact), lambda ack: bool(ack.accepted))

    def meddle(self, o: Raw, number: int, turn: int, dice: random.Random) -> None:
        with self.record.lock:
            known = list(self.record.ids.items())[-12:]
        if not known:
            return
        key, task_id = dice.choice(known)
        if dice.random() < 0.25:
            cancel = msg("CancelTaskRequest", task_id=task_id)
            self.record.run(key, "cancel", "", lambda: o.call("CancelTask", cancel, timeout=3), lambda _: True)
        elif dice.random() < 0.3 and key in self.record.tokens:
            self.report(o, key, self.record.tokens[key], f"late-{dice.randrange(2)}")
        else:
            self.record.run(key, "get", "", lambda: o.call("GetTask", msg("TaskRef", task_id=task_id), timeout=3), seen)

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def test_kill_9_at_every_point_leaves_a_history_that_one_task_after_the_other_could_have(
    start_orchestrator: Any, tmp_path: Path, crash_point: Path
) -> None:
    seed = int(os.environ.get("SWARM_SEED") or random.SystemRandom().randrange(1 << 32))
    rounds = int(os.environ.get("SWARM_KILL_ROUNDS") or 50)
    until = time.monotonic() + float(os.environ.get("SWARM_KILL_SECONDS") or 150)
    print(f"SWARM_SEED={seed}")
    dice = random.Random(seed)
    record, died = Recorder(), defaultdict(int)
    point_file = tmp_path / "point"
    point_file.write_text("none 0")
    service = start_orchestrator(PATIENT, env={"LD_PRELOAD": str(crash_point), "CRASH_POINT_FILE": str(point_file)})
    for number in range(rounds):
        if time.monotonic() > until:
            break
        point = POINTS[number % len(POINTS)]
        service.kill()
        if point == "recovery":
            service.spawn()
            time.sleep(dice.uniform(0.0, 0.15))
            service.kill()
        named = point in POINTS[:3]
        # The first commits after a start belong to the load too, but let there be something to lose.
        point_file.write_text(f"{point if named else 'none'} {dice.randrange(3, 40)}")
        service.start()
        load = Load(record, service.grpc, number, dice)
        deadline = time.monotonic() + (1.5 if named else dice.uniform(0.1, 0.5))
        while service.running and time.monotonic() < deadline:
            time.sleep(0.005)
        died[point if not service.running or not named else "late"] += 1
        service.kill()
        load.end()
    point_file.write_text("none 0")
    service.start()
    o = Raw(service.grpc)
    for key, task_id in record.ids.items():
        record.run(key, "get", "", lambda i=task_id: o.get(i), seen)
    o.close()
    assert not record.faults, record.faults[:5]
    wrong = {key: calls for key, calls in record.calls.items() if not linearisable(calls)}
    assert not wrong, next(iter(wrong.items()))
    total = sum(len(calls) for calls in record.calls.values())
    print(f"{sum(died.values())} kills {dict(died)}, {total} calls on {len(record.calls)} tasks, {record.lost} answers lost")
    assert record.lost > 0 and total > 20 * sum(died.values())


def test_the_checker_knows_a_history_that_cannot_be() -> None:
    submit, get = Call("submit", "", 0, 1, True), Call("get", "", 8, 9, "S:a")
    one, other = Call("report", "a", 2, 3, True), Call("report", "b", 4, 5, True)
    assert linearisable([submit, one, get])
    assert not linearisable([submit, one, other]), "two results counted"
    assert not linearisable([submit, Call("get", "", 2, 3, "S:a"), Call("report", "a", 4, 5, True)])
    assert not linearisable([submit, one, Call("get", "", 4, 5, "")]), "an accepted result was lost"
    assert not linearisable([submit, Call("submit", "", 2, 3, True)]), "one key made two tasks"
    lost = Call("report", "a", 2, OPEN)
    assert linearisable([submit, lost, get]) and linearisable([submit, lost, Call("get", "", 8, 9, "")])
    assert not linearisable([submit, lost, get, Call("get", "", 10, 11, "")]), "a result was seen and went away"
    overlapping = Call("cancel", "", 2, 6, True)
    assert linearisable([submit, overlapping, Call("report", "a", 2, 6, False), Call("get", "", 8, 9, "C")])
    assert not linearisable([submit, overlapping, Call("report", "a", 2, 6, True), Call("get", "", 8, 9, "C")])
