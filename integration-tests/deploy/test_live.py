"""A real Prometheus that scrapes the three services at work: every panel of the dashboards shows something, every alert's expression holds."""

from __future__ import annotations

import json
import math
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from clients import http
from grpc_raw import call
from swarm_process import ModelServerProcess, ServiceProcess
from swarm_sdk import Agent, AnalystClient, Failure, NewTask, OrchestratorClient, TaskRun
from swarm_settings import AGENT_KEY, UPSTREAM_KEY_VARIABLE, gateway_settings
from tools import CHART, tool

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
# They begin with what does not happen here: usage that a provider does not tell, a retry at a second upstream.
MAY_BE_EMPTY = {"Usage that the gateway had to estimate", "Callers that hung up, retries"}


class Prometheus:
    def __init__(self, place: Path, targets: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = {"global": {"scrape_interval": "500ms", "evaluation_interval": "1s"}, "rule_files": [str(ALERTS)],
                  "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]}
        (place / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self._url = f"http://127.0.0.1:{port}"
        self._log = place / "prometheus.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [tool("prometheus"), f"--config.file={place / 'prometheus.yml'}", f"--storage.tsdb.path={place / 'tsdb'}",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ask(self, path: str, **parameters: str) -> Any:
        with urllib.request.urlopen(f"{self._url}{path}?{urllib.parse.urlencode(parameters)}", timeout=20) as answer:
            return json.load(answer)["data"]

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                if len([t for t in self.ask("/api/v1/targets")["activeTargets"] if t["health"] == "up"]) == 3:
                    return
            except OSError:
                pass
            assert self.process.poll() is None and time.monotonic() < deadline, self._log.read_text("utf-8", "replace")
            time.sleep(0.2)

    def values(self, expression: str) -> list[float]:
        """What a panel would show; not what is no number."""
        result = self.ask("/api/v1/query", query=expression.replace("$__rate_interval", "30s"))["result"]
        return [v for v in (float(row["value"][1]) for row in result) if not math.isnan(v)]


@pytest.fixture
def start_prometheus(tmp_path: Path) -> Iterator[Callable[[dict[str, str]], Prometheus]]:
    started: list[Prometheus] = []

    def start(targets: dict[str, str]) -> Prometheus:
        place = tmp_path / "prometheus"
        place.mkdir()
        started.append(Prometheus(place, targets))
        started[-1].wait_ready()
        return started[-1]

    yield start
    for prometheus in started:
        prometheus.process.terminate()
        prometheus.process.wait(20)


class _Worker(Agent):
    def __init__(self, address: str) -> None:
        super().__init__("worker-1", roles=["Coder"], capabilities=["*"], orchestrator=OrchestratorClient(address))

    def work(self, task: TaskRun) -> str:
        if "fail" in task.description:
            raise RuntimeError("it can't be done")
        return "done"


def _work(orchestrator: ServiceProcess, analyst: ServiceProcess, gateway: ServiceProcess, turn: int) -> None:
    """A little of everything that the panels tell of."""
    with OrchestratorClient(orchestrator.grpc) as client:
        for n in range(3):
            client.submit(NewTask(f"task {n}" + (" fail" if n == 0 else ""), role="Coder", workflow_state="FeatureImplementation",
                                  until_state="FeatureImplementation", stack="python", max_attempts=1))
        _Worker(orchestrator.grpc).run(handle_signals=False, tasks_max=3)
        client.submit(NewTask("nobody can do this", role="Astronaut"))
    with AnalystClient(analyst.grpc) as client:
        client.report_failure(Failure(f"t{turn}", "Traceback (most recent call last):\nKeyError: 'price'", f"e{turn}", stack="python", role="Coder"))
    with grpc.insecure_channel(orchestrator.grpc) as channel, pytest.raises(grpc.RpcError):
        call(channel, "/orchestrator.Orchestrator/GetTask")
    for key, model in ((AGENT_KEY, "scripted"), (AGENT_KEY, "away"), ("sk-poor", "scripted"), ("sk-wrong", "scripted")):
        body = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": f"hello {turn}"}]}
        http("POST", f"{gateway.http}/v1/chat/completions", body, {"authorization": f"Bearer {key}"})


@pytest.mark.timeout(240)
def test_panels_show_what_happens_and_alerts_can_be_evaluated(
    start_gateway: Callable[..., ServiceProcess], start_analyst: Callable[..., ServiceProcess], start_orchestrator: Callable[..., ServiceProcess],
    model_server: ModelServerProcess, start_prometheus: Callable[[dict[str, str]], Prometheus],
) -> None:
    settings = gateway_settings(f"{model_server.url}/v1")
    settings["upstreams"]["away"] = {"base_url": "http://127.0.0.1:1/v1", "dialect": "openai"}
    settings["models"]["away"] = {"upstream": "away", "input_usd_per_mtok": 1, "output_usd_per_mtok": 1, "max_output_tokens": 100}
    settings["keys"]["poor"] = {"key": "sk-poor", "team": "poor"}
    settings["budgets"]["poor"] = {"scope": "team/poor", "window": "day", "limit_usd": 0.000001}
    gateway = start_gateway(settings, env={UPSTREAM_KEY_VARIABLE: "k"})
    analyst = start_analyst({"gateway.address": gateway.grpc, "rules.threshold": 1, "author.mode": "model"})
    orchestrator = start_orchestrator({"gateway.address": gateway.grpc, "analyst.address": analyst.grpc})
    prometheus = start_prometheus({s.name: s.admin.removeprefix("http://") for s in (orchestrator, analyst, gateway)})
    for turn in range(4):
        _work(orchestrator, analyst, gateway, turn)
        time.sleep(1.0)

    panels = [(path.stem, p["title"], t["expr"]) for path in DASHBOARDS for p in json.loads(path.read_text("utf-8"))["panels"] for t in p["targets"]]
    deadline = time.monotonic() + 30
    dark = panels
    while dark and time.monotonic() < deadline:
        time.sleep(0.5)
        dark = [panel for panel in dark if panel[1] not in MAY_BE_EMPTY and not prometheus.values(panel[2])]
    assert dark == [], "these panels show nothing"
    rules = [rule for group in prometheus.ask("/api/v1/rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 20
    assert [r["name"] for r in rules if r["health"] != "ok" or r.get("lastError")] == []
    # The four questions, by what just happened.
    assert prometheus.values("sum(swarm_gateway_cost_usd)")[0] > 0
    assert prometheus.values("sum(swarm_gateway_budget_refusals_total)")[0] >= 4
    assert prometheus.values("swarm_orchestrator_queue_size")[0] >= 4
    assert prometheus.values('sum(swarm_analyst_rules{state="active"})')[0] >= 1
    assert prometheus.values('sum(swarm_orchestrator_task_transitions_total{status="DEAD"})')[0] >= 4
