"""Asynchronous clients: they run the same operations, so only what is their own is tested here."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import grpc
import pytest

import swarm_sdk as sdk
from fake_services import FakeOrchestrator
from swarm_sdk import aio, clients, wire
from swarm_sdk.errors import from_grpc
from test_clients import QUICK, answer_submit, failing


@pytest.mark.parametrize("name", ["OrchestratorClient", "AnalystClient", "BudgetClient"])
def test_both_kinds_of_client_offer_the_same_calls(name: str) -> None:
    def calls(cls: type) -> dict[str, list[str]]:
        members = {n: f for n, f in inspect.getmembers(cls, inspect.isfunction) if not n.startswith("_")}
        return {n: list(inspect.signature(f).parameters) for n, f in members.items() if n != "follow"}

    assert calls(getattr(aio, f"Async{name}")) == calls(getattr(clients, name))


def test_a_call_is_tried_again(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("SubmitTasks")(failing(2, grpc.StatusCode.UNAVAILABLE, answer_submit))

    async def submit() -> sdk.Submitted:
        async with aio.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            return await client.submit(sdk.NewTask("x"))

    assert asyncio.run(submit()).created
    assert len(orchestrator.seen("SubmitTasks")) == 3


def test_a_connection_lost_while_sending_is_worth_another_try() -> None:
    nothing = grpc.aio.Metadata()
    lost = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details="Internal error from Core")
    assert isinstance(from_grpc(lost), sdk.Unavailable)
    broken = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, nothing, nothing, details="the ledger is broken")
    assert not from_grpc(broken).retryable


def test_errors_are_those_of_the_synchronous_client(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("GetTask")(failing(9, grpc.StatusCode.NOT_FOUND, answer_submit))

    async def get() -> sdk.Task:
        async with aio.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            return await client.get("x")

    with pytest.raises(sdk.NotFound, match="not now"):
        asyncio.run(get())


def test_a_stream_is_iterated_and_a_page_follows_the_other(orchestrator: FakeOrchestrator) -> None:
    @orchestrator.on("WatchTasks")
    def events(request: Any, context: grpc.ServicerContext) -> Any:
        for number in range(3):
            yield wire.message("orchestrator.TaskEvent")(sequence=number, task={"task_id": f"t{number}"})

    @orchestrator.on("ListTasks")
    def page(request: Any, context: grpc.ServicerContext) -> Any:
        return wire.message("orchestrator.ListTasksResponse")(
            tasks=[{"task_id": request.page_token or "0"}], next_page_token="" if request.page_token else "1")

    async def read() -> tuple[list[str], list[str]]:
        async with aio.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            watched = [event.task.task_id async for event in client.watch()]
            return watched, [task.task_id async for task in client.list()]

    assert asyncio.run(read()) == (["t0", "t1", "t2"], ["0", "1"])


def test_many_calls_share_a_connection(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("SubmitTasks")(answer_submit)

    async def submit() -> int:
        async with aio.AsyncOrchestratorClient(orchestrator.address, QUICK) as client:
            answers = await asyncio.gather(*(client.submit(sdk.NewTask(f"x{i}")) for i in range(200)))
        return len({a.task_id for a in answers})

    assert asyncio.run(submit()) == 200
