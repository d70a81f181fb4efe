"""Whoever reads the log finds every request that failed, by the id that its caller was told."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

from clients import http, raw_http

from gateway.upstream import STREAM_HEAD, answer, event, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "the secret prompt"}]}
KEY = {"authorization": "Bearer sk-agent"}


def lines(gateway: Any, **wanted: Any) -> list[dict[str, Any]]:
    """Those of the log with these fields, once there are any: the log is written by a thread of its own."""
    deadline = time.monotonic() + 5
    while True:
        parsed = [json.loads(line) for line in Path(gateway.log_path).read_text().splitlines() if line.startswith("{")]
        found = [line for line in parsed if all(line.get(name) == value for name, value in wanted.items())]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_each_refusal_leaves_one_line_with_its_request_id(start_gateway: Any) -> None:
    with upstream(lambda c, r: c.sendall(answer({"error": {"message": "no"}}, "400 Bad Request"))) as up:
        config = settings(up.url, **{"http.body_bytes_max": "1MiB"})
        config["upstreams"]["gone"] = {"base_url": "http://127.0.0.1:1/v1", "retries_max": 0}
        config["models"]["small"]["upstream"] = "m"
        config["models"]["lost"] = config["models"]["small"] | {"upstream": "gone"}
        gateway = start_gateway(config)
        url = f"{gateway.http}/v1/chat/completions"
        for body, headers, status, code, level in (
            (b"{bad", KEY, 400, "invalid_request", "info"), (BODY | {"max_tokens": -5}, KEY, 400, "invalid_request", "info"),
            (b'{"model":"' + b"x" * (2 << 20) + b'"}', KEY, 413, "too_large", "info"), (BODY, {"authorization": "Bearer sk-wrong"}, 401, "authentication", "info"),
            (BODY | {"model": "unknown"}, KEY, 404, "model_not_found", "info"), (BODY, KEY, 400, "upstream_status", "info"),
            (BODY | {"model": "lost"}, KEY, 502, "upstream_connect", "warn"),
        ):
            refused = http("POST", url, body, headers)
            assert refused.status == status
            found = lines(gateway, msg="request failed", request_id=refused.headers["x-request-id"])
            assert len(found) == 1 and (found[0]["status"], found[0]["code"], found[0]["level"]) == (status, code, level), found
            assert found[0]["trace_id"] and 0 < len(found[0]["cause"]) <= 300
            if "max_tokens" in str(body):
                assert "positive whole number" in found[0]["cause"]
        raw = raw_http(gateway.ports["http"], b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")
        request_id = re.search(rb"x-request-id: (\S+)", raw)[1].decode()
        assert lines(gateway, msg="request failed", request_id=request_id)[0]["status"] == 400
        attempt = lines(gateway, msg="attempt at an upstream failed", upstream="gone")[0]
        assert attempt["fault"] == "connect" and attempt["error"] == "Connection refused"
        for _ in range(5):
            http("POST", url, BODY | {"model": "lost"}, KEY)
        assert len(lines(gateway, msg="breaker of an upstream", upstream="gone", state="open")) == 1
        log = Path(gateway.log_path).read_text()
        assert "secret prompt" not in log and "sk-" not in log


def test_a_cut_stream_leaves_a_line_and_a_flood_of_refusals_few(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        connection.sendall(STREAM_HEAD + event("half"))
        connection.close()

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, **{"http.threads": 1}))
        cut = http("POST", f"{gateway.http}/v1/chat/completions", BODY | {"stream": True}, KEY)
        found = lines(gateway, msg="request failed", request_id=cut.headers["x-request-id"])
        assert len(found) == 1 and found[0]["code"] == "upstream_closed" and found[0]["level"] == "warn"
        began = time.monotonic()
        for _ in range(300):
            http("GET", f"{gateway.http}/v1/models", None, {"x-api-key": "sk-wrong"})
        seconds = time.monotonic() - began
        told = lines(gateway, msg="request failed", code="authentication")
        assert 10 <= len(told) <= 20 * (seconds + 2)
