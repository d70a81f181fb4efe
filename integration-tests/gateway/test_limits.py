"""Limits of keys on models, and the queue in which a request may wait for its turn."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clients import http

from gateway.budget import spend
from gateway.upstream import answer, completion, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}


def chat(gateway: Any, key: str = "sk-agent", model: str = "small") -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY | {"model": model}, {"authorization": f"Bearer {key}"}, 30)


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def test_a_models_limits_hold_for_each_key(start_gateway: Any) -> None:
    with upstream(good) as up:
        config = settings(up.url)
        config["models"]["other"] = dict(config["models"]["small"])
        config["models"]["small"]["requests_per_minute"] = 2
        gateway = start_gateway(config)
        assert [chat(gateway).status for _ in range(3)] == [200, 200, 429]
        refused = chat(gateway)
        assert "key/agent on model small" in refused.json()["error"]["message"] and refused.headers["x-should-retry"] == "true"
        first = chat(gateway, "sk-plain")
        assert first.status == 200 and first.headers["x-ratelimit-limit-requests"] == "2", "another key has its own"
        assert chat(gateway, model="other").status == 200, "and another model none"


def test_a_request_waits_for_its_turn_within_bounds(start_gateway: Any) -> None:
    running, most = [0], [0]

    def slow(connection: socket.socket, _: bytes) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.2)
        running[0] -= 1
        connection.sendall(answer(completion()))

    with upstream(slow) as up:
        config = settings(up.url)
        config["keys"]["agent"] |= {"parallel": 1, "queue_time": "10s", "queue_max": 4}
        config["keys"]["plain"] |= {"parallel": 1}
        gateway = start_gateway(config)
        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(r.status for r in pool.map(lambda _: chat(gateway), range(8)))
        assert statuses.count(200) >= 5 and set(statuses) <= {200, 429} and most[0] == 1
        with ThreadPoolExecutor(3) as pool:
            assert sorted(r.status for r in pool.map(lambda _: chat(gateway, "sk-plain"), range(3))).count(429) == 2
        assert spend(gateway)["reserved"] == 0


def test_requests_a_minute_are_spread_where_they_may_wait(start_gateway: Any) -> None:
    with upstream(good) as up:
        config = settings(up.url)
        config["keys"]["agent"] |= {"requests_per_minute": 60, "queue_time": "3s"}
        gateway = start_gateway(config)
        with ThreadPoolExecutor(30) as pool:
            assert {r.status for r in pool.map(lambda _: chat(gateway), range(60))} == {200}
        began = time.monotonic()
        assert chat(gateway).status == 200
        assert 0.2 < time.monotonic() - began < 3


def test_a_caller_who_leaves_the_queue_leaves_nothing_behind(start_gateway: Any) -> None:
    def slow(connection: socket.socket, _: bytes) -> None:
        time.sleep(1.5)
        connection.sendall(answer(completion()))

    with upstream(slow) as up:
        config = settings(up.url)
        config["keys"]["agent"] |= {"parallel": 1, "queue_time": "20s", "queue_max": 1}
        gateway = start_gateway(config)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(chat, gateway)
            time.sleep(0.3)
            raw = b'{"model":"small","messages":[]}'
            with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
                caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n"
                               + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
                time.sleep(0.3)
            time.sleep(0.3)
            assert chat(gateway).status == 200, "its place in the queue is free again"
            assert first.result().status == 200
        assert len(up.requests) == 2 and spend(gateway)["reserved"] == 0
