"""Reports from durable rows, and watches on scopes."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import grpc
import pytest
from clients import http
from swarm_sdk.wire import method

from gateway.budget import call
from gateway.test_keys import swarmctl
from gateway.upstream import answer, completion, settings, upstream

CONTROL = "llm_gateway.BudgetControl."
COST = 4.5e-6


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def chat(gateway: Any, **headers: str) -> Any:
    body = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    return http("POST", f"{gateway.http}/v1/chat/completions", body, {"authorization": "Bearer sk-agent"} | headers, 30)


def pages(gateway: Any, **query: Any) -> list[dict[str, Any]]:
    found = []
    token = ""
    while True:
        found.append(call(gateway, CONTROL + "QuerySpend", page_token=token, **query))
        token = found[-1]["next_page_token"]
        if not token:
            return found


def test_spend_is_told_apart_in_bounded_pages(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for n in range(25):
            assert chat(gateway, **{"x-swarm-task-id": f"t{n % 5}"}).status == 200
        deadline = time.monotonic() + 10
        while sum(int(p["rows"]) for p in pages(gateway)) < 25:
            assert time.monotonic() < deadline, "rows are durable a moment later"
            time.sleep(0.05)
        call(gateway, CONTROL + "ResetBudget")
        whole = pages(gateway, group_by=["task", "model"])
        assert len(whole) == 1 and len(whole[0]["groups"]) == 5
        assert whole[0]["groups"][0]["values"] == ["t0", "small"] and int(whole[0]["groups"][0]["requests"]) == 5
        assert whole[0]["groups"][0]["usd"] == pytest.approx(5 * COST)
        parts = pages(gateway, group_by=["task"], rows_max=7)
        assert len(parts) == 4 and all(int(p["rows"]) <= 7 for p in parts)
        assert sum(int(g["nano_usd"]) for p in parts for g in p["groups"]) == 25 * 4500
        assert sum(int(g["requests"]) for p in pages(gateway, scope="task/t1") for g in p["groups"]) == 5
        now = int(time.time() * 1000)
        assert pages(gateway, from_unix_ms=now + 60_000)[0]["groups"] == []
        assert pages(gateway, to_unix_ms=now - 3_600_000)[0]["groups"] == []
        for bad in ({"group_by": ["colour"]}, {"group_by": ["team"] * 8}, {"scope": "x"}, {"page_token": "x"}, {"page_token": "-1"}):
            with pytest.raises(grpc.RpcError) as refused:
                call(gateway, CONTROL + "QuerySpend", **bad)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, bad
        table = swarmctl(gateway, "spend", "--by", "team,model")
        assert table.returncode == 0 and "small" in table.stdout, table
        csv = swarmctl(gateway, "spend", "--by", "task", "--csv").stdout.splitlines()
        assert csv[0].startswith("task,usd,") and csv[1].startswith("t0,0.000022500,5,")
        assert len(json.loads(swarmctl(gateway, "spend", "--by", "day", "--json").stdout)["groups"]) == 1


def test_a_watch_tells_of_blocked_and_raised_budgets(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        call(gateway, CONTROL + "SetTaskBudget", task_id="t1", limit=2 * COST, strict=False)
        call(gateway, CONTROL + "SetTaskBudget", task_id="t2", limit=1)
        chat(gateway, **{"x-swarm-task-id": "free"})
        seen: list[tuple[str, str]] = []
        found = method(CONTROL + "WatchScopes")
        with grpc.insecure_channel(gateway.grpc) as channel:
            stream = channel.unary_stream(found.path, found.serializer, found.deserializer)(
                found.request(scope_prefix="task/", limited_only=True), timeout=30)

            def read() -> None:
                try:
                    for event in stream:
                        seen.append((event.scope.scope, event.scope.state))
                except grpc.RpcError:
                    pass

            reader = threading.Thread(target=read)
            reader.start()

            def wait_for(wanted: tuple[str, str]) -> None:
                deadline = time.monotonic() + 10
                while wanted not in seen:
                    assert time.monotonic() < deadline, (wanted, seen)
                    time.sleep(0.02)

            wait_for(("task/t1", "ok"))
            wait_for(("task/t2", "ok"))
            assert ("task/free", "ok") not in seen
            call(gateway, CONTROL + "SetTaskBudget", task_id="t1", limit=0)
            wait_for(("task/t1", "blocked"))
            seen.clear()
            call(gateway, CONTROL + "SetTaskBudget", task_id="t1", limit=1)
            wait_for(("task/t1", "ok"))
            listed = call(gateway, CONTROL + "ListScopes", scope_prefix="task/", page_size=2)
            names = [s["scope"] for s in listed["scopes"]]
            while listed["next_page_token"]:
                listed = call(gateway, CONTROL + "ListScopes", scope_prefix="task/", page_size=2, page_token=listed["next_page_token"])
                names += [s["scope"] for s in listed["scopes"]]
            assert sorted(names) == ["task/free", "task/t1", "task/t2"]
            gateway.terminate()
            reader.join(10)
            assert stream.code() == grpc.StatusCode.UNAVAILABLE, "watch again elsewhere"
            gateway.wait_exit()
