"""Task created → completed through the Python SDK, with an agent that needs no time at all.

One orchestrator (durable, its own data directory), one agent in a process of its own, one client that submits a task,
sees it succeed on the watch stream, and submits the next. The Python original polled every 5 s: 2.51 s on average.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from swarm_process import ServiceProcess

ORIGINAL_MS = 2510.0


def agent(address: str, stop: Any) -> None:
    import swarm_sdk as sdk

    class Instant(sdk.Agent):
        def work(self, task: sdk.TaskRun) -> str:
            return ""

    instant = Instant("instant", roles=["Instant"], orchestrator=sdk.OrchestratorClient(address))
    threading.Thread(target=lambda: (stop.wait(), instant.stop()), daemon=True).start()
    instant.run(handle_signals=False)


def measure(address: str, cycles: int) -> list[float]:
    """Milliseconds of each cycle."""
    import swarm_sdk as sdk

    client = sdk.OrchestratorClient(address)
    events = iter(client.follow())
    taken: list[float] = []
    for number in range(cycles):
        begun = time.perf_counter()
        task_id = client.submit(sdk.NewTask(f"cycle {number}", role="Instant")).task_id
        while True:
            task = next(events).task
            if task.task_id == task_id and task.status.is_final:
                break
        taken.append((time.perf_counter() - begun) * 1000)
    events.close()
    client.close()
    return taken


def figures(directory: Path, cycles: int) -> dict[str, float]:
    spawn = multiprocessing.get_context("spawn")  # gRPC's threads don't survive a fork
    service = ServiceProcess("orchestrator", directory, {"analyst.address": "", "gateway.address": ""}).start()
    stop = spawn.Event()
    process = spawn.Process(target=agent, args=(service.grpc, stop))
    process.start()
    try:
        measure(service.grpc, 20)  # agent connected, channels warm
        taken = sorted(measure(service.grpc, cycles))
    finally:
        stop.set()
        process.join(10)
        if process.is_alive():
            process.kill()
        service.stop()
    found = {
        "created_completed_ms": round(statistics.mean(taken), 3),
        "created_completed_p50_ms": round(taken[len(taken) // 2], 3),
        "created_completed_p99_ms": round(taken[int(len(taken) * 0.99)], 3),
    }
    print(f"task created → completed, {len(taken)} cycles through the Python SDK, durable")
    print(f"  mean {found['created_completed_ms']:.2f} ms (target ≤ 10; the Python original: {ORIGINAL_MS:.0f})")
    print(f"  p50  {found['created_completed_p50_ms']:.2f} ms")
    print(f"  p99  {found['created_completed_p99_ms']:.2f} ms")
    return found
