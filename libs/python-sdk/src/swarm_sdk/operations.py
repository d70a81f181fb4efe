"""Every call as a value: method, request, how to read the answer, how long it may take.

The synchronous and the asynchronous clients run the same operations, so neither can drift from the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar, cast

from . import models as m
from . import wire

R = TypeVar("R")
ERROR_LOG_BYTES_MAX = 15 * 1024 * 1024  # the service takes 16 MiB a message
ERROR_MESSAGE_CHARS_MAX = 16_000


@dataclass(frozen=True)
class Operation(Generic[R]):
    """One call. `timeout` is the deadline of one try, `within` of all tries together (seconds; None: the client's)."""

    method: wire.Method
    request: Any
    parse: Callable[[Any], R]
    timeout: float | None = None
    within: float | None = None


def _orchestrator(rpc: str, fields: Mapping[str, Any], parse: Callable[[Any], R], **more: Any) -> Operation[R]:
    method = wire.method(f"orchestrator.Orchestrator.{rpc}")
    return Operation(method, method.request(**fields), parse, **more)


def _as(cls: type[R]) -> Callable[[Any], R]:
    return lambda message: m.read(cls, message)


# -- orchestrator: people and tools ------------------------------------------------------------------------------------


def submit(tasks: Sequence[m.NewTask]) -> Operation[tuple[m.Submitted, ...]]:
    keyed = [t if t.task_id or t.idempotency_key else replace(t, idempotency_key=str(uuid.uuid4())) for t in tasks]
    return _orchestrator(
        "SubmitTasks",
        {"tasks": [t.to_wire() for t in keyed]},
        lambda answer: tuple(m.read(m.Submitted, t) for t in answer.tasks),
    )


def get(task_id: str) -> Operation[m.Task]:
    return _orchestrator("GetTask", {"task_id": task_id}, _as(m.Task))


def why(task_id: str, decision: bool) -> Operation[m.Explanation]:
    return _orchestrator("ExplainDecision" if decision else "WhyNotScheduled", {"task_id": task_id}, _as(m.Explanation))


def redrive(task_ids: Sequence[str]) -> Operation[tuple[m.Redriven, ...]]:
    return _orchestrator(
        "RedriveTasks", {"task_ids": task_ids}, lambda answer: tuple(m.read(m.Redriven, t) for t in answer.tasks)
    )


class TaskFilters(TypedDict, total=False):
    """What tasks are listed and redriven by: all that is given has to fit."""

    status: m.TaskStatus
    stack: str
    workflow_state: str
    labels: Mapping[str, str] | None
    text: str  # words of the description
    parent_id: str
    tenant: str
    created_from: datetime  # at or after
    created_before: datetime


def _filter(filters: TaskFilters, token: str) -> dict[str, Any]:
    fields = {name: value for name, value in cast(dict[str, Any], filters).items() if value is not None} | {"page_token": token}
    for name in ("created_from", "created_before"):
        if name in fields:
            fields[f"{name}_unix_ms"] = int(fields.pop(name).timestamp() * 1000)
    return fields


def redrive_page(filters: TaskFilters, token: str) -> Operation[tuple[tuple[m.Redriven, ...], str]]:
    return _orchestrator(
        "RedriveTasks",
        {"filter": _filter(filters, token)},
        lambda answer: (tuple(m.read(m.Redriven, t) for t in answer.tasks), answer.next_page_token),
    )


def list_page(filters: TaskFilters, page_size: int, token: str) -> Operation[tuple[tuple[m.Task, ...], str]]:
    return _orchestrator(
        "ListTasks",
        _filter(filters, token) | {"page_size": page_size},
        lambda answer: (tuple(m.read(m.Task, t) for t in answer.tasks), answer.next_page_token),
    )


def cancel(task_id: str, reason: str, grace: float) -> Operation[m.Task]:
    fields = {"task_id": task_id, "reason": reason, "grace_ms": int(grace * 1000)}
    return _orchestrator("CancelTask", fields, _as(m.Task))


def delete(task_id: str) -> Operation[None]:
    return _orchestrator("DeleteTask", {"task_id": task_id}, lambda _: None)


def approve(task_id: str, approved: bool, comment: str, by: str) -> Operation[m.Task]:
    return _orchestrator(
        "ApproveTask", {"task_id": task_id, "approve": approved, "comment": comment, "by": by}, _as(m.Task)
    )


def artifacts(task_id: str) -> Operation[tuple[m.Artifact, ...]]:
    return _orchestrator(
        "ListArtifacts", {"task_id": task_id}, lambda answer: tuple(m.read(m.Artifact, a) for a in answer.artifacts)
    )


def watch(task_ids: Sequence[str], parent_id: str, snapshot: bool) -> Operation[m.TaskEvent]:
    fields = {"task_ids": list(task_ids), "parent_id": parent_id, "snapshot": snapshot}
    return _orchestrator("WatchTasks", fields, _as(m.TaskEvent))


def agents() -> Operation[tuple[m.AgentState, ...]]:
    return _orchestrator("ListAgents", {}, lambda answer: tuple(m.read(m.AgentState, a) for a in answer.agents))


def set_dispatch(halted: bool, reason: str, by: str) -> Operation[m.Dispatch]:
    return _orchestrator("SetDispatch", {"halted": halted, "reason": reason, "by": by}, _as(m.Dispatch))


def dispatch() -> Operation[m.Dispatch]:
    return _orchestrator("GetDispatch", {}, _as(m.Dispatch))


def set_hold(kind: m.HoldKind, name: str, held: bool, reason: str, by: str) -> Operation[m.Hold]:
    fields = {"kind": int(kind), "name": name, "held": held, "reason": reason, "by": by}
    return _orchestrator("SetHold", fields, _as(m.Hold))


def holds() -> Operation[tuple[m.Hold, ...]]:
    return _orchestrator("ListHolds", {}, lambda answer: tuple(m.read(m.Hold, h) for h in answer.holds))


def put_schedule(schedule: m.NewSchedule) -> Operation[m.Schedule]:
    method = wire.method("orchestrator.Orchestrator.PutSchedule")
    return Operation(method, schedule.to_wire(), _as(m.Schedule))


def pause_schedule(name: str, paused: bool, note: str) -> Operation[m.Schedule]:
    return _orchestrator("PauseSchedule", {"name": name, "paused": paused, "note": note}, _as(m.Schedule))


def delete_schedule(name: str) -> Operation[m.Schedule]:
    return _orchestrator("DeleteSchedule", {"name": name}, _as(m.Schedule))


def schedules(name: str) -> Operation[tuple[m.Schedule, ...]]:
    return _orchestrator(
        "ListSchedules", {"name": name}, lambda answer: tuple(m.read(m.Schedule, s) for s in answer.schedules)
    )


# -- orchestrator: agents ----------------------------------------------------------------------------------------------


def register(
    name: str, capabilities: Sequence[str], roles: Sequence[str], permissions: Sequence[str], tenant: str
) -> Operation[m.Registration]:
    fields = {"name": name, "capabilities": list(capabilities), "roles": list(roles),
              "permissions": list(permissions), "tenant": tenant}
    return _orchestrator("RegisterAgent", fields, _as(m.Registration))


def poll(agent_id: str, wait: float) -> Operation[m.Polled]:
    """The deadline is longer than the wait, so that an empty answer arrives rather than an error."""
    return _orchestrator(
        "PollTask",
        {"agent_id": agent_id, "wait_ms": int(wait * 1000)},
        lambda answer: m.Polled(m.read(m.Assignment, answer) if answer.task_id else None, answer.drain),
        timeout=wait + 5.0,
        within=0.0,
    )


def heartbeat(agent_id: str, leases: Sequence[m.Lease], timeout: float) -> Operation[m.HeartbeatAnswer]:
    fields = {"agent_id": agent_id, "leases": [vars(lease) for lease in leases]}
    return _orchestrator("Heartbeat", fields, _as(m.HeartbeatAnswer), timeout=timeout, within=0.0)


def submit_result(
    assignment: m.Assignment,
    agent_id: str,
    artifact: str | None,
    error: str,
    failure_class: m.FailureClass | None,
    within: float,
    artifacts: Sequence[m.Artifact] = (),
) -> Operation[m.ResultAck]:
    """`failure_class` None means success. `artifacts`: files that belong to it. Safe to repeat: the token makes the second one the first one's echo."""
    fields = {
        "task_id": assignment.task_id,
        "status": "success" if failure_class is None else "failure",
        "artifact": artifact or "",
        "error_message": cut_middle(error, ERROR_MESSAGE_CHARS_MAX),
        "lease_token": assignment.lease_token,
        "attempt": assignment.attempt,
        "failure_class": failure_class.value if failure_class else "",
        "agent_id": agent_id,
        "artifacts": [{"name": a.name, "sha256": a.sha256, "bytes": a.bytes} for a in artifacts],
    }
    return _orchestrator("SubmitResult", fields, _as(m.ResultAck), within=within)


# -- analyst -----------------------------------------------------------------------------------------------------------


def _analyst(rpc: str, fields: Mapping[str, Any], parse: Callable[[Any], R], **more: Any) -> Operation[R]:
    method = wire.method(f"analyst.Analyst.{rpc}")
    return Operation(method, method.request(**fields), parse, **more)


def report_failure(failure: m.Failure, within: float | None = None) -> Operation[m.Analysis]:
    fields = vars(failure) | {"error_log": cut_middle(failure.error_log, ERROR_LOG_BYTES_MAX)}
    return _analyst("ReportFailure", fields, _as(m.Analysis), within=within)


def rules(stack: str, role: str, state: str) -> Operation[tuple[m.GoldenRule, ...]]:
    return _analyst(
        "GetGoldenRules",
        {"stack": stack, "role": role, "state": state},
        lambda answer: tuple(m.read(m.GoldenRule, rule) for rule in answer.rules),
    )


def watch_rules(from_version: int) -> Operation[m.RuleEvent]:
    return _analyst("WatchGoldenRules", {"from_version": from_version}, _as(m.RuleEvent))


def groups(stack: str, limit: int) -> Operation[m.FailureGroups]:
    return _analyst("ListGroups", {"stack": stack, "limit": limit}, _as(m.FailureGroups))


# -- budget ------------------------------------------------------------------------------------------------------------


def _budget(rpc: str, fields: Mapping[str, Any], parse: Callable[[Any], R]) -> Operation[R]:
    method = wire.method(f"llm_gateway.BudgetControl.{rpc}")
    return Operation(method, method.request(**fields), parse)


def spend(scope: str) -> Operation[m.Spend]:
    return _budget("GetCurrentSpend", {"scope": scope}, _as(m.Spend))


def reset_budget(scope: str) -> Operation[None]:
    return _budget("ResetBudget", {"scope": scope}, lambda _: None)


def set_limit(fields: Mapping[str, Any]) -> Operation[None]:
    return _budget("SetLimit", fields, lambda _: None)


def scopes(prefix: str) -> Operation[tuple[m.Spend, ...]]:
    return _budget("ListScopes", {"scope_prefix": prefix}, lambda a: tuple(m.read(m.Spend, s) for s in a.scopes))


def watch_scopes(prefix: str) -> Operation[m.SpendEvent]:
    return _budget("WatchScopes", {"scope_prefix": prefix}, _as(m.SpendEvent))


def set_task_budget(task_id: str, limit: float, strict: bool) -> Operation[None]:
    return _budget("SetTaskBudget", {"task_id": task_id, "limit": limit, "strict": strict}, lambda _: None)


def cut_middle(text: str, limit: int) -> str:
    """Valid text of at most `limit` bytes: a longer one loses its middle, as head and tail of a log tell the most."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return raw.decode("utf-8")
    mark = f"\n… {len(raw) - limit} bytes cut …\n".encode()
    keep = max(0, limit - len(mark))
    head, tail = raw[: keep // 2], raw[len(raw) - (keep - keep // 2) :]
    return head.decode("utf-8", "ignore") + mark.decode() + tail.decode("utf-8", "ignore")
