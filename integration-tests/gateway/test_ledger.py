"""`llm-gateway ledger verify`: what was spent is the sum of its rows, whatever happened to the process."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from clients import http

from gateway.budget import call, spend
from gateway.upstream import answer, completion, settings, upstream

CONTROL = "llm_gateway.BudgetControl."
BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}


def chat(gateway: Any, headers: dict | None = None) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", BODY, headers or KEY, 30)


def verify(gateway: Any, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [str(gateway.binary), "--config", str(gateway.config_path), "ledger", "verify", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def good(connection: socket.socket, _: bytes) -> None:
    connection.sendall(answer(completion()))


def test_a_ledger_verifies_offline_and_says_why_it_can_not(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for n in range(5):
            assert chat(gateway, KEY | {"x-swarm-task-id": f"t{n}"}).status == 200
        call(gateway, CONTROL + "ResetBudget", scope="team/t")
        assert chat(gateway).status == 200
        assert verify(gateway).returncode == 1, "somebody has it open"
        gateway.stop()
        done = verify(gateway)
        assert done.returncode == 0 and done.stdout.startswith("verified: 7 rows"), done
        report = json.loads(verify(gateway, "--json").stdout)
        assert report["verified"] and report["rows"] == 7 and report["differences"] == []
        assert verify(gateway, "--nonsense").returncode == 2
        gateway.start()
        assert spend(gateway, "task/t1")["current_spend"] > 0, "a look changes nothing"


def test_a_ledger_verifies_after_kill_9_under_load(start_gateway: Any) -> None:
    def serve(connection: socket.socket, _: bytes) -> None:
        time.sleep(0.003)
        connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))
        for turn in range(3):
            stop = threading.Event()

            def load(worker: int) -> None:
                while not stop.is_set():
                    try:
                        chat(gateway, KEY | {"x-swarm-task-id": f"t{worker}"})
                    except OSError:
                        return

            with ThreadPoolExecutor(16) as pool:
                for worker in range(16):
                    pool.submit(load, worker)
                time.sleep(0.5 + 0.1 * turn)
                gateway.kill()
                stop.set()
            done = verify(gateway, "--json")
            report = json.loads(done.stdout)
            assert done.returncode == 0 and report["rows"] > 0, done
            gateway.start()
        assert spend(gateway)["unknown_crash"] > 0
        gateway.stop()
        assert verify(gateway).returncode == 0, "the debits of the crashes have rows too"


def test_a_planted_corruption_is_found(start_gateway: Any) -> None:
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url))
        for _ in range(20):
            assert chat(gateway).status == 200
        gateway.stop()
    data = gateway.data_dir / "data.mdb"
    raw = bytearray(data.read_bytes())
    at = raw.rfind(b"config")  # a row's price version, in a leaf page
    assert at > 0
    for place in [i for i in range(len(raw)) if raw.startswith(b"config", i)]:
        raw[place : place + 6] = b"forged"
    data.write_bytes(raw)
    done = verify(gateway, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["verified"] is False, done


def test_old_rows_go_and_the_ledger_still_proves_itself(start_gateway: Any, tmp_path: Any) -> None:
    log = tmp_path / "usage"
    with upstream(good) as up:
        gateway = start_gateway(settings(up.url, **{"spend.rows_kept": "1s", "usage_log.directory": str(log)}))
        for n in range(20):
            assert chat(gateway, KEY | {"x-swarm-task-id": f"t{n % 3}"}).status == 200
        spent = spend(gateway)["current_spend"]

        def retired() -> float:
            text = http("GET", f"{gateway.admin}/metrics").body.decode()
            return sum(float(line.split(" ")[1]) for line in text.splitlines() if line.startswith("swarm_gateway_usage_rows_retired_total "))

        deadline = time.monotonic() + 15
        while retired() < 19:
            assert time.monotonic() < deadline, retired()
            time.sleep(0.1)
        assert spend(gateway)["current_spend"] == spent and spend(gateway, "task/t1")["current_spend"] > 0
        logged = [json.loads(line)["seq"] for path in sorted(log.glob("*.jsonl")) for line in path.read_text().splitlines()]
        assert logged == list(range(1, 21)), "no row goes before the usage log has it"
        gateway.kill()
        gateway.start()
        assert spend(gateway)["current_spend"] >= spent
        assert chat(gateway).status == 200
        gateway.stop()
        report = json.loads(verify(gateway, "--json").stdout)
        assert report["verified"] and report["carried_rows"] >= 19, report
        assert "carried of" in verify(gateway).stdout
