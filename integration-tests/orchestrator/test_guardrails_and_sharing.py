"""What no task and no agent may do, and how tasks share the agents: on the real process."""

from __future__ import annotations

import grpc
import pytest
from orchestrator.client import code_of, msg

RAILS = {
    "guardrails": {
        "policies": [
            {"id": "stacks", "control": "CM-7", "tenant": "red", "stacks": ["python"], "tools": ["git"]},
            {"id": "leaks", "control": "SI-10", "hosts": ["example.org"], "forbidden": ["BEGIN RSA PRIVATE KEY"]},
            {"id": "spend", "control": "AU-12", "tenant": "red", "budget_usd_max": 2.5},
        ],
        "grants": [{"agent": "deployer-*", "permissions": ["deploy", "read"]}, {"agent": "*", "permissions": ["read"]}],
    }
}


def test_what_a_policy_forbids_is_refused_with_its_control(start_orchestrator, connect):
    o = connect(start_orchestrator(RAILS))
    for fields, words in (
        ({"tenant": "red", "stack": "rust"}, ["stacks", "CM-7", "rust"]),
        ({"tenant": "red", "required_capabilities": ["docker"]}, ["CM-7", "docker"]),
        ({"context": "curl https://evil.test/x"}, ["SI-10", "evil.test"]),
        ({"tenant": "red", "budget_usd": 3}, ["AU-12"]),
    ):
        code, text = code_of(lambda: o.submit(**fields))
        assert code == grpc.StatusCode.PERMISSION_DENIED and all(word in text for word in words), text
    assert o.get(o.submit(tenant="red", stack="python")).budget_usd == pytest.approx(2.5)
    assert o.get(o.submit(stack="rust")).budget_usd == 0


def test_an_artefact_that_a_policy_forbids_ends_the_task_and_is_not_kept(start_orchestrator, connect):
    o = connect(start_orchestrator(RAILS))
    o.register()
    task_id = o.submit()
    ack = o.result(o.poll(), artifact="-----BEGIN RSA PRIVATE KEY-----\nsecret")
    assert ack.accepted and ack.task_status == "DEAD"
    shown = o.get(task_id)
    assert shown.artifact == "" and "SI-10" in shown.status_reason and "secret" not in str(shown)
    assert any("SI-10" in step.reason for step in shown.history)
    o.submit()
    assert o.result(o.poll(), artifact="see https://example.org/x").task_status == "SUCCEEDED"


def test_an_agent_has_the_permissions_that_it_is_granted_and_not_those_that_it_claims(start_orchestrator, connect):
    o = connect(start_orchestrator(RAILS))
    o.register("liar", permissions=["deploy", "read"])
    o.register("deployer-1")
    o.register("deployer-2", permissions=["read"])
    task_id = o.submit(required_permissions=["deploy"])
    assert o.poll("liar", wait_ms=50).task_id == ""
    assert o.poll("deployer-2", wait_ms=50).task_id == "", "it asked for less than it is granted"
    why = o.call("WhyNotScheduled", msg("TaskRef", task_id=task_id))
    assert {a.agent: a.detail for a in why.agents}["liar"] == "lacks permission deploy"
    assert o.poll("deployer-1").task_id == task_id


def test_a_war_room_works_on_every_stack_at_once_and_joins(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register("py", capabilities=["python"])
    o.register("js", capabilities=["react"])
    fields = {"description": "[MODE:WAR_ROOM] mend the login", "stack": "python, react", "idempotency_key": "k"}
    join = o.submit(**fields)
    assert o.submit(**fields) == join
    assert len(o.call("ListTasks", msg("ListTasksRequest")).tasks) == 3
    shown = o.get(join)
    assert shown.blocked_reason == "dependency" and len(shown.depends_on) == 2 and shown.description == "mend the login"
    py, js = o.poll("py"), o.poll("js")
    assert (py.stack, js.stack, py.description) == ("python", "react", "mend the login")
    assert o.get(py.task_id).parent_id == join
    o.result(py, artifact="server patch")
    o.result(js, artifact="client patch")
    o.register("lead")
    last = o.poll("lead")
    assert last.task_id == join and "server patch" in last.context and "client patch" in last.context
    assert o.result(last).task_status == "SUCCEEDED"


def test_a_council_is_heard_seat_by_seat(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    last = o.submit("[MODE:COUNCIL] which database?", role="Architect, Coder, Product Manager")
    roles = []
    for _ in range(3):
        task = o.poll()
        assert o.poll("a", wait_ms=1).lease_token == task.lease_token, "one seat at a time"
        roles.append(task.role)
        o.result(task, artifact=f"{task.role} says so")
    assert roles == ["Architect", "Coder", "Product Manager"] and o.status(last) == "SUCCEEDED"
    assert "Coder says so" in task.context
    code, text = code_of(lambda: o.submit("[MODE:WAR_ROOM] x"))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "stack" in text
    code, text = code_of(lambda: o.submit("[MODE:WAR_ROOM] x", stack=",".join(f"s{n}" for n in range(40))))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_tenants_share_and_keys_take_turns(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    for _ in range(10):
        o.submit(tenant="loud")
    quiet = o.submit(tenant="quiet")
    for name in ("a", "b"):
        o.register(name)
    assert o.poll("a").task_id != quiet and o.poll("b").task_id == quiet
    keyed = [o.submit(concurrency_key="db", tenant="t", priority=5) for _ in range(2)]
    o.register("c")
    o.register("d")
    first = o.poll("c")
    assert first.task_id == keyed[0] and o.poll("d").task_id not in keyed
    blocked = o.get(keyed[1])
    assert blocked.blocked_reason == "concurrency" and "'db'" in blocked.status_reason
    service.restart()
    o = connect(service)
    assert o.get(keyed[1]).blocked_reason in ("concurrency", "")
    o.register("e")
    assert o.poll("e").task_id not in keyed, "the limit holds over a restart"
    o.result(first)
    o.register("f")
    assert o.poll("f", wait_ms=5000).task_id == keyed[1]


def test_tasks_are_found_by_time_and_tenant(start_orchestrator, connect):
    o = connect(start_orchestrator())
    first = o.submit(tenant="red")
    at = o.get(first).created_unix_ms
    while (second := o.get(o.submit())).created_unix_ms <= at + 1:
        pass

    def found(**fields):
        return [t.task_id for t in o.call("ListTasks", msg("ListTasksRequest", **fields)).tasks]

    assert found(tenant="red") == [first]
    assert first not in found(created_from_unix_ms=at + 1) and second.task_id in found(created_from_unix_ms=at + 1)
    assert found(created_before_unix_ms=at) == [] and found(created_before_unix_ms=at + 1) == [first]
