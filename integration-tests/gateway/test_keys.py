"""Keys that are made while the gateway runs, and tokens for tasks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import subprocess
import time
from typing import Any

import grpc
import pytest
from clients import http

from gateway.budget import call, spend
from gateway.upstream import answer, completion, settings, upstream

CONTROL = "llm_gateway.BudgetControl."
TOKEN_KEY = "0123456789abcdef0123456789abcdef"


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def chat(gateway: Any, key: str, model: str = "small", **headers: str) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    return http("POST", f"{gateway.http}/v1/chat/completions", body, {"authorization": f"Bearer {key}"} | headers, 30)


def code(gateway: Any, rpc: str, **fields: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        call(gateway, CONTROL + rpc, **fields)
    return refused.value.code()


def swarmctl(gateway: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(gateway.binary.parent / "swarmctl"), *arguments, "--gateway", gateway.grpc]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_a_key_is_made_used_rotated_and_ended_and_survives_kill_9(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        made = call(gateway, CONTROL + "CreateKey", name="ci", team="t", models=["small"], requests_per_minute=1000)
        first = made["secret"]
        assert first.startswith("sk-swarm-") and len(first) == 9 + 64
        assert chat(gateway, first).status == 200
        assert spend(gateway, "key/ci")["current_spend"] > 0
        assert chat(gateway, first, "other").status == 404
        gateway.restart()
        assert chat(gateway, first).status == 200, "durable before it was shown"

        second = call(gateway, CONTROL + "RotateKey", name="ci", grace_seconds=2)["secret"]
        assert chat(gateway, first).status == 200 and chat(gateway, second).status == 200
        gateway.restart()
        assert chat(gateway, second).status == 200
        deadline = time.monotonic() + 10
        while chat(gateway, first).status != 401:
            assert time.monotonic() < deadline, "the old text ends after its grace"
            time.sleep(0.1)

        ended = call(gateway, CONTROL + "EndKey", name="ci")
        assert ended["ended"] and chat(gateway, second).status == 401
        gateway.restart()
        assert chat(gateway, second).status == 401
        assert code(gateway, "CreateKey", name="ci") == grpc.StatusCode.ALREADY_EXISTS
        assert code(gateway, "RotateKey", name="ci") == grpc.StatusCode.FAILED_PRECONDITION
        disk = b"".join(f.read_bytes() for f in gateway.data_dir.rglob("*") if f.is_file())
        log = gateway.log_path.read_bytes()
        for secret in (first, second):
            assert secret.encode() not in disk and secret.encode() not in log, "kept as a hash only"
            assert hashlib.sha256(secret.encode()).hexdigest().encode() not in log


def test_what_makes_no_key_says_why(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for bad in ({"name": ""}, {"name": "a b"}, {"name": "x" * 65}, {"name": "ok", "team": "no/slash"},
                    {"name": "ok", "requests_per_minute": -1}, {"name": "ok", "expires_unix_ms": 1},
                    {"name": "ok", "expires_unix_ms": -5}, {"name": "ok", "models": ["m"] * 101}):
            assert code(gateway, "CreateKey", **bad) == grpc.StatusCode.INVALID_ARGUMENT, bad
        assert code(gateway, "CreateKey", name="agent") == grpc.StatusCode.ALREADY_EXISTS, "the configuration's"
        assert code(gateway, "RotateKey", name="agent") == grpc.StatusCode.FAILED_PRECONDITION
        assert code(gateway, "RotateKey", name="nobody") == grpc.StatusCode.NOT_FOUND
        assert code(gateway, "EndKey", name="nobody") == grpc.StatusCode.NOT_FOUND
        for name in ("b", "a", "c"):
            call(gateway, CONTROL + "CreateKey", name=name)
        assert code(gateway, "RotateKey", name="a", grace_seconds=-1) == grpc.StatusCode.INVALID_ARGUMENT
        page = call(gateway, CONTROL + "ListKeys", page_size=2)
        assert [k["name"] for k in page["keys"]] == ["a", "b"]
        rest = call(gateway, CONTROL + "ListKeys", page_size=2, page_token=page["next_page_token"])
        assert [k["name"] for k in rest["keys"]] == ["c"] and rest["next_page_token"] == ""


def test_limits_of_a_key_hold_and_the_first_key_ends_open_access(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, keys={}))
        assert chat(gateway, "anything").status == 200, "no key yet: everybody on loopback"
        made = swarmctl(gateway, "keys", "create", "slow", "--requests-per-minute", "2", "--expires-in", "1h")
        assert made.returncode == 0, made
        secret = made.stdout.splitlines()[-1]
        assert chat(gateway, "anything").status == 401
        assert [chat(gateway, secret).status for _ in range(3)] == [200, 200, 429]
        listed = swarmctl(gateway, "keys", "list")
        assert "slow" in listed.stdout and secret not in listed.stdout


def token(task: str, team: str, expires: int, key: str = TOKEN_KEY) -> str:
    text = "swarm-task-token" + "".join(f"\n{len(p)}:{p}" for p in (task, team, str(expires)))
    mac = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()

    def plain(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return f"st1.{expires}.{plain(team.encode())}.{plain(mac)}"


def test_a_task_token_lets_a_key_spend_from_its_task_and_no_other(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, **{"tasks.token_key": TOKEN_KEY}))
        later = int(time.time()) + 600

        def status(task: str, leave: str) -> int:
            return chat(gateway, "sk-plain", **{"x-swarm-task-id": task, "x-swarm-task-token": leave}).status

        assert status("t1", token("t1", "t", later)) == 200
        assert status("t1", token("t1", "", later)) == 200
        assert int(spend(gateway, "task/t1")["requests"]) == 2
        assert status("t2", token("t1", "t", later)) == 403
        assert status("t1", token("t1", "t", int(time.time()) - 1)) == 403
        assert status("t1", token("t1", "other-team", later)) == 403
        assert status("t1", token("t1", "t", later, "f" * 32)) == 403
        assert status("t1", "garbage") == 403
        assert int(spend(gateway, "task/t1")["requests"]) == 2
        call(gateway, CONTROL + "SetTaskBudget", task_id="t1", limit=0)
        assert status("t1", token("t1", "t", later)) == 429, "the task's budget is dry, the key's is not"
        assert chat(gateway, "sk-plain").status == 200
        call(gateway, CONTROL + "SetTaskBudget", task_id="t1", ended=True)
        assert spend(gateway, "task/t1")["unlimited"]
        gateway.restart()
        assert status("t1", token("t1", "t", later)) == 200, "and stays dropped"
