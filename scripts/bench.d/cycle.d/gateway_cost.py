"""What the gateway adds to a model call, with 100 and 10,000 spend events of today in the knowledge store.

The same client asks the model itself and through the gateway in turn, one call at a time; the figure is the difference
of the medians. The gateway tells its spend and asks for the day's sum every second meanwhile. The original asked the
store within each call: 2.1 ms with 100 events, 32 ms with 10,000.
"""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from gateway.budget import completion_stub
from stages import model_mock, spend_events, store
from swarm_process import ServiceProcess

ORIGINAL_MS = {100: 2.1, 10_000: 32.0}
TARGET_MS = 5.0


def figures(directory: Path, calls: int) -> dict[str, float]:
    found: dict[str, float] = {}
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    with model_mock() as mock:
        for events in ORIGINAL_MS:
            with store(directory / f"store-{events}", spend_events(events, day)) as synapse:
                gateway = ServiceProcess("gateway", directory / f"gateway-{events}", settings(mock, synapse.address)).start()
                try:
                    found |= _measured(gateway, mock, calls, events)
                finally:
                    gateway.stop()
    print(f"added by the gateway to a model call, p50 of {calls}, budget and knowledge store on")
    for events, original in ORIGINAL_MS.items():
        complete, plain = found[f"complete_overhead_{events}_ms"], found[f"http_overhead_{events}_ms"]
        print(f"  {events:>6,} spend events   Complete {complete:6.2f} ms (target ≤ {TARGET_MS:g})   HTTP {plain:6.2f} ms   "
              f"(the Python original: {original:g})")
    return found


def settings(mock: int, synapse: str) -> dict[str, Any]:
    return {
        "upstreams": {"mock": {"base_url": f"http://127.0.0.1:{mock}/v1", "dialect": "openai", "api_key": "x"}},
        "models": {"small": {"upstream": "mock", "input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "max_output_tokens": 4096}},
        "budgets": {"global": {"limit_usd": 100_000, "window": "day"}},
        "knowledge": {"report": "1s", "synapse": {"address": synapse}},
    }


def _measured(gateway: ServiceProcess, mock: int, calls: int, events: int) -> dict[str, float]:
    direct = _http(mock)
    through = _http(gateway.ports["http"])
    with grpc.insecure_channel(gateway.grpc) as channel:
        complete = completion_stub(channel)
        ways: dict[str, Callable[[int], Any]] = {"direct": direct, "http": through, "complete": lambda n: complete(prompt=f"call {n}", model="small")}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(calls + 50):
            for name, call in ways.items():
                begun = time.perf_counter()
                call(number)
                if number >= 50:  # warm by then
                    taken[name].append((time.perf_counter() - begun) * 1000)
    middle = {name: statistics.median(times) for name, times in taken.items()}
    return {f"{name}_overhead_{events}_ms": round(middle[name] - middle["direct"], 3) for name in ("complete", "http")}


def _http(port: int) -> Callable[[int], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def call(number: int) -> bytes:
        body = json.dumps({"model": "small", "messages": [{"role": "user", "content": f"call {number}"}]})
        connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return text

    return call
