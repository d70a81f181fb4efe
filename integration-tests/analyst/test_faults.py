"""What must not break the analyst or lose what it acknowledged."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import pytest

from analyst.client import msg
from clients import http, raw_grpc
from swarm_process import StartFailed


def test_kill_9_loses_nothing_that_was_acknowledged(start_analyst: Any, connect: Any) -> None:
    service = start_analyst()
    acknowledged: list[str] = []

    def report(worker: int) -> None:
        analyst = connect(service)
        for i in range(10_000):
            event = f"{worker}-{i}"
            try:
                analyst.report(f"task-{event}", f"KeyError: 'k{i}'", event_id=event)
            except grpc.RpcError:
                return
            acknowledged.append(event)

    workers = [threading.Thread(target=report, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    while len(acknowledged) < 200:
        pass
    service.kill()
    for worker in workers:
        worker.join()
    before = list(acknowledged)
    service.start()
    analyst = connect(service)
    total = analyst.groups().total_events
    assert total >= len(before)
    assert total <= len(before) + len(workers)  # one answer per worker may have been lost on the wire
    for event in before[:: max(1, len(before) // 50)]:
        assert analyst.report(f"task-{event}", "KeyError: 'again'", event_id=event).repeat


@pytest.mark.parametrize(
    "log",
    [
        "x" * 10_000_000,
        "KeyError: '" + "y" * 10_000_000 + "'",
        "\0\0\0KeyError: 'a\0b'\0",
        "\n" * 1_000_000 + "KeyError: 'x'",
        "\x1b[" * 100_000,
        "日本語 KeyError: 'キー'",
    ],
    ids=["one line of 10 MB", "giant value", "NUL", "a million lines", "escape flood", "other scripts"],
)
def test_hostile_logs_are_counted(start_analyst: Any, connect: Any, log: str) -> None:
    analyst = connect(start_analyst())
    assert analyst.report("task", log).kind_id
    assert analyst.groups().total_events == 1


def test_a_log_without_a_word_and_a_negative_attempt_are_refused(start_analyst: Any, connect: Any) -> None:
    analyst = connect(start_analyst({"rules.threshold": 1}))
    for fields in ({"error_log": "   \n"}, {"error_log": "\0\0\0"}, {"raw_log": b" \x1b\t"}, {"error_log": "KeyError: 'x'", "attempt": -4}):
        with pytest.raises(grpc.RpcError) as refused:
            analyst.call("ReportFailure", msg("FailureEvent", task_id="t", **fields))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    batch = msg("FailureBatch", sequence=1)
    for log in ("\0", "KeyError: 'x'"):
        batch.events.add(task_id="t" + log, error_log=log)
    assert [(ack.refused, ack.counted) for ack in analyst.stream("ReportFailures", iter([batch]))] == [(1, 1)]
    assert analyst.groups().total_events == 1


def test_bytes_that_are_not_utf8_have_a_field_of_their_own(start_analyst: Any, connect: Any) -> None:
    service = start_analyst()
    raw_log = b"KeyError: \xff\xfe'x'"
    message = b"\x12\x01t" + bytes([10 << 3 | 2, len(raw_log)]) + raw_log
    address = f"127.0.0.1:{service.ports['grpc']}"
    assert raw_grpc(address, "/analyst.Analyst/ReportFailure", message)[0] is grpc.StatusCode.OK
    broken = b"\x1a" + bytes([len(raw_log)]) + raw_log  # error_log is text
    assert raw_grpc(address, "/analyst.Analyst/ReportFailure", broken)[0] is not grpc.StatusCode.OK
    assert connect(service).groups().total_events == 1


def test_a_log_beyond_16_mib_is_refused_and_the_service_lives(start_analyst: Any, connect: Any) -> None:
    analyst = connect(start_analyst())
    with pytest.raises(grpc.RpcError) as refused:
        analyst.report("task", "x" * (18 << 20))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert analyst.report("task").kind_id


def test_a_directory_in_use_or_of_another_service_is_refused(start_service: Any, start_analyst: Any) -> None:
    first = start_analyst()
    second = start_service("analyst", {"data_dir": str(first.data_dir)}, ready=False)
    assert second.wait_exit() == 1
    assert "analyst-service:" in second.tail(3)
    other = start_service("orchestrator", {"analyst.address": "", "gateway.address": ""})
    assert other.stop() == 0
    stolen = start_service("analyst", ready=False)
    assert stolen.running
    stolen.wait_ready()
    assert stolen.stop() == 0
    stolen.data_dir.joinpath("store", "identity").write_text("somebody else\n")
    with pytest.raises(StartFailed):
        stolen.start()
    assert stolen.exit_code == 1


def test_readiness_says_what_is_missing(start_analyst: Any) -> None:
    service = start_analyst({"gateway.address": "127.0.0.1:1"})
    ready = http("GET", f"http://127.0.0.1:{service.ports['admin']}/readyz")
    assert ready.status == 200
    assert b"gateway" in ready.body and b"store" in ready.body
    metrics = http("GET", f"http://127.0.0.1:{service.ports['admin']}/metrics").body
    for name in (b"swarm_analyst_groups", b"swarm_analyst_failures_total", b"swarm_analyst_ingest_seconds"):
        assert name in metrics


def test_a_signal_at_the_ready_line_drains(start_analyst: Any) -> None:
    service = start_analyst()
    for _ in range(5):
        assert service.stop() == 0
        service.start()
