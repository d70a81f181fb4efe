"""What every service must survive or refuse, on the real processes: each fault gets a clear answer, none ends a service."""

from __future__ import annotations

import os
import socket
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from clients import http, raw_grpc, raw_http
from swarm_process import BINARIES, ServiceProcess
from swarm_settings import AGENT_KEY, UPSTREAM_KEY_VARIABLE, gateway_settings

import swarm_sdk as sdk
from swarm_sdk import operations, trace
from swarm_sdk.connection import Connection

SERVICES = ["orchestrator", "analyst", "gateway"]
A_CALL = {
    "orchestrator": "/orchestrator.Orchestrator/GetTask",
    "analyst": "/analyst.Analyst/ReportFailure",
    "gateway": "/llm_gateway.BudgetControl/GetCurrentSpend",
}
Start = Callable[..., ServiceProcess]
QUICK = sdk.ConnectionOptions(timeout=5.0, within=10.0)


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, start_service: Start) -> ServiceProcess:
    """Each of the three in turn, alone."""
    return start_service(request.param, ALONE[request.param])


ALONE: dict[str, dict[str, str]] = {
    "orchestrator": {"analyst.address": "", "gateway.address": ""},
    "analyst": {"gateway.address": "", "orchestrator.address": ""},
    "gateway": {},
}


def one_line(service: ServiceProcess) -> str:
    """The one line of cause that a process left on stderr when it refused to start."""
    said = [line for line in service.log_path.read_text("utf-8", "replace").splitlines() if line.strip()]
    assert said, "it ended without a word"
    return said[-1]


# -- input that is no input --------------------------------------------------------------------------------------------


def test_bytes_that_are_no_message_get_a_status(service: ServiceProcess) -> None:
    for rubbish in (b"\xff" * 40, b"\x0a\xff\xff\xff\xff\x0f"):
        code, details = raw_grpc(service.grpc, A_CALL[service.name], rubbish)
        assert code is grpc.StatusCode.INVALID_ARGUMENT and A_CALL[service.name] in details
        line = service.wait_for_line(lambda l: l["msg"] == "call refused" and l["error"] == details)
        assert line["code"] == "INVALID_ARGUMENT" and line["peer"].startswith("ipv4:127.0.0.1") and line["trace_id"]
    assert service.running


@pytest.mark.parametrize(("name", "method", "answers"), [
    ("orchestrator", "/orchestrator.Orchestrator/SubmitStream", 1),
    ("orchestrator", "/orchestrator.Orchestrator/Work", 0),
    ("orchestrator", "/orchestrator.Orchestrator/UploadArtifact", 0),
    ("analyst", "/analyst.Analyst/ReportFailures", 1),
])
def test_bytes_that_are_no_message_do_not_pass_for_the_end_of_a_stream(
    name: str, method: str, answers: int, start_service: Start) -> None:
    service = start_service(name, ALONE[name])
    came: list[bytes] = []
    with grpc.insecure_channel(service.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        for answer in channel.stream_stream(method)(iter([b""] * answers + [b"\x0a\xff\x01abc", b""]), timeout=10):
            came.append(answer)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT and method in refused.value.details()
    assert len(came) == answers  # what was good before it is answered
    line = service.wait_for_line(lambda l: l["msg"] == "call refused" and l["method"] == method)
    assert line["code"] == "INVALID_ARGUMENT"


def test_a_flood_of_bad_calls_does_not_flood_the_log(service: ServiceProcess) -> None:
    for _ in range(300):
        raw_grpc(service.grpc, A_CALL[service.name], b"\xff" * 40)
    time.sleep(1.1)
    raw_grpc(service.grpc, A_CALL[service.name], b"\xff" * 40)
    service.wait_for_line(lambda l: l["msg"] == "call refused" and l["lines_withheld"] > 0)
    assert len([l for l in service.lines() if l["msg"] == "call refused"]) <= 150


def test_a_message_over_the_limit_is_refused(service: ServiceProcess) -> None:
    code, details = raw_grpc(service.grpc, A_CALL[service.name], b"\x0a\x80\x80\x80\x20" + b"x" * (64 << 20))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED, details
    service.wait_for_line(lambda l: l["msg"] == "message refused" and l["error"] == details)
    assert service.running and http("GET", f"{service.admin}/livez").status == 200


def test_a_caller_that_speaks_no_http2_leaves_a_line(service: ServiceProcess) -> None:
    for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
        with socket.create_connection(("127.0.0.1", service.ports["grpc"]), timeout=5) as caller:
            caller.sendall(greeting)
            service.wait_for_line(lambda l: l["msg"] == "refused a gRPC connection" and "no HTTP/2" in l["reason"])
    assert service.running


def test_an_unknown_call_is_refused_with_what_to_do(service: ServiceProcess) -> None:
    code, details = raw_grpc(service.grpc, "/no.such.Service/Call", b"")
    assert code is grpc.StatusCode.UNIMPLEMENTED and "compare the protos" in details
    line = service.wait_for_line(lambda l: l["msg"] == "call refused" and l["method"] == "/no.such.Service/Call")
    assert line["trace_id"]


def test_text_that_is_no_utf8_leaves_only_lines_of_json(service: ServiceProcess) -> None:
    code, _ = raw_grpc(service.grpc, A_CALL[service.name], b"\x0a\x02\xff\xfe")
    assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OK)
    assert all(line.startswith("{") for line in service.log_path.read_text().splitlines())


def test_the_admin_port_answers_what_is_no_request(service: ServiceProcess) -> None:
    for rubbish, status in ((b"GARBAGE\r\n\r\n", b" 400 "), (b"GET / HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", b" 431 ")):
        with socket.create_connection(("127.0.0.1", service.ports["admin"]), timeout=5) as admin:
            admin.sendall(rubbish)
            assert status in admin.recv(200)
    service.wait_for_line(lambda l: l["msg"] == "admin request refused" and l["status"] == 400)


def test_doctor_tells_a_service_at_the_wrong_address(swarm_bin: Path, service: ServiceProcess) -> None:
    flag = "--gateway" if service.name == "orchestrator" else "--orchestrator"
    done = subprocess.run([swarm_bin / "swarmctl", flag, service.grpc, "doctor"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "another service of the swarm answers there" in done.stdout, done.stdout


def test_http_spoken_to_the_grpc_port_harms_nobody(service: ServiceProcess) -> None:
    try:
        raw_http(service.ports["grpc"], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    except OSError:
        pass  # a reset is an answer too
    assert raw_grpc(service.grpc, A_CALL[service.name], b"")[0] is not grpc.StatusCode.UNAVAILABLE


def test_the_admin_port_answers_probes_and_nothing_else(service: ServiceProcess) -> None:
    assert http("GET", f"{service.admin}/livez").status == 200
    ready = http("GET", f"{service.admin}/readyz")
    assert ready.status == 200 and isinstance(ready.json(), dict)
    assert b"# TYPE" in http("GET", f"{service.admin}/metrics").body
    assert http("GET", f"{service.admin}/else").status == 404
    try:
        endless = raw_http(service.ports["admin"], b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n")
        assert endless == b"" or endless.startswith(b"HTTP/1.1 4")
    except ConnectionResetError:
        pass  # it did not read to the end of what it refuses
    assert http("GET", f"{service.admin}/livez").status == 200


@pytest.mark.parametrize(
    "request_",
    [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
     b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n"],
)
def test_malformed_http_is_answered_or_closed(start_gateway: Start, request_: bytes) -> None:
    gateway = start_gateway()
    try:
        answer = raw_http(gateway.ports["http"], request_)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505 ")), answer[:200]
    except ConnectionResetError:
        pass
    assert gateway.running and http("GET", f"{gateway.admin}/livez").status == 200


def test_unknown_tasks_and_ids_that_are_none(start_orchestrator: Start) -> None:
    orchestrator = start_orchestrator()
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        with pytest.raises(sdk.NotFound, match="0190"):
            client.get("01900000-0000-7000-8000-000000000000")
        for hostile in ("", "x", "../../etc/passwd", "a" * 100_000, "\x00\x1b[31m", "ü" * 50):
            with pytest.raises((sdk.InvalidArgument, sdk.NotFound)):
                client.get(hostile)
            with pytest.raises((sdk.InvalidArgument, sdk.NotFound)):
                client.cancel(hostile)


def test_a_result_for_a_lease_that_is_gone_changes_nothing(start_orchestrator: Start) -> None:
    orchestrator = start_orchestrator()
    connection = Connection(orchestrator.grpc, QUICK)
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as client:
        task_id = client.submit(sdk.NewTask("x", role="R")).task_id
        connection.run(operations.register("a", (), ("R",), (), ""))
        assignment = connection.run(operations.poll("a", 5.0)).assignment
        assert assignment is not None and assignment.task_id == task_id
        client.cancel(task_id, "changed my mind")
        late = operations.submit_result(assignment, "a", "artifact", "", None, within=0)
        try:
            assert not connection.run(late).accepted
        except sdk.FailedPrecondition:
            pass
        assert client.get(task_id).status is sdk.TaskStatus.CANCELLED
    connection.close()


# -- starting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_in_use_is_said(start_service: Start, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        second = start_service(name, ALONE[name] | {"grpc.listen": f"127.0.0.1:{port}"}, ready=False)
        assert second.wait_exit(10) == 1
    assert str(port) in one_line(second)


@pytest.mark.parametrize("name", SERVICES)
def test_two_processes_never_share_a_data_directory(start_service: Start, name: str) -> None:
    first = start_service(name, ALONE[name])
    second = start_service(name, ALONE[name] | {"data_dir": str(first.data_dir)}, ready=False)
    assert second.wait_exit(10) == 1
    assert str(first.data_dir) in one_line(second)
    assert first.running


@pytest.mark.parametrize(("name", "other"), [("orchestrator", "analyst"), ("analyst", "gateway"), ("gateway", "orchestrator")])
def test_another_services_data_are_refused(start_service: Start, name: str, other: str) -> None:
    owner = start_service(other, ALONE[other])
    assert owner.stop() == 0
    intruder = start_service(name, ALONE[name] | {"data_dir": str(owner.data_dir)}, ready=False)
    assert intruder.wait_exit(10) == 1
    assert str(owner.data_dir) in one_line(intruder)
    owner.start()  # and its owner finds it unharmed


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("no_such_key: 1\n", "no_such_key"),
        ("grpc:\n  listen: 17\n", "grpc.listen"),
        ("grpc:\n  listen: 0.0.0.0:0\n", "without TLS and authentication"),
        ("log:\n  level: verbose\n", "log.level"),
        ("a: [\n", "yaml"),
        (None, "missing.yaml"),
    ],
)
@pytest.mark.parametrize("only_check", [False, True])
def test_a_bad_configuration_names_file_and_key(
    swarm_bin: Path, tmp_path: Path, name: str, config: str | None, named: str, only_check: bool
) -> None:
    path = tmp_path / ("missing.yaml" if config is None else "service.yaml")
    if config is not None:
        path.write_text(config)
    command = [swarm_bin / BINARIES[name], "--config", path, *(["--check-config"] if only_check else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20,
                          env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert path.name in done.stderr and named in done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_the_command_line_answers_without_starting(swarm_bin: Path, tmp_path: Path, name: str) -> None:
    def say(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([swarm_bin / BINARIES[name], *arguments], capture_output=True, text=True, timeout=20,
                              env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    assert say("--help")[0] == 0 and say("--version")[0] == 0
    status, described = say("--describe-config")
    assert status == 0 and "data_dir" in described and "grpc.listen" in described
    assert say("--check-config")[0] == 0
    assert say("--no-such-flag")[0] == 2
    assert list(tmp_path.iterdir()) == [], "asking must not leave anything behind"


# -- ending ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["orchestrator", "analyst"])
def test_a_hang_up_drains_what_has_nothing_to_reload(start_service: Start, name: str) -> None:
    service = start_service(name, ALONE[name])
    os.kill(service.pid, signal.SIGHUP)
    assert service.wait_exit() == 0


def test_an_answer_that_could_not_be_written_is_no_success(swarm_bin: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([swarm_bin / "swarmctl", "completion", "bash"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20)
    assert done.returncode == 1 and "takes no more" in done.stderr


def test_a_parked_poll_ends_with_a_status_to_retry(start_orchestrator: Start) -> None:
    orchestrator = start_orchestrator()
    connection = Connection(orchestrator.grpc, QUICK)
    connection.run(operations.register("a", (), ("R",), (), ""))
    parked = connection.start(operations.poll("a", 30.0))
    time.sleep(0.3)
    began = time.monotonic()
    orchestrator.terminate()
    with pytest.raises(sdk.Unavailable):
        parked.result()
    assert orchestrator.wait_exit() == 0
    assert time.monotonic() - began < 5, "nothing was left to wait for"
    connection.close()


def test_streams_that_follow_end_with_a_status_to_retry(start_orchestrator: Start, start_analyst: Start) -> None:
    orchestrator, analyst = start_orchestrator(), start_analyst()
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as tasks, sdk.AnalystClient(analyst.grpc, QUICK) as rules:
        ended: list[sdk.SwarmError | None] = []

        def follow(stream: object) -> None:
            try:
                for _ in stream:  # type: ignore[attr-defined]
                    pass
                ended.append(None)
            except sdk.SwarmError as error:
                ended.append(error)

        followers = [threading.Thread(target=follow, args=(s,)) for s in (tasks.watch(), rules.watch_rules())]
        for follower in followers:
            follower.start()
        time.sleep(0.3)
        assert orchestrator.stop(5) == 0 and analyst.stop(5) == 0
        for follower in followers:
            follower.join(5)
        assert len(ended) == 2 and all(e is None or e.retryable for e in ended)


def test_what_was_acknowledged_is_there_after_kill_9(start_orchestrator: Start, start_analyst: Start) -> None:
    orchestrator, analyst = start_orchestrator(), start_analyst()
    with sdk.OrchestratorClient(orchestrator.grpc, QUICK) as tasks, sdk.AnalystClient(analyst.grpc, QUICK) as failures:
        task_ids = [tasks.submit(sdk.NewTask(f"task {i}")).task_id for i in range(20)]
        for i in range(4):
            failures.report_failure(sdk.Failure(task_ids[i], "ValueError: bad value", f"e{i}", stack="python", role="Coder"))
        orchestrator.restart()
        analyst.restart()
        assert [tasks.get(t).task_id for t in task_ids] == task_ids
        (group,) = failures.groups().groups
        assert (group.events, group.tasks) == (4, 4)
        repeated = failures.report_failure(
            sdk.Failure(task_ids[0], "ValueError: bad value", "e0", stack="python", role="Coder"))
        assert repeated.repeat and repeated.kind_tasks == 4
        last = failures.report_failure(
            sdk.Failure(task_ids[4], "ValueError: bad value", "e4", stack="python", role="Coder"))
        assert last.kind_tasks == 5


# -- tracing -----------------------------------------------------------------------------------------------------------


def test_one_trace_id_runs_through_all_logs(
    start_analyst: Start, start_gateway: Start, model_server: Any
) -> None:
    gateway = start_gateway(gateway_settings(f"{model_server.url}/v1") | {"log.level": "debug"},
                            env={UPSTREAM_KEY_VARIABLE: "k"})
    analyst = start_analyst({"log.level": "debug"})

    with trace.scope(trace.start()) as context:
        with sdk.AnalystClient(analyst.grpc, QUICK) as failures:
            failures.report_failure(sdk.Failure("t", "ValueError: x", "e", stack="python"))
        answer = http(
            "POST", f"{gateway.http}/v1/chat/completions",
            {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]},
            {"authorization": f"Bearer {AGENT_KEY}", "traceparent": context.child().traceparent, "x-swarm-task-id": "t"},
        )
        assert answer.status == 200, answer.body

    def traced(line: dict[str, object]) -> bool:
        return line.get("trace_id") == context.trace_id

    for service in (analyst, gateway):
        service.wait_for_line(traced, 5)
    (request,) = model_server.requests()
    assert trace.parse(request["headers"]["traceparent"]).trace_id == context.trace_id
    assert AGENT_KEY not in gateway.log_path.read_text(), "no key in any log"
