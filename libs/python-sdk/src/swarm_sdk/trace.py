"""W3C trace context: which larger piece of work a call belongs to.

The current context travels in a contextvar. Every call of the SDK sends it as `traceparent`; agents also give it to the
model client (TaskRun.model_headers), so that one attempt has one trace id in the logs of all three services.
"""

from __future__ import annotations

import contextvars
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_FORM = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_current: contextvars.ContextVar["TraceContext | None"] = contextvars.ContextVar("swarm_trace", default=None)


@dataclass(frozen=True)
class TraceContext:
    """A position in a trace: 32 and 16 lower-case hexadecimal digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    def child(self) -> "TraceContext":
        """Same trace, new span."""
        return TraceContext(self.trace_id, secrets.token_hex(8))


def start() -> TraceContext:
    """A new trace."""
    return TraceContext(secrets.token_hex(16), secrets.token_hex(8))


def parse(traceparent: str) -> TraceContext | None:
    """The context of a traceparent header; None when it is malformed or all zero."""
    found = _FORM.fullmatch(traceparent.strip())
    if found is None or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return TraceContext(found[1], found[2])


def current() -> TraceContext | None:
    """The context of the running task, if any."""
    return _current.get()


@contextmanager
def scope(context: TraceContext) -> Iterator[TraceContext]:
    """Makes `context` the current one for the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
