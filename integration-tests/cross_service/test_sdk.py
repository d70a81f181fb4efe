"""The Python SDK against the real orchestrator: what an agent's author relies on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import swarm_sdk as sdk

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = sdk.ConnectionOptions(timeout=5.0, within=20.0)
SHORT_LEASES = {"lease.time": "1s", "lease.heartbeat": "200ms", "lease.start_within": "1s", "retry.backoff_initial": "50ms"}
Start = Callable[..., Any]


class Worker(sdk.Agent):
    """Does what it is told, on a thread of its own."""

    def __init__(self, name: str, address: str, doing: Callable[[sdk.TaskRun], str]) -> None:
        super().__init__(name, roles=["R"], orchestrator=sdk.OrchestratorClient(address, QUICK), poll_wait=2.0)
        self.doing = doing
        self.thread = threading.Thread(target=self.run, kwargs={"handle_signals": False})

    def work(self, task: sdk.TaskRun) -> str:
        return self.doing(task)


@pytest.fixture
def start_worker() -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(name: str, address: str, doing: Callable[[sdk.TaskRun], str]) -> Worker:
        workers.append(Worker(name, address, doing))
        workers[-1].thread.start()
        return workers[-1]

    yield start
    for worker in workers:
        worker.stop()
    for worker in workers:
        worker.thread.join(20)
        assert not worker.thread.is_alive(), f"{worker.name} did not stop"


def wins(task: sdk.Task) -> int:
    """How often the task's history says that an attempt of it succeeded."""
    return sum(t.to_status is sdk.TaskStatus.SUCCEEDED and t.from_status is not sdk.TaskStatus.SUCCEEDED for t in task.history)


def test_polling_and_streaming_agents_finish_everything_across_two_kills(
    start_orchestrator: Start, start_worker: Callable[..., Worker]
) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)
    done: list[str] = []

    def slowly(task: sdk.TaskRun) -> str:
        time.sleep(0.05)
        done.append(task.task_id)
        return f"by hand {task.description}"

    class Streaming(sdk.AsyncAgent):
        async def work(self, task: sdk.AsyncTaskRun) -> str:
            await asyncio.sleep(0.05)
            done.append(task.assignment.task_id)
            return f"by stream {task.assignment.description}"

    loop = asyncio.new_event_loop()
    stop: list[Callable[[], None]] = []

    async def stream() -> None:
        async with sdk.AsyncOrchestratorClient(orchestrator.grpc, QUICK) as client:
            agent = Streaming("stream-1", roles=["R"], orchestrator=client, concurrency=4)
            stop.append(lambda: loop.call_soon_threadsafe(agent.stop))
            await agent.run()

    streaming = threading.Thread(target=lambda: loop.run_until_complete(stream()))
    streaming.start()
    for number in range(2):
        start_worker(f"poll-{number}", orchestrator.grpc, slowly)
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        task_ids = [s.task_id for s in client.submit_many([sdk.NewTask(f"t{n}", role="R") for n in range(150)])]
        for _ in range(2):
            seen = len(done)
            while len(done) < seen + 15:
                time.sleep(0.01)
            orchestrator.restart()
        tasks = client.wait(task_ids, within=40)
        histories = [client.get(task_id) for task_id in task_ids]
    stop[0]()
    streaming.join(20)
    assert not streaming.is_alive()
    assert all(t.status is sdk.TaskStatus.SUCCEEDED for t in tasks.values())
    assert [wins(t) for t in histories] == [1] * 150, "no result counted twice"
    assert any("by stream" in t.artifact for t in histories) and any("by hand" in t.artifact for t in histories)


def test_heartbeats_keep_a_long_task(start_orchestrator: Start, start_worker: Callable[..., Worker]) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)

    def long(task: sdk.TaskRun) -> str:
        task.progress("on it")
        time.sleep(3.0)
        return "done"

    start_worker("a", orchestrator.grpc, long)
    start_worker("b", orchestrator.grpc, long)
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        task_id = client.submit(sdk.NewTask("long", role="R")).task_id
        while client.get(task_id).progress != "on it":
            time.sleep(0.05)
        task = client.wait([task_id], within=10)[task_id]
    assert (task.status, task.attempt) == (sdk.TaskStatus.SUCCEEDED, 1)


DEAF = """
import sys, time
import swarm_sdk as sdk
class Deaf(sdk.Agent):
    def work(self, task):
        print("working", flush=True)
        time.sleep(60)
Deaf("deaf", roles=["R"], orchestrator=sdk.OrchestratorClient(sys.argv[1])).run()
"""


def test_a_dead_agents_task_goes_to_another(start_orchestrator: Start, start_worker: Callable[..., Worker]) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        task_id = client.submit(sdk.NewTask("x", role="R")).task_id
        agent = subprocess.Popen([sys.executable, "-c", DEAF, orchestrator.grpc], stdout=subprocess.PIPE, text=True,
                                 env={"PYTHONPATH": str(ROOT / "libs" / "python-sdk" / "src"), "PATH": "/usr/bin:/bin"})
        assert agent.stdout.readline() == "working\n"
        while client.get(task_id).status is not sdk.TaskStatus.RUNNING:  # its first heartbeat
            time.sleep(0.05)
        agent.kill()
        agent.wait()
        agent.stdout.close()
        start_worker("heir", orchestrator.grpc, lambda task: f"attempt {task.attempt}")
        task = client.wait([task_id], within=15)[task_id]
    assert task.artifact == "attempt 2"


def test_a_cancelled_task_is_interrupted(start_orchestrator: Start, start_worker: Callable[..., Worker]) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)
    begun, told = threading.Event(), threading.Event()

    def work(task: sdk.TaskRun) -> str:
        if task.description == "next":
            return "done"
        begun.set()
        while True:
            time.sleep(0.02)
            if task.should_stop:
                told.set()
            task.check()

    start_worker("a", orchestrator.grpc, work)
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        task_id = client.submit(sdk.NewTask("x", role="R")).task_id
        assert begun.wait(10)
        assert client.cancel(task_id, "no longer wanted").status is sdk.TaskStatus.CANCELLED
        assert told.wait(10)
        following = client.submit(sdk.NewTask("next", role="R")).task_id
        assert client.wait([following], within=10)[following].artifact == "done"
        task = client.get(task_id)
    assert task.status is sdk.TaskStatus.CANCELLED and "no longer wanted" in task.status_reason


def test_a_graph_runs_in_order_and_passes_results_on(start_orchestrator: Start, start_worker: Callable[..., Worker]) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)
    start_worker("a", orchestrator.grpc, lambda task: f"result of {task.description}; context: {task.context}")
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        first = client.submit(sdk.NewTask("first", role="R")).task_id
        second = client.submit(sdk.NewTask("second", role="R", depends_on=[first])).task_id
        third = client.submit(sdk.NewTask("third", role="R", depends_on=[first, second])).task_id
        tasks = client.wait([first, second, third], within=15)
    assert "result of first" in tasks[second].artifact, "the context carries what it depends on"
    assert tasks[first].updated_unix_ms <= tasks[second].updated_unix_ms <= tasks[third].updated_unix_ms


def test_the_kill_switch_holds_work_back_until_resumed(
    start_orchestrator: Start, start_worker: Callable[..., Worker]
) -> None:
    orchestrator = start_orchestrator(SHORT_LEASES)
    done = threading.Event()
    start_worker("a", orchestrator.grpc, lambda task: done.set() or "x")
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        client.halt("fire drill", by="ann")
        task_id = client.submit(sdk.NewTask("x", role="R")).task_id
        assert not done.wait(0.7)
        orchestrator.restart()
        assert client.dispatch().halted, "the switch survives a kill"
        assert not done.wait(0.7)
        client.resume(by="ann")
        assert client.wait([task_id], within=10)[task_id].status is sdk.TaskStatus.SUCCEEDED


def test_it_installs_from_its_folder(tmp_path: Path) -> None:
    """What `pip install ./libs/python-sdk` gives, without the network: the package with its descriptors."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", str(tmp_path / "site"), str(copy_of_the_sdk(tmp_path))], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    program = "import swarm_sdk, sys; swarm_sdk.NewTask('x').to_wire(); print(swarm_sdk.__file__)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path,
                          env={"PYTHONPATH": str(tmp_path / "site")})
    assert said.stdout.startswith(str(tmp_path)), said.stderr


def copy_of_the_sdk(tmp_path: Path) -> Path:
    """setuptools builds in the source folder; tests that run side by side must not share it."""
    import shutil

    ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".pytest_cache")
    return Path(shutil.copytree(ROOT / "libs" / "python-sdk", tmp_path / "source", ignore=ignored))


def test_a_drained_agent_finishes_what_it_has_and_its_run_returns(start_orchestrator: Start, start_worker: Callable[..., Worker]) -> None:
    service = start_orchestrator(SHORT_LEASES)
    begun, go = threading.Event(), threading.Event()

    def slow(task: sdk.TaskRun) -> str:
        begun.set()
        go.wait(20)
        return "done"

    busy = start_worker("busy", service.grpc, slow)
    with sdk.OrchestratorClient(service.grpc, QUICK) as client:
        task_id = client.submit(sdk.NewTask("x", role="R")).task_id
        assert begun.wait(10)
        idle = start_worker("idle", service.grpc, slow)
        while len(client.agents()) < 2:
            time.sleep(0.02)
        for name in ("busy", "idle"):
            client.hold(sdk.HoldKind.AGENT, name, "upgrade")
        idle.thread.join(10)
        assert not idle.thread.is_alive(), "it was told by the answer to its poll"
        go.set()
        busy.thread.join(10)
        assert not busy.thread.is_alive()
        assert client.get(task_id).artifact == "done"
        assert {h.name for h in client.holds()} == {"busy", "idle"}

        class Streamer(sdk.AsyncAgent):
            async def work(self, task: sdk.AsyncTaskRun) -> str:
                return "s"

        async def stream() -> None:
            async with sdk.AsyncOrchestratorClient(service.grpc) as o:
                agent = Streamer("streamer", roles=["R"], orchestrator=o)
                running = asyncio.create_task(agent.run())
                while not any(a.name == "streamer" and a.waiting for a in await o.agents()):
                    await asyncio.sleep(0.02)
                await o.hold(sdk.HoldKind.AGENT, "streamer")
                await asyncio.wait_for(running, 10)

        asyncio.run(stream())
