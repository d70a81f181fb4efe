"""Benchmark of llm-gateway: CPU per request, throughput, added latency, first event of a stream, memory, overspend.

The proxy under test has core 0, the load generator and the model mock have core 1. nginx (a plain proxy with pooled
connections) and the gateway (keys, budget, limits and journal on) are measured alternately, so that a noisy neighbour
hits both; medians over the rounds are reported, and a figure is a ratio wherever a peer exists.
"""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(os.environ.get("SWARM_TEST_BIN", ROOT / "build/release/bin"))
TOOLS = BIN.parent / "bench"
TICK = os.sysconf("SC_CLK_TCK")
PROXY_CORE, LOAD_CORE = ("0", "1") if (os.cpu_count() or 1) > 1 else ("0", "0")

NGINX = """
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_max_body_size 50m; client_body_buffer_size 1m;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  keepalive_requests 1000000000;
  upstream model {{ server 127.0.0.1:{mock}; keepalive 128; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""

GATEWAY = """
data_dir: {dir}/gateway
http: {{listen: "127.0.0.1:0", threads: 1}}
grpc: {{listen: "127.0.0.1:0"}}
admin: {{listen: "127.0.0.1:0"}}
upstreams:
  mock: {{base_url: "http://127.0.0.1:{mock}/v1", dialect: openai, api_key: x}}
models:
  small: {{upstream: mock, input_usd_per_mtok: 0.15, output_usd_per_mtok: 0.6, max_output_tokens: 4096}}
keys:
  bench: {{key: sk-bench, team: t, priority: true}}
  strict: {{key: sk-strict, team: t}}
  loose: {{key: sk-loose, team: t}}
budgets:
  global: {{limit_usd: 100000, window: day}}
  team/t: {{limit_usd: 100000, window: day}}
  key/bench: {{limit_usd: 100000, window: day}}
  key/strict: {{limit_usd: 0.4, window: day, strict: true}}
  key/loose: {{limit_usd: 0.4, window: day}}
"""


# What the gateway's journal does to the disk at 500 requests/s, without a gateway: pages appended and synced, then the page
# that names them, 40 times a second.
SYNCS = """
import os, sys, time
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
naming = os.open(sys.argv[1], os.O_WRONLY | os.O_DSYNC)
page, place = b"x" * 4096, 2
while True:
    begin = time.monotonic()
    os.pwrite(file, page * 4, place * 4096)
    os.fdatasync(file)
    os.pwrite(naming, page, 0)
    place += 4
    time.sleep(max(0, 0.025 - (time.monotonic() - begin)))
"""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def rss_mib(pid: int) -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def load(port: int, **options: object) -> dict:
    command = ["taskset", "-c", LOAD_CORE, str(TOOLS / "http_load"), "--port", str(port)]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextlib.contextmanager
def process(core: str, command: list[str], **kwargs):
    started = subprocess.Popen(["taskset", "-c", core, *command], **kwargs)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(15)
        except subprocess.TimeoutExpired:
            started.kill()


@contextlib.contextmanager
def mock(**options: int):
    arguments = [item for name, value in options.items() for item in ("--" + name.replace("_", "-"), str(value))]
    with process(LOAD_CORE, [str(TOOLS / "model_mock"), *arguments], stdout=subprocess.PIPE, text=True) as started:
        yield int(started.stdout.readline())


@contextlib.contextmanager
def nginx(directory: Path, mock_port: int):
    port = 20_000 + os.getpid() % 20_000
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(dir=directory, mock=mock_port, port=port))
    with process(PROXY_CORE, [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-g", "daemon off;"]) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not children.read_text().split():
            time.sleep(0.05)
        time.sleep(0.2)
        yield port, int(children.read_text().split()[0])


@contextlib.contextmanager
def gateway(directory: Path, mock_port: int):
    config = directory / "gateway.yaml"
    config.write_text(GATEWAY.format(dir=directory, mock=mock_port))
    with process(PROXY_CORE, [str(BIN / "llm-gateway"), "--config", str(config)], stderr=subprocess.PIPE, text=True) as started:
        for line in started.stderr:
            entry = json.loads(line)
            if entry["msg"] == "ready":
                break
        else:
            raise SystemExit("failed: llm-gateway did not start; run it by hand with the configuration above")
        yield int(entry["http"].rsplit(":", 1)[1]), started.pid, entry["grpc"]


class Side:
    """One proxy under test."""

    def __init__(self, port: int, pid: int):
        self.port, self.pid = port, pid

    def saturate(self, seconds: float, prompt_bytes: int) -> tuple[float, float]:
        """(CPU microseconds per request, requests per second)."""
        before = cpu_seconds(self.pid)
        result = load(self.port, connections=64, seconds=seconds, prompt_bytes=prompt_bytes)
        if result["statuses"].keys() != {"200"} or result["errors"]:
            raise SystemExit(f"failed: answers under load were {result['statuses']}, errors {result['errors']}; see the proxy's log")
        return (cpu_seconds(self.pid) - before) * 1e6 / result["answered"], result["answered"] / result["seconds"]


def saturation(ours: Side, peer: Side, rounds: int, seconds: float, prompt_bytes: int) -> dict[str, float]:
    for side in (ours, peer):
        side.saturate(min(1.0, seconds), prompt_bytes)
    pairs = []
    for i in range(rounds):
        # Whoever goes first changes, so that a drift of the machine cancels out.
        order = (ours, peer) if i % 2 else (peer, ours)
        results = {id(side): side.saturate(seconds, prompt_bytes) for side in order}
        pairs.append((results[id(ours)], results[id(peer)]))
    median = statistics.median
    return {
        "cpu_us": median(o[0] for o, _ in pairs),
        "nginx_cpu_us": median(p[0] for _, p in pairs),
        "cpu_ratio_nginx": median(o[0] / p[0] for o, p in pairs),
        "rps": median(o[1] for o, _ in pairs),
        "nginx_rps": median(p[1] for _, p in pairs),
        "rps_ratio_nginx": median(o[1] / p[1] for o, p in pairs),
    }


@contextlib.contextmanager
def syncing(directory: Path):
    with process(PROXY_CORE, [sys.executable, "-c", SYNCS, str(directory / "syncs")]):
        yield


def latencies(ports: dict[str, int], rounds: int, beside: dict[str, Callable[[], contextlib.AbstractContextManager]] | None = None,
              **options: object) -> dict[str, tuple[float, float]]:
    """Median p50 and p99 of each port, measured alternately; some of them beside something else."""
    seen: dict[str, list[dict]] = {name: [] for name in ports}
    for _ in range(rounds):
        for name, port in ports.items():
            with (beside or {}).get(name, contextlib.nullcontext)():
                seen[name].append(load(port, **options))
    return {name: (statistics.median(r["p50_ms"] for r in runs), statistics.median(r["p99_ms"] for r in runs)) for name, runs in seen.items()}


def spend(grpc: str, scope: str) -> float:
    command = [str(BIN / "swarmctl"), "--gateway", grpc, "--json", "budget", "get", scope]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return float(report.get("currentSpend", report.get("current_spend", 0)))


def overspend(directory: Path) -> dict[str, float]:
    """256 callers at once, each answer five times what was learnt before."""
    limit = 0.4
    with mock(delay_ms=20) as mock_port, gateway(directory, mock_port) as (port, _, grpc):
        spent = {}
        for key in ("strict", "loose"):
            load(port, connections=8, seconds=1, key=f"sk-{key}", tokens=100)
            load(port, connections=256, seconds=4, key=f"sk-{key}", tokens=500)
            time.sleep(0.5)
            spent[key] = spend(grpc, f"key/{key}")
        return {
            "overspend_strict_usd": max(0.0, spent["strict"] - limit),
            "overspend_share": max(0.0, spent["loose"] - limit) / limit,
            "overspend_limit_used": spent["loose"] / limit,
        }


def budget_checks(directory: Path, rows: int) -> dict[str, float]:
    """A budget check beside few and beside many spend rows: it reads running sums, never rows."""
    figures = {}
    for label, count in (("100", 100), ("many", rows)):
        place = directory / f"rows-{label}"
        done = subprocess.run(["taskset", "-c", PROXY_CORE, str(TOOLS / "spend_rows"), str(place), str(count)], check=True, capture_output=True, text=True)
        made = json.loads(done.stdout)
        figures |= {f"budget_check_ns_{label}": made["check_ns"], f"budget_journal_us_{label}": made["journal_us"], f"budget_recover_ms_{label}": made["recover_ms"]}
        shutil.rmtree(place)
    return figures | {"budget_rows_many": rows, "budget_check_ratio": figures["budget_check_ns_many"] / figures["budget_check_ns_100"]}


def row(name: str, ours: str, target: str) -> None:
    print(f"  {name:<46} {ours:>26}   {target}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench gateway", description=__doc__)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000_000, help="spend rows beside which a budget check is measured")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    directory = Path(tempfile.mkdtemp(prefix="swarm-bench-"))
    try:
        measure(directory, arguments, figures)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n")


def measure(directory: Path, arguments: argparse.Namespace, figures: dict[str, float]) -> None:
    print("llm-gateway, one core, everything on, 64 connections, answers of 1 kB")
    with mock() as mock_port, nginx(directory, mock_port) as (nginx_port, nginx_pid), gateway(directory, mock_port) as (port, pid, _):
        figures["rss_idle_mib"] = rss_mib(pid)
        ours, peer = Side(port, pid), Side(nginx_port, nginx_pid)
        for label, prompt in (("", 300), ("_32k", 32_000), ("_200k", 200_000)):
            r = saturation(ours, peer, arguments.rounds, arguments.seconds, prompt)
            figures |= {name + label: value for name, value in r.items()}
            row(f"CPU per request, prompt {prompt:,} B", f"{r['cpu_us']:.1f} us = {r['cpu_ratio_nginx']:.2f} x nginx ({r['nginx_cpu_us']:.1f})", "<= 2 x")
            row(f"requests/s, prompt {prompt:,} B", f"{r['rps']:,.0f} = {r['rps_ratio_nginx']:.2f} x nginx", ">= 0.5 x" if not label else "")
        ports = {"direct": mock_port, "nginx": nginx_port, "ours": port}
        at_500 = latencies(ports | {"nginx_syncing": nginx_port}, arguments.rounds, {"nginx_syncing": lambda: syncing(directory)},
                           rate=500, seconds=arguments.seconds, connections=32)
        sse = latencies(ports, arguments.rounds, rate=50, seconds=arguments.seconds, connections=64, stream=1)
        for name in ("ours", "nginx"):
            prefix = "" if name == "ours" else "nginx_"
            figures[prefix + "added_p50_ms"] = at_500[name][0] - at_500["direct"][0]
            figures[prefix + "added_p99_ms"] = at_500[name][1] - at_500["direct"][1]
            figures[prefix + "sse_first_ms"] = sse[name][0] - sse["direct"][0]
        figures["nginx_syncing_added_p99_ms"] = at_500["nginx_syncing"][1] - at_500["direct"][1]
        f = figures
        row("added latency at 500/s, p50", f"{f['added_p50_ms']:.3f} ms (nginx {f['nginx_added_p50_ms']:.3f})", "<= nginx + 0.1 ms")
        row("added latency at 500/s, p99", f"{f['added_p99_ms']:.3f} ms (nginx {f['nginx_added_p99_ms']:.3f})", "<= nginx + 0.5 ms")
        row("  of nginx beside 40 syncs a second, p99", f"{f['nginx_syncing_added_p99_ms']:.3f} ms", "what the disk itself adds")
        row("first SSE event, added p50", f"{f['sse_first_ms']:.3f} ms (nginx {f['nginx_sse_first_ms']:.3f})", "<= 0.3 ms")
    with mock(events=30, interval_ms=1000) as mock_port, gateway(directory, mock_port) as (port, pid, _):
        holding = subprocess.Popen([str(TOOLS / "http_load"), "--port", str(port), "--connections", "1000", "--seconds", "8", "--hold", "1"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(6)
        figures["rss_streams_mib"] = rss_mib(pid)
        held = json.loads(holding.communicate()[0])
        if held["streams"] < 1000:
            raise SystemExit(f"failed: only {held['streams']} of 1000 streams were open; see the gateway's limits")
    row("memory, idle", f"{figures['rss_idle_mib']:.1f} MiB", "<= 40")
    row("memory, 1,000 open streams", f"{figures['rss_streams_mib']:.1f} MiB", "<= 150")
    figures |= overspend(directory)
    row("overspend, strict, 256 callers, 5 x learnt", f"{figures['overspend_strict_usd']:.9f} USD", "0")
    row("overspend, default bound, same", f"{100 * figures['overspend_share']:.3f} % of the limit", "<= 1 %")
    figures |= budget_checks(directory, arguments.rows)
    f = figures
    row("budget check, 100 rows", f"{f['budget_check_ns_100']:.0f} ns", "")
    row(f"budget check, {arguments.rows:,} rows", f"{f['budget_check_ns_many']:.0f} ns = {f['budget_check_ratio']:.2f} x", "the same")
    row(f"row made durable, 100 and {arguments.rows:,} rows", f"{f['budget_journal_us_100']:.1f}, {f['budget_journal_us_many']:.1f} us", "off the path")
    row(f"ledger read at a start, {arguments.rows:,} rows", f"{f['budget_recover_ms_many']:.0f} ms", "")


if __name__ == "__main__":
    main()
