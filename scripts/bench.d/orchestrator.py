"""Measures the orchestrator beside Redis Streams (appendfsync always), alternately, on the same disk.

usage: scripts/bench.d/orchestrator [--json FILE] [--quick]       needs ./scripts/build first

cycles_per_s, ratio_redis           submit → assigned → result, durable, over streams: 256 in flight, batches of 16
unary_cycles_per_s                  the same with one call for each step, 256 agents over 16 connections
received_*_ms, received_*_ratio_redis   submit → the worker has it, at 100/s
apply_*_us                          command queued → applied, inside the server, from its histogram, at 1,000/s
rss_100k_mib, restart_s             100,000 queued tasks with 1 kB texts; restart after kill -9 to ready
idle_cores                          with 1,000 agents connected
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "integration-tests"))
sys.path.insert(0, str(ROOT / "libs" / "python-sdk" / "src"))

import grpc  # noqa: E402
from swarm_process import ServiceProcess  # noqa: E402
from swarm_sdk import wire  # noqa: E402

BENCH = Path(os.environ.get("SWARM_TEST_BENCH") or ROOT / "build" / "release" / "bench")
CLIENT = BENCH / "orchestrator-bench"
PEER = BENCH / "redis-streams"
CORE = BENCH / "core_bench"


def run(*command: object) -> dict[str, float]:
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    return dict(json.loads(done.stdout))


class Redis:
    """redis-server with every write on disk before its answer, as ours."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        options = ["--port", str(self.port), "--dir", str(directory), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        time.sleep(1)

    def run(self, mode: str, *arguments: object) -> dict[str, float]:
        return run(PEER, mode, self.port, *arguments)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(directory: Path, settings: dict[str, Any] | None = None) -> ServiceProcess:
    return ServiceProcess("orchestrator", directory, {"analyst.address": "", "gateway.address": ""} | (settings or {})).start()


def address(service: ServiceProcess) -> str:
    return f"127.0.0.1:{service.ports['grpc']}"


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def percentiles(service: ServiceProcess, name: str) -> tuple[float, float]:
    """p50 and p99 of a histogram, in microseconds, within its buckets interpolated."""
    url = f"http://127.0.0.1:{service.ports['admin']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    buckets = []
    for line in text.splitlines():
        if line.startswith(f"{name}_bucket"):
            bound = line.split('le="')[1].split('"')[0]
            buckets.append((float("inf") if bound == "+Inf" else float(bound), float(line.rsplit(" ", 1)[1])))
    total = buckets[-1][1]

    def at(share: float) -> float:
        below, count = 0.0, 0.0
        for bound, cumulative in buckets:
            if cumulative >= share * total:
                inside = (share * total - count) / max(1.0, cumulative - count)
                return (below + (min(bound, 10.0) - below) * inside) * 1e6
            below, count = bound, cumulative
        return below * 1e6

    return at(0.50), at(0.99)


def throughput(folder: Path, redis: Redis | None, tasks: int, rounds: int) -> dict[str, float]:
    ours, theirs, cpu = [], [], []
    for n in range(rounds):
        service = start(folder / f"stream-{n}")
        before = cpu_seconds(service.pid)
        ours.append(run(CLIENT, "stream", address(service), tasks)["cycles_per_s"])
        cpu.append((cpu_seconds(service.pid) - before) / tasks * 1e6)
        service.stop()
        if redis:
            theirs.append(redis.run("stream", tasks)["redis_cycles_per_s"])
    service = start(folder / "unary")
    unary = run(CLIENT, "unary", address(service), tasks, 256, 16)["unary_cycles_per_s"]
    service.stop()
    out = {"cycles_per_s": statistics.median(ours), "cycle_cpu_us": statistics.median(cpu), "unary_cycles_per_s": unary}
    if theirs:
        out |= {"redis_cycles_per_s": statistics.median(theirs),
                "ratio_redis": statistics.median(a / b for a, b in zip(ours, theirs))}
    return out


def latency(folder: Path, redis: Redis | None, count: int, rounds: int) -> dict[str, float]:
    ours: dict[str, list[float]] = {"p50": [], "p99": []}
    theirs: dict[str, list[float]] = {"p50": [], "p99": []}
    service = start(folder / "latency")
    for _ in range(rounds):
        got = run(CLIENT, "latency", address(service), 100, count // rounds)
        for p in ours:
            ours[p].append(got[f"received_{p}_ms"])
        if redis:
            peer = redis.run("latency", 100, count // rounds)
            for p in theirs:
                theirs[p].append(peer[f"redis_received_{p}_ms"])
    service.stop()
    out = {f"received_{p}_ms": statistics.median(v) for p, v in ours.items()}
    if redis:
        out |= {f"received_{p}_ratio_redis": statistics.median(a / b for a, b in zip(ours[p], theirs[p])) for p in ours}
    service = start(folder / "apply")
    run(CLIENT, "latency", address(service), 1000, count)
    out["apply_p50_us"], out["apply_p99_us"] = percentiles(service, "swarm_orchestrator_apply_seconds")
    service.stop()
    return out


def core(folder: Path, quick: bool) -> dict[str, float]:
    """What needs no server: reads of the store, and the event bus with its three kinds of subscribers."""
    tasks, paced, saturated = (20_000, 100_000, 500_000) if quick else (100_000, 500_000, 5_000_000)
    return (run(CORE, "read", str(folder / "read"), tasks) | run(CORE, "bus", 100_000, paced)
            | run(CORE, "bus_saturated", saturated))


def size(folder: Path, tasks: int, agents: int) -> dict[str, float]:
    service = start(folder / "size", {"limits.queue_commands": 50_000})
    run(CLIENT, "load", address(service), tasks)
    method = wire.method("orchestrator.Orchestrator.PollTask")
    register = wire.method("orchestrator.Orchestrator.RegisterAgent")
    channels = [grpc.insecure_channel(address(service), [("grpc.use_local_subchannel_pool", 1)]) for _ in range(8)]
    polls = []
    for n in range(agents):
        channel = channels[n % len(channels)]
        info = register.request(name=f"idle-{n}", roles=["Coder"], capabilities=["*"])
        channel.unary_unary(register.path, register.serializer, register.deserializer)(info, timeout=10)
        query = method.request(agent_id=f"idle-{n}", wait_ms=60_000)
        polls.append(channel.unary_unary(method.path, method.serializer, method.deserializer).future(query, timeout=90))
    time.sleep(2)
    before = cpu_seconds(service.pid)
    time.sleep(10)
    idle = (cpu_seconds(service.pid) - before) / 10
    out = {"rss_100k_mib": rss_mib(service.pid), "idle_cores": idle}
    for channel in channels:
        channel.close()
    service.kill()
    begun = time.monotonic()
    service.start()
    out["restart_s"] = time.monotonic() - begun
    service.stop()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="fewer tasks and rounds")
    options = parser.parse_args()
    tasks, rounds, samples = (4_000, 1, 500) if options.quick else (40_000, 5, 5_000)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as name:
        folder = Path(name)
        redis = Redis(folder) if shutil.which("redis-server") and PEER.exists() else None
        if redis is None:
            print("no redis-server, or built without libhiredis-dev: no peer in this run", file=sys.stderr)
        try:
            figures |= throughput(folder, redis, tasks, rounds)
            figures |= latency(folder, redis, samples, rounds)
            figures |= core(folder, options.quick)
        finally:
            if redis:
                redis.stop()
        figures |= size(folder, 100_000, 1_000)
    for key, value in figures.items():
        print(f"{key:28} {value:12.4f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
