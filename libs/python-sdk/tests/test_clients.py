"""Clients: errors by status, retries within their limit, idempotency keys, paging, following across a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

import swarm_sdk as sdk
from fake_services import FakeOrchestrator, FakeService
from swarm_sdk import operations, trace, wire
from swarm_sdk.connection import Connection

QUICK = sdk.ConnectionOptions(timeout=1.0, within=1.0, backoff=sdk.Backoff(0.01, 0.05))


def answer_submit(request: Any, context: grpc.ServicerContext) -> Any:
    ids = [{"task_id": t.task_id or f"id-{t.idempotency_key}", "created": True} for t in request.tasks]
    return wire.message("orchestrator.SubmitTasksResponse")(tasks=ids)


def failing(times: int, code: grpc.StatusCode, then: Callable[..., Any]) -> Callable[..., Any]:
    left = [times]

    def handler(request: Any, context: grpc.ServicerContext) -> Any:
        if left[0] > 0:
            left[0] -= 1
            context.abort(code, "not now")
        return then(request, context)

    return handler


def test_a_call_is_tried_again_until_the_service_is_back(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("SubmitTasks")(failing(3, grpc.StatusCode.UNAVAILABLE, answer_submit))
    with sdk.OrchestratorClient(orchestrator.address, QUICK) as client:
        assert client.submit(sdk.NewTask("x")).created
    keys = {request.tasks[0].idempotency_key for request in orchestrator.seen("SubmitTasks")}
    assert len(orchestrator.seen("SubmitTasks")) == 4
    assert len(keys) == 1 and "" not in keys, "every try carries the same key"


def test_the_retries_are_bounded(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("SubmitTasks")(failing(10**6, grpc.StatusCode.UNAVAILABLE, answer_submit))
    started = time.monotonic()
    with sdk.OrchestratorClient(orchestrator.address, QUICK) as client, pytest.raises(sdk.Unavailable, match="not now"):
        client.submit(sdk.NewTask("x"))
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, sdk.InvalidArgument),
        (grpc.StatusCode.NOT_FOUND, sdk.NotFound),
        (grpc.StatusCode.FAILED_PRECONDITION, sdk.FailedPrecondition),
        (grpc.StatusCode.ALREADY_EXISTS, sdk.AlreadyExists),
        (grpc.StatusCode.PERMISSION_DENIED, sdk.PermissionDenied),
        (grpc.StatusCode.UNAUTHENTICATED, sdk.Unauthenticated),
        (grpc.StatusCode.INTERNAL, sdk.SwarmError),
    ],
)
def test_what_fails_for_good_is_not_tried_again(
    orchestrator: FakeOrchestrator, code: grpc.StatusCode, error: type[sdk.SwarmError]
) -> None:
    orchestrator.on("GetTask")(failing(10, code, answer_submit))
    with sdk.OrchestratorClient(orchestrator.address, QUICK) as client, pytest.raises(error) as raised:
        client.get("x")
    assert (raised.value.code, raised.value.message) == (code.name, "not now")
    assert len(orchestrator.seen("GetTask")) == 1


def test_nothing_listens_there() -> None:
    with sdk.OrchestratorClient("127.0.0.1:1", QUICK) as client, pytest.raises(sdk.Unavailable):
        client.get("x")


def test_a_silent_service_costs_no_more_than_the_deadline(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("GetTask")(lambda request, context: time.sleep(3))
    options = sdk.ConnectionOptions(timeout=0.1, within=0.2)
    started = time.monotonic()
    with sdk.OrchestratorClient(orchestrator.address, options) as client, pytest.raises(sdk.DeadlineExceeded):
        client.get("x")
    assert time.monotonic() - started < 1.5


def test_listing_goes_through_all_pages(orchestrator: FakeOrchestrator) -> None:
    pages = {"": (["a", "b"], "2"), "2": (["c"], "")}

    @orchestrator.on("ListTasks")
    def page(request: Any, context: grpc.ServicerContext) -> Any:
        ids, token = pages[request.page_token]
        return wire.message("orchestrator.ListTasksResponse")(tasks=[{"task_id": i} for i in ids], next_page_token=token)

    with sdk.OrchestratorClient(orchestrator.address, QUICK) as client:
        assert [t.task_id for t in client.list(stack="python", labels={"k": "v"})] == ["a", "b", "c"]
    assert all(r.stack == "python" and r.labels["k"] == "v" for r in orchestrator.seen("ListTasks"))


def test_following_survives_a_restart(orchestrator: FakeOrchestrator) -> None:
    event = wire.message("orchestrator.TaskEvent")

    @orchestrator.on("WatchTasks")
    def events(request: Any, context: grpc.ServicerContext) -> Any:
        number = len(orchestrator.seen("WatchTasks"))
        yield event(sequence=number, kind="snapshot", task={"task_id": f"t{number}"})
        if number == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "going down")

    with sdk.OrchestratorClient(orchestrator.address, QUICK) as client:
        following = client.follow()
        assert [next(following).task.task_id for _ in range(3)] == ["t1", "t2", "t3"]
        following.close()


def test_a_call_carries_token_and_trace(orchestrator: FakeOrchestrator) -> None:
    orchestrator.on("SubmitTasks")(answer_submit)
    options = sdk.ConnectionOptions(token="secret")
    with sdk.OrchestratorClient(orchestrator.address, options) as client, trace.scope(trace.start()) as context:
        client.submit(sdk.NewTask("x"))
    (metadata,) = orchestrator.metadata("SubmitTasks")
    assert metadata["authorization"] == "Bearer secret"
    sent = trace.parse(metadata["traceparent"])
    assert sent is not None and sent.trace_id == context.trace_id and sent.span_id != context.span_id


def test_a_closed_client_says_so(orchestrator: FakeOrchestrator) -> None:
    client = sdk.OrchestratorClient(orchestrator.address, QUICK)
    client.close()
    with pytest.raises(sdk.Unavailable, match="closed"):
        client.get("x")


def test_an_endless_log_loses_its_middle(analyst: FakeService) -> None:
    analyst.on("ReportFailure")(lambda request, context: wire.message("analyst.AnalysisResult")(kind_id="k"))
    log = "first line\n" + "ü" * (20 * 1024 * 1024) + "\nlast line"
    connection = Connection(analyst.address)
    result = connection.run(operations.report_failure(sdk.Failure("t", "short", "e1")))
    assert result.kind_id == "k"
    cut = operations.report_failure(sdk.Failure("t", log, "e2")).request.error_log
    assert len(cut.encode()) <= operations.ERROR_LOG_BYTES_MAX
    assert cut.startswith("first line") and cut.endswith("last line") and "bytes cut" in cut
    connection.close()


@pytest.mark.parametrize("header", ["", "00-0-0-01", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "zz"])
def test_a_malformed_traceparent_is_no_context(header: str) -> None:
    assert trace.parse(header) is None


def test_waits_grow_to_the_maximum_and_jitter() -> None:
    delays = sdk.Backoff(0.1, 0.4).delays()
    waits = [next(delays) for _ in range(6)]
    for wait, ceiling in zip(waits, [0.1, 0.2, 0.4, 0.4, 0.4, 0.4], strict=True):
        assert ceiling / 2 <= wait <= ceiling
