"""What an operator asks when a task does not move, and does when one has died."""

from __future__ import annotations

from datetime import UTC, datetime

import grpc
import pytest
from orchestrator.client import code_of, msg

import swarm_sdk as sdk


def why(o, task_id, rpc="WhyNotScheduled"):
    return o.call(rpc, msg("TaskRef", task_id=task_id))


def kinds(explanation):
    return [x.kind for x in explanation.obstacles]


def test_why_names_what_stands_in_the_way_and_what_keeps_each_agent_off(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register("coder", roles=["Coder"])
    task_id = o.submit(role="Deployer", required_permissions=["deploy"])
    told = why(o, task_id)
    assert kinds(told) == ["role"] and told.agents[0].detail == "does not play Deployer"
    assert told.summary == o.get(task_id).status_reason and "Deployer" in told.summary
    o.register("deployer", roles=["Deployer"])
    assert {a.agent: a.obstacle for a in why(o, task_id).agents} == {"coder": "role", "deployer": "permission"}
    o.call("SetDispatch", msg("DispatchRequest", halted=True, reason="incident"))
    assert kinds(why(o, task_id))[0] == "halt"
    unknown = "00000000-0000-0000-0000-00000000beef"
    assert code_of(lambda: why(o, unknown))[0] == grpc.StatusCode.NOT_FOUND
    assert code_of(lambda: why(o, "x"))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_decision_is_explained_also_after_a_restart(start_orchestrator, connect):
    service = start_orchestrator({"limits.finished_in_memory": 0})
    o = connect(service)
    o.register("a")
    o.submit()
    task = o.poll("a")
    decided = why(o, task.task_id, "ExplainDecision")
    assert decided.decision.agent == "a" and decided.decision.attempt == 1 and "longest" in decided.decision.why
    o.result(task)
    service.restart()
    o = connect(service)
    told = why(o, task.task_id, "ExplainDecision")
    assert kinds(told) == ["finished"] and told.decision.agent == "a"


def kill_task(o, **fields):
    task_id = o.submit(max_attempts=1, **fields)
    task = o.poll()
    assert o.result(task, "failure", error_message="the disk was full").task_status == "DEAD"
    return task_id


def test_a_dead_task_is_redriven_as_a_new_one_that_knows_how_the_old_one_ended(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    dead = kill_task(o, description="build", context="repo x", labels={"team": "t"}, priority=3)
    answer = o.call("RedriveTasks", msg("RedriveRequest", task_ids=[dead])).tasks[0]
    assert answer.created and getattr(answer, "from") == dead and answer.to != dead
    service.restart()
    o = connect(service)
    again = o.call("RedriveTasks", msg("RedriveRequest", task_ids=[dead])).tasks[0]
    assert again.to == answer.to and not again.created, "a repeat makes no second one"
    o.register()
    task = o.poll()
    assert task.task_id == answer.to and task.description == "build" and task.attempt == 1
    assert "repo x" in task.context and "the disk was full" in task.context
    assert dict(task.labels) == {"team": "t", "redrive_of": dead}
    assert o.result(task).task_status == "SUCCEEDED" and o.status(dead) == "DEAD"


def test_dead_tasks_are_redriven_by_filter_and_page(start_orchestrator, connect):
    o = connect(start_orchestrator({"retry.backoff_initial": "1ms"}))
    o.register()
    red = {kill_task(o, labels={"team": "red"}) for _ in range(5)}
    kill_task(o, labels={"team": "blue"})
    moved, token = set(), ""
    while True:
        page = msg("ListTasksRequest", labels={"team": "red"}, page_token=token)
        answer = o.call("RedriveTasks", msg("RedriveRequest", filter=page, limit=2))
        assert len(answer.tasks) <= 2
        moved |= {getattr(t, "from") for t in answer.tasks}
        token = answer.next_page_token
        if not token:
            break
    assert moved == red


def test_the_sdk_finds_and_redrives_by_tenant_and_time(start_orchestrator, connect):
    service = start_orchestrator({"retry.backoff_initial": "1ms"})
    o = connect(service)
    o.register()
    red = [kill_task(o, labels={"team": "red"}) for _ in range(3)]
    with sdk.OrchestratorClient(service.grpc) as client:
        assert [t.task_id for t in client.list(labels={"team": "red"}, page_size=2)] == red[::-1]
        born = datetime.fromtimestamp(o.get(red[0]).created_unix_ms / 1000, tz=UTC)
        assert {t.task_id for t in client.list(created_from=born)} == set(red) and not list(client.list(created_before=born))
        hers = client.submit(sdk.NewTask("x", tenant="ann")).task_id
        assert [t.task_id for t in client.list(tenant="ann")] == [hers]
        assert {r.from_task for r in client.redrive_matching(labels={"team": "red"})} == set(red)
        assert not list(client.redrive_matching(tenant="ann"))
        with pytest.raises(ValueError, match="colour"):
            list(client.list(colour="red"))


def test_redriving_refuses_what_is_not_over_and_what_is_too_much(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    alive, dead = o.submit(), None
    dead = kill_task(o, priority=1)

    def redrive(**fields):
        return code_of(lambda: o.call("RedriveTasks", msg("RedriveRequest", **fields)))

    assert redrive(task_ids=[dead, alive])[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert len(o.call("ListTasks", msg("ListTasksRequest")).tasks) == 2, "all or none"
    assert redrive()[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert redrive(task_ids=[dead] * 1001)[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert redrive(task_ids=["nonsense"])[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_the_time_outs_of_a_task_hold_on_the_real_process(start_orchestrator, connect):
    service = start_orchestrator({"retry.backoff_transient": "1ms"})
    o = connect(service)
    o.register()
    slow = o.submit(start_to_close_ms=400, max_attempts=2)
    first = o.poll()
    assert first.start_to_close_ms == 400
    o.call("Heartbeat", msg("HeartbeatRequest", agent_id="a", leases=[msg("LeaseRef", task_id=slow, lease_token=first.lease_token)]))
    second = o.poll(wait_ms=5000)
    assert (first.task_id, second.task_id) == (slow, slow) and second.attempt == 2
    assert code_of(lambda: o.result(first))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert o.result(second).accepted
    beating = o.submit(heartbeat_ms=300)
    task = o.poll()
    assert task.lease_ms == 300 and task.task_id == beating
    nobody = o.submit(schedule_to_start_ms=200, role="nobody-plays-this")
    watch = o.watch(task_ids=[nobody], snapshot=True)
    assert any(event.task.status == 8 for event in watch)
    assert "schedule_to_start" in o.get(nobody).status_reason
    assert code_of(lambda: o.submit(heartbeat_ms=5))[0] == grpc.StatusCode.INVALID_ARGUMENT
