"""AsyncAgent: many tasks over one stream, and what becomes of them when it breaks."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

import swarm_sdk as sdk
from fake_services import FakeOrchestrator, FakeService
from swarm_sdk import wire
from test_clients import QUICK

RESPONSE = wire.message("orchestrator.WorkResponse")


class Hub:
    """The orchestrator's end of the Work stream, played by the test: hands out, acknowledges, breaks."""

    def __init__(self, orchestrator: FakeOrchestrator) -> None:
        self.results: list[Any] = []
        self.credits: list[int] = []
        self.heartbeats: list[Any] = []
        self.joins = 0
        self.acknowledge = True
        self.waiting: list[Any] = []
        self._sending: queue.Queue[Any] = queue.Queue()
        orchestrator.on("Work")(self._work)

    def send(self, **fields: Any) -> None:
        self._sending.put(RESPONSE(**fields))

    def give(self, *task_ids: str) -> None:
        self.send(assignments=[{"task_id": t, "lease_token": f"token-{t}", "attempt": 1, "role": "Coder"} for t in task_ids])

    def break_stream(self) -> None:
        self._sending.put(None)

    def _work(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        self.joins += 1
        self._sending = queue.Queue()
        sending = self._sending
        threading.Thread(target=self._listen, args=(requests, sending), daemon=True).start()
        while (message := sending.get()) is not None:
            yield message
        context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

    def _listen(self, requests: Iterator[Any], sending: "queue.Queue[Any]") -> None:
        try:
            for request in requests:
                kind = request.WhichOneof("payload")
                if kind == "join":
                    sending.put(RESPONSE(joined={"agent_id": request.join.name, "heartbeat_ms": 50}))
                elif kind == "credit":
                    self.credits.append(request.credit)
                elif kind == "heartbeat":
                    self.heartbeats.append(request.heartbeat)
                else:
                    self.results += request.results.results
                    if self.acknowledge:
                        sending.put(RESPONSE(acks=[{"task_id": r.task_id, "attempt": r.attempt, "accepted": True}
                                                   for r in request.results.results]))
        except grpc.RpcError:
            pass  # the client went away
        sending.put(None)


class Scripted(sdk.AsyncAgent):
    def __init__(self, doing: Callable[..., Any], **more: Any) -> None:
        super().__init__("agent-1", roles=["Coder"], **more)
        self.doing = doing

    async def work(self, task: sdk.AsyncTaskRun) -> str:
        return await self.doing(task)


def play(orchestrator: FakeOrchestrator, scene: Callable[..., Any], doing: Callable[..., Any], **more: Any) -> None:
    """Runs an agent while `scene(agent, until)` plays; then stops it and expects a graceful end."""

    async def until(condition: Callable[[], object]) -> None:
        for _ in range(2000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise AssertionError("it did not happen in time")

    async def main() -> None:
        async with sdk.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            agent = Scripted(doing, orchestrator=client, **more)
            running = asyncio.create_task(agent.run(drain_time=1.0))
            await scene(agent, until)
            agent.stop()
            await asyncio.wait_for(running, 5)

    asyncio.run(main())


async def instantly(task: sdk.AsyncTaskRun) -> str:
    return f"did {task.assignment.task_id}"


def test_many_tasks_run_at_once_and_each_returns_its_credit(orchestrator: FakeOrchestrator) -> None:
    hub = Hub(orchestrator)
    together = asyncio.Event()

    async def meet(task: sdk.AsyncTaskRun) -> str:
        met.add(task.assignment.task_id)
        if len(met) == 4:
            together.set()
        await together.wait()  # only passes when all four are there at the same time
        return "met"

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        await until(lambda: hub.credits == [4])
        hub.give("a", "b", "c", "d")
        await until(lambda: len(hub.results) == 4 and sum(hub.credits) == 8)

    met: set[str] = set()
    play(orchestrator, scene, meet, concurrency=4)
    assert {(r.task_id, r.lease_token, r.status) for r in hub.results} == {
        (t, f"token-{t}", "success") for t in "abcd"}


def test_results_that_were_not_acknowledged_are_sent_again(orchestrator: FakeOrchestrator) -> None:
    hub = Hub(orchestrator)
    hub.acknowledge = False

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        await until(lambda: hub.credits)
        hub.give("a")
        await until(lambda: len(hub.results) == 1)
        hub.acknowledge = True
        hub.break_stream()
        await until(lambda: len(hub.results) == 2)

    play(orchestrator, scene, instantly)
    assert hub.joins >= 2 and hub.results[0] == hub.results[1]


def test_work_goes_on_while_the_stream_is_broken_and_is_not_begun_twice(orchestrator: FakeOrchestrator) -> None:
    hub = Hub(orchestrator)
    begun: list[str] = []

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        release = agent.release = asyncio.Event()
        await until(lambda: hub.credits)
        hub.give("a")
        await until(lambda: begun)
        hub.break_stream()
        await until(lambda: hub.joins == 2 and hub.heartbeats)
        hub.give("a")  # the orchestrator repeats what it is not sure to have delivered
        release.set()
        await until(lambda: hub.results)

    async def slowly(task: sdk.AsyncTaskRun) -> str:
        begun.append(task.assignment.task_id)
        while not hub.joins == 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        return "x"

    play(orchestrator, scene, slowly, concurrency=2)
    assert begun == ["a"]
    assert hub.heartbeats[-1].leases[0].lease_token == "token-a"


@pytest.mark.parametrize(("told", "results"), [("cancelled_task_ids", ["cancelled"]), ("lost_task_ids", [])])
def test_a_cancelled_or_lost_task_is_interrupted(orchestrator: FakeOrchestrator, told: str, results: list[str]) -> None:
    hub = Hub(orchestrator)
    interrupted: list[bool] = []

    async def forever(task: sdk.AsyncTaskRun) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            interrupted.append(True)
            raise
        return "never"

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        await until(lambda: hub.credits)
        hub.give("a")
        await until(lambda: hub.heartbeats)
        hub.send(heartbeat={told: ["a"]})
        await until(lambda: interrupted and sum(hub.credits) > 8)

    play(orchestrator, scene, forever)
    assert [r.failure_class for r in hub.results] == results


def test_a_mistake_is_reported_before_its_result(orchestrator: FakeOrchestrator, analyst: FakeService) -> None:
    hub = Hub(orchestrator)
    seen: list[int] = []

    @analyst.on("ReportFailure")
    def note(request: Any, context: grpc.ServicerContext) -> Any:
        seen.append(len(hub.results))
        return wire.message("analyst.AnalysisResult")()

    async def wrongly(task: sdk.AsyncTaskRun) -> str:
        raise KeyError("x")

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        agent.analyst = sdk.AsyncAnalystClient(analyst.address, QUICK)
        await until(lambda: hub.credits)
        hub.give("a")
        await until(lambda: hub.results)
        await agent.analyst.close()

    play(orchestrator, scene, wrongly)
    assert seen == [0] and hub.results[0].failure_class == "agent_error"
    assert "KeyError" in analyst.seen("ReportFailure")[0].error_log


def test_a_refused_join_ends_the_agent_with_the_reason(orchestrator: FakeOrchestrator) -> None:
    @orchestrator.on("Work")
    def refuse(requests: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "name is too long")
        yield

    async def main() -> None:
        async with sdk.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            await Scripted(instantly, orchestrator=client).run()

    with pytest.raises(sdk.InvalidArgument, match="name is too long"):
        asyncio.run(main())


def test_blocking_work_that_keeps_heartbeats_back_is_told(orchestrator: FakeOrchestrator, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub(orchestrator)

    async def block(task: sdk.AsyncTaskRun) -> str:
        await asyncio.sleep(0.1)
        time.sleep(0.5)
        await asyncio.sleep(0.1)
        return "done"

    async def scene(agent: sdk.AsyncAgent, until: Any) -> None:
        await until(lambda: hub.credits)
        hub.give("a")
        await until(lambda: hub.results)

    play(orchestrator, scene, block)
    assert "the event loop stood still" in caplog.text and "asyncio.to_thread" in caplog.text
