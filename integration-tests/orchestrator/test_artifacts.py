"""Files that agents hand in piece by piece: whole or not there, under their lease, looked at by policies, gone with their task."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from eventually import eventually
from orchestrator.client import Raw, code_of, msg

import swarm_sdk as sdk
from swarm_sdk import aio as sdk_aio
from swarm_sdk import connection as sdk_connection
from swarm_sdk import files as sdk_files
from swarm_sdk import models as sdk_models

PIECE = 256 * 1024


class Files(Raw):
    def upload(self, task: Any, content: bytes, name: str = "out.bin", pieces: Iterator[Any] | None = None, **fields: Any) -> Any:
        fields = {"task_id": task.task_id, "lease_token": task.lease_token, "name": name, "bytes": len(content),
                  "sha256": hashlib.sha256(content).hexdigest()} | fields
        parts = pieces or (msg("ArtifactPart", data=content[at:at + PIECE]) for at in range(0, len(content), PIECE))

        def stream() -> Iterator[Any]:
            yield msg("ArtifactPart", begin=fields)
            yield from parts

        return self._method("stream_unary", "UploadArtifact")(stream(), timeout=60)

    def download(self, task_id: str, name: str = "out.bin", **fields: Any) -> tuple[Any, bytes]:
        parts = list(self.follow("DownloadArtifact", msg("ArtifactRequest", task_id=task_id, name=name, **fields), timeout=60))
        return parts[0].info, b"".join(part.data for part in parts[1:])

    def ref(self, info: Any) -> Any:
        return msg("ArtifactRef", name=info.name, sha256=info.sha256, bytes=info.bytes)

    def work(self, **fields: Any) -> Any:
        self.register()
        task_id = self.submit(**fields)
        task = self.poll()
        assert task.task_id == task_id
        return task


@pytest.fixture
def files() -> Iterator[Any]:
    opened: list[Files] = []

    def connect(service: Any) -> Files:
        opened.append(Files(service.grpc))
        return opened[-1]

    yield connect
    for o in opened:
        o.close()


def stored(service: Any) -> list[Path]:
    """Without what is on its way in."""
    return sorted(p for p in (service.data_dir / "artefacts").rglob("*") if p.is_file() and p.parent.name != "incoming")


def incoming(service: Any) -> list[Path]:
    return list((service.data_dir / "artefacts" / "incoming").iterdir())


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


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


def test_a_disk_without_room_refuses_and_goes_on(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"artifacts.free_min": str(1 << 60)})
    o = files(service)
    task = o.work()
    code, text = code_of(lambda: o.upload(task, b"x" * 1000))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and "free_min" in text
    service.configure({"artifacts.free_min": "0"})
    service.restart()
    o = files(service)
    assert o.upload(task, b"x" * 1000).bytes == 1000
    folder = service.data_dir / "artefacts"
    if os.geteuid() != 0:
        (folder / "incoming").chmod(0o500)
        assert code_of(lambda: o.upload(task, b"y"))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
        (folder / "incoming").chmod(0o700)
    assert o.result(task).accepted


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


def test_an_upload_that_was_cut_off_goes_on_where_it_was_also_after_kill_9(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"})
    o = files(service)
    content = noise(3_000_000)
    task = o.work()
    begin = {"task_id": task.task_id, "lease_token": task.lease_token, "name": "out.bin", "bytes": len(content),
             "sha256": hashlib.sha256(content).hexdigest()}

    def arrived(**fields: Any) -> int:
        return int(o.call("GetUploadOffset", msg("ArtifactBegin", **begin | fields)).offset)

    def cut_at(end: int, at: int = 0) -> None:
        """Sends up to `end`; then the connection is gone."""
        sent = threading.Event()

        def pieces() -> Iterator[Any]:
            yield from (msg("ArtifactPart", data=content[n:min(n + PIECE, end)]) for n in range(at, end, PIECE))
            sent.wait(30)

        mine = Files(service.grpc)
        before = arrived()
        thread = threading.Thread(target=lambda: code_of(lambda: mine.upload(task, content, pieces=pieces(), offset=at)))
        thread.start()
        name = begin["sha256"]
        eventually(lambda: any(p.name == name and p.stat().st_size == end for p in incoming(service)), within=20)
        assert code_of(arrived)[0] == grpc.StatusCode.UNAVAILABLE and before == at
        mine.close()
        sent.set()
        thread.join()
        o_sees = eventually(lambda: known() == end)
        assert o_sees

    def known() -> int:
        try:
            return arrived()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            return -1

    assert arrived() == 0
    cut_at(1_000_000)
    cut_at(1_500_000, at=1_000_000)
    service.kill()
    service.start()
    o = files(service)
    assert arrived() == 1_500_000
    assert code_of(lambda: o.upload(task, content, offset=1_500_001))[0] == grpc.StatusCode.OUT_OF_RANGE
    for wrong in (-1, len(content) + 1):
        assert code_of(lambda: o.upload(task, content, offset=wrong))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(lambda: arrived(lease_token="0" * 32))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert known() == 1_500_000
    rest = (msg("ArtifactPart", data=content[n:n + PIECE]) for n in range(1_500_000, len(content), PIECE))
    assert o.upload(task, content, pieces=rest, offset=1_500_000).sha256 == begin["sha256"]
    assert arrived() == len(content) and incoming(service) == []
    assert o.download(task.task_id)[1] == content
    assert o.result(task).accepted


def test_a_policy_sees_what_came_before_the_cut(start_orchestrator: Any, files: Any) -> None:
    rails = {"guardrails": {"policies": [{"id": "leaks", "control": "SI-10", "forbidden": ["BEGIN RSA PRIVATE KEY"]}]}}
    service = start_orchestrator(rails | {"lease.time": "10m", "lease.start_within": "10m"})
    o = files(service)
    task = o.work()
    content = b"x" * 1000 + b"BEGIN RSA PRIVATE KEY" + b"y" * 1000
    # What is on the disk as half of an upload got there past the policy, as one of an earlier configuration.
    (service.data_dir / "artefacts" / "incoming" / hashlib.sha256(content).hexdigest()).write_bytes(content[:1010])
    rest = iter([msg("ArtifactPart", data=content[1010:])])
    assert "SI-10" in code_of(lambda: o.upload(task, content, pieces=rest, offset=1010))[1]
    assert o.status(task.task_id) == "DEAD"
    eventually(lambda: incoming(service) == [])


class CuttingProxy:
    """Forwards connections to a port; ends each one once it has carried `bytes_max` upwards, as often as `cuts` says."""

    def __init__(self, address: str, bytes_max: int, cuts: int) -> None:
        host, port = address.rsplit(":", 1)
        self.target, self.bytes_max, self.cuts_left, self.carried = (host, int(port)), bytes_max, cuts, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        left = self.bytes_max
        try:
            while data := source.recv(65536):
                if up:
                    left -= len(data)
                    self.carried += len(data)
                    if left < 0 and self.cuts_left > 0:
                        self.cuts_left -= 1
                        break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_sdk_goes_on_after_its_connection_was_cut(start_orchestrator: Any, tmp_path: Path, kind: str) -> None:
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"})
    made = tmp_path / "made.bin"
    made.write_bytes(noise(12_000_000))
    o = Files(service.grpc)
    o.work()
    assignment = sdk_models.read(sdk_models.Assignment, o.poll())
    proxy = CuttingProxy(service.grpc, 5_000_000, 2)
    if kind == "sync":
        connection = sdk_connection.Connection(proxy.address)
        info = sdk_files.upload(connection, assignment, made, "made.bin")
        connection.close()
    else:

        async def main() -> sdk.Artifact:
            connection = sdk_aio.AsyncConnection(proxy.address)
            try:
                return await connection.upload(assignment, made, "made.bin")
            finally:
                await connection.close()

        info = asyncio.run(main())
    proxy.close()
    assert info.bytes == 12_000_000 and proxy.cuts_left == 0
    assert o.download(assignment.task_id, "made.bin")[1] == made.read_bytes()
    print(f"{proxy.carried} bytes carried")
    assert proxy.carried < 12_000_000 + 9_000_000, "what had come was not sent again, but for what was on its way"
    o.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_up_in_the_middle_of_an_upload_refuses_and_goes_on(start_orchestrator: Any, files: Any, small_disk: Path) -> None:
    service = start_orchestrator({"artifacts.free_min": "0"})
    service.kill()
    shutil.rmtree(service.data_dir / "artefacts")
    (service.data_dir / "artefacts").symlink_to(small_disk)
    service.start()
    o = files(service)
    task = o.work()
    content = noise(6_000_000)

    def pieces() -> Iterator[Any]:
        for at in range(0, len(content), PIECE):
            if at == 8 * PIECE:
                eventually(lambda: any(p.stat().st_size >= 4 * PIECE for p in incoming(service)))
                (small_disk / "filler").write_bytes(b"x" * 3_500_000)
            yield msg("ArtifactPart", data=content[at:at + PIECE])

    code, text = code_of(lambda: o.upload(task, content, pieces=pieces()))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and "the disk is full" in text, text
    eventually(lambda: incoming(service) == [])
    o.register("b")
    other = o.submit("goes on")
    assert o.result(o.poll("b")).accepted and o.status(other) == "SUCCEEDED"
    (small_disk / "filler").unlink()
    assert o.upload(task, content).bytes == len(content)
    assert o.result(task).accepted
