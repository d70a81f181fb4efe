"""How long a task takes from its creation to its completion when the agent needs no time at all.

One orchestrator (durable, its own data directory), one agent in a process of its own, one client that submits a task,
sees it succeed on the watch stream, and submits the next. The Python original polled every 5 s: 2.51 s on average.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("integration-tests", "libs/python-sdk/src"):
    sys.path.insert(0, str(ROOT / folder))

from swarm_process import ServiceProcess  # noqa: E402

ORIGINAL_MS = 2510.0


def agent(address: str, stop: "multiprocessing.synchronize.Event") -> None:
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--cycles", type=int, default=500)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")  # gRPC's threads don't survive a fork
    with tempfile.TemporaryDirectory() as directory:
        service = ServiceProcess("orchestrator", Path(directory), {"analyst.address": "", "gateway.address": ""}).start()
        stop = spawn.Event()
        process = spawn.Process(target=agent, args=(service.grpc, stop))
        process.start()
        try:
            measure(service.grpc, 20)  # agent connected, channels warm
            taken = sorted(measure(service.grpc, arguments.cycles))
        finally:
            stop.set()
            process.join(10)
            if process.is_alive():
                process.kill()
            service.stop()
    figures = {
        "created_completed_ms": round(statistics.mean(taken), 3),
        "created_completed_p50_ms": round(taken[len(taken) // 2], 3),
        "created_completed_p99_ms": round(taken[int(len(taken) * 0.99)], 3),
    }
    print(f"task created → completed, {len(taken)} cycles through the Python SDK, durable")
    print(f"  mean {figures['created_completed_ms']:.2f} ms (target ≤ 10; the Python original: {ORIGINAL_MS:.0f})")
    print(f"  p50  {figures['created_completed_p50_ms']:.2f} ms")
    print(f"  p99  {figures['created_completed_p99_ms']:.2f} ms")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
