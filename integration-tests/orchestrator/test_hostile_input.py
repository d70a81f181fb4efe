"""What no well-meaning client sends: it is refused with the field at fault, or carried as it is, and never unbounded."""

from __future__ import annotations

import grpc
import pytest
from orchestrator.client import Raw, code_of, msg

ODD = "".join(map(chr, [*range(1, 32), 0x7F, 0x85, 0x2028, 0x202E, 0xFEFF, 0xE0020])) + "\U0010ffff {{ %s \\u0000 $(id) ' \" `"


def test_odd_characters_are_carried_as_they_are(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    o.register()
    task_id = o.submit("a" + ODD, context=ODD, extra_constraints=[ODD])
    service.kill()
    service.start()
    o = connect(service)
    o.register()
    task = o.poll()
    assert (task.task_id, task.description, task.context, list(task.constraints)) == (task_id, "a" + ODD, ODD, [ODD])
    # What a program printed is an agent's to hand in, NUL and all.
    o.result(task, artifact="\0" + ODD)
    assert o.get(task_id).artifact == "\0" + ODD


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"description": ""}, "description"),
        ({"task_id": "1; drop table"}, "task_id"),
        ({"workflow_state": "Lunch"}, "workflow_state"),
        ({"workflow_state": "CodeReview", "until_state": "SystemDesign"}, "until_state"),
        ({"priority": 101}, "priority"),
        ({"role": "a\x07b"}, "control"),
        ({"stack": "x" * 300}, "stack"),
        ({"context": "x" * (5 << 20)}, "context"),
        ({"idempotency_key": "k" * 513}, "idempotency_key"),
        ({"depends_on": ["00000000-0000-0000-0000-00000000beef"]}, "no task"),
        ({"delay_ms": -1}, "delay_ms"),
        ({"description": "a\0b"}, "NUL"),
        ({"context": "a\0"}, "NUL"),
        ({"extra_constraints": ["\0"]}, "NUL"),
        ({"labels": {"a": "b\x1b"}}, "control"),
        ({"description": "x" * 10_000_000}, "description"),
    ],
)
def test_hostile_submissions_name_the_field_at_fault(start_orchestrator, connect, fields, word):
    o = connect(start_orchestrator())
    code, text = code_of(lambda: o.submit(**({"description": "d"} | fields)))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and word in text


def test_unknown_ids_are_not_found(start_orchestrator, connect):
    o: Raw = connect(start_orchestrator())
    nobody = "00000000-0000-0000-0000-00000000beef"
    for call in (
        lambda: o.get(nobody),
        lambda: o.call("CancelTask", msg("CancelTaskRequest", task_id=nobody)),
        lambda: o.call("ApproveTask", msg("ApproveTaskRequest", task_id=nobody)),
        lambda: o.call("SubmitResult", msg("TaskResult", task_id=nobody, status="success")),
    ):
        assert code_of(call)[0] == grpc.StatusCode.NOT_FOUND


def test_what_is_said_about_an_order_is_bounded(start_orchestrator, connect):
    o = connect(start_orchestrator())
    o.register()
    long = "x\x1b[31m" * 1_000_000
    halted = o.call("SetDispatch", msg("DispatchRequest", halted=True, reason=long, by=long))
    assert halted.halted and len(halted.reason) == 1_000 and len(halted.by) == 256 and "\x1b" not in halted.reason + halted.by
    o.call("SetDispatch", msg("DispatchRequest", halted=False))
    o.submit()
    task = o.poll()
    for grace in (60_000, 50_000, 40_000):
        o.call("CancelTask", msg("CancelTaskRequest", task_id=task.task_id, reason=long, grace_ms=grace))
    shown = o.get(task.task_id)
    assert max(len(step.reason) for step in shown.history) < 1_100 and not any("\x1b" in step.reason for step in shown.history)
    waits = o.submit(requires_approval=True)
    for fields, word in (({"by": "x" * 300}, "by"), ({"by": "a\x1b"}, "by"), ({"comment": "\0"}, "comment"), ({"comment": long}, "comment")):
        code, text = code_of(lambda: o.call("ApproveTask", msg("ApproveTaskRequest", task_id=waits, approve=False, **fields)))
        assert code == grpc.StatusCode.INVALID_ARGUMENT and word in text, fields
    assert o.status(waits) == "BLOCKED"


def test_endless_names_are_refused_with_a_message_that_arrives(start_orchestrator, connect):
    o = connect(start_orchestrator())
    long = "ü\x1b" * 1_000_000
    for rpc, request, code in (
        ("PollTask", msg("AgentQuery", agent_id=long), "INVALID_ARGUMENT"),
        ("RegisterAgent", msg("AgentInfo", name=long), "INVALID_ARGUMENT"),
        ("SubmitTask", msg("NewTask", description="x", workflow_state="x" * 200, role="y" * 200), "INVALID_ARGUMENT"),
        ("GetTask", msg("TaskRef", task_id=long), "INVALID_ARGUMENT"),
        ("DeleteSchedule", msg("ScheduleRef", name=long), "NOT_FOUND"),
        ("PauseSchedule", msg("PauseScheduleRequest", name=long), "NOT_FOUND"),
        ("ListTasks", msg("ListTasksRequest", page_token=long), "INVALID_ARGUMENT"),
        ("SubmitResult", msg("TaskResult", task_id="00000000-0000-7000-8000-000000000000", status=long), "INVALID_ARGUMENT"),
    ):
        got, text = code_of(lambda: o.call(rpc, request))
        assert got.name == code and 0 < len(text) < 2_100, (rpc, got, text[:100])


def test_bytes_that_are_no_message_or_too_many_of_them_harm_nobody(start_orchestrator, connect):
    service = start_orchestrator()
    o = connect(service)
    send = o.channel.unary_unary("/orchestrator.Orchestrator/SubmitTask")
    latin = b"\x1a\x03a\xff\xfe"  # a description that is no UTF-8
    for garbage in (latin, b"\xff" * 1000, b"\x1a\xff\xff\xff\xff\x0f"):
        assert code_of(lambda: send(garbage, timeout=10))[0] in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
    assert code_of(lambda: o.submit("x" * (17 << 20)))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
    streamed = o.channel.stream_stream("/orchestrator.Orchestrator/SubmitStream")(iter([b"\x0a\x05" + latin]), timeout=10)
    assert code_of(lambda: list(streamed))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert o.call("ListTasks", msg("ListTasksRequest")).tasks == []
    assert o.get(o.submit()).version == 1 and service.running
