"""The usage log: every row at least once, whatever happens; prompts never."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clients import http

from gateway.budget import call
from gateway.upstream import answer, completion, settings, upstream

KEY = {"authorization": "Bearer sk-agent"}


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def chat(gateway: Any, text: str = "hi") -> Any:
    body = {"model": "small", "messages": [{"role": "user", "content": text}]}
    return http("POST", f"{gateway.http}/v1/chat/completions", body, KEY, 30)


def lines(directory: Path) -> list[dict[str, Any]]:
    text = "".join(path.read_text() for path in sorted(directory.glob("usage-*.jsonl")))
    return [json.loads(line) for line in text.splitlines()]


def wait_for(directory: Path, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 15
    while len(found := lines(directory)) < count:
        assert time.monotonic() < deadline, (len(found), count)
        time.sleep(0.05)
    return found


def test_each_request_is_a_line_without_its_prompt(start_gateway: Any, tmp_path: Path) -> None:
    log = tmp_path / "usage"
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, **{"usage_log.directory": str(log)}))
        for _ in range(5):
            assert chat(gateway, "the secret of the prompt").status == 200
        found = wait_for(log, 5)
        assert [line["seq"] for line in found] == [1, 2, 3, 4, 5]
        assert found[0]["key"] == "agent" and found[0]["nano_usd"] == 4500 and found[0]["input_tokens"] == 10
        assert "secret of the prompt" not in json.dumps(found) and "sk-agent" not in json.dumps(found)
        gateway.stop()
        gateway.start()
        chat(gateway)
        assert [line["seq"] for line in wait_for(log, 6)] == [1, 2, 3, 4, 5, 6]


def test_no_row_is_lost_by_kill_9_under_load(start_gateway: Any, tmp_path: Path) -> None:
    log = tmp_path / "usage"
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, **{"usage_log.directory": str(log), "usage_log.file_bytes_max": "16KiB"}))
        for _ in range(3):
            stop = threading.Event()

            def load() -> None:
                while not stop.is_set():
                    try:
                        chat(gateway)
                    except OSError:
                        return

            with ThreadPoolExecutor(8) as pool:
                for _ in range(8):
                    pool.submit(load)
                time.sleep(0.6)
                gateway.kill()
                stop.set()
            gateway.start()
        gateway.stop()
        seen = [line["seq"] for line in lines(log)]
        assert len(list(log.glob("*.jsonl"))) > 1, "rotated"
        assert seen == sorted(seen) and set(seen) == set(range(1, max(seen) + 1)), "every row, in order"
        gateway.start()
        total = call(gateway, "llm_gateway.BudgetControl.QuerySpend")
        requests = sum(int(g["requests"]) for g in total["groups"])
        assert requests == sum(1 for line in lines(log) if line["ending"] == "ok"), "the ledger's rows, all of them"


def test_a_log_that_can_not_be_written_waits_on_the_disk(start_gateway: Any, tmp_path: Path) -> None:
    log = tmp_path / "usage"
    with upstream(good) as up:
        # A new file for each few lines: so that a folder that may not be written to stops it.
        gateway = start_gateway(settings(up.url, **{"usage_log.directory": str(log), "usage_log.file_bytes_max": "4KiB"}))
        for _ in range(20):
            chat(gateway)
        wait_for(log, 20)
        moved = tmp_path / "moved"
        os.rename(log, moved)
        log.write_text("in the way")
        for _ in range(30):
            assert chat(gateway).status == 200, "no request ever waits for the log"
        deadline = time.monotonic() + 10
        while metric(gateway, "swarm_gateway_usage_log_failures_total") == 0:
            assert time.monotonic() < deadline
            chat(gateway)
            time.sleep(0.05)
        log.unlink()
        os.rename(moved, log)
        total = sum(int(g["requests"]) for g in call(gateway, "llm_gateway.BudgetControl.QuerySpend")["groups"])
        found = wait_for(log, total)
        assert {line["seq"] for line in found} >= set(range(1, total + 1))
        assert metric(gateway, "swarm_gateway_usage_log_spilled_total") > 0
        assert metric(gateway, "swarm_gateway_usage_log_dropped_total") == 0


def metric(gateway: Any, name: str) -> float:
    text = http("GET", f"{gateway.admin}/metrics").body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " "))
