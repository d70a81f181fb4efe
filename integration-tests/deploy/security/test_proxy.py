"""swarmctl proxy: old clients, which speak plain text to the loopback and know no tokens, on services that want TLS, certificates and tokens."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from credentials import Credentials
from grpc_raw import REAL_REQUEST, call, serving
from swarm_process import BINARIES, ServiceProcess
from swarm_sdk import Agent, AnalystClient, Failure, NewTask, OrchestratorClient, TaskRun, wire
from tools import ROOT

Start = Callable[..., ServiceProcess]
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}


class Proxy:
    """swarmctl proxy in front of some services; `address(name)` is where old clients find one."""

    def __init__(self, swarm_bin: Path, place: Path, credentials: Credentials, services: list[ServiceProcess], *more: str) -> None:
        own = credentials.directory / "client"
        self.log = place / "proxy.log"
        addresses = [part for s in services for part in (f"--{s.name}", s.grpc.replace("127.0.0.1", "localhost"))]
        doors = [part for s in services for part in ("--listen", f"{s.name}=127.0.0.1:0")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(swarm_bin / "swarmctl"), "proxy", *doors, *addresses, "--ca-file", str(own / "ca.crt"), "--cert-file", str(own / "tls.crt"),
                 "--key-file", str(own / "tls.key"), *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._count = len(services)

    def address(self, name: str) -> str:
        deadline = time.monotonic() + 20
        while True:
            text = self.log.read_text("utf-8")
            for line in text.splitlines():
                if f"the {name} at " in line:
                    return line.split(f"the {name} at ")[1].strip()
            assert self.process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.02)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def start_proxy(swarm_bin: Path, tmp_path: Path, credentials: Credentials) -> Iterator[Callable[..., Proxy]]:
    started: list[Proxy] = []

    def start(services: list[ServiceProcess], *more: str) -> Proxy:
        place = tmp_path / f"proxy-{len(started)}"
        place.mkdir()
        started.append(Proxy(swarm_bin, place, credentials, services, *more))
        return started[-1]

    yield start
    for proxy in started:
        if proxy.process.poll() is None:
            proxy.process.kill()
            proxy.process.wait()


@pytest.fixture
def secured(start_service: Start, credentials: Credentials) -> Callable[[str], ServiceProcess]:
    return lambda name: start_service(name, ALONE.get(name, {}) | credentials.settings(BINARIES[name]))


def _signing(credentials: Credentials, role: str) -> tuple[str, ...]:
    return ("--signing-key-file", str(credentials.directory / "auth/signing-key.pem"), "--role", role, "--subject", "old-agent", "--team", "red")


@pytest.mark.timeout(120)
def test_old_clients_work_as_if_nothing_had_changed(
    secured: Callable[[str], ServiceProcess], start_proxy: Callable[..., Proxy], credentials: Credentials, tmp_path: Path
) -> None:
    from grpc_tools import protoc

    services = [secured(name) for name in ("orchestrator", "analyst", "gateway")]
    proxy = start_proxy(services, *_signing(credentials, "agent"))
    for service in services:
        with grpc.insecure_channel(proxy.address(service.name)) as channel:
            assert serving(channel)
            call(channel, REAL_REQUEST[BINARIES[service.name]])
    # A call of the generated modules that agents in the field carry.
    source = ROOT / "protos" / "compat"
    assert protoc.main(["protoc", f"-I{source}", f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}", "orchestrator_v1.proto"]) == 0
    code = (f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import grpc, orchestrator_v1_pb2 as m, orchestrator_v1_pb2_grpc as g; "
            f"c = grpc.insecure_channel({proxy.address('orchestrator')!r}); "
            "print(g.OrchestratorServiceStub(c).RouteTask(m.RouteTaskRequest(task_description='CodeReviewTask'), timeout=5).agent_type)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "Reviewer", done.stderr
    # A task there and back by an agent, and a failure: the team and the subject of the proxy's token.
    with OrchestratorClient(proxy.address("orchestrator")) as client:
        task = client.submit(NewTask("mend the parser", workflow_state="FeatureImplementation", until_state="FeatureImplementation")).task_id
        _Coder(proxy.address("orchestrator")).run(handle_signals=False, tasks_max=1)
        assert client.get(task).task_id == task
        with pytest.raises(Exception, match="(?i)permission|may not"):
            client.approve(task)
    with AnalystClient(proxy.address("analyst")) as client:
        client.report_failure(Failure("t1", "KeyError: 'price'", "e1", stack="python", role="Coder"))
    report = wire.method("analyst.Analyst.ReportFailures")  # a stream in both directions
    with grpc.insecure_channel(proxy.address("analyst")) as channel:
        stream = channel.stream_stream(report.path, request_serializer=report.serializer, response_deserializer=report.deserializer)
        answers = [ack.sequence for ack in stream((report.request(sequence=n) for n in range(1, 20)), timeout=20)]
    assert answers == list(range(1, 20))
    assert proxy.stop() == 0


class _Coder(Agent):
    def __init__(self, address: str) -> None:
        super().__init__("coder-1", roles=["Coder"], capabilities=["*"], orchestrator=OrchestratorClient(address))

    def work(self, task: TaskRun) -> str:
        return "done"


def test_a_service_that_restarts_is_found_again(
    secured: Callable[[str], ServiceProcess], start_proxy: Callable[..., Proxy], credentials: Credentials
) -> None:
    service = secured("orchestrator")
    proxy = start_proxy([service], *_signing(credentials, "agent"))
    with grpc.insecure_channel(proxy.address("orchestrator")) as channel:
        call(channel, REAL_REQUEST["orchestrator-core"])
        service.kill()
        with pytest.raises(grpc.RpcError) as away:
            call(channel, REAL_REQUEST["orchestrator-core"])
        assert away.value.code() == grpc.StatusCode.UNAVAILABLE
        service.start()
        deadline = time.monotonic() + 15
        while True:
            try:
                call(channel, REAL_REQUEST["orchestrator-core"])
                break
            except grpc.RpcError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


def test_an_agents_token_is_renewed_by_the_service(
    secured: Callable[[str], ServiceProcess], start_proxy: Callable[..., Proxy], credentials: Credentials, tmp_path: Path
) -> None:
    """The token alone, without the signing key, as an agent's pod has it; most of its life is over."""
    service = secured("orchestrator")
    token = tmp_path / "token"
    now = int(time.time())
    token.write_text(credentials.token("agent", iat=now - 500, nbf=now - 500, exp=now + 100), encoding="ascii")
    proxy = start_proxy([service], "--token-file", str(token))
    with grpc.insecure_channel(proxy.address("orchestrator")) as channel:
        call(channel, REAL_REQUEST["orchestrator-core"])
        deadline = time.monotonic() + 15
        while not _renewals(service):
            assert time.monotonic() < deadline, proxy.log.read_text("utf-8")
            time.sleep(0.1)
        call(channel, REAL_REQUEST["orchestrator-core"])
    assert "Bearer" not in proxy.log.read_text("utf-8")


def _renewals(service: ServiceProcess) -> bool:
    with urllib.request.urlopen(f"{service.admin}/metrics", timeout=5) as answer:
        lines = [line for line in answer.read().decode().splitlines() if "grpc_server_handled_total" in line and "RenewToken" in line]
    return any('grpc_code="OK"' in line for line in lines)


def test_it_listens_on_the_loopback_only_and_says_what_is_wrong(swarm_bin: Path, tmp_path: Path) -> None:
    def refused(*arguments: str) -> str:
        done = subprocess.run([str(swarm_bin / "swarmctl"), "proxy", *arguments], capture_output=True, text=True, timeout=30)
        assert done.returncode in (1, 2), done.stdout
        return done.stderr

    assert "loopback only" in refused("--listen", "orchestrator=0.0.0.0:50054")
    assert "not like" in refused("--listen", "orchestrator")
    assert "not like" in refused("--listen", "mars=127.0.0.1:1")
    assert "is where the service itself is expected" in refused("--listen", "orchestrator=127.0.0.1:50054")
    (tmp_path / "token").write_text("rubbish")
    assert "token" in refused("--listen", "orchestrator=127.0.0.1:0", "--orchestrator", "127.0.0.1:1", "--token-file", str(tmp_path / "token"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "can't listen" in refused("--listen", f"analyst=127.0.0.1:{port}", "--analyst", "127.0.0.1:1")


@pytest.mark.timeout(120)
def test_the_trello_bridge_works_beside_it_as_in_the_chart(
    secured: Callable[[str], ServiceProcess], start_proxy: Callable[..., Proxy], credentials: Credentials, tmp_path: Path
) -> None:
    code = ROOT / "services" / "trello-bridge"
    sys.path[:0] = [str(code), str(code / "tests")]
    double: Any = importlib.import_module("trello_double")
    trello = double.TrelloDouble("INBOX", "REQUIREMENTS", "DESIGN", "TODO", "IN PROGRESS", "DONE")
    card = trello.add_card("INBOX", "Add a login page", "please")
    proxy = start_proxy([secured("orchestrator")], *_signing(credentials, "operator"))
    config = tmp_path / "trello.toml"
    config.write_text(f'board = "{double.BOARD}"\nbase_url = "{trello.url}"\norchestrator = "{proxy.address("orchestrator")}"\ninterval = 0.1\n')
    env = os.environ | {"TRELLO_KEY": double.KEY, "TRELLO_TOKEN": double.TOKEN, "PYTHONPATH": f"{code}:{ROOT / 'libs/python-sdk/src'}"}
    bridge = subprocess.Popen([sys.executable, "-m", "trello_bridge", "--config", str(config)], env=env, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while trello.place(card) != "REQUIREMENTS":
            assert time.monotonic() < deadline and bridge.poll() is None
            time.sleep(0.05)
    finally:
        bridge.terminate()
        assert bridge.wait(20) == 0
        trello.close()
