"""Upstreams that misbehave. The caller gets an honest answer, the budget is settled, the gateway goes on."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import Any

import pytest
from clients import http
from eventually import eventually

from gateway.budget import spend
from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}


def chat(gateway: Any, timeout: float = 15.0, **more: Any) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY | more, KEY, timeout)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def nothing_held(gateway: Any) -> None:
    deadline = time.monotonic() + 5
    while spend(gateway)["reserved"] > 0:
        assert time.monotonic() < deadline, "a reservation was never settled"
        time.sleep(0.05)


def test_nobody_listens(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    failed = chat(gateway)
    assert failed.status == 502 and failed.json()["error"]["code"] == "upstream_connect"
    assert failed.headers["x-should-retry"] == "true"
    assert spend(gateway)["current_spend"] == 0, "what was never sent costs nothing"
    for _ in range(5):
        chat(gateway)
    rested = chat(gateway)
    assert rested.status == 503 and rested.json()["error"]["code"] == "upstream_resting"


@pytest.mark.parametrize(("serve", "status", "code"), [
    (lambda c, r: time.sleep(3), 504, "upstream_timeout"),
    (lambda c, r: reset(c), 502, "upstream_closed"),
    (lambda c, r: c.sendall(b"garbage that is no HTTP\r\n\r\n"), 502, "upstream_malformed"),
    (lambda c, r: (c.sendall(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000)), 502, "upstream_malformed"),
    (lambda c, r: (c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{}"), c.close()), 502, "upstream_closed"),
    (lambda c, r: c.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"), 502, "upstream_malformed"),
    (lambda c, r: c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"), 502, "upstream_malformed"),
])
def test_no_usable_answer(start_gateway: Any, serve: Any, status: int, code: str) -> None:
    with upstream(serve) as up:
        config = settings(up.url)
        config["upstreams"]["m"] |= {"first_byte_timeout": "500ms", "idle_timeout": "500ms"}
        gateway = start_gateway(config)
        failed = chat(gateway)
        assert (failed.status, failed.json()["error"]["code"]) == (status, code)
        assert len(up.requests) == 1, "what was sent may have been done: it is not tried again"
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] > 0, "and it may be paid for"


def test_one_byte_per_second_is_too_slow(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        for byte in answer(completion()):
            connection.sendall(bytes([byte]))
            time.sleep(0.3)

    with upstream(serve) as up:
        config = settings(up.url)
        config["upstreams"]["m"] |= {"first_byte_timeout": "1s", "idle_timeout": "1s"}
        gateway = start_gateway(config)
        began = time.monotonic()
        assert chat(gateway).status == 504
        assert time.monotonic() - began < 5


def test_too_many_requests_are_tried_again_as_the_upstream_asks(start_gateway: Any) -> None:
    answers = [answer({"error": {}}, "429 Too Many Requests", "retry-after: 1\r\n"), answer(completion())]
    with upstream(lambda connection, _: connection.sendall(answers.pop(0))) as up:
        gateway = start_gateway(settings(up.url))
        began = time.monotonic()
        assert chat(gateway).status == 200
        assert time.monotonic() - began >= 1
        assert len(up.requests) == 2
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] == pytest.approx(4.5e-6), "the refused attempt costs nothing"


@pytest.mark.parametrize("headers", ["retry-after: 60\r\n", "x-should-retry: false\r\n"])
def test_a_refusal_that_is_not_worth_waiting_for_is_passed_on(start_gateway: Any, headers: str) -> None:
    with upstream(lambda connection, _: connection.sendall(answer({"error": {"message": "slow down"}}, "429 Too Many Requests", headers))) as up:
        gateway = start_gateway(settings(up.url))
        refused = chat(gateway)
        assert refused.status == 429 and refused.json()["error"]["message"] == "slow down"
        assert len(up.requests) == 1


def test_who_refuses_a_long_body_unread_is_heard_all_the_same(start_gateway: Any) -> None:
    def refuse(listener: socket.socket) -> None:
        for _ in range(3):
            connection, _ = listener.accept()
            with connection:
                while b"\r\n\r\n" not in connection.recv(65536, socket.MSG_PEEK):
                    pass
                connection.sendall(answer({"error": {"message": "too long for me"}}, "413 Content Too Large"))
                # Closed with the body unread: the gateway, still writing, gets a reset.

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, args=(listener,), daemon=True).start()
        gateway = start_gateway(settings(f"http://127.0.0.1:{listener.getsockname()[1]}/v1"))
        for _ in range(3):
            refused = chat(gateway, messages=[{"role": "user", "content": "x" * 8_000_000}])
            assert refused.status == 413 and refused.json()["error"]["message"] == "too long for me"
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] == 0


def test_a_pooled_connection_that_was_closed_is_replaced(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(completion()))
        connection.close()

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        assert [chat(gateway).status for _ in range(20)] == [200] * 20


@pytest.mark.parametrize("end", [reset, lambda c: c.close(), lambda c: c.sendall(b"0\r\n\r\n"), lambda c: c.sendall(b"zz\r\n")])
def test_a_stream_that_is_cut_says_so(start_gateway: Any, end: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD + event("hello"))
        time.sleep(0.1)
        end(connection)

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        cut = chat(gateway, stream=True)
        events = [line[6:] for line in cut.body.decode().split("\n") if line.startswith("data: ")]
        assert "hello" in events[0]
        assert json.loads(events[-1])["error"]["type"] == "server_error"
        assert "[DONE]" not in cut.body.decode()
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] > 0


def test_an_event_without_end_and_json_that_is_none_do_no_harm(start_gateway: Any) -> None:
    odd = [b"data: {broken\n\n", b": comment\n\n", b"event: x\ndata: 1\ndata: 2\n\n", b"no field at all\n\n"]

    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD + b"".join(chunk(o.decode()) for o in odd) + chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        got = chat(gateway, stream=True)
        assert got.status == 200 and got.body == b"".join(odd) + b"data: [DONE]\n\n"
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] > 0, "without usage it is estimated, never free"


def test_a_caller_who_leaves_stops_the_upstream_and_pays_for_what_was_made(start_gateway: Any) -> None:
    stopped: list[float] = []

    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        try:
            for _ in range(200):
                connection.sendall(event("word "))
                time.sleep(0.05)
        except OSError:
            stopped.append(time.monotonic())
            raise

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        raw = json.dumps(BODY | {"stream": True}).encode()
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n"
                           + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
            caller.recv(65536)
        left = time.monotonic()
        nothing_held(gateway)
        deadline = left + 5
        while not stopped and time.monotonic() < deadline:
            time.sleep(0.05)
        assert stopped and stopped[0] - left < 3
        assert 0 < spend(gateway)["current_spend"] < 1e-4


@pytest.mark.parametrize("stage", ["before the head ends", "in the body", "waiting", "after the first event", "half-closed"])
def test_a_caller_may_hang_up_at_every_stage(start_gateway: Any, stage: str) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.3)
        connection.sendall(STREAM_HEAD + event("one"))
        time.sleep(0.5)
        connection.sendall(event("two") + chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        raw = json.dumps(BODY | {"stream": True}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n" + f"content-length: {len(raw)}\r\n\r\n".encode()
        for n in range(1, 11):
            with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
                if stage == "before the head ends":
                    caller.sendall(head[:40])
                elif stage == "in the body":
                    caller.sendall(head + raw[:10])
                elif stage == "waiting":
                    caller.sendall(head + raw)
                    eventually(lambda n=n: len(up.requests) == n)
                elif stage == "half-closed":
                    caller.sendall(head + raw)
                    eventually(lambda n=n: len(up.requests) == n)
                    caller.shutdown(socket.SHUT_WR)
                    time.sleep(0.1)
                else:
                    caller.sendall(head + raw)
                    assert b"one" in caller.recv(65536) + caller.recv(65536)
        nothing_held(gateway)
        assert len(up.requests) == (0 if stage in ("before the head ends", "in the body") else 10)
        assert chat(gateway, stream=True).body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("body", [b"{broken", b"", b"[" * 100_000, b"\xff\xfe", b'{"usage":{"prompt_tokens":-1,"completion_tokens":"many"}}', b"null"])
def test_an_answer_that_is_no_json_is_passed_on_and_estimated(start_gateway: Any, body: bytes) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(body))) as up:
        gateway = start_gateway(settings(up.url))
        got = chat(gateway)
        assert got.status == 200 and got.body == body
        nothing_held(gateway)
        assert spend(gateway)["current_spend"] > 0, "what is not said is estimated, never free"


def test_more_than_the_length_that_was_said_poisons_no_other_request(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(completion("right")) + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        for _ in range(10):
            assert chat(gateway).json()["choices"][0]["message"]["content"] == "right"


def test_a_stream_of_one_byte_at_a_time_arrives_whole(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        for byte in 'data: {"choices":[{"index":0,"delta":{"content":"slow"}}]}\n\ndata: [DONE]\n\n':
            connection.sendall(chunk(byte))
            time.sleep(0.005)
        connection.sendall(b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        got = chat(gateway, stream=True)
        assert got.status == 200 and got.body.endswith(b"data: [DONE]\n\n") and b"slow" in got.body
        nothing_held(gateway)


def test_an_event_longer_than_allowed_ends_the_stream_with_memory_bounded(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD + chunk("data: "))
        for _ in range(200):
            connection.sendall(chunk("x" * 65_536))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        got = chat(gateway, stream=True)
        assert b"upstream_too_large" in got.body and len(got.body) < 100_000
        nothing_held(gateway)
