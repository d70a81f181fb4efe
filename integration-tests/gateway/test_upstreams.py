"""Several upstreams, keys and models behind one name, as the configuration says it."""

from __future__ import annotations

import re
import socket
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from clients import http
from eventually import eventually

from gateway.budget import call, spend
from gateway.upstream import answer, completion, settings, upstream

BODY = {"model": "small", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}
COST = 4.5e-6


def chat(gateway: Any, **more: Any) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY | more, KEY)


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def test_keys_and_weights_share_the_requests(start_gateway: Any) -> None:
    with upstream(good) as many, upstream(good) as few:
        config = settings(many.url)
        config["upstreams"]["m"]["more_keys"] = [{"api_key": "sk-second"}]
        config["upstreams"]["few"] = {"base_url": few.url}
        config["models"]["small"]["targets"] = [{"upstream": "m", "weight": 2}, {"upstream": "few", "weight": 1, "model": "its-name"}]
        gateway = start_gateway(config)
        by = Counter(chat(gateway).headers["x-swarm-upstream"] for _ in range(300))
        assert set(by) == {"m", "m#2", "few"} and 30 < by["few"] < 100, by
        keys = Counter(re.search(rb"Bearer (\S+)", request)[1] for request in many.requests)
        assert keys[b"sk-upstream-secret"] == by["m"] and keys[b"sk-second"] == by["m#2"] and min(keys.values()) > 60
        assert all(b'"model": "its-name"' in request for request in few.requests)
        assert spend(gateway)["current_spend"] == pytest.approx(300 * COST)


def test_a_reserve_and_then_another_model_take_over(start_gateway: Any) -> None:
    works = {"first": False, "reserve": True}

    def serve(name: str) -> Any:
        def one(connection: socket.socket, _: bytes) -> None:
            connection.sendall(answer(completion(name)) if works[name] else answer({"error": {"message": "no"}}, "503 Service Unavailable"))
        return one

    with upstream(serve("first")) as first, upstream(serve("reserve")) as reserve, upstream(good) as other:
        config = settings(first.url)
        config["upstreams"] |= {"r": {"base_url": reserve.url, "retries_max": 0}, "o": {"base_url": other.url}}
        config["upstreams"]["m"]["retries_max"] = 0
        price = {"input_usd_per_mtok": 0.15, "output_usd_per_mtok": 0.6}
        config["models"] = {"small": price | {"targets": [{"upstream": "r", "priority": 1}, {"upstream": "m"}], "fallbacks": ["dear"]},
                            "dear": {"upstream": "o", "input_usd_per_mtok": 1.5, "output_usd_per_mtok": 6, "max_output_tokens": 1000}}
        gateway = start_gateway(config)
        assert chat(gateway).headers["x-swarm-upstream"] == "r"
        assert spend(gateway)["current_spend"] == pytest.approx(COST)
        works["reserve"] = False
        assert chat(gateway).headers["x-swarm-upstream"] == "o"
        assert spend(gateway)["current_spend"] == pytest.approx(11 * COST)
        works["first"] = True
        assert chat(gateway).headers["x-swarm-upstream"] == "m"


def test_an_upstream_is_failing_until_a_call_got_through(start_gateway: Any) -> None:
    says = {"status": "500 Internal Server Error"}

    def serve(connection: socket.socket, _: bytes) -> None:
        if says["status"] == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{")
            connection.close()
        else:
            connection.sendall(answer(completion(), says["status"]))

    with upstream(serve) as up:
        config = settings(up.url)
        config["upstreams"]["m"]["retries_max"] = 0
        gateway = start_gateway(config)

        def health() -> dict[str, Any]:
            ready = http("GET", f"{gateway.admin}/readyz")
            assert ready.status == 200, "it serves, whatever its upstreams do"
            return next(check for check in ready.json()["checks"] if check["name"] == "upstream/m")

        assert health()["ok"] and health()["detail"] == "not asked yet"

        def rests() -> str:
            chat(gateway)
            seen = health()
            assert not seen["ok"], seen
            return seen["detail"] if "gets a rest" in seen["detail"] else ""

        assert re.match(r"failing for \d+ s, \d+ calls in a row, the last one \d+ s ago: answered with 500; gets a rest$", eventually(rests))
        assert eventually(lambda: "gets a rest" not in health()["detail"], within=30)
        assert not health()["ok"], "a rest that is over makes nothing well"
        says["status"] = "200 OK"
        assert eventually(lambda: chat(gateway).status == 200, within=30)
        assert health()["ok"] and health()["detail"] == ""
        for status, cause in (("401 Unauthorized", "answered with 401"), ("cut", "broke off: closed")):
            says["status"] = status
            chat(gateway)
            assert not health()["ok"] and cause in health()["detail"], health()
            says["status"] = "200 OK"
            assert chat(gateway).status == 200 and health()["ok"]
        says["status"] = "404 Not Found"
        chat(gateway)
        assert health()["ok"], "that was about the request"


def test_a_route_passes_its_path_on_and_is_paid_by_the_request(start_gateway: Any) -> None:
    with upstream(lambda connection, _: connection.sendall(answer(b"RIFF", headers="x-kind: sound\r\n"))) as up:
        gateway = start_gateway(settings(up.url, routes={"speech": {"path": "/v1/audio", "upstream": "m", "request_usd": 0.02}}))
        got = http("POST", f"{gateway.http}/v1/audio/speech", {"input": "hi"}, KEY)
        assert got.status == 200 and got.body == b"RIFF" and got.headers["x-kind"] == "sound"
        assert spend(gateway)["current_spend"] == pytest.approx(0.02)
        assert http("POST", f"{gateway.http}/v1/images", {}, KEY).status == 404
        assert http("POST", f"{gateway.http}/v1/audio/speech", {}, {"x-api-key": "sk-wrong"}).status == 401
        call(gateway, "llm_gateway.BudgetControl.SetLimit", scope="key/agent", limit=0.05, strict=True)
        assert [http("POST", f"{gateway.http}/v1/audio/speech", {}, KEY).status for _ in range(2)] == [200, 429], "a strict budget counts it at its price, no more"


@pytest.mark.parametrize(("model", "says"), [
    ("targets: [{upstream: nowhere}]", "no upstream of that name"), ("fallbacks: [ghost]", "no other model of that name"), ("fallbacks: [small]", "no other model of that name"),
    ("balance: random", "neither weighted nor least_latency"), ("targets: [" + "{upstream: m}, " * 17 + "]", "more than 16"),
])
def test_a_configuration_that_names_nobody_is_refused(swarm_bin: Path, tmp_path: Path, model: str, says: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"upstreams: {{m: {{base_url: 'http://127.0.0.1:1'}}}}\nmodels: {{small: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1, {model}}}}}\n")
    checked = subprocess.run([swarm_bin / "llm-gateway", "--config", file, "--check-config"], capture_output=True, text=True)
    assert checked.returncode == 2 and says in checked.stderr
