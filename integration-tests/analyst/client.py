"""The analyst's RPCs as plain calls."""

from __future__ import annotations

from typing import Any

from raw_calls import RawClient

from swarm_sdk import wire


def msg(name: str, /, **fields: Any) -> Any:
    return wire.message(f"analyst.{name}")(**fields)


class Raw(RawClient):
    """Calls wait until the service is there."""

    SERVICE = "analyst.Analyst"
    TIMEOUT = 15.0

    def call(self, method: str, request: Any, timeout: float | None = None, **more: Any) -> Any:
        return super().call(method, request, timeout, wait_for_ready=True, **more)

    def report(self, task: str, log: str = "KeyError: 'x'", **more: Any) -> Any:
        fields = {"stack": "python", "role": "Coder", "attempt": 1} | more
        return self.call("ReportFailure", msg("FailureEvent", task_id=task, error_log=log, **fields))

    def rules(self, **query: Any) -> list[Any]:
        return list(self.call("GetGoldenRules", msg("RuleQuery", **query)).rules)

    def groups(self) -> Any:
        return self.call("ListGroups", msg("GroupQuery", limit=1000))

    def watch(self, from_version: int = 0) -> Any:
        return self.follow("WatchGoldenRules", msg("WatchRulesRequest", from_version=from_version), wait_for_ready=True)
