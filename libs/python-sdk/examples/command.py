"""The command line that the example agents share."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarm_sdk import Agent, AgentEvent, AnalystClient, OrchestratorClient


@dataclass(frozen=True)
class Settings:
    """What an example agent is told on its command line."""

    name: str
    model: str
    workspace: Path
    report_stack: str
    sdk: dict[str, Any]  # arguments of Agent


def main(role: str, doc: str, make: Callable[[Settings], Agent]) -> None:
    """Parses the command line, makes the agent, and runs it until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="environment: SWARM_SDK_ORCHESTRATOR and SWARM_SDK_ANALYST (host:port), OPENAI_BASE_URL and OPENAI_API_KEY "
        "(the gateway)",
    )
    parser.add_argument("--name", default=f"{role.lower().replace(' ', '-')}-1", help="unique among the agents that run")
    parser.add_argument("--model", default="default", help="model, as the gateway knows it")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"), help="where work copies go")
    parser.add_argument("--report-stack", default="", help="report failures as of this stack instead of the task's")
    parser.add_argument("--events", action="store_true", help="print what happens as JSON lines")
    arguments = parser.parse_args()
    sdk: dict[str, Any] = {
        "roles": [role],
        "orchestrator": OrchestratorClient(),
        "analyst": AnalystClient(),
        "on_event": _print_json if arguments.events else _print_line,
    }
    make(Settings(arguments.name, arguments.model, arguments.workspace, arguments.report_stack, sdk)).run()


_printing = threading.Lock()


def _print_json(event: AgentEvent) -> None:
    task, analysis = event.assignment, event.analysis
    line: dict[str, Any] = {"event": event.kind, "agent": event.agent, "seconds": round(event.seconds, 3)}
    if task is not None:
        line |= {"task": task.task_id, "role": task.role, "attempt": task.attempt, "rules": list(task.rule_ids),
                 "constraints": list(task.constraints), "description": task.description}
    if event.kind != "succeeded":
        line["detail"] = event.detail
    if event.failure_class is not None:
        line["failure_class"] = event.failure_class.value
    if analysis is not None:
        line |= {"cause": analysis.cause, "kind_tasks": analysis.kind_tasks, "threshold": analysis.threshold,
                 "rule": analysis.rule_content if analysis.rule_generated else ""}
    with _printing:
        print(json.dumps(line), flush=True)


def _print_line(event: AgentEvent) -> None:
    task = event.assignment
    about = f" {task.description!r} (attempt {task.attempt})" if task else ""
    detail = "" if event.kind == "succeeded" or not event.detail else ": " + event.detail.splitlines()[0]
    with _printing:
        print(f"{event.agent} {event.kind}{about}{detail}", file=sys.stderr, flush=True)
