"""Metrics by OpenTelemetry's names for generative AI, beside the gateway's own."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

from clients import http
from eventually import eventually

from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

KEY = {"authorization": "Bearer sk-agent"}
CHAT = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "openai", "gen_ai_request_model": "small"}


def serve(connection: socket.socket, request: bytes) -> None:
    if b"/v1/embeddings" in request:
        connection.sendall(answer({"object": "list", "data": [], "model": "small", "usage": {"prompt_tokens": 7, "total_tokens": 7}}))
    elif b"silent" in request:
        connection.sendall(answer(completion(usage=False)))
    elif b"halved" in request:
        connection.sendall(answer(completion())[:-20])
        connection.close()
    elif b"leaks" in request:
        connection.sendall(answer(completion("It is 123-45-6789.")))
    elif b"broken" in request:
        connection.sendall(answer({"error": {"message": "no"}}, "400 Bad Request"))
    elif b"cut" in request:
        connection.sendall(STREAM_HEAD + event("one"))
        connection.close()
    elif b'"stream": true' in request:
        usage = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
        connection.sendall(STREAM_HEAD + event("one") + event("two") + chunk("data: " + json.dumps(usage) + "\n\ndata: [DONE]\n\n") + b"0\r\n\r\n")
    else:
        connection.sendall(answer(completion()))


def samples(gateway: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    found = re.findall(r"^(gen_ai_\w+)\{(.*)\} (\S+)$", text, re.M)
    return {(name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))): float(value) for name, labels, value in found}


def value(gateway: Any, name: str, **labels: str) -> float | None:
    return samples(gateway).get((name, frozenset(labels.items())))


def counted(gateway: Any) -> dict[str, float]:
    """Requests by the status that their callers got."""
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    found = re.findall(r'^swarm_gateway_requests_total\{code="(\w+)",route="chat_completions"\} (\S+)$', text, re.M)
    return {code: float(count) for code, count in found if float(count) > 0}


def ask(gateway: Any, path: str = "/v1/chat/completions", content: str = "hi", **more: Any) -> int:
    body = {"model": "small", "messages": [{"role": "user", "content": content}]} | more
    return http("POST", gateway.http + path, body, KEY, 30).status


def test_calls_are_told_by_the_names_of_the_conventions(start_gateway: Any) -> None:
    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        assert samples(gateway) == {}, "no series before its first request"
        assert ask(gateway) == 200
        for kind, tokens in (("input", 10), ("output", 5)):
            eventually(lambda k=kind, n=tokens: value(gateway, "gen_ai_client_token_usage_sum", **CHAT, gen_ai_token_type=k) == n)
            assert value(gateway, "gen_ai_client_token_usage_count", **CHAT, gen_ai_token_type=kind) == 1
        assert value(gateway, "gen_ai_client_token_usage_bucket", **CHAT, gen_ai_token_type="output", le="4") == 0
        assert value(gateway, "gen_ai_client_token_usage_bucket", **CHAT, gen_ai_token_type="output", le="16") == 1
        assert value(gateway, "gen_ai_server_request_duration_seconds_count", **CHAT) == 1
        assert value(gateway, "gen_ai_client_operation_duration_seconds_count", **CHAT) == 1
        assert value(gateway, "gen_ai_client_operation_duration_seconds_bucket", **CHAT, le="81.92") == 1
        assert value(gateway, "gen_ai_server_time_to_first_token_seconds_count", **CHAT) is None, "only of streams"

        assert ask(gateway, stream=True) == 200
        eventually(lambda: value(gateway, "gen_ai_server_time_to_first_token_seconds_count", **CHAT) == 1)
        assert value(gateway, "gen_ai_server_time_per_output_token_seconds_count", **CHAT) == 1
        assert value(gateway, "gen_ai_client_token_usage_count", **CHAT, gen_ai_token_type="output") == 2

        assert ask(gateway, "/v1/embeddings", input="hi") == 200
        other = CHAT | {"gen_ai_operation_name": "embeddings"}
        eventually(lambda: value(gateway, "gen_ai_client_token_usage_sum", **other, gen_ai_token_type="input") == 7)
        assert value(gateway, "gen_ai_client_token_usage_sum", **other, gen_ai_token_type="output") is None


def test_errors_are_told_apart_and_estimates_are_no_usage(start_gateway: Any) -> None:
    with upstream(serve) as up:
        config = settings(up.url)
        config["upstreams"]["m"]["provider"] = "example.ai"
        gateway = start_gateway(config)
        mine = CHAT | {"gen_ai_provider_name": "example.ai"}
        assert ask(gateway, content="broken") == 400
        eventually(lambda: value(gateway, "gen_ai_server_request_duration_seconds_count", **mine, error_type="400") == 1)
        assert value(gateway, "gen_ai_client_operation_duration_seconds_count", **mine, error_type="400") == 1
        assert ask(gateway, content="silent") == 200
        eventually(lambda: value(gateway, "gen_ai_server_request_duration_seconds_count", **mine) == 1)
        assert value(gateway, "gen_ai_client_token_usage_count", **mine, gen_ai_token_type="output") is None, "the provider did not say"
        assert ask(gateway, content="cut", stream=True) == 200
        eventually(lambda: value(gateway, "gen_ai_server_request_duration_seconds_count", **mine, error_type="502") == 1)
        assert value(gateway, "gen_ai_server_time_to_first_token_seconds_count", **mine) is None, "of successful ones only"
        assert ask(gateway, model="nobody-knows") == 404
        assert {dict(labels)["gen_ai_request_model"] for _, labels in samples(gateway)} == {"small"}, "names come from the configuration only"


def test_a_request_is_counted_once_in_every_ending(start_gateway: Any) -> None:
    with upstream(serve) as up:
        config = settings(up.url, guards={"work": {"personal_data": "refuse"}}, default_guard="work")
        config["upstreams"]["m"]["retries_max"] = 0
        gateway = start_gateway(config)
        expected: dict[str, float] = {}
        for content, more, status, code in (("hi", {}, 200, "200"), ("halved", {}, 502, "502"), ("leaks", {}, 502, "502"), ("broken", {}, 400, "400"),
                                            ("hi", {"stream": True}, 200, "200"), ("cut", {"stream": True}, 200, "200"), ("hi", {"model": "nowhere"}, 404, "404")):
            assert ask(gateway, content=content, **more) == status, content
            expected[code] = expected.get(code, 0) + 1
            assert eventually(lambda: counted(gateway) == expected, within=10), (content, more, counted(gateway))
