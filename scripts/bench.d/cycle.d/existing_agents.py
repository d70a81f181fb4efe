"""The calls of agents that are deployed already, as they make them: p99 where they come often, the median of large ones."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from gateway.budget import compat_messages
from stages import note
from swarm_process import ServiceProcess

ORCHESTRATOR = {"analyst.address": "", "gateway.address": ""}
ANALYST = {"orchestrator.address": "", "gateway.address": "", "author.mode": "template"}
PROMPT = "You are  a Coder.\n\n\n\n    Keep   the indentation of  this line.\n" * 200  # 12 kB
P99_TARGET_MS, CLUSTER_TARGET_MS, RULE_TARGET_MS = 20.0, 200.0, 500.0


def figures(directory: Path, calls: int) -> dict[str, float]:
    orchestrator = ServiceProcess("orchestrator", directory / "orchestrator", ORCHESTRATOR).start()
    analyst = ServiceProcess("analyst", directory / "analyst", ANALYST).start()
    try:
        with grpc.insecure_channel(orchestrator.grpc) as tasks, grpc.insecure_channel(analyst.grpc) as failures:
            found = _measured(tasks, failures, calls)
    finally:
        analyst.stop()
        orchestrator.stop()
    print(f"calls of existing agents, {calls} of each small one")
    for name, target, what in (
        ("route_task_p99_ms", P99_TARGET_MS, "RouteTask, p99"),
        ("manage_state_graph_p99_ms", P99_TARGET_MS, "ManageStateGraph, p99"),
        ("optimize_prompt_p99_ms", P99_TARGET_MS, "OptimizePrompt of 12 kB, p99"),
        ("cluster_failures_ms", CLUSTER_TARGET_MS, "ClusterFailures of 1,000, median"),
        ("generate_golden_rules_ms", RULE_TARGET_MS, "GenerateGoldenRules, median"),
    ):
        print(f"  {what:<34} {found[name]:7.2f} ms (target ≤ {target:g})")
    return found


def _measured(tasks: grpc.Channel, failures: grpc.Channel, calls: int) -> dict[str, float]:
    first = lambda channel, path, *names: _stub(channel, "orchestrator_v1.proto", "orchestrator.v1", path, *names)  # noqa: E731
    second = lambda channel, path, *names: _stub(channel, "orchestrator_legacy.proto", "orchestrator", path, *names)  # noqa: E731
    route = first(tasks, "OrchestratorService/RouteTask", "RouteTaskRequest", "RouteTaskResponse")
    graph = first(tasks, "OrchestratorService/ManageStateGraph", "StateGraphRequest", "StateGraphResponse")
    optimize = first(failures, "AnalystService/OptimizePrompt", "PromptRequest", "PromptResponse")
    cluster = second(failures, "AnalystService/ClusterFailures", "ClusterRequest", "ClusterResponse")
    rule = second(failures, "AnalystService/GenerateGoldenRules", "RuleRequest", "RuleResponse")
    records = [{"exec_id": f"e{n}", "note": note(n, 20), "role": "Coder", "stack": "python"} for n in range(1000)]
    return {
        "route_task_p99_ms": _p99(calls, lambda: route(task_description="FeatureImplementationTask")),
        "manage_state_graph_p99_ms": _p99(calls, lambda: graph(current_state="CodeReview", action="failure")),
        "optimize_prompt_p99_ms": _p99(calls, lambda: optimize(prompt=PROMPT)),
        "cluster_failures_ms": _median(20, lambda: cluster(failures=records)),
        "generate_golden_rules_ms": _median(50, lambda: rule(role="Coder", note="Error: IndentationError", count=5, stack="python")),
    }


def _stub(channel: grpc.Channel, file: str, package: str, path: str, request_name: str, answer_name: str) -> Callable[..., Any]:
    request, answer = compat_messages(file, package, request_name, answer_name)
    call = channel.unary_unary(f"/{package}.{path}", request.SerializeToString, answer.FromString)
    return lambda **fields: call(request(**fields), timeout=10)


def _times(count: int, call: Callable[[], Any]) -> list[float]:
    call()
    taken = []
    for _ in range(count):
        begun = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)


def _p99(count: int, call: Callable[[], Any]) -> float:
    return round(_times(count, call)[int(count * 0.99)], 3)


def _median(count: int, call: Callable[[], Any]) -> float:
    return round(statistics.median(_times(count, call)), 3)
