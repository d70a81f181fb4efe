"""A record of a real run, from which the engine does the same again."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from orchestrator.client import Raw, msg

KEY = "0123456789abcdef0123456789abcdef"


def test_the_record_of_a_run_is_repeated_and_holds_no_texts_and_tokens(start_orchestrator: Any, swarm_bin: Path, tmp_path: Path) -> None:
    """Through agents that report, fail and vanish, cancels, holds, schedules and a restart."""
    record = tmp_path / "record"
    service = start_orchestrator({"command_log.directory": str(record), "lease.time": "500ms", "lease.start_within": "200ms",
                                  "retry.backoff_initial": "10ms", "tasks.token_key": KEY})
    o = Raw(service.grpc)
    tokens: list[str] = []

    def some_work(o: Raw) -> None:
        for name in ("a", "b"):
            o.register(name)
        ids = [o.submit(f"secret text {n}", context="hidden", idempotency_key=f"{time.monotonic()}-{n}", labels={"who": "nobody"}) for n in range(30)]
        o.submit("later", depends_on=[ids[0]], delay_ms=50)
        for n in range(30):
            task = o.poll("ab"[n % 2], wait_ms=300)
            if not task.task_id:
                continue
            tokens.append(task.lease_token)
            if n % 5 == 4:
                time.sleep(0.25)  # silent: it goes back
            else:
                try:
                    o.result(task, "failure" if n % 3 == 0 else "success", artifact="secret artefact", error_message="secret error")
                except grpc.RpcError:
                    pass
        o.call("CancelTask", msg("CancelTaskRequest", task_id=ids[-1], reason="secret reason"))
        o.call("SetHold", msg("HoldRequest", kind=2, name="Coder", held=True, reason="secret hold"))
        o.call("PutSchedule", msg("NewSchedule", name="s", cron="* * * * *", task=msg("NewTask", description="secret schedule")))
        o.call("SetDispatch", msg("DispatchRequest", halted=True, reason="secret halt"))
        o.call("SetDispatch", msg("DispatchRequest", halted=False))

    some_work(o)
    time.sleep(1)
    service.kill()
    service.start()
    some_work(Raw(service.grpc))
    time.sleep(1)
    service.terminate()
    assert service.wait_exit() == 0
    replay = swarm_bin / "orchestrator-replay"
    if not replay.exists():
        pytest.skip("orchestrator-replay is not built")
    files = sorted(record.glob("commands-*.log"))
    assert len(files) == 2
    for file, end in zip(files, ("cut off", "to the end"), strict=True):
        done = subprocess.run([replay, file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and end in done.stdout, done.stdout + done.stderr
        assert " 0 states" not in done.stdout or end == "cut off"
        raw = file.read_bytes()
        assert b"secret" not in raw and b"hidden" not in raw and b"nobody" not in raw
        assert not any(bytes.fromhex(token) in raw for token in tokens)
    torn = tmp_path / "torn.log"
    torn.write_bytes(files[1].read_bytes()[:-7])
    assert subprocess.run([replay, torn], capture_output=True, timeout=60).returncode == 0
    bad = bytearray(files[1].read_bytes())
    bad[len(bad) // 2] ^= 0x40
    torn.write_bytes(bad)
    assert "cut off" in subprocess.run([replay, torn], capture_output=True, text=True, timeout=60).stdout
    torn.write_text("no log")
    assert subprocess.run([replay, torn], capture_output=True, timeout=60).returncode == 1
