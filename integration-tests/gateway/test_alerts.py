"""Alerts at 80, 95 and 100 per cent, and overrides in an emergency."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import Any

import grpc
import pytest
from clients import http

from gateway.budget import call, spend
from gateway.test_keys import swarmctl
from gateway.upstream import answer, completion, settings, upstream

CONTROL = "llm_gateway.BudgetControl."
COST = 4.5e-6
SECRET = "T00-B00-hook-credential"


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def chat(gateway: Any) -> Any:
    body = {"model": "small", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    return http("POST", f"{gateway.http}/v1/chat/completions", body, {"authorization": "Bearer sk-agent"}, 30)


def body_of(request: bytes) -> dict[str, Any]:
    return json.loads(request.partition(b"\r\n\r\n")[2])


def wait_until(condition: Any, what: str, within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_each_threshold_is_told_once_also_over_restarts_and_faults(start_gateway: Any) -> None:
    fail = [2]

    def hook(connection: socket.socket, _: bytes) -> None:
        if fail[0] > 0:
            fail[0] -= 1
            connection.sendall(answer({}, "503 Busy"))
        else:
            connection.sendall(answer({}))

    with upstream(good) as up, upstream(hook) as ops, upstream(hook) as chatter:
        hooks = {
            "ops": {"url": f"http://127.0.0.1:{ops.port}/{SECRET}"},
            "chat": {"url": f"http://127.0.0.1:{chatter.port}/bot{SECRET}/sendMessage", "format": "telegram", "chat_id": "-1",
                     "from_state": "blocked"},
            "gone": {"url": f"http://127.0.0.1:1/{SECRET}", "format": "slack"},
        }
        budgets = {"key/agent": {"limit_usd": 100 * COST, "window": "total", "overshoot_max_usd": 1}}
        gateway = start_gateway(settings(up.url, budgets=budgets, **{"alerts.hooks": hooks}))

        def told() -> list[str]:
            return list(dict.fromkeys(b["state"] for b in map(body_of, ops.requests) if b["scope"] == "key/agent"))

        for count, state in ((85, "warned"), (11, "protected")):
            for _ in range(count):
                assert chat(gateway).status == 200
            wait_until(lambda: state in told(), state)
        call(gateway, CONTROL + "SetLimit", scope="key/agent", window="total", limit=90 * COST)
        wait_until(lambda: told() == ["warned", "protected", "blocked"], "all three, in order")
        wait_until(lambda: len(chatter.requests) >= 1, "the last one in the chat")
        assert "100 % spent" in body_of(chatter.requests[-1])["text"] and body_of(chatter.requests[-1])["chat_id"] == "-1"
        wait_until(lambda: fail[0] == 0, "tried again")
        time.sleep(0.5)
        before = len(ops.requests)
        gateway.restart()
        time.sleep(1.5)
        assert len(ops.requests) == before, "told once"
        assert SECRET not in gateway.log_path.read_text(), "never in the log"


def test_an_override_lets_a_dry_scope_spend_and_leaves_a_trace(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, budgets={"key/agent": {"limit_usd": 0, "window": "day"}}))
        assert chat(gateway).status == 429
        for bad in ({"extra": 0, "seconds": 60, "reason": "r"}, {"extra": 1, "seconds": 90_000, "reason": "r"}, {"extra": 1, "seconds": -1, "reason": "r"},
                    {"extra": 1, "seconds": 60}, {"extra": float("inf"), "seconds": 60, "reason": "r"}):
            with pytest.raises(grpc.RpcError) as refused:
                call(gateway, CONTROL + "OverrideBudget", scope="key/agent", **bad)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, bad
        done = swarmctl(gateway, "budget", "override", "--scope", "key/agent", "--extra", "1", "--for", "1h", "--reason", "release night", "--by", "eve")
        assert done.returncode == 0 and "$1.00 more until" in done.stdout, done
        assert chat(gateway).status == 200
        gateway.restart()
        assert chat(gateway).status == 200, "it survives a restart"
        assert spend(gateway, "key/agent")["override_extra"] == 1
        audited = [line for line in gateway.lines(since_start=False) if line.get("audit")]
        assert audited[0]["reason"] == "release night" and audited[0]["by"] == "eve"
        call(gateway, CONTROL + "OverrideBudget", scope="key/agent", seconds=0, reason="over")
        assert chat(gateway).status == 429
        rows = call(gateway, CONTROL + "QuerySpend", group_by=["ending"])
        assert [g["values"] for g in rows["groups"]] == [["ok"]], "an override is no spend"
        gateway.stop()
        verified = subprocess.run([str(gateway.binary), "--config", str(gateway.config_path), "ledger", "verify"], capture_output=True, text=True)
        assert verified.returncode == 0, verified
        assert b"reason=release night" in (gateway.data_dir / "data.mdb").read_bytes(), "a durable row"


def test_an_override_ends_by_itself(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, budgets={"key/agent": {"limit_usd": 0, "window": "day"}}))
        call(gateway, CONTROL + "OverrideBudget", scope="key/agent", extra=1, seconds=2, reason="short")
        assert chat(gateway).status == 200
        wait_until(lambda: chat(gateway).status == 429, "its time is over")
