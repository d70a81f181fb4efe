"""Many failures at once, on the real process: acknowledged batches survive kill -9, and nothing of any size breaks it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from swarm_process import binary_directory
from swarm_sdk import wire


def msg(name: str, /, **fields: Any) -> Any:
    return wire.message(f"analyst.{name}")(**fields)


def batch(number: int, size: int = 200) -> Any:
    events = [
        msg("FailureEvent", event_id=f"{number}-{i}", task_id=f"t{number}-{i}", attempt=1, stack="python", role="Coder", error_log=f"KeyError: 'k{i}'")
        for i in range(size)
    ]
    return msg("FailureBatch", sequence=number, events=events)


def test_kill_9_in_the_middle_of_a_bulk_loses_nothing_acknowledged(start_analyst: Any, connect: Any) -> None:
    service = start_analyst()
    acknowledged = 0
    try:
        for ack in connect(service).stream("ReportFailures", (batch(n) for n in range(10_000))):
            assert (ack.counted, ack.refused) == (200, 0)
            acknowledged = ack.sequence + 1
            if acknowledged == 20:
                service.kill()
    except grpc.RpcError:
        pass
    assert acknowledged >= 20
    service.start()
    analyst = connect(service)
    assert analyst.groups().total_events >= acknowledged * 200
    again = list(analyst.stream("ReportFailures", (batch(n) for n in range(acknowledged))))
    assert [a.repeats for a in again] == [200] * acknowledged


def run_import(service: Any, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [str(binary_directory() / "swarmctl"), "failures", "import", str(file), "--json", "--analyst", f"127.0.0.1:{service.ports['grpc']}", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_an_import_that_the_server_did_not_survive_goes_on(start_analyst: Any, connect: Any, tmp_path: Path) -> None:
    file = tmp_path / "failures.jsonl"
    with file.open("w") as out:
        for i in range(40_000):
            out.write(json.dumps({"error_log": f"KeyError: 'k{i}'", "stack": "python", "role": "Coder", "task_id": f"t{i}"}) + "\n")
    service = start_analyst()
    address = f"127.0.0.1:{service.ports['grpc']}"
    command = [str(binary_directory() / "swarmctl"), "failures", "import", str(file), "--analyst", address, "--timeout", "1s"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    analyst = connect(service)
    end = time.monotonic() + 60
    while analyst.groups().total_events < 2_000 and time.monotonic() < end:
        time.sleep(0.01)
    service.kill()
    first.wait(60)
    service.start()
    again = run_import(service, file)
    assert again.returncode == 0, again.stderr
    assert connect(service).groups().total_events == 40_000
    third = json.loads(run_import(service, file).stdout)
    assert (third["counted"], third["repeats"]) == (0, 40_000)


def test_a_log_of_50_mb_in_a_file_loses_its_middle_only(start_analyst: Any, connect: Any, tmp_path: Path) -> None:
    file = tmp_path / "big.jsonl"
    log = "Traceback (most recent call last):\n" + "  noise\n" * 6_500_000 + '  File "a.py", line 1, in f\nKeyError: \'x\''
    file.write_text(json.dumps({"error_log": log, "stack": "python"}) + "\n")
    service = start_analyst()
    done = run_import(service, file)
    assert done.returncode == 0, done.stderr
    assert connect(service).groups().groups[0].cause.startswith("KeyError")


def memory_mib(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1]) / 1024


def test_memory_is_flat_under_distinct_one_offs(start_analyst: Any, connect: Any) -> None:
    """SWARM_TEST_ONEOFFS=1000000 is the long form; the short one fills the groups' bound several times over."""
    count = int(os.environ.get("SWARM_TEST_ONEOFFS", "60000"))
    service = start_analyst({"limits.groups_max": 5_000, "limits.journal_entries_max": 20_000})
    analyst = connect(service)

    def word(n: int) -> str:
        out = ""
        for _ in range(7):
            n, letter = divmod(n, 26)
            out += chr(97 + letter)
        return out

    def one_offs() -> Iterator[Any]:
        for start in range(0, count, 1000):
            yield msg("FailureBatch", sequence=start, events=[
                msg("FailureEvent", event_id=f"e{i}", error_log=f"RuntimeError: the {word(i)} gave way", stack="python") for i in range(start, start + 1000)
            ])

    half = 0.0
    for ack in analyst.stream("ReportFailures", one_offs()):
        assert ack.counted == 1000
        if ack.sequence == count // 2 // 1000 * 1000:
            half = memory_mib(service.pid, "RssAnon")
    groups = analyst.groups()
    assert groups.total_events == count
    assert groups.total_groups <= 5_000
    assert memory_mib(service.pid, "RssAnon") < half * 1.3 + 8


@pytest.mark.parametrize("kind", ["million lines", "not UTF-8", "NUL"])
def test_odd_bytes_in_bulk_are_counted(start_analyst: Any, connect: Any, kind: str) -> None:
    log = {"million lines": b"x\n" * 1_000_000 + b"KeyError: 'x'", "not UTF-8": b"KeyError: \xff\xfe", "NUL": b"\0\0KeyError: 'a'\0"}[kind]
    analyst = connect(start_analyst())
    (ack,) = analyst.stream("ReportFailures", iter([msg("FailureBatch", sequence=1, events=[msg("FailureEvent", raw_log=log)])]))
    assert (ack.counted, ack.refused) == (1, 0)
