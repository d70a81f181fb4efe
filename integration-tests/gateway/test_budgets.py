"""The ledger seen from outside: limits, crashes, a full disk, many callers at once."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from clients import http

from gateway.budget import call, complete, spend
from gateway.upstream import answer, completion, settings, upstream

BODY = {"model": "small", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}
COST = 4.5e-6  # of completion(): 10 tokens at 0.15 and 5 at 0.60 US dollars a million
CONTROL = "llm_gateway.BudgetControl."


def chat(gateway: Any, key: dict | None = None, **more: Any) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY | more, key or KEY, 30)


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def test_spend_is_known_at_once_in_every_scope_and_survives_a_restart(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for n in range(1, 4):
            assert chat(gateway, KEY | {"x-swarm-task-id": "t1"}).status == 200
            assert spend(gateway)["current_spend"] == pytest.approx(n * COST)
        gateway.stop()
        gateway.start()
        for scope in ("", "team/t", "key/agent", "task/t1"):
            report = spend(gateway, scope)
            assert report["current_spend"] == pytest.approx(3 * COST), scope
            assert report["unknown_crash"] == 0 and int(report["requests"]) == 3
        assert spend(gateway, "task/t1")["window"] == "total"


def test_a_dry_budget_refuses_in_the_callers_terms(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, budgets={"team/t": {"limit_usd": 0.001, "strict": True}}))
        statuses = []
        for _ in range(300):
            last = chat(gateway)
            statuses.append(last.status)
            if last.status != 200:
                break
        assert statuses[0] == 200 and last.status == 429
        assert last.json()["error"]["code"] == "insufficient_quota"
        assert last.headers["x-should-retry"] == "false" and int(last.headers["retry-after"]) > 0
        report = spend(gateway, "team/t")
        assert 0.0008 < report["current_spend"] <= 0.001
        before = len(up.requests)
        assert chat(gateway).status == 429 and len(up.requests) == before, "a refused request never reaches the upstream"


def test_limits_change_at_run_time_and_stay(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        call(gateway, CONTROL + "SetLimit", scope="key/agent", limit=0)
        assert chat(gateway).status == 429
        gateway.restart()
        assert chat(gateway).status == 429
        assert spend(gateway, "key/agent")["state"] == "blocked"
        call(gateway, CONTROL + "SetLimit", scope="key/agent", limit=1)
        assert chat(gateway).status == 200
        for bad in ({"limit": -1}, {"limit": float("nan")}, {"limit": 1, "window": "week"}, {"limit": 1, "scope": "nobody"}):
            with pytest.raises(grpc.RpcError) as refused:
                call(gateway, CONTROL + "SetLimit", **bad)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_nobody_stops_all_spending_by_saying_nothing(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for empty in ({}, {"window": "day"}, {"strict": True}, {"overshoot_max": 1}):
            with pytest.raises(grpc.RpcError) as refused:
                call(gateway, CONTROL + "SetLimit", **empty)
            assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert 'say scope "global"' in refused.value.details()
        assert chat(gateway).status == 200 and spend(gateway)["limit"] == 10
        call(gateway, CONTROL + "SetLimit", limit=5)
        assert spend(gateway)["limit"] == 5, "who names no scope means global, as ever"
        call(gateway, CONTROL + "SetLimit", unlimited=True)
        assert spend(gateway)["unlimited"]
        call(gateway, CONTROL + "SetLimit", scope="global")
        assert chat(gateway).status == 429, "and who says so gets it"


def test_nobody_is_refused_for_a_debit_that_only_has_to_be_written(start_gateway: Any) -> None:
    with upstream(good) as up:
        config = settings(up.url)
        # Ceilings from a hundredth of a cent to 60 cents, so that a debit for the one is none for the other.
        config["models"]["large"] = config["models"]["small"] | {"max_output_tokens": 1_000_000}
        config["keys"] |= {f"k{i}": {"key": f"sk-{i}", "team": f"t{i % 3}", "bare_tasks": True, "priority": True} for i in range(8)}
        config["budgets"] = {"global": {"limit_usd": 1_000_000}}
        gateway = start_gateway(config)

        def ask(i: int) -> int:
            body = {"model": "large" if i % 4 == 0 else "small", "messages": [{"role": "user", "content": "hi"}]}
            headers = {"authorization": f"Bearer sk-{i % 8}", "x-swarm-task-id": f"task-{i % 16}"}
            return http("POST", f"{gateway.http}/v1/chat/completions", body, headers, 60).status

        for pause in (0, 0, 4):  # right after the start, at work, and after the debits have gone down
            time.sleep(pause)
            with ThreadPoolExecutor(32) as pool:
                assert set(pool.map(ask, range(96))) == {200}
        assert spend(gateway)["reserved"] == 0


def test_a_reset_starts_at_zero_and_is_remembered(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        chat(gateway)
        call(gateway, CONTROL + "ResetBudget")
        assert spend(gateway)["current_spend"] == 0
        assert spend(gateway, "team/t")["current_spend"] == pytest.approx(COST), "other scopes are left alone"
        chat(gateway)
        gateway.stop()
        gateway.start()
        assert spend(gateway)["current_spend"] == pytest.approx(COST)


def test_task_budgets_hold_and_a_key_without_leave_names_no_task(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        call(gateway, CONTROL + "SetTaskBudget", task_id="t1", limit=0)
        assert chat(gateway, KEY | {"x-swarm-task-id": "t1"}).status == 429
        assert chat(gateway, KEY | {"x-swarm-task-id": "t2"}).status == 200
        plain = {"authorization": "Bearer sk-plain", "x-swarm-task-id": "t2"}
        assert chat(gateway, plain).status == 403
        scopes = call(gateway, CONTROL + "ListScopes", scope_prefix="task/")["scopes"]
        assert {s["scope"] for s in scopes} == {"task/t1", "task/t2"}


def test_kill_9_under_load_never_counts_too_little(start_gateway: Any) -> None:
    paid: list[float] = []

    def serve(connection: socket.socket, _: bytes) -> None:
        paid.append(COST)  # the provider charges as soon as it has the request
        time.sleep(0.005)
        connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        for _ in range(3):
            stop = threading.Event()

            def load() -> None:
                while not stop.is_set():
                    try:
                        chat(gateway)
                    except OSError:
                        return

            with ThreadPoolExecutor(16) as pool:
                for _ in range(16):
                    pool.submit(load)
                time.sleep(0.7)
                gateway.kill()
                stop.set()
            gateway.start()
            report = spend(gateway)
            assert report["unknown_crash"] > 0
            assert report["current_spend"] >= sum(paid) - 1e-9
        assert report["current_spend"] < sum(paid) + 3 * 0.2, "what is debited in advance is about a second's worth"


def test_a_strict_budget_takes_no_prompt_that_nothing_bounds(start_gateway: Any) -> None:
    stored, searching = {"previous_response_id": "r1"}, {"tools": [{"type": "web_search"}]}

    def ask(gateway: Any, key: str, model: str, more: dict) -> Any:
        return http("POST", f"{gateway.http}/v1/responses", {"model": model, "input": "go on", "max_output_tokens": 10} | more, {"authorization": f"Bearer {key}"})

    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        config = settings(up.url, budgets={"key/plain": {"limit_usd": 1, "strict": True}})
        config["models"]["known"] = config["models"]["small"] | {"max_input_tokens": 128_000}
        gateway = start_gateway(config)
        assert ask(gateway, "sk-plain", "small", {}).status == 200
        for model, more in (("small", stored), ("small", searching), ("known", searching)):
            refused = ask(gateway, "sk-plain", model, more)
            assert refused.status == 429 and "nothing bounds" in refused.json()["error"]["message"], (model, more)
            assert ask(gateway, "sk-agent", model, more).status == 200, "a budget with slack takes it"
        assert ask(gateway, "sk-plain", "known", stored).status == 200
        explained = call(gateway, "llm_gateway.BudgetControl.ExplainRequest", request_id=ask(gateway, "sk-plain", "known", stored).headers["x-request-id"])
        assert float(explained["ceiling"]) >= 128_000 * 0.15e-6, explained


@pytest.mark.parametrize("strict", [True, False])
def test_256_callers_at_five_times_the_learnt_cost_stay_within_the_bound(start_gateway: Any, strict: bool) -> None:
    tokens = [20]

    def serve(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.02)
        connection.sendall(answer(completion(output=tokens[0])))

    limit = 0.02
    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, budgets={"key/agent": {"limit_usd": limit, "strict": strict}}))
        for _ in range(20):
            assert chat(gateway).status == 200
        tokens[0] = 100
        with ThreadPoolExecutor(256) as pool:
            statuses = [a.status for a in pool.map(lambda _: chat(gateway), range(1500))]
        assert set(statuses) <= {200, 429} and 429 in statuses
        report = spend(gateway, "key/agent")
        assert report["reserved"] == pytest.approx(0, abs=1e-12)
        assert report["current_spend"] <= limit * (1.0 if strict else 1.01) + 1e-12
        assert report["current_spend"] > 0.5 * limit


def test_complete_pays_once_for_callers_who_ask_together_or_again(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        time.sleep(1)
        connection.sendall(answer(completion("the answer")))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: complete(gateway, prompt="same"), range(4))) == ["the answer"] * 4
        assert len(up.requests) == 1
        with pytest.raises(grpc.RpcError):
            complete(gateway, timeout=0.3, prompt="impatient")
        time.sleep(1.5)
        began = time.monotonic()
        assert complete(gateway, prompt="impatient") == "the answer"
        assert time.monotonic() - began < 0.5 and len(up.requests) == 2
        assert spend(gateway)["current_spend"] == pytest.approx(2 * COST)


def test_complete_in_json_mode_gives_json_that_parses(start_gateway: Any) -> None:
    texts = ['Sure!\n```json\n{"a": 1}\n```', "no json at all", '{"b": 2}', "none", "none again"]
    with upstream(lambda connection, _: connection.sendall(answer(completion(texts.pop(0))))) as up:
        gateway = start_gateway(settings(up.url))
        assert json.loads(complete(gateway, prompt="one", json_mode=True)) == {"a": 1}
        assert json.loads(complete(gateway, prompt="two", json_mode=True)) == {"b": 2}
        assert b'"response_format"' in up.requests[0]
        with pytest.raises(grpc.RpcError) as failed:
            complete(gateway, prompt="three", json_mode=True)
        assert failed.value.code() == grpc.StatusCode.UNAVAILABLE
        messages = json.dumps([{"role": "user", "content": "from messages"}])
        texts.append("ok")
        assert complete(gateway, prompt="ignored", messages_json=messages) == "ok"
        assert b"from messages" in up.requests[-1] and b"ignored" not in up.requests[-1]
        with pytest.raises(grpc.RpcError) as failed:
            complete(gateway, messages_json="{not a list")
        assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_requests_in_flight_finish_when_the_gateway_drains(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        time.sleep(1)
        connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        with ThreadPoolExecutor(1) as pool, socket.create_connection(("127.0.0.1", gateway.ports["http"])) as idle:
            running = pool.submit(chat, gateway)
            while not up.requests:
                time.sleep(0.01)
            gateway.terminate()
            idle.settimeout(0.8)
            assert idle.recv(1) == b"", "an idle connection is closed at once"
            assert running.result().status == 200
        assert gateway.wait_exit() == 0


def metric(gateway: Any, start: str) -> float:
    lines = http("GET", f"{gateway.admin}/metrics").body.decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))


def test_a_caller_that_never_comes_back_is_charged_its_ceiling_once(start_gateway: Any) -> None:
    leave = threading.Event()

    def serve(connection: socket.socket, _: bytes) -> None:
        leave.wait(20)
        connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, **{"spend.reservation_time": "1s"}))
        with ThreadPoolExecutor(4) as pool:
            late = [pool.submit(chat, gateway) for _ in range(4)]
            deadline = time.monotonic() + 15
            while metric(gateway, "swarm_gateway_reservations_abandoned_total") < 4:
                assert time.monotonic() < deadline, "the sweep finds them"
                time.sleep(0.1)
            swept = spend(gateway, "key/agent")
            assert swept["reserved"] == 0 and int(swept["requests"]) == 4
            assert swept["current_spend"] > 4 * COST, "nobody knows what they cost, so the most that they can"
            leave.set()
            assert [a.result().status for a in late] == [200] * 4
        assert spend(gateway, "key/agent")["current_spend"] == swept["current_spend"], "settled once"
        assert chat(gateway).status == 200


def test_a_model_without_a_price_is_never_free_by_accident(start_gateway: Any) -> None:
    models = {
        "small": {"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "max_output_tokens": 1000},
        "nowhere": {},
        "guessed": {"unpriced": "allow", "max_output_tokens": 1000},
        "gift": {"free": True, "max_output_tokens": 1000},
    }
    fallback = {"input_usd_per_mtok": 15, "output_usd_per_mtok": 75}
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, models=models, **{"spend.fallback_price": fallback}))

        def ask(model: str) -> Any:
            return http("POST", f"{gateway.http}/v1/chat/completions", BODY | {"model": model}, KEY, 30)

        refused = ask("nowhere")
        assert refused.status == 400 and refused.json()["error"]["code"] == "model_unpriced"
        assert ask("guessed").status == 200
        assert spend(gateway)["current_spend"] == pytest.approx(10 * 15e-6 + 5 * 75e-6)
        assert ask("gift").headers["x-swarm-cost-usd"] == "0.000000000"
        assert metric(gateway, 'swarm_gateway_unlisted_price_requests_total{model="guessed",source="fallback"}') == 1
        assert metric(gateway, 'swarm_gateway_unlisted_price_requests_total{model="gift",source="free"}') == 1
        assert metric(gateway, 'swarm_gateway_model_price_source{model="nowhere",source="none"}') == 1


def mount(directory: Path, size: str) -> bool:
    directory.mkdir(parents=True, exist_ok=True)
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], capture_output=True).returncode == 0


def test_a_full_disk_refuses_new_work_and_recovers(start_gateway: Any, tmp_path: Path) -> None:
    place = tmp_path / "small-disk"
    if not mount(place, "1m"):
        pytest.skip("needs leave to mount a small file system")
    try:
        with upstream(good) as up:
            gateway = start_gateway(settings(up.url, data_dir=str(place / "data")))
            assert chat(gateway).status == 200
            ballast = place / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(b"x" * 4096):
                        pass
                except OSError:
                    pass
            deadline = time.monotonic() + 30
            refused = None
            while time.monotonic() < deadline and (refused is None or refused.status == 200):
                refused = chat(gateway)
            assert refused.status == 503 and refused.headers["x-should-retry"] == "true"
            assert http("GET", f"{gateway.admin}/readyz").status == 503
            ballast.unlink()
            deadline = time.monotonic() + 10
            while chat(gateway).status != 200:
                assert time.monotonic() < deadline, "it goes on when there is room again"
                time.sleep(0.2)
            assert spend(gateway)["current_spend"] == pytest.approx(len(up.requests) * COST)
            gateway.stop()
    finally:
        subprocess.run(["umount", str(place)], capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


OPENAI_USAGE = {"prompt_tokens": 1000, "completion_tokens": 500,
                "prompt_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 100, "audio_tokens": 50, "image_tokens": 50},
                "completion_tokens_details": {"reasoning_tokens": 100, "audio_tokens": 50}}
ANTHROPIC_USAGE = {"input_tokens": 600, "output_tokens": 500, "cache_read_input_tokens": 200, "cache_creation_input_tokens": 150,
                   "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 50}}
TIERS = {"input_usd_per_mtok": 1, "output_usd_per_mtok": 10, "cache_read_usd_per_mtok": 0.1, "cache_write_usd_per_mtok": 2, "cache_write_1h_usd_per_mtok": 3,
         "reasoning_usd_per_mtok": 20, "audio_input_usd_per_mtok": 30, "audio_output_usd_per_mtok": 40, "image_input_usd_per_mtok": 5,
         "batch_input_usd_per_mtok": 0.5, "batch_output_usd_per_mtok": 5, "max_output_tokens": 1000}
LONG = {"long_context_above_tokens": 900, "long_context_input_usd_per_mtok": 2, "long_context_output_usd_per_mtok": 20}
OPENAI_MICRO = 600 * 1 + 200 * 0.1 + 100 * 2 + 50 * 30 + 50 * 5 + 350 * 10 + 100 * 20 + 50 * 40


@pytest.mark.parametrize(("dialect", "usage", "more", "micro_usd"), [
    ("openai", OPENAI_USAGE, {}, OPENAI_MICRO),
    ("openai", OPENAI_USAGE | {"tier": "flex"}, {}, OPENAI_MICRO / 2),
    ("openai", OPENAI_USAGE, LONG, OPENAI_MICRO * 2),
    ("anthropic", ANTHROPIC_USAGE, {}, 600 * 1 + 200 * 0.1 + 100 * 2 + 50 * 3 + 500 * 10),
    ("anthropic", ANTHROPIC_USAGE | {"service_tier": "batch"}, {}, (600 * 1 + 200 * 0.1 + 100 * 2 + 50 * 3 + 500 * 10) / 2),
])
def test_each_kind_of_token_is_charged_at_its_own_price(start_gateway: Any, dialect: str, usage: dict, more: dict, micro_usd: float) -> None:
    body: dict[str, Any] = {"id": "x", "model": "small", "usage": {k: v for k, v in usage.items() if k != "tier"}}
    if dialect == "openai":
        body |= {"object": "chat.completion", "service_tier": usage.get("tier", "default"),
                 "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
    else:
        body |= {"type": "message", "role": "assistant", "stop_reason": "end_turn", "content": [{"type": "text", "text": "hi"}]}
    with upstream(lambda connection, _: connection.sendall(answer(body))) as up:
        config = settings(up.url, **{"budgets": {"global": {"limit_usd": 100}}})
        config["upstreams"]["m"]["dialect"] = dialect
        config["models"]["small"] = TIERS | more
        gateway = start_gateway(config)
        path = "chat/completions" if dialect == "openai" else "messages"
        asked = {"model": "small", "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]}
        got = http("POST", f"{gateway.http}/v1/{path}", asked, {"authorization": "Bearer sk-agent"})
        assert float(got.headers["x-swarm-cost-usd"]) * 1e6 == pytest.approx(micro_usd, rel=1e-6)
