"""The HTTP side: reads a request, asks the mind, writes the answer, or commits the fault that is due."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import wire
from faults import Fault, Faults
from minds import answer

BODY_MAX = 64 * 1024 * 1024
REQUESTS_KEPT = 10_000
CREDENTIALS = {"authorization", "x-api-key", "cookie"}


class ModelServer:
    """One scripted model on a loopback port. serve_forever() blocks until shutdown() from another thread."""

    def __init__(
        self, *, port: int, models: list[str], latency_s: float, chunk_s: float, faults: Faults, key: str | None
    ) -> None:
        self.models, self.latency_s, self.chunk_s, self.faults, self.key = models, latency_s, chunk_s, faults, key
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.model = self
        self.port: int = self._http.server_address[1]

    def serve_forever(self) -> None:
        self._http.serve_forever(poll_interval=0.05)

    def shutdown(self) -> None:
        self._http.shutdown()

    def close(self) -> None:
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a hanging fault must not hold up the end
    block_on_close = False
    request_queue_size = 1024
    model: ModelServer


@dataclass
class _Call:
    """One call of a model, whichever dialect it came in."""

    anthropic: bool
    model: str
    prompt: str
    text: str
    stream: bool
    include_usage: bool
    fault: Fault | None

    def usage(self) -> wire.Usage | None:
        if self.fault is not None and self.fault.kind == "no_usage":
            return None
        if self.fault is not None and self.fault.kind == "usage":
            return wire.Usage(self.fault.prompt_tokens, self.fault.completion_tokens)
        return wire.Usage(wire.count_tokens(self.prompt), wire.count_tokens(self.text))

    def plain(self) -> dict[str, Any]:
        body = (wire.message if self.anthropic else wire.completion)(self.model, self.text, self.usage())
        if self.fault is not None and self.fault.kind == "bad_usage":
            body["usage"] = {"prompt_tokens": -5, "completion_tokens": 1e300, "total_tokens": None}
        return body

    def events(self) -> Iterator[bytes]:
        if self.anthropic:
            return wire.message_events(self.model, self.text, self.usage())
        return wire.completion_events(self.model, self.text, self.usage(), self.include_usage)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: Nagle would hold the second one back for 40 ms
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            models = [{"id": m, "object": "model", "created": 0, "owned_by": "scripted"} for m in self._model.models]
            self._json(200, {"object": "list", "data": models})
        elif self.path == "/control/requests":
            self._json(200, {"requests": list(self._model.requests)})
        else:
            self._json(404, wire.openai_error(404, f"no such path: {self.path}"))

    def do_DELETE(self) -> None:
        if self.path == "/control/requests":
            self._model.requests.clear()
        elif self.path == "/control/faults":
            self._model.faults.clear()
        else:
            return self._json(404, wire.openai_error(404, f"no such path: {self.path}"))
        self._json(200, {"ok": True})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            return self._json(413, wire.openai_error(413, "body too large"))
        raw = self.rfile.read(length)
        path = self.path.split("?")[0]
        if path == "/control/faults":
            return self._control(raw)
        if path not in ("/v1/chat/completions", "/v1/messages"):
            return self._json(404, wire.openai_error(404, f"no such path: {path}"))
        error = wire.anthropic_error if path == "/v1/messages" else wire.openai_error
        if self._model.key and self._model.key not in (self.headers.get("authorization", "").removeprefix("Bearer "),
                                                       self.headers.get("x-api-key")):
            return self._json(401, error(401, "wrong key"))
        try:
            body = json.loads(raw)
            self._remember(path, body)
            call = self._call(path, body)
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            return self._json(400, error(400, f"malformed request: {fault}"))
        self._answer(call)

    # -- a call of the model -------------------------------------------------------------------------------------------

    def _call(self, path: str, body: dict[str, Any]) -> _Call:
        messages = [(m["role"], wire.message_text(m.get("content"))) for m in body["messages"]]
        system = wire.message_text(body.get("system")) if body.get("system") else ""
        if system:
            messages.insert(0, ("system", system))
        model = str(body["model"])
        return _Call(
            anthropic=path == "/v1/messages",
            model=model,
            prompt="\n".join(text for _, text in messages),
            text=answer(messages),
            stream=bool(body.get("stream")),
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            fault=self._model.faults.take(model),
        )

    def _answer(self, call: _Call) -> None:
        time.sleep(self._model.latency_s)
        fault = call.fault
        if fault is not None:
            if fault.kind == "latency":
                time.sleep((fault.ms or 0) / 1000)
            elif fault.kind == "hang":
                time.sleep((60_000 if fault.ms is None else fault.ms) / 1000)
                self.close_connection = True
                return None
            elif fault.kind == "reset":
                return self._reset()
            elif fault.kind == "status":
                error = wire.anthropic_error if call.anthropic else wire.openai_error
                extra = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
                return self._json(fault.status, error(fault.status, f"fault on command: {fault.status}"), extra)
        return self._stream(call) if call.stream else self._plain(call)

    def _plain(self, call: _Call) -> None:
        kind = call.fault.kind if call.fault else ""
        raw = json.dumps(call.plain(), separators=(",", ":")).encode()
        if kind == "garbage":
            raw = b"<html>not json</html>"
        self._head(200, "application/json", {"content-length": str(len(raw))})
        if kind == "cut":
            raw = raw[: len(raw) // 2]
            self.close_connection = True
        self.wfile.write(raw)

    def _stream(self, call: _Call) -> None:
        kind = call.fault.kind if call.fault else ""
        self._head(200, "text/event-stream", {"transfer-encoding": "chunked", "cache-control": "no-cache"})
        for number, event in enumerate(call.events()):
            if kind == "cut" and number == call.fault.after_events:
                self.close_connection = True  # neither [DONE] nor the last chunk
                return
            if kind == "garbage" and number == call.fault.after_events:
                event = b"data: {this is not json\n\n"
            if kind == "stream_error" and number == call.fault.after_events:
                self._chunk(b'data: {"error":{"message":"fault on command","type":"server_error","code":null}}\n\n')
                break
            if number:
                time.sleep(self._model.chunk_s)
            self._chunk(event)
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _control(self, raw: bytes) -> None:
        try:
            self._model.faults.add(Fault.parse(json.loads(raw)))
        except ValueError as error:
            return self._json(400, {"error": str(error)})
        self._json(200, {"ok": True})

    def _remember(self, path: str, body: Any) -> None:
        headers = {}
        for name, value in self.headers.items():
            name = name.lower()
            hidden = "sha256:" + hashlib.sha256(value.encode()).hexdigest()
            headers[name] = hidden if name in CREDENTIALS else value
        self._model.requests.append({"path": path, "model": body.get("model"), "headers": headers, "body": body})

    def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("x-request-id", f"scripted-{time.monotonic_ns():x}")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _json(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self._head(status, "application/json", {"content-length": str(len(raw))} | (headers or {}))
        self.wfile.write(raw)

    @property
    def _model(self) -> ModelServer:
        return self.server.model

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError, ValueError, OSError):
            self.close_connection = True  # the caller hung up: that is what some tests are about

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silent: what came in is asked for at /control/requests."""
