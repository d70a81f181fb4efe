"""One real orchestrator, its agents played by the test."""

from __future__ import annotations

import time
import uuid

import grpc
import pytest
from eventually import eventually
from orchestrator.client import code_of, msg


def test_a_task_goes_from_submission_to_its_result(start_orchestrator, connect):
    o = connect(start_orchestrator())
    answer = o.register("a1", roles=["Coder"])
    assert answer.agent_id == "a1" and answer.lease_ms > 0 and 0 < answer.heartbeat_ms < answer.lease_ms
    task_id = o.submit("fix the build", context="repo x", role="Coder", labels={"team": "t1"})
    assert o.status(task_id) == "QUEUED"
    task = o.poll("a1")
    assert (task.task_id, task.description, task.context, task.attempt) == (task_id, "fix the build", "repo x", 1)
    assert task.role == "Coder" and len(task.lease_token) == 32 and task.labels["team"] == "t1"
    shown = o.get(task_id)
    assert shown.holder == "a1" and 0 < shown.lease_expires_in_ms <= answer.lease_ms
    ack = o.result(task, artifact="the patch")
    assert ack.accepted and ack.task_status == "SUCCEEDED"
    done = o.get(task_id)
    assert done.artifact == "the patch" and not done.holder
    assert [t.to for t in done.history] == [2, 3, 5]


def test_a_poll_waits_for_work_and_ends_empty_without_any(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    assert o.poll(wait_ms=100).task_id == ""
    waiting = o.start("PollTask", msg("AgentQuery", agent_id="a", wait_ms=5000))
    task_id = o.submit()
    assert waiting.result(timeout=5).task_id == task_id


def test_the_clients_deadline_bounds_the_wait(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    assert o.call("PollTask", msg("AgentQuery", agent_id="a", wait_ms=30000), timeout=1.0).task_id == ""


def test_an_unregistered_agent_is_told_to_register(start_orchestrator, connect):
    o = connect(start_orchestrator())
    code, text = code_of(lambda: o.poll("nobody"))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "nobody" in text and "RegisterAgent" in text


def test_a_lost_poll_reply_is_repeated_with_the_same_token(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    o.submit()
    first, second = o.poll(), o.poll()
    assert first.lease_token == second.lease_token and first.task_id == second.task_id and second.attempt == 1


def test_an_unstarted_lease_is_requeued_without_counting(start_orchestrator, connect):
    o = connect(start_orchestrator({"lease.start_within": "200ms"}))
    o.register("deaf")
    o.register("good")
    o.submit()
    lost = o.poll("deaf")
    task = o.poll("good", wait_ms=5000)
    assert task.task_id == lost.task_id and task.attempt == 1 and task.lease_token != lost.lease_token
    code, text = code_of(lambda: o.result(lost))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "lease is gone" in text
    assert o.result(task).accepted


def test_a_started_lease_expires_without_heartbeats_and_counts(start_orchestrator, connect):
    o = connect(start_orchestrator({"lease.time": "400ms", "retry.backoff_initial": "10ms", "retry.backoff_transient": "10ms"}))
    o.register("dies")
    o.register("good")
    o.submit()
    task = o.poll("dies")
    beat = msg("HeartbeatRequest", agent_id="dies", leases=[msg("LeaseRef", task_id=task.task_id, lease_token=task.lease_token)])
    assert not o.call("Heartbeat", beat).lost_task_ids
    assert o.status(task.task_id) == "RUNNING"
    again = o.poll("good", wait_ms=5000)
    assert again.task_id == task.task_id and again.attempt == 2
    assert list(o.call("Heartbeat", beat).lost_task_ids) == [task.task_id]


def test_results_are_idempotent_and_fenced(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    o.submit()
    task = o.poll()
    first = o.result(task, artifact="x")
    assert first.accepted
    assert o.result(task, artifact="x").accepted
    assert code_of(lambda: o.result(task, artifact="y"))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert code_of(lambda: o.result(task, artifact="x", lease_token="0" * 32))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert o.get(task.task_id).artifact == "x"


def test_a_result_without_token_counts_for_the_only_lease(start_orchestrator, connect):
    o = connect(start_orchestrator({"retry.backoff_initial": "1ms"}))
    o.register()
    o.submit()
    task = o.poll()
    assert o.result(task, "failure", lease_token="", error_message="no").accepted
    second = o.poll()
    assert second.attempt == 2
    code, text = code_of(lambda: o.result(second, lease_token=""))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "lease_token" in text


def test_failures_are_retried_with_feedback_until_attempts_run_out(start_orchestrator, connect):
    o = connect(start_orchestrator({"retry.backoff_initial": "1ms"}))
    o.register()
    task_id = o.submit(max_attempts=3)
    for attempt in (1, 2, 3):
        task = o.poll()
        assert task.attempt == attempt
        assert [f.text for f in task.feedback] == [f"error {n}" for n in range(1, attempt)]
        ack = o.result(task, "failure", error_message=f"error {attempt}")
    assert ack.task_status == "DEAD"
    assert o.get(task_id).error_message == "error 3"


def test_the_workflow_loops_between_coder_and_reviewer(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register("coder", roles=["Coder"])
    o.register("reviewer", roles=["Reviewer"])
    task_id = o.submit(workflow_state="FeatureImplementation", until_state="CodeReview")
    work = o.poll("coder")
    assert work.role == "Coder" and work.workflow_state == "FeatureImplementation"
    assert o.poll("reviewer", wait_ms=50).task_id == ""
    o.result(work, artifact="patch 1")
    review = o.poll("reviewer")
    assert review.role == "Reviewer" and review.previous_artifact == "patch 1"
    o.result(review, "failure", error_message="handle None", failure_class="rejected")
    work = o.poll("coder")
    assert work.attempt == 3 and work.feedback[-1].text == "handle None" and work.feedback[-1].role == "Reviewer"
    o.result(work, artifact="patch 2")
    review = o.poll("reviewer")
    assert review.previous_artifact == "patch 2"
    assert o.result(review, artifact="fine").task_status == "SUCCEEDED"
    assert o.status(task_id) == "SUCCEEDED"


def test_a_loop_without_progress_ends_with_a_reason(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    task_id = o.submit(workflow_state="FeatureImplementation", until_state="CodeReview")
    for _ in range(20):
        task = o.poll(wait_ms=200)
        if not task.task_id:
            break
        coder = task.role == "Coder"
        o.result(task, "success" if coder else "failure", error_message="" if coder else "again")
    assert o.status(task_id) == "DEAD" and "no progress" in o.get(task_id).status_reason


def test_the_design_waits_for_approval_and_a_rejection_sends_it_back(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    task_id = o.submit(workflow_state="SystemDesign", until_state="SystemDesign")
    o.result(o.poll(), artifact="design")
    task = o.get(task_id)
    assert o.status(task_id) == "BLOCKED" and task.blocked_reason == "approval"
    o.call("ApproveTask", msg("ApproveTaskRequest", task_id=task_id, approve=False, comment="too big", by="ann"))
    back = o.poll()
    assert back.workflow_state == "RequirementsDefinition" and back.feedback[-1].text == "too big"
    o.result(back)
    o.result(o.poll(), artifact="smaller")
    done = o.call("ApproveTask", msg("ApproveTaskRequest", task_id=task_id, approve=True, by="ann"))
    assert done.status == 5
    code, _ = code_of(lambda: o.call("ApproveTask", msg("ApproveTaskRequest", task_id=task_id, approve=True)))
    assert code == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("failure", ["budget_exhausted", "cancelled", "halted"])
def test_some_failures_park_the_task_and_count_no_attempt(start_orchestrator, connect, failure):
    o = connect(start_orchestrator({"retry.park": "50ms", "retry.park_budget": "50ms"}))
    o.register()
    o.submit(max_attempts=1)
    for _ in range(3):
        task = o.poll()
        assert task.attempt == 1
        assert o.result(task, "failure", failure_class=failure).task_status == "BLOCKED"
    assert o.result(o.poll()).task_status == "SUCCEEDED"


def test_dependencies_hold_a_task_back_and_hand_on_their_artefacts(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    first = o.submit("first")
    second = o.submit("second", depends_on=[first])
    assert o.get(second).blocked_reason == "dependency"
    o.result(o.poll(), artifact="interface v1")
    task = o.poll()
    assert task.task_id == second and "interface v1" in task.context


def test_a_dead_dependency_cancels_its_dependents(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    first = o.submit(max_attempts=1)
    second = o.submit(depends_on=[first])
    third = o.submit(depends_on=[second])
    o.result(o.poll(), "failure")
    assert [o.status(t) for t in (first, second, third)] == ["DEAD", "CANCELLED", "CANCELLED"]
    assert first in o.get(second).status_reason


def test_submission_is_idempotent_by_key_and_by_id(start_orchestrator, connect):
    o = connect(start_orchestrator())
    first = o.submit("a", idempotency_key="k" * 512)
    assert o.submit("a", idempotency_key="k" * 512) == first
    assert code_of(lambda: o.submit("b", idempotency_key="k" * 512))[0] == grpc.StatusCode.ALREADY_EXISTS
    own = str(uuid.uuid4())
    assert o.submit("c", task_id=own) == own == o.submit("c", task_id=own)
    assert code_of(lambda: o.submit("d", task_id=own))[0] == grpc.StatusCode.ALREADY_EXISTS


def test_a_request_of_many_tasks_is_all_or_nothing(start_orchestrator, connect):
    o = connect(start_orchestrator())
    bad = [msg("NewTask", description="one"), msg("NewTask", description="two", depends_on=[str(uuid.uuid4())])]
    assert code_of(lambda: o.call("SubmitTasks", msg("SubmitTasksRequest", tasks=bad)))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert not o.call("ListTasks", msg("ListTasksRequest")).tasks


@pytest.mark.parametrize("blank", ["", " ", "\n\t  \r", "\0"])
def test_a_task_needs_a_text(start_orchestrator, connect, blank):
    o = connect(start_orchestrator())
    for fields in ({"description": blank}, {"description": "[MODE:WAR_ROOM]" + blank, "stack": "a, b"}):
        code, text = code_of(lambda: o.submit(**fields))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and "description" in text


def test_a_delayed_task_waits_for_its_time_also_over_a_restart(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    began = time.monotonic()
    later = o.submit("later", delay_ms=4_000)
    assert o.get(later).blocked_reason == "delay"
    service.kill()
    service.start()
    o = connect(service)
    o.register()
    o.submit("now")
    while (task := o.poll(wait_ms=1000)).task_id != later:
        assert time.monotonic() - began < 60
        if task.task_id:
            o.result(task)
    assert time.monotonic() - began >= 3.9


def test_cancelling_reaches_the_agent_and_ends_the_lease(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    o.submit()
    task = o.poll()
    assert o.call("CancelTask", msg("CancelTaskRequest", task_id=task.task_id, reason="no need")).status == 7
    beat = msg("HeartbeatRequest", agent_id="a", leases=[msg("LeaseRef", task_id=task.task_id, lease_token=task.lease_token)])
    assert list(o.call("Heartbeat", beat).cancelled_task_ids) == [task.task_id]
    ack = o.result(task, "failure", failure_class="cancelled")
    assert not ack.accepted and ack.task_status == "CANCELLED"


def test_the_kill_switch_holds_back_and_survives_a_restart(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    assert o.call("SetDispatch", msg("DispatchRequest", halted=True, reason="incident", by="ann")).halted
    o.submit()
    assert o.poll(wait_ms=100).task_id == ""
    service.restart()
    o = connect(service)
    state = o.call("GetDispatch", msg("DispatchQuery"))
    assert state.halted and state.reason == "incident" and state.by == "ann"
    o.register()
    waiting = o.start("PollTask", msg("AgentQuery", agent_id="a", wait_ms=5000))
    o.call("SetDispatch", msg("DispatchRequest", halted=False))
    assert waiting.result(timeout=5).task_id


def test_priority_goes_before_age(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    low, first, second = o.submit(priority=-1), o.submit(priority=5), o.submit(priority=5)
    order = []
    for _ in range(3):
        task = o.poll()
        o.result(task)
        order.append(task.task_id)
    assert order == [first, second, low]


def test_an_agent_gets_only_what_it_can_and_may_do(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register("py", capabilities=["python"], roles=["Coder"])
    o.register("may", capabilities=["python", "docker"], permissions=["deploy"])
    o.submit(stack="react")
    o.submit(required_capabilities=["docker"], role="Coder", required_permissions=["deploy"])
    assert o.poll("py", wait_ms=50).task_id == ""
    assert o.poll("may", wait_ms=50).task_id


def test_pages_stay_stable_while_tasks_are_added(start_orchestrator, connect):
    o = connect(start_orchestrator())
    ids = [o.submit(f"task {n}", stack="python" if n % 2 else "go") for n in range(25)]
    seen, token = [], ""
    while True:
        page = o.call("ListTasks", msg("ListTasksRequest", page_size=10, page_token=token))
        seen += [t.task_id for t in page.tasks]
        o.submit("later")
        token = page.next_page_token
        if not token:
            break
    assert seen == ids[::-1]
    python = o.call("ListTasks", msg("ListTasksRequest", stack="python", text="TASK 17"))
    assert [t.description for t in python.tasks] == ["task 17"]


def test_followers_see_every_change_in_order(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    old = o.submit("old")
    stream = o.watch(snapshot=True)
    first = next(stream)
    assert first.kind == "snapshot" and first.task.task_id == old and first.task.description == "old"
    o.result(o.poll())
    events = [next(stream) for _ in range(2)]
    assert [e.task.status for e in events] == [3, 5]
    assert [e.sequence for e in [first, *events]] == [1, 2, 3] and not any(e.missed for e in events)
    stream.cancel()


def test_a_stream_of_work_carries_assignments_and_results(start_orchestrator, connect):
    import queue

    o = connect(start_orchestrator())
    out: queue.Queue = queue.Queue()
    out.put(msg("WorkRequest", join=msg("AgentInfo", name="s", capabilities=["*"])))
    out.put(msg("WorkRequest", credit=4))
    answers = o.stream("Work", iter(out.get, None))
    assert next(answers).joined.agent_id == "s"
    ids = {o.submit(f"t{n}") for n in range(6)}
    done = set()
    while len(done) < 6:
        answer = next(answers)
        for task in answer.assignments:
            result = msg("TaskResult", task_id=task.task_id, status="success", lease_token=task.lease_token)
            out.put(msg("WorkRequest", results=msg("WorkResults", results=[result])))
            out.put(msg("WorkRequest", credit=1))
        done |= {ack.task_id for ack in answer.acks if ack.accepted}
    assert done == ids
    out.put(None)


def test_bulk_submission_answers_in_order(start_orchestrator, connect):
    o = connect(start_orchestrator())
    requests = [msg("SubmitTasksRequest", request_id=n, tasks=[msg("NewTask", description=f"d{n}")]) for n in range(200)]
    requests[7] = msg("SubmitTasksRequest", request_id=7, tasks=[msg("NewTask")])
    answers = list(o.stream("SubmitStream", iter(requests)))
    assert [a.request_id for a in answers] == list(range(200))
    refused = {a.request_id: a.error for a in answers if a.error}
    assert list(refused) == [7] and "description" in refused[7], refused
