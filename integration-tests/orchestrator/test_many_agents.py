"""Ten thousand agents at once."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from orchestrator.client import msg
from swarm_sdk import wire

AGENTS = 10_000
CHANNELS = 50


def rss_mib(service: Any) -> float:
    with open(f"/proc/{service.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def cpu_seconds(service: Any) -> float:
    fields = open(f"/proc/{service.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def connect_all(service: Any) -> None:
    methods = {name: wire.method(f"orchestrator.Orchestrator.{name}") for name in ("RegisterAgent", "PollTask", "SubmitTasks", "SubmitResult")}
    channels = [grpc.aio.insecure_channel(service.grpc, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(CHANNELS)]

    def call(n: int, name: str, request: Any, timeout: float) -> Any:
        m = methods[name]
        return channels[n % CHANNELS].unary_unary(m.path, m.serializer, m.deserializer)(request, timeout=timeout)

    async def join(n: int) -> None:
        # Whoever is refused for a moment comes again, as every client does.
        for wait in (0.1, 0.5, 1, 2, 4, 8):
            try:
                await call(n, "RegisterAgent", msg("AgentInfo", name=f"agent-{n}", capabilities=["*"]), 60)
                return
            except grpc.aio.AioRpcError as error:
                assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE), error.details()
                await asyncio.sleep(wait)
        raise AssertionError("an agent was refused six times")

    began = time.monotonic()
    await asyncio.gather(*(join(n) for n in range(AGENTS)))
    print(f"{AGENTS} agents joined in {time.monotonic() - began:.1f} s")
    polls = [call(n, "PollTask", msg("AgentQuery", agent_id=f"agent-{n}", wait_ms=60_000), 120) for n in range(AGENTS)]
    pending = [asyncio.ensure_future(_answer(poll)) for poll in polls]
    await asyncio.sleep(15)
    before, at = cpu_seconds(service), time.monotonic()
    await asyncio.sleep(3)
    print(f"idle: {(cpu_seconds(service) - before) / (time.monotonic() - at):.3f} cores, {rss_mib(service):.0f} MiB")
    tasks = [msg("NewTask", description=f"{n}") for n in range(1_000)]
    await call(0, "SubmitTasks", msg("SubmitTasksRequest", tasks=tasks), 60)
    got: set[str] = set()
    deadline = time.monotonic() + 60
    while len(got) < len(tasks) and time.monotonic() < deadline:
        done, rest = await asyncio.wait(pending, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        pending = list(rest)
        for n, poll in enumerate(done):
            task = poll.result()
            if task is None or not task.task_id:
                continue
            assert task.task_id not in got, "one task, one agent"
            got.add(task.task_id)
            result = msg("TaskResult", task_id=task.task_id, lease_token=task.lease_token, status="success")
            assert (await call(n, "SubmitResult", result, 60)).accepted
    assert len(got) == len(tasks)
    for poll in pending:
        poll.cancel()
    for channel in channels:
        await channel.close()


async def _answer(poll: Any) -> Any:
    try:
        return await poll
    except grpc.aio.AioRpcError:
        return None


def test_ten_thousand_agents_connect_at_once_wait_and_are_given_work(start_orchestrator: Any) -> None:
    service = start_orchestrator({"lease.start_within": "60s"})
    before = rss_mib(service)
    asyncio.run(connect_all(service))
    grown = rss_mib(service) - before
    assert grown < 600, f"grew by {grown:.0f} MiB"
    assert service.running
