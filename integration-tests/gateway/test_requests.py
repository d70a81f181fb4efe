"""What callers get: both dialects, plain and streamed, keys, errors, and bytes that no well-behaved client sends."""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from clients import http, raw_http

from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}


def chat(gateway: Any, body: dict | bytes = BODY, headers: dict | None = None, timeout: float = 15.0) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", body, headers or KEY, timeout)


def test_the_openai_client_works_unchanged(start_gateway: Any) -> None:
    openai = pytest.importorskip("openai")

    def serve(connection: socket.socket, request: bytes) -> None:
        if b'"stream":true' in request.replace(b": ", b":"):
            connection.sendall(STREAM_HEAD + event("hel") + event("lo") + chunk(
                'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n') +
                chunk("data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        client = openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="sk-agent", max_retries=0)
        plain = client.chat.completions.create(**BODY)
        assert plain.choices[0].message.content == "hello"
        assert plain.usage.total_tokens == 15
        pieces = list(client.chat.completions.create(**BODY, stream=True))
        assert "".join(p.choices[0].delta.content for p in pieces) == "hello", "the usage that we asked for is not shown"
        assert b'"include_usage":true' in up.requests[-1]
        asked = list(client.chat.completions.create(**BODY, stream=True, stream_options={"include_usage": True}))
        assert asked[-1].usage.total_tokens == 5
        assert [m.id for m in client.models.list()] == ["small"]
        assert b"sk-agent" not in b"".join(up.requests), "a caller's key goes nowhere"
        assert b"Bearer sk-upstream-secret" in up.requests[0]
        with pytest.raises(openai.AuthenticationError):
            openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="sk-wrong", max_retries=0).chat.completions.create(**BODY)
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(**(BODY | {"model": "unknown"}))


def test_anthropic_dialect_passes_through_with_its_own_errors(start_gateway: Any) -> None:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
               "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 10, "output_tokens": 5}}
    with upstream(lambda connection, _: connection.sendall(answer(message, headers="request-id: req_upstream\r\n"))) as up:
        config = settings(up.url)
        config["upstreams"]["m"]["dialect"] = "anthropic"
        gateway = start_gateway(config)
        body = {"model": "small", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
        url = f"{gateway.http}/v1/messages"
        good = http("POST", url, body, {"x-api-key": "sk-agent", "anthropic-version": "2023-06-01"})
        assert good.status == 200 and good.json()["content"][0]["text"] == "hello"
        assert float(good.headers["x-swarm-cost-usd"]) == pytest.approx(4.5e-6)
        assert 0 <= float(good.headers["x-swarm-overhead-ms"]) < 5_000
        seen = up.requests[0].lower()
        assert b"x-api-key: sk-upstream-secret" in seen and b"anthropic-version: 2023-06-01" in seen
        bad = http("POST", url, body, {"x-api-key": "sk-wrong"})
        assert bad.status == 401
        assert bad.json()["type"] == "error" and bad.json()["error"]["type"] == "authentication_error"
        assert bad.json()["request_id"] == bad.headers["x-request-id"] == bad.headers["request-id"], "where its clients look for it"
        assert good.headers["request-id"] == good.headers["x-request-id"] and good.headers["x-upstream-request-id"] == "req_upstream"


def test_the_body_goes_on_as_it_came(start_gateway: Any) -> None:
    body = b'{ "messages" : [ {"role":"user","content":"\\u00e9  x"} ],\n "model": "small" , "unknown_field": [1.0, 1e2] }'
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        gateway = start_gateway(settings(up.url))
        assert chat(gateway, body).status == 200
        assert up.requests[0].endswith(b"\r\n\r\n" + body)


def test_an_alias_changes_the_models_name_only(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        config = settings(up.url)
        config["models"]["small"]["model"] = "gpt-real"
        gateway = start_gateway(config)
        assert chat(gateway, b'{"messages":[], "model": "small", "n": 1}').status == 200
        assert up.requests[0].endswith(b'{"messages":[], "model": "gpt-real", "n": 1}')


def test_each_event_is_passed_on_as_it_comes(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD)
        for word in ("one", "two", "three"):
            connection.sendall(event(word))
            time.sleep(0.4)
        connection.sendall(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        raw = json.dumps(BODY | {"stream": True}).encode()
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n"
                           + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
            seen: dict[str, float] = {}
            received = b""
            while b"[DONE]" not in received:
                received += caller.recv(65536)
                for word in ("one", "two", "three"):
                    if word.encode() in received:
                        seen.setdefault(word, time.monotonic())
        assert seen["two"] - seen["one"] > 0.2 and seen["three"] - seen["two"] > 0.2


@pytest.mark.parametrize(("body", "says"), [
    (b"", "JSON"), (b"nonsense", "JSON"), (b"[]", "JSON"), (b"{", "JSON"), (b'{"messages":[]}', "model"),
    (b'{"model":"small","model":"other"}', "twice"), (b'{"model":"\xff"}', "UTF-8"),
    (b'{"model":"small","max_tokens":-5}', "max_tokens"), (b'{"model":"small","stream":7}', "stream"),
])
def test_bad_bodies_are_refused_in_the_callers_terms(start_gateway: Any, body: bytes, says: str) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    refused = chat(gateway, body)
    assert refused.status == 400
    error = refused.json()["error"]
    assert error["type"] == "invalid_request_error" and says in error["message"]
    assert refused.headers["x-should-retry"] == "false"


def test_deep_json_does_no_harm(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        gateway = start_gateway(settings(up.url))
        deep = b'{"model":"small","messages":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
        assert chat(gateway, deep).status in (200, 400)
        assert chat(gateway).status == 200


def test_a_body_that_is_too_large_is_refused_with_413(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1", **{"http.body_bytes_max": "1MiB"}))
    refused = chat(gateway, b'{"model":"' + b"x" * (50 << 20) + b'"}', timeout=30)
    assert refused.status == 413 and "1048576" in refused.json()["error"]["message"]


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n"


@pytest.mark.parametrize("request_", [
    HEAD + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    HEAD + b"content-length: +3\r\n\r\nabc",
    HEAD + b"transfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    HEAD + b"x: a\r\n folded\r\n\r\n",
    HEAD + b"content-length : 3\r\n\r\nabc",
    HEAD.replace(b"\r\n", b"\n") + b"\n",
    HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls hello\n",
    HEAD.replace(b"/1.1", b"/1.0") + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
])
def test_smuggling_attempts_get_400_and_the_connection_is_closed(start_gateway: Any, request_: bytes) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    assert raw_http(gateway.ports["http"], request_ + b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n").count(b"HTTP/1.1 ") == 1
    assert raw_http(gateway.ports["http"], request_).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(("request_", "status"), [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
    (HEAD + b"x: " + b"y" * 100_000 + b"\r\n\r\n", b"431"),
    (HEAD + b"x: y\r\n" * 200 + b"\r\n", b"431"),
])
def test_other_versions_and_long_heads_have_a_status_of_their_own(start_gateway: Any, request_: bytes, status: bytes) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    assert raw_http(gateway.ports["http"], request_).startswith(b"HTTP/1.1 " + status + b" ")


def test_a_refusal_says_what_a_careful_client_asks_for(start_gateway: Any) -> None:
    config = settings("http://127.0.0.1:1/v1")
    config["routes"] = {"speech": {"path": "/v1/audio", "upstream": "m", "request_usd": 0.02}}
    gateway = start_gateway(config)
    for path, allowed in (("/v1/chat/completions", "POST"), ("/v1/messages/count_tokens", "POST"), ("/v1/models", "GET, HEAD"), ("/v1/models/small", "GET, HEAD"),
                          ("/v1/audio/speech", "GET, POST, PUT, PATCH, DELETE")):
        for method in ("OPTIONS", "TRACE"):
            told = http(method, gateway.http + path, None, KEY)
            assert told.status == 405 and told.headers["allow"] == allowed, path
    unknown = http("GET", f"{gateway.http}/v1/models", None, {"x-api-key": "sk-wrong"})
    assert unknown.status == 401 and unknown.headers["www-authenticate"] == "Bearer"
    assert abs(parsedate_to_datetime(unknown.headers["date"]).timestamp() - time.time()) < 60
    assert http("GET", f"{gateway.http}/v1/models", None, KEY).headers["date"].endswith(" GMT")
    for path, meant in (("/chat/completions", "/v1/chat/completions"), ("/v1/v1/messages", "/v1/messages")):
        assert f"did you mean {meant}?" in http("POST", gateway.http + path, BODY, KEY).json()["error"]["message"]
    zipped = http("POST", f"{gateway.http}/v1/chat/completions", gzip.compress(json.dumps(BODY).encode()), KEY | {"content-encoding": "gzip"})
    assert zipped.status == 415 and "gzip" in zipped.json()["error"]["message"] and zipped.headers["accept-encoding"] == "identity"


def test_nobody_without_a_key_or_a_path_is_asked_for_a_long_body(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    long = b"content-length: 20000000\r\n\r\n"
    for head, status in ((HEAD.replace(b"sk-agent", b"sk-wrong") + long, b"401"), (HEAD.replace(b"/v1/chat/completions", b"/v1/nothing") + long, b"404"),
                         (HEAD.replace(b"POST", b"PUT") + b"transfer-encoding: chunked\r\n\r\n", b"405"),
                         (HEAD.replace(b"sk-agent", b"sk-wrong") + b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n", b"401"),
                         (HEAD + b"expect: 100-continue\r\ncontent-length: 9\r\n\r\n", b"100")):
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(head)
            received = caller.recv(65536)
            assert received.startswith(b"HTTP/1.1 " + status + b" "), received
            assert (b"connection: close" in received) == (status != b"100")


def test_callers_of_http_1_0_get_no_chunks_and_keep_their_connection_when_they_ask(start_gateway: Any) -> None:
    def serve(connection: socket.socket, request: bytes) -> None:
        if b'"stream"' in request:
            connection.sendall(STREAM_HEAD + event("hello") + chunk("data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))

        def request(body: dict, headers: bytes = b"") -> bytes:
            raw = json.dumps(body).encode()
            return HEAD.replace(b"/1.1", b"/1.0") + headers + f"content-length: {len(raw)}\r\n\r\n".encode() + raw

        def ask(sent: bytes) -> bytes:
            with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 20) as caller:
                caller.sendall(sent)
                return b"".join(iter(lambda: caller.recv(65536), b""))

        streamed = ask(request(BODY | {"stream": True}))
        head, _, body = streamed.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head and b"connection: close" in head
        assert body.startswith(b"data: ") and body.endswith(b"data: [DONE]\n\n")
        twice = ask(request(BODY, b"connection: keep-alive\r\n") + request(BODY))
        assert twice.count(b"HTTP/1.1 200 ") == 2 and twice.count(b"connection: keep-alive") == 1


def test_a_target_may_name_the_server_too(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    absolute = b"GET http://x/v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: sk-agent\r\nconnection: close\r\n\r\n"
    assert raw_http(gateway.ports["http"], absolute).startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_order(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    one = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: sk-agent\r\n\r\n"
    two = b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n"
    received = raw_http(gateway.ports["http"], one + two + one)
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", received)
    assert statuses == [b"200", b"404", b"200"]


def test_an_answer_to_head_has_no_body_and_the_next_one_follows(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))

    def ask(method: str, path: str, key: str = "sk-agent", last: bool = False) -> bytes:
        return f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{'connection: close' if last else 'a: b'}\r\n\r\n".encode()

    heads = (("/v1/models", "sk-agent", 200), ("/v1/models/small", "sk-agent", 200), ("/v1/models", "sk-wrong", 401), ("/v1/models/nowhere", "sk-agent", 404),
             ("/v1/chat/completions", "sk-agent", 405), ("/nowhere", "sk-agent", 404))
    got = raw_http(gateway.ports["http"], b"".join(ask("HEAD", path, key) for path, key, _ in heads) + ask("GET", "/v1/models", last=True))
    answers = got.split(b"\r\n\r\n")
    assert [int(answer_.split(b" ")[1]) for answer_ in answers[:-1]] == [status for *_, status in heads] + [200], got
    assert all(b"content-length: " in answer_ for answer_ in answers[:-1]) and json.loads(answers[-1])["data"], "only the last one has a body"
    lengths = [re.search(rb"content-length: (\d+)", answers[n])[1] for n in (0, len(heads))]
    assert lengths[0] == lengths[1] == str(len(answers[-1])).encode(), "as that of GET"


def test_a_tls_handshake_on_the_plain_port_ends_at_once(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1"))
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 60) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="x")
    line = gateway.wait_for_line(lambda seen: seen.get("msg") == "request failed")
    assert line["status"] == 400 and "TLS handshake" in line["cause"]


def test_slow_callers_are_cut_off(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1", **{"http.head_time": "500ms", "http.body_time": "500ms"}))
    for beginning in (b"POST /v1/chat", HEAD + b"content-length: 100\r\n\r\nabc"):
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(beginning)
            began = time.monotonic()
            assert caller.recv(1000) == b""
            assert time.monotonic() - began < 3


def test_chunked_request_bodies_are_read(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        gateway = start_gateway(settings(up.url))
        raw = json.dumps(BODY).encode()
        wire = b"".join(f"{len(raw[i:i + 7]):x}\r\n".encode() + raw[i:i + 7] + b"\r\n" for i in range(0, len(raw), 7)) + b"0\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n" + wire)
            assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert up.requests[0].endswith(raw)


def test_rate_limits_of_a_key(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(completion()))) as up:
        config = settings(up.url)
        config["keys"]["plain"]["requests_per_minute"] = 2
        gateway = start_gateway(config)
        plain = {"authorization": "Bearer sk-plain"}
        first = chat(gateway, headers=plain)
        assert first.headers["x-ratelimit-limit-requests"] == "2" and first.headers["x-ratelimit-remaining-requests"] == "1"
        assert chat(gateway, headers=plain).status == 200
        refused = chat(gateway, headers=plain)
        assert refused.status == 429 and refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert refused.headers["x-should-retry"] == "true" and 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.headers["x-ratelimit-limit-requests"] == "2" and refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert re.fullmatch(r"\d+s", refused.headers["x-ratelimit-reset-requests"])
        same = http("POST", f"{gateway.http}/v1/messages", BODY | {"max_tokens": 5}, {"x-api-key": "sk-plain"})
        assert same.status == 429 and same.headers["anthropic-ratelimit-requests-limit"] == "2"
        full_again = datetime.fromisoformat(same.headers["anthropic-ratelimit-requests-reset"].replace("Z", "+00:00")).timestamp()
        assert 0 < full_again - time.time() < 120, "Anthropic's clients are told a time"
        assert chat(gateway).status == 200, "another key has limits of its own"
