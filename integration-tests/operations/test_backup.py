"""Copies of the data of running services, and what becomes of them: under load, with processes that are killed."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swarmctl_call import command
from clients import http
from swarm_process import ModelServerProcess, ServiceProcess, StartFailed
from swarm_sdk import Agent, AnalystClient, Failure, NewTask, OrchestratorClient, TaskRun
from swarm_settings import AGENT_KEY, UPSTREAM_KEY_VARIABLE, gateway_settings

ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}, "gateway": {}}
PROGRAM = {"orchestrator": "orchestrator-core", "analyst": "analyst-service", "gateway": "llm-gateway"}


class Load:
    """Submits tasks until it is told to stop; knows which were acknowledged."""

    def __init__(self, address: str) -> None:
        self.acknowledged: list[str] = []
        self._client = OrchestratorClient(address)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                answers = self._client.submit_many([NewTask("x" * 2000) for _ in range(20)])
            except Exception:  # noqa: BLE001 - the service is killed on purpose
                return
            self.acknowledged.extend(a.task_id for a in answers)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()


def restored(start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], name: str, backup: Path, place: Path) -> ServiceProcess:
    place.mkdir()
    done = swarmctl("backup", "restore", backup / PROGRAM[name], place / "data")
    assert done.returncode == 0, done.stderr
    return start_service(name, ALONE[name], directory=place)


def test_a_backup_under_load_holds_what_was_acknowledged_before_it(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], tmp_path: Path
) -> None:
    service = start_service("orchestrator", ALONE["orchestrator"])
    load = Load(service.grpc)
    while len(load.acknowledged) < 500:
        time.sleep(0.01)
    before = list(load.acknowledged)
    done = swarmctl("--json", "backup", "make", tmp_path / "backup", "--only", "orchestrator", of=[service])
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["service"] == "orchestrator-core"
    assert len(load.acknowledged) > len(before), "the service went on meanwhile"
    service.kill()
    load.stop()
    copy = restored(start_service, swarmctl, "orchestrator", tmp_path / "backup", tmp_path / "second")
    with OrchestratorClient(copy.grpc) as client:
        for task in before[:: max(1, len(before) // 50)] + before[-1:]:
            assert client.get(task).task_id == task
        client.submit(NewTask("and it goes on"))
    assert swarmctl("audit", "verify", copy.data_dir / "audit").returncode == 0


@pytest.mark.parametrize("name", ["analyst", "gateway"])
def test_the_other_services_start_from_their_backups(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    service = start_service(name, ALONE[name])
    done = swarmctl("backup", "make", tmp_path / "backup", "--only", name, of=[service])
    assert done.returncode == 0, done.stderr
    assert swarmctl("backup", "check", tmp_path / "backup" / PROGRAM[name]).returncode == 0
    restored(start_service, swarmctl, name, tmp_path / "backup", tmp_path / "second")


def test_a_killed_client_leaves_no_backup_and_the_next_one_succeeds(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], swarm_bin: Path, tmp_path: Path
) -> None:
    service = start_service("orchestrator", ALONE["orchestrator"])
    load = Load(service.grpc)
    while len(load.acknowledged) < 3000:
        time.sleep(0.01)
    arguments = ("backup", "make", tmp_path / "backup", "--only", "orchestrator")
    client = subprocess.Popen(command(swarm_bin, *arguments, of=[service]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    partial = tmp_path / "backup" / "orchestrator-core.partial"
    while not partial.exists() and client.poll() is None:
        time.sleep(0.001)
    client.kill()
    client.wait()
    load.stop()
    if (tmp_path / "backup" / "orchestrator-core").exists():
        pytest.skip("the whole copy was faster than the kill")
    deadline = time.monotonic() + 20
    while swarmctl(*arguments, of=[service]).returncode != 0:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not partial.exists()


def test_a_killed_service_makes_no_backup_and_cleans_up_at_its_next_start(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], swarm_bin: Path, tmp_path: Path
) -> None:
    service = start_service("orchestrator", ALONE["orchestrator"])
    load = Load(service.grpc)
    while len(load.acknowledged) < 3000:
        time.sleep(0.01)
    client = subprocess.Popen(command(swarm_bin, "backup", "make", tmp_path / "backup", "--only", "orchestrator", of=[service]),
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    left_over = service.data_dir / "backup-in-progress"
    while not left_over.exists() and client.poll() is None:
        time.sleep(0.001)
    service.kill()
    client.communicate(timeout=60)
    load.stop()
    if client.returncode == 0:
        pytest.skip("the whole copy was faster than the kill")
    assert not (tmp_path / "backup" / "orchestrator-core").exists()
    service.start()
    assert not left_over.exists()
    with OrchestratorClient(service.grpc) as tasks:
        assert tasks.get(load.acknowledged[0]).task_id == load.acknowledged[0]


class Team:
    """Agents that pay for a model call and tell the analyst of a failure within each task, before they hand in its result."""

    def __init__(self, orchestrator: ServiceProcess, analyst: ServiceProcess, gateway: ServiceProcess) -> None:
        self._addresses = orchestrator.grpc, analyst.grpc
        self._url = f"{gateway.http}/v1/chat/completions"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(2)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        orchestrator, analyst = self._addresses
        with OrchestratorClient(orchestrator) as tasks, AnalystClient(analyst) as failures:
            while not self._stop.is_set():
                tasks.submit(NewTask("x", role="Coder", workflow_state="FeatureImplementation", until_state="FeatureImplementation"))
                _Payer(f"agent-{number}", orchestrator, self._url, failures).run(handle_signals=False, tasks_max=1)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class _Payer(Agent):
    def __init__(self, name: str, orchestrator: str, url: str, failures: AnalystClient) -> None:
        super().__init__(name, roles=["Coder"], capabilities=["*"], orchestrator=OrchestratorClient(orchestrator))
        self._url, self._failures = url, failures

    def work(self, task: TaskRun) -> str:
        body = {"model": "scripted", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
        answer = http("POST", self._url, body, {"authorization": f"Bearer {AGENT_KEY}"} | task.model_headers())
        assert answer.status == 200, answer
        self._failures.report_failure(Failure(task.task_id, "KeyError: 'price'", task.task_id, stack="python", role="Coder"))
        return "done"


@pytest.mark.timeout(180)
def test_a_set_of_all_three_fits_together_after_everything_was_lost(
    start_service: Callable[..., ServiceProcess], start_gateway: Callable[..., ServiceProcess], start_analyst: Callable[..., ServiceProcess],
    start_orchestrator: Callable[..., ServiceProcess], model_server: ModelServerProcess, swarmctl: Callable[..., Any], tmp_path: Path,
) -> None:
    """What the earlier copy knows, the later ones know, too: no result without its failure report, none without what it cost."""
    settings = gateway_settings(f"{model_server.url}/v1", limit_usd=100)
    key = {UPSTREAM_KEY_VARIABLE: "k"}
    gateway = start_gateway(settings, env=key)
    analyst = start_analyst({"gateway.address": gateway.grpc})
    orchestrator = start_orchestrator({"analyst.address": analyst.grpc, "gateway.address": gateway.grpc})
    team = Team(orchestrator, analyst, gateway)
    with OrchestratorClient(orchestrator.grpc) as client:
        while sum(1 for t in client.list() if t.status.is_final) < 10:
            time.sleep(0.1)
        done = swarmctl("--json", "backup", "make", tmp_path / "backup", of=[orchestrator, analyst, gateway])
        assert done.returncode == 0, done.stderr
        after = {t.task_id for t in client.list()}
    team.stop()
    assert [json.loads(line)["service"] for line in done.stdout.splitlines()] == list(PROGRAM.values())
    for service in (orchestrator, analyst, gateway):
        service.kill()

    assert swarmctl("backup", "check", tmp_path / "backup").returncode == 0
    done = swarmctl("backup", "restore", tmp_path / "backup", tmp_path / "anew")
    assert done.returncode == 0, done.stderr
    place = {name: {"data_dir": str(tmp_path / "anew" / program)} for name, program in PROGRAM.items()}
    for service in (gateway, analyst, orchestrator):  # a second process for each, on other ports
        assert not service.running
    gateway = start_gateway(settings | place["gateway"], env=key)
    analyst = start_analyst({"gateway.address": gateway.grpc} | place["analyst"])
    orchestrator = start_orchestrator({"analyst.address": analyst.grpc, "gateway.address": gateway.grpc} | place["orchestrator"])
    with OrchestratorClient(orchestrator.grpc) as client:
        finished = {t.task_id for t in client.list() if t.status.is_final}
        assert len(finished) >= 10 and finished <= after
    paid = swarmctl("--json", "spend", "--by", "task", "--since", "24h", of=[gateway])
    assert paid.returncode == 0, paid.stderr
    assert [task for task in finished if task not in paid.stdout] == [], "finished tasks whose model calls the ledger does not know"
    groups = swarmctl("--json", "groups", "list", of=[analyst])
    assert groups.returncode == 0, groups.stderr
    (group,) = json.loads(groups.stdout)["groups"]
    assert int(group["events"]) >= len(finished), "finished tasks whose failure the analyst does not know"
    for name, program in PROGRAM.items():
        assert swarmctl("audit", "verify", tmp_path / "anew" / program / "audit").returncode == 0, name
    team = Team(orchestrator, analyst, gateway)
    with OrchestratorClient(orchestrator.grpc) as client:
        deadline = time.monotonic() + 60
        while sum(1 for t in client.list() if t.status.is_final) < len(finished) + 3:
            assert time.monotonic() < deadline, "the restored services do not go on"
            time.sleep(0.1)
    team.stop()


def test_a_set_that_one_service_is_missing_from_is_no_set(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], tmp_path: Path
) -> None:
    service = start_service("orchestrator", ALONE["orchestrator"])
    away = [part for name in ("analyst", "gateway") for part in (f"--{name}", "127.0.0.1:1")]
    done = swarmctl("backup", "make", tmp_path / "backup", *away, of=[service])
    assert done.returncode == 1 and "backup of the analyst" in done.stderr
    assert not (tmp_path / "backup" / "set.json").exists()
    assert swarmctl("backup", "check", tmp_path / "backup").returncode == 1


@pytest.mark.parametrize("name", ["orchestrator", "analyst", "gateway"])
def test_data_of_a_newer_format_is_refused_with_the_cause(start_service: Callable[..., ServiceProcess], name: str) -> None:
    service = start_service(name, ALONE[name])
    assert service.stop() == 0
    identity = next(iter(sorted(service.data_dir.rglob("identity"))))
    text = identity.read_text("utf-8")
    identity.write_text(text.replace("format 1", "format 999"), encoding="utf-8")
    with pytest.raises(StartFailed, match="999"):
        service.start()
    assert service.exit_code == 1
    identity.write_text(text, encoding="utf-8")
    service.start()


def test_a_damaged_backup_and_a_full_directory_are_refused(
    start_service: Callable[..., ServiceProcess], swarmctl: Callable[..., Any], tmp_path: Path
) -> None:
    service = start_service("gateway")
    assert swarmctl("backup", "make", tmp_path / "backup", "--only", "gateway", of=[service]).returncode == 0
    backup = tmp_path / "backup" / "llm-gateway"
    done = swarmctl("backup", "restore", backup, service.data_dir)
    assert done.returncode == 1 and "is not empty" in done.stderr
    again = swarmctl("backup", "make", tmp_path / "backup", "--only", "gateway", of=[service])
    assert again.returncode == 1 and "exists already" in again.stderr
    with (backup / "data" / "data.mdb").open("r+b") as data:
        data.seek(5000)
        data.write(b"?")
    done = swarmctl("backup", "restore", backup, tmp_path / "new")
    assert done.returncode == 1 and "data.mdb is not what it was" in done.stderr
    assert not (tmp_path / "new").exists()
