"""A disk that loses what was not synced, is full, read-only or broken: what was acknowledged stays, and callers are told."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
import subprocess
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest
from orchestrator.client import Raw, code_of, msg

HEAD = struct.Struct("=qqq")


class Disk:
    def __init__(self, directory: Path) -> None:
        library = directory / "file_faults.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("file_faults.c"), "-ldl"], check=True)
        self.fault, self.undo = directory / "fault", directory / "undo"
        self.fail()
        self.env = {"LD_PRELOAD": str(library), "FAULT_FILE": str(self.fault), "UNDO_FILE": str(self.undo)}

    def fail(self, write: int = 0, sync: int = 0) -> None:
        mode = "r+b" if self.fault.exists() else "wb"
        with open(self.fault, mode) as file:
            file.write(struct.pack("=ii", write, sync))

    def lose_unsynced(self, data: Path, dice: random.Random) -> int:
        """Takes back some or all of the writes since the last sync. How many there were."""
        raw, at, entries = self.undo.read_bytes(), 0, []
        while at + HEAD.size <= len(raw):
            offset, length, size = HEAD.unpack_from(raw, at)
            at += HEAD.size
            entries.append((offset, raw[at:at + length], size))
            at += length
        share = dice.choice([1.0, 0.5])
        with open(data, "r+b") as file:
            for offset, old, size in reversed(entries):
                if dice.random() < share:
                    file.seek(offset)
                    file.write(old)
                    if offset >= size:
                        file.truncate(max(size, offset))
        return len(entries)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_the_loss_of_writes_that_were_not_synced_loses_nothing_acknowledged(start_orchestrator: Any, disk: Disk) -> None:
    seed = int(os.environ.get("SWARM_SEED") or random.SystemRandom().randrange(1 << 32))
    rounds = int(os.environ.get("SWARM_KILL_ROUNDS") or 15)
    print(f"SWARM_SEED={seed}")
    dice = random.Random(seed)
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"}, env=disk.env)
    acknowledged: dict[str, str] = {}
    lost = 0

    def work(number: int, stop: threading.Event) -> None:
        o = Raw(service.grpc)
        try:
            o.register(f"a{number}")
            while not stop.is_set():
                task_id = o.submit("x" * 2_000)
                acknowledged[task_id] = ""
                task = o.poll(f"a{number}", wait_ms=100)
                if task.task_id and o.result(task, artifact=task.task_id).accepted:
                    acknowledged[task.task_id] = task.task_id
        except grpc.RpcError:
            pass
        finally:
            o.close()

    for _ in range(rounds):
        stop = threading.Event()
        threads = [threading.Thread(target=work, args=(n, stop)) for n in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.2, 0.6))
        service.kill()
        stop.set()
        for thread in threads:
            thread.join()
        lost += disk.lose_unsynced(service.data_dir / "data.mdb", dice)
        service.start()
    o = Raw(service.grpc)
    for task_id, artifact in acknowledged.items():
        stored = o.get(task_id)
        assert artifact == "" or stored.artifact == artifact
    o.close()
    print(f"{len(acknowledged)} tasks, {lost} writes lost in {rounds} kills")
    assert len(acknowledged) > rounds and lost > 0


def checks(service: Any) -> dict[str, Any]:
    with urllib.request.urlopen(service.admin + "/readyz", timeout=5) as answer:
        return {check["name"]: check for check in json.load(answer)["checks"]}


def test_a_full_disk_refuses_and_goes_on_when_there_is_room_again(start_orchestrator: Any, connect: Any, disk: Disk) -> None:
    service = start_orchestrator(env=disk.env)
    o = connect(service)
    o.register()
    kept = [o.submit(f"{n}") for n in range(5)]
    task = o.poll()
    pid = service.pid
    disk.fail(write=errno.ENOSPC)
    for call in (o.submit, lambda: o.result(task), lambda: o.call("CancelTask", msg("CancelTaskRequest", task_id=kept[1]))):
        assert code_of(call)[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [o.get(task_id).task_id for task_id in kept] == kept
    said = checks(service)["disk"]["detail"]
    assert "everything that writes is refused" in said and "the disk is full: free space on it or raise the quota" in said
    disk.fail()
    assert o.result(task).accepted and o.submit()
    assert "disk" not in checks(service)
    assert service.running and service.pid == pid
    assert o.poll().task_id in kept


@pytest.mark.parametrize("fault", ["read-only", "sync"])
def test_a_disk_that_breaks_ends_the_process_with_its_cause_and_nothing_acknowledged_is_lost(
    start_orchestrator: Any, connect: Any, disk: Disk, fault: str
) -> None:
    service = start_orchestrator(env=disk.env)
    o = connect(service)
    o.register()
    kept = [o.submit(f"{n}") for n in range(5)]
    task = o.poll()
    disk.fail(**({"write": errno.EROFS} if fault == "read-only" else {"sync": errno.EIO}))
    code, _ = code_of(lambda: o.result(task))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert service.wait_exit() == 1
    assert ("read-only" if fault == "read-only" else "unknown") in service.tail(20).lower()
    disk.fail()
    service.start()
    o = connect(service)
    assert [o.get(task_id).task_id for task_id in kept] == kept
    assert o.result(task).accepted
