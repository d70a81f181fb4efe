"""Limits of keys on models, and the queue in which a request may wait for its turn."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from clients import http
from eventually import eventually

from gateway.budget import call, spend
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


def queued(gateway: Any) -> int:
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    return int(float(next(line.split()[1] for line in text.splitlines() if line.startswith("swarm_gateway_queued_requests "))))


def holding(release: threading.Event, served: list[int]) -> Callable[[socket.socket, bytes], None]:
    """An upstream that notes whom it serves, and answers when it is released."""

    def held(connection: socket.socket, request: bytes) -> None:
        served.append(int(re.search(rb"caller-(\d)", request)[1]))
        release.wait(60)
        connection.sendall(answer(completion()))

    return held


def in_turn(gateway: Any, release: threading.Event, served: list[int], key: str, model: str = "small") -> None:
    """Six callers one after the other behind a slow answer: each is served in the order in which it came."""

    def ask(i: int) -> int:
        body = BODY | {"model": model, "user": f"caller-{i}"}
        return http("POST", f"{gateway.http}/v1/chat/completions", body, {"authorization": f"Bearer {key}"}, 60).status

    with ThreadPoolExecutor(6) as pool:
        answers = []
        for i in range(6):
            answers.append(pool.submit(ask, i))
            if i == 0:
                eventually(lambda: served == [0])
            else:
                eventually(lambda i=i: queued(gateway) == i)
        release.set()
        assert [a.result() for a in answers] == [200] * 6
    assert served == [0, 1, 2, 3, 4, 5]
    eventually(lambda: queued(gateway) == 0)


def test_who_came_first_is_served_first(start_gateway: Any) -> None:
    release, served = threading.Event(), []

    with upstream(holding(release, served)) as up:
        config = settings(up.url)
        config["keys"]["agent"] |= {"parallel": 1, "queue_time": "60s"}
        config["models"]["narrow"] = config["models"]["small"] | {"parallel": 1, "queue_time": "60s"}
        gateway = start_gateway(config)
        in_turn(gateway, release, served, "sk-agent")
        for key, model in (("sk-plain", "narrow"), ("sk-agent", "narrow")):
            release.clear()
            served.clear()
            in_turn(gateway, release, served, key, model)


def test_keys_made_at_run_time_have_a_queue_too(start_gateway: Any) -> None:
    release, served = threading.Event(), []

    with upstream(holding(release, served)) as up:
        gateway = start_gateway(settings(up.url))
        made = call(gateway, "llm_gateway.BudgetControl.CreateKey", name="made", parallel=1, queue_time_ms=60_000, queue_max=5)
        gateway.restart()
        listed = call(gateway, "llm_gateway.BudgetControl.ListKeys")["keys"][0]
        assert (int(listed["queue_time_ms"]), int(listed["queue_max"])) == (60_000, 5), "also after kill -9"
        in_turn(gateway, release, served, made["secret"])
        for bad in ({"queue_time_ms": 600_001}, {"queue_time_ms": -1}, {"queue_max": 10_001}, {"queue_max": -1}):
            with pytest.raises(grpc.RpcError) as refused:
                call(gateway, "llm_gateway.BudgetControl.CreateKey", name="other", **bad)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        usual = call(gateway, "llm_gateway.BudgetControl.CreateKey", name="usual")["key"]
        assert (int(usual["queue_time_ms"]), int(usual["queue_max"])) == (0, 100)


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
