"""A new configuration comes into force while requests are on their way: whole, or not at all, and no request is dropped."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from clients import http
from eventually import eventually

from gateway.budget import call, spend
from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}
QUIET = {"reload.watch": "0s"}


def serve(connection: socket.socket, request: bytes) -> None:
    connection.sendall(answer(completion()))


def chat(gateway: Any, key: str = "sk-agent", model: str = "small") -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY | {"model": model}, {"authorization": f"Bearer {key}"})


def configuration(gateway: Any) -> dict[str, Any]:
    return json.loads(gateway.config_path.read_text())


def write(gateway: Any, change: Callable[[dict[str, Any]], None]) -> None:
    config = configuration(gateway)
    change(config)
    fresh = gateway.config_path.with_suffix(".new")
    fresh.write_text(json.dumps(config))
    fresh.rename(gateway.config_path)


def reload(gateway: Any, change: Callable[[dict[str, Any]], None], wanted: str = "configuration in force") -> dict[str, Any]:
    seen = sum(line.get("msg", "").startswith("configuration ") for line in gateway.lines())
    write(gateway, change)
    os.kill(gateway.pid, signal.SIGHUP)

    def told() -> list[dict[str, Any]]:
        return [line for line in gateway.lines() if line.get("msg", "").startswith("configuration ")][seen:]

    assert eventually(lambda: bool(told()), within=10), gateway.tail()
    assert told()[0]["msg"].startswith(wanted), told()
    return told()[0]


def metric(gateway: Any, name: str) -> float:
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def test_models_prices_keys_and_limits_change_without_a_restart(start_gateway: Any) -> None:
    with upstream(serve) as first, upstream(serve) as second:
        gateway = start_gateway(settings(first.url, **QUIET))
        assert float(chat(gateway).headers["x-swarm-cost-usd"]) == pytest.approx(4.5e-6)

        def dearer(config: dict[str, Any]) -> None:
            config["models"]["small"] |= {"input_usd_per_mtok": 1.5, "output_usd_per_mtok": 6, "price_version": "two"}
            config["models"]["other"] = config["models"]["small"] | {"free": False}
            config["upstreams"]["m"] |= {"base_url": second.url, "api_key": "sk-upstream-rotated"}
            config["keys"]["plain"]["key"] = "sk-plain-rotated"
            config["keys"]["third"] = {"key": "sk-third", "requests_per_minute": 1}
            config["budgets"] = {"key/third": {"limit_usd": 0.5, "window": "day"}}

        reload(gateway, dearer)
        assert float(chat(gateway).headers["x-swarm-cost-usd"]) == pytest.approx(4.5e-5)
        assert len(first.requests) == 1 and b"sk-upstream-rotated" in second.requests[-1]
        assert chat(gateway, model="other").status == 200
        assert chat(gateway, "sk-plain").status == 401 and chat(gateway, "sk-plain-rotated").status == 200
        limited = chat(gateway, "sk-third")
        assert limited.status == 200 and limited.headers["x-ratelimit-limit-requests"] == "1"
        assert chat(gateway, "sk-third").status == 429
        assert spend(gateway, "key/third")["limit"] == 0.5
        assert spend(gateway)["current_spend"] == pytest.approx(4.5e-6 + 4 * 4.5e-5), "what was spent stays, at the price of its time"

        def back(config: dict[str, Any]) -> None:
            del config["models"]["other"], config["keys"]["third"], config["budgets"]

        reload(gateway, back)
        assert chat(gateway, model="other").status == 404 and chat(gateway, "sk-third").status == 401
        text = http("GET", f"{gateway.admin}/metrics").body.decode()
        assert 'swarm_gateway_model_price_source{model="other",source="listed"} 0' in text
        assert metric(gateway, "swarm_gateway_config_edition") == 3
        ready = http("GET", f"{gateway.admin}/readyz").json()
        assert ready["ready"] if "ready" in ready else True


def test_who_needs_a_key_is_what_the_file_in_force_says(start_gateway: Any) -> None:
    def ask(key: str | None) -> int:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return http("POST", f"{gateway.http}/v1/chat/completions", BODY, headers).status

    def keys(*names: str) -> dict[str, Any]:
        def change(config: dict[str, Any]) -> None:
            config["keys"] = {name: {"key": f"sk-{name}"} for name in names}
            if not names:
                del config["keys"]

        return reload(gateway, change)

    with upstream(serve) as up:
        config = settings(up.url, **QUIET)
        del config["keys"]
        gateway = start_gateway(config)
        assert ask(None) == 200 and ask("sk-whatever") == 200
        assert keys("first", "second")["keys"] == 2
        assert ask(None) == 401 and ask("sk-whatever") == 401 and ask("sk-first") == 200
        assert keys("second")["keys"] == 1
        assert ask("sk-first") == 401 and ask("sk-second") == 200
        assert keys()["keys"] == 0
        gateway.wait_for_line(lambda line: line.get("msg", "").startswith("no key is left") and line["level"] == "warn")
        assert ask(None) == 200 and ask("sk-first") == 200, "as after a start with this file"
        keys("second")
        assert ask(None) == 401 and ask("sk-second") == 200
        call(gateway, "llm_gateway.BudgetControl.CreateKey", name="made")
        assert keys()["keys"] == 1
        assert ask(None) == 401, "once a key was made at run time nobody comes without one"


def test_a_limit_set_at_run_time_outlives_a_reload(start_gateway: Any) -> None:
    gateway = start_gateway(settings("http://127.0.0.1:1/v1", **QUIET, **{"budgets": {"global": {"limit_usd": 5}, "team/t": {"limit_usd": 3}}}))
    call(gateway, "llm_gateway.BudgetControl.SetLimit", scope="global", limit=7.0)
    reload(gateway, lambda config: config["budgets"].update({"global": {"limit_usd": 9}, "team/t": {"limit_usd": 4}}))
    assert spend(gateway)["limit"] == 7 and spend(gateway, "team/t")["limit"] == 4


@pytest.mark.parametrize(("change", "says"), [
    (lambda c: c["models"]["small"].update(upstream="nowhere"), "nowhere"),
    (lambda c: c.update(no_such_setting=1), "no_such_setting"),
    (lambda c: c["upstreams"]["m"].update(base_url="https://127.0.0.1:1/v1", ca_file="/nowhere/ca.pem"), "/nowhere/ca.pem"),
    (lambda c: c["keys"].update(made={"key": "sk-2"}), "made at run time"),
])
def test_a_bad_file_is_refused_whole_and_said_so(start_gateway: Any, change: Callable[[dict[str, Any]], None], says: str) -> None:
    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, **QUIET))
        call(gateway, "llm_gateway.BudgetControl.CreateKey", name="made")
        good = gateway.config_path.read_text()

        def bad(config: dict[str, Any]) -> None:
            config["models"]["small"]["input_usd_per_mtok"] = 100
            config["keys"]["agent"]["key"] = "sk-other"
            change(config)

        line = reload(gateway, bad, "configuration refused")
        assert says in line["cause"] and line["level"] == "error"
        kept = chat(gateway)
        assert kept.status == 200 and float(kept.headers["x-swarm-cost-usd"]) == pytest.approx(4.5e-6), "nothing of it is in force"
        assert metric(gateway, "swarm_gateway_config_refused") == 1
        assert metric(gateway, 'swarm_gateway_config_reloads_total{result="refused"}') == 1
        ready = http("GET", f"{gateway.admin}/readyz")
        assert ready.status == 200 and says in ready.body.decode(), "it serves, and says what is wrong"
        gateway.config_path.write_text(good)
        os.kill(gateway.pid, signal.SIGHUP)
        assert eventually(lambda: metric(gateway, "swarm_gateway_config_refused") == 0, within=10)
        assert says not in http("GET", f"{gateway.admin}/readyz").body.decode()


def test_what_needs_a_restart_is_named(start_gateway: Any) -> None:
    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, **QUIET))

        def both(config: dict[str, Any]) -> None:
            config["http"]["body_bytes_max"] = "1MiB"
            config["models"]["small"]["input_usd_per_mtok"] = 1.5

        reload(gateway, both)
        line = gateway.wait_for_line(lambda seen: "need a restart" in seen.get("msg", ""))
        assert line["settings"] == "http.body_bytes_max"
        assert "http.body_bytes_max" in http("GET", f"{gateway.admin}/readyz").body.decode()
        assert float(chat(gateway).headers["x-swarm-cost-usd"]) == pytest.approx(1.8e-5), "the rest is in force"


def test_a_changed_file_is_noticed_also_that_of_a_key(start_gateway: Any, tmp_path: Any) -> None:
    secret = tmp_path / "upstream.key"
    secret.write_text("sk-first\n")
    with upstream(serve) as up:
        config = settings(up.url, **{"reload.watch": "100ms"})
        config["upstreams"]["m"] = {"base_url": up.url, "api_key_file": str(secret)}
        gateway = start_gateway(config)
        assert chat(gateway).status == 200 and b"Bearer sk-first" in up.requests[-1]
        secret.write_text("sk-second\n")
        gateway.wait_for_line(lambda line: line.get("msg") == "configuration in force" and line["trigger"] == str(secret))
        assert chat(gateway).status == 200 and b"Bearer sk-second" in up.requests[-1]
        write(gateway, lambda c: c["models"].update(other=c["models"]["small"]))
        gateway.wait_for_line(lambda line: line.get("msg") == "configuration in force" and line["edition"] == 3)
        assert chat(gateway, model="other").status == 200


def test_reloads_under_load_drop_no_request(start_gateway: Any) -> None:
    def slow(connection: socket.socket, request: bytes) -> None:
        if b'"stream"' not in request:
            connection.sendall(answer(completion()))
            return
        connection.sendall(STREAM_HEAD)
        for _ in range(20):
            connection.sendall(event("word "))
            time.sleep(0.02)
        connection.sendall(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(slow) as one, upstream(slow) as two:
        gateway = start_gateway(settings(one.url, **QUIET, **{"budgets": {"global": {"limit_usd": 100}}}))
        stop = threading.Event()
        failed: list[str] = []
        done = [0]

        def caller(streamed: bool) -> None:
            while not stop.is_set():
                got = http("POST", f"{gateway.http}/v1/chat/completions", BODY | ({"stream": True} if streamed else {}), KEY)
                good = got.status == 200 and (not streamed or (got.body.count(b"word ") == 20 and b"[DONE]" in got.body))
                if not good:
                    failed.append(f"{got.status} {got.body[:200]!r}")
                done[0] += 1

        callers = [threading.Thread(target=caller, args=(n % 2 == 0,)) for n in range(12)]
        for thread in callers:
            thread.start()
        try:
            for n in range(20):
                url = (one.url, two.url)[n % 2]

                def turn(config: dict[str, Any], url: str = url, n: int = n) -> None:
                    config["upstreams"]["m"] |= {"base_url": url, "api_key": f"sk-upstream-{n}"}
                    config["models"]["small"]["output_usd_per_mtok"] = 0.6 + n / 100

                reload(gateway, turn)
                time.sleep(0.05)
        finally:
            stop.set()
            for thread in callers:
                thread.join()
        assert not failed, failed[:3]
        assert done[0] > 100 and one.requests and two.requests
        assert spend(gateway)["reserved"] == 0
        assert gateway.stop() == 0
