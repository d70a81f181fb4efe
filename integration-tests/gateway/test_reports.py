"""Reports from durable rows, and watches on scopes."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from typing import Any

import grpc
import pytest
import yaml
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


def test_a_request_is_explained_by_its_id(start_gateway: Any) -> None:
    statuses = ["503 Busy", "200 OK"]

    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(answer(completion(), statuses.pop(0) if statuses else "200 OK"))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, budgets={"team/t": {"limit_usd": 0.001}}, **{"spend.explained_max": 3}))
        first = chat(gateway, **{"x-swarm-task-id": "t1"})
        assert first.status == 200
        told = call(gateway, CONTROL + "ExplainRequest", request_id=first.headers["x-request-id"])
        assert told["admitted"] and told["key"] == "agent" and told["task"] == "t1" and told["upstream"] == "m"
        assert told["scope"] == "team/t" and told["scope_limit"] == pytest.approx(0.001) and told["cost"] == pytest.approx(COST)
        assert [a["status"] for a in told["attempts"]] == [503, 200] and told["price_source"] == "listed"
        shown = swarmctl(gateway, "explain", "request", first.headers["x-request-id"]).stdout
        assert "attempt 1: m answered 503" in shown and "tightest was team/t" in shown
        call(gateway, CONTROL + "SetLimit", scope="key/agent", limit=0)
        refused = chat(gateway)
        told = call(gateway, CONTROL + "ExplainRequest", request_id=refused.headers["x-request-id"])
        assert refused.status == 429 and told["reason"] == "exhausted" and told["scope"] == "key/agent" and not told["admitted"]
        unknown = http("POST", f"{gateway.http}/v1/chat/completions", {"model": "none", "messages": []}, {"authorization": "Bearer sk-agent"})
        told = call(gateway, CONTROL + "ExplainRequest", request_id=unknown.headers["x-request-id"])
        assert any("does not exist" in s for s in told["sentences"])
        for _ in range(3):
            chat(gateway)
        with pytest.raises(grpc.RpcError) as gone:
            call(gateway, CONTROL + "ExplainRequest", request_id=first.headers["x-request-id"])
        assert gone.value.code() == grpc.StatusCode.NOT_FOUND, "only the last ones are kept"


def test_a_limit_is_tried_on_what_was(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for _ in range(10):
            assert chat(gateway, **{"x-swarm-task-id": "t1"}).status == 200
        deadline = time.monotonic() + 10
        while sum(int(p["rows"]) for p in pages(gateway)) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run = call(gateway, CONTROL + "TryLimit", limit={"scope": "task/t1", "limit": 6.5 * COST})
        assert int(run["requests"]) == 10 and int(run["refused"]) == 4 and run["spent"] == pytest.approx(6 * COST) and run["whole"]
        assert int(call(gateway, CONTROL + "TryLimit", limit={"scope": "team/none", "limit": 0})["requests"]) == 0
        assert "refused" in swarmctl(gateway, "budget", "try", "0", "--window", "day").stdout
        with pytest.raises(grpc.RpcError):
            call(gateway, CONTROL + "TryLimit", limit={"scope": "nonsense", "limit": 1})
        assert chat(gateway, **{"x-swarm-task-id": "t1"}).status == 200, "nothing has changed"


def test_prices_come_from_a_list(start_gateway: Any, tmp_path: Any) -> None:
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps({"small": {"mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06, "max_output_tokens": 1000},
                                  "given-away": {"input_cost_per_token": 0, "output_cost_per_token": 0}}))
    binary = start_gateway({}).binary
    done = subprocess.run([str(binary), "prices", "import", str(listed), "--upstream", "m"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "# \"given-away\"" in done.stdout, done
    models = yaml.safe_load(done.stdout)["models"]
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, models=models))
        assert chat(gateway).headers["x-swarm-cost-usd"] == "0.000020000"
    for arguments in (["prices"], ["prices", "import", str(listed)], ["prices", "import", str(listed), "--upstream", "m", "--wrong"]):
        assert subprocess.run([str(binary), *arguments], capture_output=True, timeout=30).returncode == 2
    assert subprocess.run([str(binary), "prices", "import", "/nowhere", "--upstream", "m"], capture_output=True, timeout=30).returncode == 1
