"""The privacy guard on the real process: what leaves in prompts, what comes back in answers and streams, and what is told of it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from clients import http

from gateway.budget import call, spend
from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

KEY = {"authorization": "Bearer sk-agent"}
TOKEN = "ghp_" + "Z9y8" * 10
GUARDS = {"guards": {"work": {"secrets": "mask", "personal_data": "mask", "actions": {"us_ssn": "refuse", "phone": "report"},
                              "rules": {"ticket": {"pattern": "TICKET-([0-9]{4,})", "action": "mask"}}}}}


def guarded(url: str, **more: Any) -> dict[str, Any]:
    config = settings(url, **GUARDS, **more)
    config["models"]["small"]["guard"] = "work"
    config["models"]["open"] = {"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6, "max_output_tokens": 1000}
    return config


def chat(gateway: Any, text: str, model: str = "small", **more: Any) -> Any:
    body = {"model": model, "messages": [{"role": "user", "content": text}]} | more
    return http("POST", f"{gateway.http}/v1/chat/completions", body, KEY)


def metrics(gateway: Any) -> str:
    return http("GET", f"{gateway.admin}/metrics").body.decode()


def test_prompts_and_answers_are_masked_by_route(start_gateway: Any) -> None:
    reply = f"Use {TOKEN}, says bob@example.org."
    with upstream(lambda connection, _: connection.sendall(answer(completion(reply)))) as up:
        gateway = start_gateway(guarded(up.url))
        got = chat(gateway, f"My token {TOKEN}, mail jane@example.org, see TICKET-12345, call +49 30 1234567.")
        sent = json.loads(up.requests[-1].partition(b"\r\n\r\n")[2])["messages"][0]["content"]
        assert sent == "My token [REDACTED:github_token], mail [REDACTED:email], see TICKET-[REDACTED:ticket], call +49 30 1234567."
        assert got.json()["choices"][0]["message"]["content"] == "Use [REDACTED:github_token], says [REDACTED:email]."
        assert float(got.headers["x-swarm-cost-usd"]) == pytest.approx(4.5e-6)
        told = call(gateway, "llm_gateway.BudgetControl.ExplainRequest", request_id=got.headers["x-request-id"])
        said = " ".join(told["sentences"])
        assert "privacy guard: request: github_token x1, mask" in said and "answer: email x1, mask" in said and TOKEN not in said
        assert 'swarm_gateway_guard_findings_total{action="report",direction="request",guard="work",rule="phone"} 1' in metrics(gateway)
        chat(gateway, f"again {TOKEN}", "open")
        assert TOKEN.encode() in up.requests[-1], "another route has no guard"
        assert TOKEN not in gateway.log_path.read_text() and "jane@" not in gateway.log_path.read_text()


def test_what_is_refused_goes_nowhere_and_costs_nothing(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(completion("It is 123-45-6789.")))) as up:
        gateway = start_gateway(guarded(up.url))
        refused = chat(gateway, "My number is 123-45-6789")
        assert refused.status == 400 and refused.json()["error"]["code"] == "guard_refused"
        assert refused.headers["x-should-retry"] == "false" and "6789" not in refused.body.decode()
        assert not up.requests and spend(gateway)["current_spend"] == 0
        answered = chat(gateway, "what is my number?")
        assert answered.status == 502 and answered.json()["error"]["code"] == "guard_refused" and "6789" not in answered.body.decode()
        assert spend(gateway)["current_spend"] == pytest.approx(4.5e-6), "the upstream was paid for it"


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_secret_split_over_a_stream_is_masked_in_whole_events(start_gateway: Any, dialect: str) -> None:
    text = f"Here: {TOKEN} and that was it, so that is what you asked me for; anything else that I can do today?"

    def serve(connection: socket.socket, request: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        for at in range(0, len(text), 3):
            connection.sendall(event(text[at:at + 3]))
        usage = '{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
        connection.sendall(chunk(f"data: {usage}\n\n") + chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(guarded(up.url))
        if dialect == "openai":
            got = chat(gateway, "hi", stream=True)
            pieces = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
            seen = "".join(p["choices"][0]["delta"].get("content", "") for p in pieces)
            assert got.body.endswith(b"data: [DONE]\n\n") and len(pieces) == -(-len(text) // 3)
        else:
            body = {"model": "small", "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            got = http("POST", f"{gateway.http}/v1/messages", body, {"x-api-key": "sk-agent"})
            pieces = [json.loads(line[6:]) for line in got.body.decode().split("\n") if line.startswith("data: {")]
            seen = "".join(p["delta"].get("text", "") for p in pieces if p["type"] == "content_block_delta")
            assert pieces[-1]["type"] == "message_stop"
        assert seen == text.replace(TOKEN, "[REDACTED:github_token]")
        deadline = time.monotonic() + 5
        while spend(gateway)["reserved"] > 0:
            assert time.monotonic() < deadline
        assert spend(gateway)["current_spend"] == pytest.approx(4.5e-6)


def test_a_stream_that_must_not_go_on_ends_with_an_error(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        for word in ("Your number is 123-", "45-6789", " as you know, and there is more text to come after it, a lot of it, really", " and more") * 3:
            connection.sendall(event(word))
        connection.sendall(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(guarded(up.url))
        got = chat(gateway, "hi", stream=True)
        last = [line[6:] for line in got.body.decode().split("\n") if line.startswith("data: ")][-1]
        assert json.loads(last)["error"]["code"] == "guard_refused" and b"6789" not in got.body and b"[DONE]" not in got.body
        deadline = time.monotonic() + 5
        while spend(gateway)["reserved"] > 0:
            assert time.monotonic() < deadline
        assert spend(gateway)["current_spend"] > 0


def test_prompts_are_logged_only_when_asked_and_as_the_guard_left_them(start_gateway: Any, tmp_path: Path) -> None:
    log = tmp_path / "usage"
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        gateway = start_gateway(guarded(up.url, **{"usage_log.directory": str(log), "usage_log.prompt_bytes_max": 200}))
        chat(gateway, f"remember {TOKEN}")
        chat(gateway, "long " * 1000)
        deadline = time.monotonic() + 15
        while len(lines := "".join(p.read_text() for p in log.glob("*.jsonl")).splitlines()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first, second = (json.loads(line)["prompt"] for line in lines)
        assert "remember [REDACTED:github_token]" in first and TOKEN not in first
        assert second.startswith('{"model": "small"') and len(second) == 200


@pytest.mark.parametrize(("guard", "says"), [
    ({"secrets": "hide"}, "none of off, report, mask, refuse"), ({"rules": {"x": {"pattern": "("}}}, "no pattern of RE2"),
    ({"secrets": "mask", "actions": {"nothing": "mask"}}, "no built-in rule"), ({"rules": {"x": {"pattern": "a*"}}}, "matches nothing"),
])
def test_a_guard_that_can_not_work_is_refused_at_the_start(start_gateway: Any, guard: dict[str, Any], says: str) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1", guards={"bad": guard}), ready=False)
    assert gateway.wait_exit() == 2 and says in gateway.tail()
