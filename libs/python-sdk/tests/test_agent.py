"""Agent: register, poll, heartbeat, result, failure report, stop; and each of them while a service is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

import swarm_sdk as sdk
from fake_services import FakeOrchestrator, FakeService
from swarm_sdk import wire

OPTIONS = sdk.ConnectionOptions(timeout=1.0, within=5.0, backoff=sdk.Backoff(0.01, 0.05))


class Scripted(sdk.Agent):
    """Does what the test says, and notes what happened."""

    def __init__(self, address: str, doing: Callable[[sdk.TaskRun], str], **more: Any) -> None:
        self.events: list[sdk.AgentEvent] = []
        self.doing = doing
        super().__init__("agent-1", roles=["Coder"], orchestrator=sdk.OrchestratorClient(address, OPTIONS),
                         poll_wait=0.5, result_within=3.0, on_event=self.events.append, **more)

    def work(self, task: sdk.TaskRun) -> str:
        return self.doing(task)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


@pytest.fixture
def running() -> Iterator[Callable[[sdk.Agent], sdk.Agent]]:
    agents: list[tuple[sdk.Agent, threading.Thread]] = []

    def run(agent: sdk.Agent) -> sdk.Agent:
        thread = threading.Thread(target=agent.run, kwargs={"handle_signals": False, "drain_time": 1.0})
        agents.append((agent, thread))
        thread.start()
        return agent

    yield run
    for agent, thread in agents:
        agent.stop()
        thread.join(10)
        assert not thread.is_alive(), "the agent did not stop"


def test_a_task_becomes_a_result_with_token_and_attempt(orchestrator, running, eventually) -> None:
    orchestrator.give("t1", attempt=3, constraints=["be kind"])
    seen: list[sdk.TaskRun] = []
    running(Scripted(orchestrator.address, lambda task: seen.append(task) or "done"))
    eventually(lambda: orchestrator.seen("SubmitResult"))
    (result,) = orchestrator.seen("SubmitResult")
    assert (result.task_id, result.status, result.artifact) == ("t1", "success", "done")
    assert (result.lease_token, result.attempt, result.agent_id) == ("token-t1", 3, "agent-1")
    assert seen[0].constraints == ("be kind",)


def test_an_unknown_agent_registers_again(orchestrator, running, eventually) -> None:
    agent = running(Scripted(orchestrator.address, lambda task: "x"))
    eventually(lambda: orchestrator.known)
    orchestrator.known.clear()  # as after a restart
    orchestrator.give("t1")
    eventually(lambda: orchestrator.seen("SubmitResult"))
    assert agent.kinds().count("registered") == 2


def test_the_orchestrator_may_start_after_the_agent(running, eventually) -> None:
    first = FakeOrchestrator()
    port = first.port
    first.stop()
    running(Scripted(f"127.0.0.1:{port}", lambda task: "x"))
    time.sleep(0.1)
    late = FakeOrchestrator(port)
    late.give("t1")
    eventually(lambda: late.seen("SubmitResult"))
    late.stop()


def test_a_result_is_repeated_until_it_arrives(orchestrator, running, eventually) -> None:
    left = [3]

    @orchestrator.on("SubmitResult")
    def flaky(request: Any, context: grpc.ServicerContext) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            context.abort(grpc.StatusCode.UNAVAILABLE, "restarting")
        return wire.message("orchestrator.Ack")(accepted=True)

    orchestrator.give("t1")
    agent = running(Scripted(orchestrator.address, lambda task: "x"))
    eventually(lambda: "succeeded" in agent.kinds())
    results = orchestrator.seen("SubmitResult")
    assert len(results) == 4 and all(r == results[0] for r in results)


def test_a_refused_result_is_dropped_and_work_goes_on(orchestrator, running, eventually) -> None:
    @orchestrator.on("SubmitResult")
    def refuse_first(request: Any, context: grpc.ServicerContext) -> Any:
        if request.task_id == "t1":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "lease is gone")
        return wire.message("orchestrator.Ack")(accepted=True)

    orchestrator.give("t1")
    orchestrator.give("t2")
    agent = running(Scripted(orchestrator.address, lambda task: "x"))
    eventually(lambda: "succeeded" in agent.kinds())
    assert "refused" in agent.kinds()
    assert len([r for r in orchestrator.seen("SubmitResult") if r.task_id == "t1"]) == 1


def test_heartbeats_renew_the_lease_while_the_work_lasts(orchestrator, running, eventually) -> None:
    def work(task: sdk.TaskRun) -> str:
        task.progress("half way")
        eventually(lambda: len(orchestrator.seen("Heartbeat")) >= 3)
        return "x"

    orchestrator.give("t1")
    running(Scripted(orchestrator.address, work))
    eventually(lambda: orchestrator.seen("SubmitResult"))
    beat = orchestrator.seen("Heartbeat")[-1]
    assert (beat.agent_id, beat.leases[0].task_id, beat.leases[0].lease_token) == ("agent-1", "t1", "token-t1")
    assert beat.leases[0].progress == "half way"
    count = len(orchestrator.seen("Heartbeat"))
    time.sleep(0.2)
    assert len(orchestrator.seen("Heartbeat")) <= count + 1, "no heartbeats without a lease"


def test_a_lost_lease_stops_the_work_and_sends_no_result(orchestrator, running, eventually) -> None:
    def work(task: sdk.TaskRun) -> str:
        eventually(lambda: task.should_stop)
        task.check()
        return "too late"

    orchestrator.lost.append("t1")
    orchestrator.give("t1")
    agent = running(Scripted(orchestrator.address, work))
    eventually(lambda: "lost" in agent.kinds())
    assert orchestrator.seen("SubmitResult") == []


def test_a_cancelled_task_is_given_back_as_cancelled(orchestrator, analyst, running, eventually) -> None:
    def work(task: sdk.TaskRun) -> str:
        eventually(lambda: task.should_stop)
        task.check()
        return "never"

    orchestrator.cancelled.append("t1")
    orchestrator.give("t1")
    running(Scripted(orchestrator.address, work, analyst=sdk.AnalystClient(analyst.address, OPTIONS)))
    eventually(lambda: orchestrator.seen("SubmitResult"))
    (result,) = orchestrator.seen("SubmitResult")
    assert (result.status, result.failure_class) == ("failure", "cancelled")
    assert analyst.seen("ReportFailure") == [], "a cancelled task is nobody's failure"


def test_a_mistake_goes_to_the_analyst_before_the_attempt_is_given_back(
    orchestrator, analyst, running, eventually
) -> None:
    order: list[str] = []

    @analyst.on("ReportFailure")
    def note(request: Any, context: grpc.ServicerContext) -> Any:
        order.append("report")
        return wire.message("analyst.AnalysisResult")(rule_generated=True, rule_content="rule", kind_id="k")

    @orchestrator.on("SubmitResult")
    def ack(request: Any, context: grpc.ServicerContext) -> Any:
        order.append("result")
        return wire.message("orchestrator.Ack")(accepted=True)

    orchestrator.give("t1", attempt=2, role="Coder")
    agent = running(
        Scripted(orchestrator.address, lambda task: 1 / 0, analyst=sdk.AnalystClient(analyst.address, OPTIONS))
    )
    eventually(lambda: "failed" in agent.kinds())
    (failure,), (result,) = analyst.seen("ReportFailure"), orchestrator.seen("SubmitResult")
    assert order == ["report", "result"]
    assert (failure.task_id, failure.attempt, failure.role, failure.stack) == ("t1", 2, "Coder", "python")
    assert "ZeroDivisionError: division by zero" in failure.error_log and "Traceback" in failure.error_log
    assert failure.event_id
    assert (result.failure_class, result.error_message) == ("agent_error", "ZeroDivisionError: division by zero")
    (event,) = [e for e in agent.events if e.kind == "failed"]
    assert event.analysis is not None and event.analysis.rule_content == "rule"


def test_one_trace_runs_through_an_attempt(orchestrator, analyst, running, eventually) -> None:
    analyst.on("ReportFailure")(lambda request, context: wire.message("analyst.AnalysisResult")())
    headers: list[dict[str, str]] = []

    def work(task: sdk.TaskRun) -> str:
        headers.append(task.model_headers())
        raise sdk.TaskFailed("no", log="the whole log")

    orchestrator.give("t1", budget_task_token="signed")
    running(Scripted(orchestrator.address, work, analyst=sdk.AnalystClient(analyst.address, OPTIONS)))
    eventually(lambda: orchestrator.seen("SubmitResult"))
    assert headers[0]["x-swarm-task-id"] == "t1" and headers[0]["x-swarm-task-token"] == "signed"
    seen = [headers[0], orchestrator.metadata("SubmitResult")[0], analyst.metadata("ReportFailure")[0]]
    assert len({h["traceparent"].split("-")[1] for h in seen}) == 1


def test_an_analyst_that_is_away_gets_the_report_later(orchestrator, running, eventually) -> None:
    away = FakeService("analyst.Analyst")
    port = away.port
    away.stop()
    client = sdk.AnalystClient(f"127.0.0.1:{port}", OPTIONS)
    orchestrator.give("t1")
    agent = Scripted(orchestrator.address, lambda task: 1 / 0, analyst=client)
    agent._reporter._wait = 0.2
    running(agent)
    eventually(lambda: orchestrator.seen("SubmitResult"))
    back = FakeService("analyst.Analyst", port)
    back.on("ReportFailure")(lambda request, context: wire.message("analyst.AnalysisResult")())
    eventually(lambda: back.seen("ReportFailure"))
    assert back.seen("ReportFailure")[0].task_id == "t1"
    back.stop()


class APIError(Exception):
    """By the name of the openai client's error for an error event in a stream."""


class TransportError(Exception):
    """By the name of httpx's base class."""


class ModelError(Exception):
    def __init__(self, status: int, code: str | None = None, body: object = None) -> None:
        super().__init__("model says no")
        self.status_code, self.code, self.body = status, code, body


@pytest.mark.parametrize(
    ("error", "failure_class"),
    [
        (ModelError(429, "insufficient_quota"), "budget_exhausted"),
        (ModelError(429, None, {"error": {"type": "budget_exceeded"}}), "budget_exhausted"),
        (ModelError(429, "rate_limit_exceeded"), "transient"),
        (ModelError(503), "transient"),
        (APIError("upstream failed"), "transient"),
        (TransportError("peer closed connection"), "transient"),
        (ConnectionResetError("reset"), "transient"),
        (TimeoutError("slow"), "transient"),
        (ModelError(403), "policy_denied"),
        (ModelError(400), "agent_error"),
        (sdk.Unavailable("gone", "UNAVAILABLE"), "transient"),
        (KeyError("x"), "agent_error"),
    ],
)
def test_only_the_agents_own_mistakes_reach_the_analyst(
    orchestrator, analyst, running, eventually, error: Exception, failure_class: str
) -> None:
    analyst.on("ReportFailure")(lambda request, context: wire.message("analyst.AnalysisResult")())

    def work(task: sdk.TaskRun) -> str:
        raise error

    orchestrator.give("t1")
    running(Scripted(orchestrator.address, work, analyst=sdk.AnalystClient(analyst.address, OPTIONS)))
    eventually(lambda: orchestrator.seen("SubmitResult"))
    assert orchestrator.seen("SubmitResult")[0].failure_class == failure_class
    assert len(analyst.seen("ReportFailure")) == (1 if failure_class == "agent_error" else 0)


def test_a_verdict_sends_the_work_back_and_is_no_failure_of_the_reviewer(
    orchestrator, analyst, running, eventually
) -> None:
    def work(task: sdk.TaskRun) -> str:
        raise sdk.TaskRejected("no docstring")

    orchestrator.give("t1")
    agent = running(Scripted(orchestrator.address, work, analyst=sdk.AnalystClient(analyst.address, OPTIONS)))
    eventually(lambda: "rejected" in agent.kinds())
    (result,) = orchestrator.seen("SubmitResult")
    assert (result.status, result.error_message, result.failure_class) == ("failure", "no docstring", "rejected")
    assert analyst.seen("ReportFailure") == []


def test_stop_lets_the_task_in_hand_finish(orchestrator, eventually) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(task: sdk.TaskRun) -> str:
        started.set()
        go_on.wait(5)
        return "finished"

    orchestrator.give("t1")
    orchestrator.give("t2")
    agent = Scripted(orchestrator.address, work)
    thread = threading.Thread(target=agent.run, kwargs={"handle_signals": False})
    thread.start()
    started.wait(5)
    agent.stop()
    go_on.set()
    thread.join(5)
    assert [r.task_id for r in orchestrator.seen("SubmitResult")] == ["t1"]


def test_stop_ends_a_parked_poll_at_once(orchestrator, eventually) -> None:
    @orchestrator.on("PollTask")
    def park(request: Any, context: grpc.ServicerContext) -> Any:
        threading.Event().wait(3)
        return wire.message("orchestrator.TaskAssignment")()

    agent = Scripted(orchestrator.address, lambda task: "x")
    thread = threading.Thread(target=agent.run, kwargs={"handle_signals": False})
    thread.start()
    eventually(lambda: orchestrator.seen("PollTask"))
    started = time.monotonic()
    agent.stop()
    thread.join(5)
    assert not thread.is_alive() and time.monotonic() - started < 1.0


def test_a_refused_registration_ends_the_agent_with_the_reason(orchestrator) -> None:
    @orchestrator.on("RegisterAgent")
    def refuse(request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "name is too long")

    with pytest.raises(sdk.InvalidArgument, match="name is too long"):
        Scripted(orchestrator.address, lambda task: "x").run(handle_signals=False)


def test_tasks_max_ends_the_run(orchestrator) -> None:
    for number in range(3):
        orchestrator.give(f"t{number}")
    Scripted(orchestrator.address, lambda task: "x").run(handle_signals=False, tasks_max=2)
    assert len(orchestrator.seen("SubmitResult")) == 2
