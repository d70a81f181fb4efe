"""Faults that the server commits on command, each a bounded number of times."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

KINDS = {
    "status": "answer with `status` (default 500), and Retry-After when `retry_after` (seconds) is given",
    "latency": "wait `ms` before answering properly",
    "hang": "wait `ms` (default 60,000), then close the connection without an answer",
    "cut": "end a stream without [DONE] after `after_events` events; close a plain answer in mid-body",
    "garbage": "answer 200 with a body (or an event) that is no JSON",
    "no_usage": "leave out the usage",
    "bad_usage": "answer with nonsense as usage: null, negative and huge figures",
    "stream_error": "send an error event in the middle of a stream",
    "reset": "reset the TCP connection after reading the request",
    "usage": "claim `prompt_tokens` and `completion_tokens`",
}


@dataclass
class Fault:
    kind: str
    count: int = 1  # how many requests it hits; 0: all
    model: str = ""  # only requests for this model; empty: any
    status: int = 500
    retry_after: float | None = None
    ms: float | None = None
    after_events: int = 2
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @staticmethod
    def parse(fields: dict[str, Any]) -> "Fault":
        if not isinstance(fields, dict) or fields.get("kind") not in KINDS:
            raise ValueError(f"a fault is an object whose kind is one of {', '.join(KINDS)}")
        try:
            return Fault(**fields)
        except TypeError as error:
            raise ValueError(str(error)) from None


class Faults:
    """What is still to be committed. Thread-safe."""

    def __init__(self, faults: list[Fault]) -> None:
        self._lock = threading.Lock()
        self._waiting = list(faults)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, model: str) -> Fault | None:
        """The first fault that fits this request, used up by one."""
        with self._lock:
            for fault in self._waiting:
                if fault.model in ("", model):
                    if fault.count == 1:
                        self._waiting.remove(fault)
                    elif fault.count > 1:
                        fault.count -= 1
                    return fault
        return None
