"""How an agent says why an attempt failed, and how other exceptions are read."""

from __future__ import annotations

import traceback

from .errors import SwarmError
from .models import FailureClass

# TransportError is httpx's: older model clients let it through when a stream breaks off.
_TRANSIENT_NAMES = {"APIConnectionError", "APITimeoutError", "ConnectionError", "TimeoutError", "TransportError"}
_BUDGET_CODES = {"insufficient_quota", "budget_exceeded", "budget_exhausted"}


class TaskFailed(Exception):
    """Raise it from Agent.work when the attempt failed.

    `message` is one or a few lines that the next attempt gets to read; `log` is everything a person would want to see
    (a traceback, a test run), and is what the analyst learns from. Without a log the message serves as one.
    """

    def __init__(
        self, message: str, log: str | None = None, failure_class: FailureClass = FailureClass.AGENT_ERROR
    ) -> None:
        super().__init__(message)
        self.message = message
        self.log = log
        self.failure_class = failure_class


class TaskRejected(TaskFailed):
    """A review's verdict: the work goes back to whoever made it, with `message` as the reason.

    The attempt ends as a failure, which takes the workflow's failure edge; but it is no mistake of this agent, so the
    analyst does not hear of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, failure_class=FailureClass.REJECTED)


class TaskCancelled(TaskFailed):
    """The task was cancelled while this agent worked on it (raised by TaskRun.check)."""

    def __init__(self, message: str = "cancelled") -> None:
        super().__init__(message, failure_class=FailureClass.CANCELLED)


class LeaseLost(Exception):
    """The lease is gone: another agent may have the task, and a result would be refused (raised by TaskRun.check)."""


def as_failure(error: BaseException) -> TaskFailed:
    """Any exception that came out of Agent.work, as a TaskFailed with the traceback for a log."""
    if isinstance(error, TaskFailed):
        return error
    log = "".join(traceback.format_exception(error))
    return TaskFailed(f"{type(error).__name__}: {error}", log, classify(error))


def classify(error: BaseException) -> FailureClass:
    """The class of an exception. Knows the openai and anthropic clients' errors by their shape, without importing them."""
    status = getattr(error, "status_code", None)
    if getattr(error, "code", None) in _BUDGET_CODES or _error_type(error) in _BUDGET_CODES:
        return FailureClass.BUDGET_EXHAUSTED
    if isinstance(error, SwarmError):
        return FailureClass.TRANSIENT if error.retryable else FailureClass.AGENT_ERROR
    names = {c.__name__ for c in type(error).__mro__}
    if type(error).__name__ == "APIError":  # an error event in the middle of a stream: it has no status
        return FailureClass.TRANSIENT
    if names & _TRANSIENT_NAMES or (isinstance(status, int) and (status in (408, 409, 429) or status >= 500)):
        return FailureClass.TRANSIENT
    if status in (401, 403):
        return FailureClass.POLICY_DENIED
    return FailureClass.AGENT_ERROR


def _error_type(error: BaseException) -> str:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    return str(inner.get("type", "")) if isinstance(inner, dict) else ""
