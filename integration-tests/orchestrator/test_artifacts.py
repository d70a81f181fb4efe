"""Files that agents hand in piece by piece: whole or not there, under their lease, looked at by policies, gone with their task."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from eventually import eventually
from orchestrator.client import code_of, msg
from orchestrator.files import PIECE, Files, incoming, noise, stored

import swarm_sdk as sdk


def test_a_file_comes_back_as_it_was_and_survives_kill_9(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator()
    o = files(service)
    content = noise(5_000_000)
    task = o.work()
    info = o.upload(task, content, name="build/out.bin")
    assert (info.bytes, info.attempt, info.agent, info.accepted) == (len(content), 1, "a", False)
    empty = o.upload(task, b"", name="empty")
    assert o.result(task, artifacts=[o.ref(info), o.ref(empty)]).task_status == "SUCCEEDED"
    service.kill()
    service.start()
    o = files(service)
    shown, back = o.download(task.task_id, "build/out.bin")
    assert back == content and shown.accepted
    assert o.download(task.task_id, "empty")[1] == b""
    assert o.download(task.task_id, "build/out.bin", offset=4_999_990)[1] == content[-10:]
    assert o.download(task.task_id, "build/out.bin", offset=7, length=600_000)[1] == content[7:600_007]
    assert o.download(task.task_id, "build/out.bin", offset=5_000_000)[1] == b""
    assert [a.name for a in o.get(task.task_id).artifacts] == ["build/out.bin", "empty"]
    for fields, code in (({"name": "none"}, "NOT_FOUND"), ({"name": "empty", "offset": 1}, "OUT_OF_RANGE"),
                         ({"name": "empty", "attempt": 2}, "NOT_FOUND"), ({"name": "empty", "length": -1}, "INVALID_ARGUMENT")):
        assert code_of(lambda: o.download(task.task_id, **fields))[0].name == code


def test_what_is_not_as_announced_is_refused_and_nothing_of_it_is_left(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"artifacts.bytes_max": "1MiB", "artifacts.task_bytes_max": "1536KiB", "artifacts.task_count_max": 3})
    o = files(service)
    task = o.work()
    content = noise(600_000)
    too_large = [msg("ArtifactPart", data=b"x" * (1024 * 1024 + 1))]
    begin_again = [msg("ArtifactPart", begin={"name": "x"})]
    for fields, code in (
        ({"sha256": "0" * 64}, "INVALID_ARGUMENT"),
        ({"sha256": "../../../etc/passwd"}, "INVALID_ARGUMENT"),
        ({"bytes": 600_001}, "INVALID_ARGUMENT"),
        ({"bytes": 599_999}, "INVALID_ARGUMENT"),
        ({"bytes": 1024 * 1024 + 1}, "INVALID_ARGUMENT"),
        ({"bytes": -1}, "INVALID_ARGUMENT"),
        ({"pieces": iter(too_large)}, "INVALID_ARGUMENT"),
        ({"pieces": iter(begin_again)}, "INVALID_ARGUMENT"),
        ({"pieces": iter([])}, "INVALID_ARGUMENT"),
        ({"lease_token": "0" * 32}, "FAILED_PRECONDITION"),
        ({"lease_token": "f" * 32}, "FAILED_PRECONDITION"),
        ({"lease_token": ""}, "FAILED_PRECONDITION"),
        ({"task_id": "00000000-0000-7000-8000-000000000000"}, "NOT_FOUND"),
        ({"task_id": "nonsense"}, "INVALID_ARGUMENT"),
        *(({"name": name}, "INVALID_ARGUMENT") for name in ("", "..", "../x", "/etc/passwd", "a/../../x", "a\\b", "a\nb", "x" * 201)),
    ):
        answer = code_of(lambda: o.upload(task, content, **fields))
        assert answer[0].name == code, (fields, answer)
    nothing = code_of(lambda: o._method("stream_unary", "UploadArtifact")(iter([]), timeout=10))
    assert nothing[0] == grpc.StatusCode.INVALID_ARGUMENT
    eventually(lambda: stored(service) == [])
    for n in range(2):
        o.upload(task, noise(600_000, n), name=f"{n}")
    code, text = code_of(lambda: o.upload(task, noise(600_000, 3), name="more"))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "artifacts" in text
    o.upload(task, b"small", name="2")
    assert code_of(lambda: o.upload(task, b"4", name="3"))[0] == grpc.StatusCode.FAILED_PRECONDITION
    eventually(lambda: len(stored(service)) == 3)
    wrong = msg("ArtifactRef", name="2", sha256="1" * 64, bytes=5)
    code, text = code_of(lambda: o.result(task, artifacts=[wrong]))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "'2'" in text
    assert o.result(task).accepted


def test_only_the_lease_hands_in_and_the_same_again_changes_nothing(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"retry.backoff_initial": "1ms"})
    o = files(service)
    task = o.work()
    first = o.upload(task, b"one" * 1000)
    assert o.upload(task, b"one" * 1000).sha256 == first.sha256
    assert o.status(task.task_id) == "RUNNING", "an upload is a sign of the agent"
    assert len(o.get(task.task_id).artifacts) == 1
    o.upload(task, b"two" * 1000)
    eventually(lambda: len(stored(service)) == 1)
    o.result(task, "failure")
    assert code_of(lambda: o.upload(task, b"late"))[0] == grpc.StatusCode.FAILED_PRECONDITION
    again = eventually(lambda: (p := o.poll(wait_ms=1000)).task_id and p)
    assert [a.name for a in again.artifacts] == ["out.bin"] and not again.artifacts[0].accepted
    assert code_of(lambda: o.upload(task, b"late"))[0] == grpc.StatusCode.FAILED_PRECONDITION
    old = msg("ArtifactRef", name="out.bin", sha256=again.artifacts[0].sha256, bytes=again.artifacts[0].bytes)
    assert code_of(lambda: o.result(again, artifacts=[old]))[0] == grpc.StatusCode.FAILED_PRECONDITION, "it is of another attempt"
    mine = o.upload(again, b"three", name="other.bin")
    assert o.result(again, artifacts=[o.ref(mine)]).accepted
    assert [(a.name, a.accepted) for a in o.get(task.task_id).artifacts] == [("other.bin", True)], "what failed attempts left goes"
    eventually(lambda: len(stored(service)) == 1)


def test_kill_9_in_the_middle_of_uploads_keeps_what_was_acknowledged_and_nothing_else(start_orchestrator: Any, files: Any) -> None:
    seed = int(os.environ.get("SWARM_SEED") or random.SystemRandom().randrange(1 << 32))
    rounds = int(os.environ.get("SWARM_KILL_ROUNDS") or 6)
    print(f"SWARM_SEED={seed}")
    dice = random.Random(seed)
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"})
    acknowledged: dict[tuple[str, str], bytes] = {}
    sending: dict[tuple[str, str], bytes] = {}
    lock = threading.Lock()
    counter = iter(range(1 << 30))

    def work(number: int, task: Any) -> None:
        o = Files(service.grpc)
        try:
            while True:
                with lock:
                    n = next(counter)
                content = noise(300_000 + 10_000 * (n % 40), n)
                name = f"f{n % 5}-{number}"
                sending[task.task_id, name] = content
                o.upload(task, content, name=name)
                acknowledged[task.task_id, name] = content
        except grpc.RpcError:
            pass
        finally:
            o.close()

    o = files(service)
    for name in ("a0", "a1", "a2"):
        o.register(name)
        o.submit()
    tasks = [o.poll(name) for name in ("a0", "a1", "a2")]
    for _ in range(rounds):
        # A file is replaced under its name: what counts is the last acknowledged, or the one that was on its way.
        threads = [threading.Thread(target=work, args=(n, task)) for n, task in enumerate(tasks)]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.3, 1.0))
        service.kill()
        for thread in threads:
            thread.join()
        service.start()
        o = files(service)
        for (task_id, name), content in acknowledged.items():
            info, back = o.download(task_id, name)
            assert hashlib.sha256(back).hexdigest() == info.sha256
            assert back in (content, sending[task_id, name])
        names = {a.sha256 for task in tasks for a in o.get(task.task_id).artifacts}
        eventually(lambda: {p.name for p in stored(service)} == names)
    assert len(acknowledged) > 3
    for task in tasks:
        assert o.result(task).accepted, "leases outlive it all"


def test_files_go_with_their_task_unless_another_refers_to_them(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator()
    o = files(service)
    shared, own = noise(200_000), noise(200_000, 2)
    first = o.work()
    o.upload(first, shared)
    o.upload(first, own, name="own")
    o.result(first)
    second = o.work()
    o.upload(second, shared, pieces=iter([]))  # it is here already: no byte need come
    assert len(stored(service)) == 2
    o.call("DeleteTask", msg("TaskRef", task_id=first.task_id))
    eventually(lambda: [p.name for p in stored(service)] == [hashlib.sha256(shared).hexdigest()])
    assert o.download(second.task_id)[1] == shared
    o.result(second)
    service.configure({"retention.succeeded": "100ms"})
    service.restart()
    o = files(service)
    eventually(lambda: stored(service) == [])
    assert code_of(lambda: o.download(second.task_id))[0] == grpc.StatusCode.NOT_FOUND


def test_what_a_crash_left_without_a_task_is_swept_up(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator()
    o = files(service)
    task = o.work()
    o.upload(task, b"kept")
    service.kill()
    folder = service.data_dir / "artefacts"
    for n in range(300):
        name = hashlib.sha256(str(n).encode()).hexdigest()
        (folder / name[:2]).mkdir(exist_ok=True)
        (folder / name[:2] / name).write_text(str(n))
    (folder / "incoming" / "half").write_text("half")
    service.start()
    assert incoming(service) == []
    eventually(lambda: [p.name for p in stored(service)] == [hashlib.sha256(b"kept").hexdigest()])
    assert files(service).download(task.task_id)[1] == b"kept"


def test_a_policy_sees_what_lies_across_pieces_and_the_task_ends_as_denied(start_orchestrator: Any, files: Any) -> None:
    rails = {"guardrails": {"policies": [{"id": "leaks", "control": "SI-10", "hosts": ["example.org"], "forbidden": ["BEGIN RSA PRIVATE KEY"]}]}}
    service = start_orchestrator(rails)
    o = files(service)
    for before in (0, PIECE - 5, 2 * PIECE - 1, 700_000):
        task = o.work()
        code, text = code_of(lambda: o.upload(task, b"x" * before + b"BEGIN RSA PRIVATE KEY secret" + b"y" * 400_000))
        assert code == grpc.StatusCode.PERMISSION_DENIED and "leaks" in text and "SI-10" in text, before
        shown = o.get(task.task_id)
        assert o.status(task.task_id) == "DEAD" and "SI-10" in shown.status_reason and not shown.artifacts
        assert any("SI-10" in step.reason for step in shown.history)
    eventually(lambda: stored(service) == [])
    task = o.work()
    fine = b"x" * (PIECE - 20) + b" see https://example.org/x and " + b"y" * 400_000
    o.upload(task, fine)
    assert o.result(task).task_status == "SUCCEEDED"
    # A stricter policy looks at what is here already, too.
    service.configure({"guardrails": {"policies": [{"id": "words", "control": "AC-4", "forbidden": ["see https"]}]}})
    service.restart()
    o = files(service)
    task = o.work()
    assert "AC-4" in code_of(lambda: o.upload(task, fine))[1]


def test_an_upload_that_stands_still_is_given_up_and_others_are_bounded(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"artifacts.uploads": 2, "artifacts.idle": "500ms"})
    o = files(service)
    task = o.work()
    stop = threading.Event()
    codes: list[str] = []

    def stand_still(n: int) -> None:
        def pieces() -> Iterator[Any]:
            yield msg("ArtifactPart", data=b"x" * 10)
            stop.wait(30)

        mine = Files(service.grpc)
        codes.append(code_of(lambda: mine.upload(task, b"x" * 1000, name=f"{n}", pieces=pieces()))[0].name)
        mine.close()

    threads = [threading.Thread(target=stand_still, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(codes) == 6)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(codes) <= {"RESOURCE_EXHAUSTED", "CANCELLED"} and codes.count("CANCELLED") >= 2

    def there_is_room() -> bool:
        try:
            return bool(o.upload(task, b"now there is room").bytes)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            return False

    eventually(there_is_room)
    eventually(lambda: len(stored(service)) == 1)
    assert o.result(task).accepted


def test_the_sdk_and_swarmctl_bring_files_up_and_down(start_orchestrator: Any, swarm_bin: Path, tmp_path: Path) -> None:
    service = start_orchestrator()
    made = tmp_path / "made.bin"
    made.write_bytes(noise(3_000_000))
    client = sdk.OrchestratorClient(service.grpc)

    class Maker(sdk.Agent):
        def work(self, task: sdk.TaskRun) -> str:
            if task.assignment.role == "Reader":
                task.download("made.bin", tmp_path / "read.bin", task_id=task.assignment.labels["of"])
                return "read"
            assert task.attach(made).bytes == 3_000_000
            assert task.attach(made, name="copies/second.bin").name == "copies/second.bin"
            return "made"

    maker = Maker("m", capabilities=["*"], orchestrator=sdk.OrchestratorClient(service.grpc))
    task_id = client.submit(sdk.NewTask("make")).task_id
    second = client.submit(sdk.NewTask("read", role="Reader", depends_on=[task_id], labels={"of": task_id})).task_id
    maker.run(handle_signals=False, tasks_max=2)
    tasks = client.wait([task_id, second], 20)
    assert all(t.status is sdk.TaskStatus.SUCCEEDED for t in tasks.values()), tasks
    assert (tmp_path / "read.bin").read_bytes() == made.read_bytes()
    assert [a.name for a in client.artifacts(task_id)] == ["made.bin", "copies/second.bin"] and tasks[task_id].artifacts[0].accepted
    got = client.download(task_id, "copies/second.bin", tmp_path / "down.bin")
    assert got.bytes == 3_000_000 and (tmp_path / "down.bin").read_bytes() == made.read_bytes()
    with pytest.raises(sdk.NotFound):
        client.download(task_id, "none", tmp_path / "none.bin")
    assert not list(tmp_path.glob("none*")), "nothing is left of what did not come"
    client.close()

    def swarmctl(*arguments: str | Path) -> Any:
        return subprocess.run([swarm_bin / "swarmctl", "--orchestrator", service.grpc, *arguments], capture_output=True, timeout=60)

    listed = swarmctl("artifacts", "list", task_id)
    assert listed.returncode == 0 and b"copies/second.bin" in listed.stdout and b"accepted" in listed.stdout
    done = swarmctl("artifacts", "get", task_id, "made.bin", "-o", tmp_path / "ctl.bin")
    assert done.returncode == 0 and (tmp_path / "ctl.bin").read_bytes() == made.read_bytes(), done.stderr
    assert swarmctl("artifacts", "get", task_id, "made.bin", "-o", "-").stdout == made.read_bytes()
    missing = swarmctl("artifacts", "get", task_id, "none", "-o", tmp_path / "none.bin")
    assert missing.returncode == 1 and not list(tmp_path.glob("none*"))


def test_an_async_agent_hands_in_files_too(start_orchestrator: Any, tmp_path: Path) -> None:
    service = start_orchestrator()
    made = tmp_path / "made.bin"
    made.write_bytes(noise(1_500_000))

    class Maker(sdk.AsyncAgent):
        async def work(self, task: sdk.AsyncTaskRun) -> str:
            await task.attach(made)
            return "made"

    async def main() -> sdk.Artifact:
        async with sdk.AsyncOrchestratorClient(service.grpc) as client:
            maker = Maker("m", capabilities=["*"], orchestrator=client)
            running = asyncio.create_task(maker.run())
            task_id = (await client.submit(sdk.NewTask("make"))).task_id
            await client.wait([task_id], 30)
            got = await client.download(task_id, "made.bin", tmp_path / "down.bin")
            maker.stop()
            await asyncio.wait_for(running, 30)
            return got

    assert asyncio.run(main()).accepted and (tmp_path / "down.bin").read_bytes() == made.read_bytes()


def test_a_backup_holds_the_files_while_tasks_come_and_go(start_orchestrator: Any, files: Any, swarm_bin: Path, tmp_path: Path) -> None:
    service = start_orchestrator()
    o = files(service)
    task = o.work()
    content = noise(2_000_000)
    o.upload(task, content)
    o.result(task)
    stop = threading.Event()

    def churn() -> None:
        mine = Files(service.grpc)
        mine.register("churn")
        n = 0
        try:
            while not stop.is_set():
                n += 1
                task_id = mine.submit("churn")
                got = mine.poll("churn")
                mine.upload(got, noise(50_000, n))
                mine.result(got)
                mine.call("DeleteTask", msg("TaskRef", task_id=task_id))
        finally:
            mine.close()

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        done = subprocess.run([swarm_bin / "swarmctl", "--orchestrator", service.grpc, "backup", "make", tmp_path / "copy", "--only", "orchestrator"],
                              capture_output=True, text=True, timeout=100)
    finally:
        stop.set()
        thread.join()
    assert done.returncode == 0, done.stderr
    restored = subprocess.run([swarm_bin / "swarmctl", "backup", "restore", tmp_path / "copy" / "orchestrator-core", tmp_path / "new"],
                              capture_output=True, text=True, timeout=100)
    assert restored.returncode == 0, restored.stderr
    copy = start_orchestrator({"data_dir": str(tmp_path / "new")})
    o = files(copy)
    assert o.download(task.task_id)[1] == content
    for shown in o.call("ListTasks", msg("ListTasksRequest")).tasks:
        for artifact in shown.artifacts:
            assert len(o.download(shown.task_id, artifact.name)[1]) == artifact.bytes
