"""A scripted upstream for faults below HTTP: each connection is served by a function that has the socket to itself."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Serve = Callable[[socket.socket, bytes], None]


def completion(content: str = "hello", *, prompt: int = 10, output: int = 5, usage: bool = True) -> dict:
    body = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "small",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    return body


def answer(body: dict | bytes, status: str = "200 OK", headers: str = "") -> bytes:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {len(raw)}\r\n\r\n".encode() + raw


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(text: str) -> bytes:
    raw = text.encode()
    return f"{len(raw):x}\r\n".encode() + raw + b"\r\n"


def event(content: str) -> bytes:
    return chunk("data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": content}}]}) + "\n\n")


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the peer closed."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


class Upstream:
    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.requests: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            while request := read_request(connection):
                self.requests.append(request)
                self._serve(connection, request)
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def close(self) -> None:
        # Woken before its descriptor goes: else it might accept from whoever is given the same number next.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):  # gone already
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def upstream(serve: Serve) -> Iterator[Upstream]:
    made = Upstream(serve)
    try:
        yield made
    finally:
        made.close()


def settings(url: str, **more: object) -> dict:
    """One upstream, one model, two keys; a completion of `completion()` costs 4.5 micro-dollars."""
    return {
        "http.threads": 2,
        "upstreams": {"m": {"base_url": url, "api_key": "sk-upstream-secret"}},
        "models": {"small": {"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "max_output_tokens": 1000}},
        "keys": {"agent": {"key": "sk-agent", "team": "t", "bare_tasks": True, "priority": True},
                 "plain": {"key": "sk-plain", "team": "t"}},
    } | more
