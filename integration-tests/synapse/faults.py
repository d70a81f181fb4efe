"""Faults that a test switches on from outside: by a flag at start, or through the control port while it runs."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc

REMEMBERED = 5_000
KINDS = ("slow", "refuse", "garbage", "no_space")
NO_SPACE = "IO error: No space left on device (os error 28)"
GARBAGE = '[{"?x": "\\"unfinished'


@dataclass
class Fault:
    """`kind`: slow (waits `seconds` first, and nobody else is served meanwhile), refuse (`code` and `details`), garbage
    (queries answer what is no JSON), no_space (writes fail as on a full disk). `method` empty: every method.
    `count` 0: until cleared."""

    kind: str
    method: str = ""
    seconds: float = 2.0
    code: str = "PERMISSION_DENIED"
    details: str = "Invalid token"
    count: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.code not in grpc.StatusCode.__members__:
            raise ValueError(f"no gRPC status code is called {self.code!r}")


class Faults:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[Fault] = []
        self._calls: Counter[str] = Counter()
        self._largest: Counter[str] = Counter()
        self._queries: deque[str] = deque(maxlen=REMEMBERED)
        self._written: deque[tuple[str, str, str]] = deque(maxlen=REMEMBERED)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._active.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._active.clear()

    def take(self, method: str) -> list[Fault]:
        """The faults that this call meets; counted ones are used up."""
        with self._lock:
            met = [f for f in self._active if f.method in ("", method)]
            for fault in met:
                if fault.count == 1:
                    self._active.remove(fault)
                elif fault.count > 1:
                    fault.count -= 1
            return met

    def saw(self, method: str, size: int) -> None:
        with self._lock:
            self._calls[method] += 1
            self._largest[method] = max(self._largest[method], size)

    def asked(self, query: str) -> None:
        with self._lock:
            self._queries.append(query)

    def wrote(self, triples: Iterable[tuple[str, str, str]]) -> None:
        with self._lock:
            self._written.extend(triples)

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {"calls": dict(self._calls), "largest_bytes": dict(self._largest), "queries": list(self._queries),
                    "written": list(self._written)}


class ControlServer:
    """POST /faults with a fault's fields adds it, DELETE /faults clears all, GET /calls tells what came in:
    counts, and the last queries and triples in their order."""

    def __init__(self, faults: Faults, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(faults))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="control", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(faults: Faults) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                faults.add(Fault(**body))
            except (ValueError, TypeError) as error:
                return self._answer(400, {"error": str(error)})
            return self._answer(200, {})

        def do_DELETE(self) -> None:
            faults.clear()
            self._answer(200, {})

        def do_GET(self) -> None:
            self._answer(200, faults.report())

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
