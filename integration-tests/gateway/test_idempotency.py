"""Requests with an idempotency key: an equal one in flight is joined and paid for once."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import Any

from clients import http
from eventually import eventually

from gateway.budget import spend
from gateway.upstream import STREAM_HEAD, Upstream, answer, chunk, completion, event, settings, upstream

RAW = b'{"model": "small", "messages": [{"role": "user", "content": "hi"}]}'
REQUEST = (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\ncontent-type: application/json\r\n"
           b"idempotency-key: a\r\n" + f"content-length: {len(RAW)}\r\n\r\n".encode() + RAW)
BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}


def joined(gateway: Any) -> int:
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    return int(float(re.search(r"^swarm_gateway_joined_requests_total (\S+)", text, re.M)[1]))


class Callers:
    """Callers of a gateway whose upstream answers only when it is told to."""

    def __init__(self, gateway: Any, up: Upstream, release: threading.Event, pool: ThreadPoolExecutor) -> None:
        self.gateway, self.up, self.release, self._pool = gateway, up, release, pool

    def ask(self, idempotency_key: str | None, key: str = "sk-agent", headers: dict[str, str] | None = None, **more: Any) -> Future:
        named = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        lines = {"authorization": f"Bearer {key}"} | named | (headers or {})
        return self._pool.submit(http, "POST", f"{self.gateway.http}/v1/chat/completions", BODY | more, lines, 60)

    def asked(self, count: int) -> None:
        eventually(lambda: len(self.up.requests) == count)

    def joined(self, count: int) -> None:
        eventually(lambda: joined(self.gateway) == count)


@contextmanager
def held(start_gateway: Any, **more: Any) -> Iterator[Callers]:
    release = threading.Event()

    def serve(connection: socket.socket, request: bytes) -> None:
        release.wait(60)
        if b'"stream": true' in request:
            done = chunk("data: " + json.dumps({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}) + "\n\ndata: [DONE]\n\n")
            connection.sendall(STREAM_HEAD + event("one") + event("two") + done + b"0\r\n\r\n")
        else:
            connection.sendall(answer(completion()))

    with upstream(serve) as up, ThreadPoolExecutor(8) as pool:
        try:
            yield Callers(start_gateway(settings(up.url, **more)), up, release, pool)
        finally:
            release.set()


def test_equal_requests_in_flight_are_asked_and_paid_for_once(start_gateway: Any) -> None:
    with held(start_gateway) as callers:
        first = callers.ask("a")
        callers.asked(1)
        others = [callers.ask("a") for _ in range(3)]
        callers.joined(3)
        callers.release.set()
        told = first.result()
        assert told.status == 200 and "x-swarm-joined" not in told.headers
        for other in others:
            answered = other.result()
            assert answered.status == 200 and answered.body == told.body and answered.headers["x-swarm-joined"] == "true"
            assert answered.headers["x-request-id"] == told.headers["x-request-id"], "the one that was paid for"
        assert len(callers.up.requests) == 1 and int(spend(callers.gateway)["requests"]) == 1
        assert callers.ask("a").result().status == 200
        assert len(callers.up.requests) == 2, "what is over is not kept"


def test_streams_are_joined_too(start_gateway: Any) -> None:
    with held(start_gateway) as callers:
        first = callers.ask("a", stream=True)
        callers.asked(1)
        other = callers.ask("a", stream=True)
        callers.joined(1)
        callers.release.set()
        assert b"two" in first.result().body and b"[DONE]" in first.result().body
        assert other.result().body == first.result().body
        assert other.result().headers["content-type"].startswith("text/event-stream")
        assert len(callers.up.requests) == 1


def test_a_joined_stream_comes_as_it_is_made_however_long(start_gateway: Any) -> None:
    parts, size = 60, 100_000
    turns = threading.Semaphore(0)

    def serve(connection: socket.socket, request: bytes) -> None:
        connection.sendall(STREAM_HEAD + event("one"))
        for _ in range(parts):
            turns.acquire(timeout=60)
            connection.sendall(event("x" * size))
        connection.sendall(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    def read(stream: Any, until: bytes) -> bytes:
        got = b""
        while not got.endswith(until):
            piece = stream.read1(1 << 16)
            assert piece, got[-100:]
            got += piece
        return got

    with upstream(serve) as up, ExitStack() as stack:
        stack.callback(turns.release, parts)
        gateway = start_gateway(settings(up.url))

        def ask() -> Any:
            connection = HTTPConnection("127.0.0.1", gateway.ports["http"], timeout=60)
            stack.callback(connection.close)
            connection.request("POST", "/v1/chat/completions", json.dumps(BODY | {"stream": True}), {"authorization": "Bearer sk-agent", "idempotency-key": "a"})
            return connection.getresponse()

        streams = first, second = ask(), ask()
        begins = read(first, b"}}]}\n\n")
        assert b"one" in begins and read(second, b"}}]}\n\n") == begins, "who joined has it while the model still works"
        assert second.headers["x-swarm-joined"] == "true" and second.headers["x-request-id"] == first.headers["x-request-id"]
        for _ in range(parts - 1):  # six megabytes, more than is kept for who comes later
            turns.release()
            assert [len(read(stream, b"}}]}\n\n")) > size for stream in streams] == [True, True]
        turns.release()
        ends = [read(stream, b"[DONE]\n\n") for stream in streams]
        assert ends[0] == ends[1] and len(up.requests) == 1 and joined(gateway) == 1
        eventually(lambda: int(spend(gateway)["requests"]) == 1)


def test_who_joins_whom(start_gateway: Any) -> None:
    with held(start_gateway) as callers:
        asked = [callers.ask("a")]
        callers.asked(1)
        taken = callers.ask("a", temperature=0).result()
        assert taken.status == 400 and taken.json()["error"]["code"] == "idempotency_key_reused"
        assert callers.ask("a", key="sk-nobody").result().status == 401
        assert callers.ask("a", headers={"x-swarm-task-id": "t", "x-swarm-task-token": "wrong"}, key="sk-plain").result().status == 403
        # Another key of a caller, another idempotency key, another task, and none at all: each is a request of its own.
        for count, more in enumerate(({"key": "sk-plain", "idempotency_key": "a"}, {"idempotency_key": "b"},
                                      {"idempotency_key": "a", "headers": {"x-swarm-task-id": "t"}}, {"idempotency_key": None}), 2):
            asked.append(callers.ask(**more))
            callers.asked(count)
        callers.release.set()
        assert [a.result().status for a in asked] == [200] * 5 and joined(callers.gateway) == 0


def test_whoever_leaves_the_others_get_their_answer(start_gateway: Any) -> None:
    with held(start_gateway) as callers:
        address = ("127.0.0.1", callers.gateway.ports["http"])
        with socket.create_connection(address, 10) as first:
            first.sendall(REQUEST)
            callers.asked(1)
            with socket.create_connection(address, 10) as second:
                second.sendall(REQUEST)
                callers.joined(1)
                stays = callers.ask("a")
                callers.joined(2)
        # The one who asked and one who joined are gone, whether it was noticed or not.
        callers.release.set()
        assert stays.result().status == 200
        assert len(callers.up.requests) == 1
        eventually(lambda: spend(callers.gateway)["reserved"] == 0)


def test_who_leaves_alone_is_followed_by_a_request_of_its_own(start_gateway: Any) -> None:
    with held(start_gateway) as callers:
        with socket.create_connection(("127.0.0.1", callers.gateway.ports["http"]), 10) as first:
            first.sendall(REQUEST)
            callers.asked(1)
        eventually(lambda: spend(callers.gateway)["reserved"] == 0)
        again = callers.ask("a")
        callers.asked(2)
        callers.release.set()
        assert again.result().status == 200 and joined(callers.gateway) == 0


def test_a_stop_ends_who_waits_for_an_answer_that_does_not_come(start_gateway: Any) -> None:
    with held(start_gateway, drain_time="1s") as callers:
        address = ("127.0.0.1", callers.gateway.ports["http"])
        with ExitStack() as stack:
            connections = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(6)]
            connections[0].sendall(REQUEST)
            callers.asked(1)
            for count, connection in enumerate(connections[1:], 1):
                connection.sendall(REQUEST)
                callers.joined(count)
            assert callers.gateway.stop(60) == 0
