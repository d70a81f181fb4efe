"""The Trello bridge between a real orchestrator and a double of Trello's REST API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = ROOT / "services" / "trello-bridge"
sys.path[:0] = [str(BRIDGE), str(BRIDGE / "tests")]

from trello_double import BOARD, KEY, TOKEN, TrelloDouble  # noqa: E402

from swarm_sdk import Agent, OrchestratorClient, TaskRun  # noqa: E402
from trello_bridge import flow  # noqa: E402
from trello_bridge.trello import Trello, TrelloError  # noqa: E402

LISTS = ("INBOX", "REQUIREMENTS", "DESIGN", "TODO", "IN PROGRESS", "DONE", "FAILED")


class BridgeProcess:
    def __init__(self, directory: Path, trello: TrelloDouble, orchestrator: str, more: str = "") -> None:
        self.log = directory / "bridge.log"
        self._config = directory / "trello.toml"
        self._config.write_text(
            f'board = "{BOARD}"\nbase_url = "{trello.url}"\norchestrator = "{orchestrator}"\ninterval = 0.1\nfailed = "FAILED"\n'
            f'{more}\n[intake]\nINBOX = "RequirementsDefinition"\nTODO = "FeatureImplementation"\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> BridgeProcess:
        path = os.pathsep.join((str(BRIDGE), str(ROOT / "libs" / "python-sdk" / "src")))
        env = os.environ | {"TRELLO_KEY": KEY, "TRELLO_TOKEN": TOKEN, "PYTHONPATH": path}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "trello_bridge", "--config", str(self._config)]
            self._process = subprocess.Popen(command, env=env, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(15)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.end(signal.SIGKILL)


pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def trello() -> Iterator[TrelloDouble]:
    double = TrelloDouble(*LISTS)
    yield double
    double.close()


@pytest.fixture
def start_bridge(tmp_path: Path, trello: TrelloDouble) -> Iterator[Callable[..., BridgeProcess]]:
    started: list[BridgeProcess] = []

    def start(orchestrator: str, more: str = "") -> BridgeProcess:
        started.append(BridgeProcess(tmp_path, trello, orchestrator, more))
        return started[-1].start()

    yield start
    for bridge in started:
        bridge.stop()


class Player(Agent):
    """An agent of one role that does one task."""

    def __init__(self, address: str, role: str, artifact: str) -> None:
        super().__init__(f"{role}-1", roles=[role], capabilities=["*"], orchestrator=OrchestratorClient(address))
        self._artifact = artifact

    def work(self, task: TaskRun) -> str:
        return self._artifact


def play(client: OrchestratorClient, address: str, card: str, artifact: str) -> None:
    """One turn of whatever role the card's task waits for."""
    Player(address, client.get(flow.task_id(card)).role, artifact).run(handle_signals=False, tasks_max=1)


def test_a_card_becomes_one_task_whatever_is_restarted(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    hostile = 'ignore this"; DROP TABLE \\u0022 <b> ☃\n[MODE:WAR]\n'
    card = trello.add_card("INBOX", "Add a login page", hostile, ("stack:react",))
    other = trello.add_card("DONE", "somebody's own card")
    bridge = start_bridge(orchestrator.grpc)
    with OrchestratorClient(orchestrator.grpc) as client:
        assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            bridge.end(number)
            trello.cards[card]["idList"] = "list0"  # somebody moved it back
            trello.cards[card]["desc"] = "and changed it"
            bridge.start()
            assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
        tasks = list(client.list(labels={"source": "trello"}))
        assert [t.task_id for t in tasks] == [flow.task_id(card)]
        assert tasks[0].description == f"Add a login page\n\n{hostile}" and tasks[0].stack == "react"
        assert bridge.end(signal.SIGTERM) == 0
    assert trello.place(other) == "DONE" and not trello.comments[other]


def test_states_move_the_card_and_a_comment_approves(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    card = trello.add_card("INBOX", "Add a login page")
    bridge = start_bridge(orchestrator.grpc, 'approvers = ["ada"]')
    with OrchestratorClient(orchestrator.grpc) as client:
        assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
        play(client, orchestrator.grpc, card, "the requirements")
        assert eventually(lambda: trello.place(card) == "DESIGN")
        play(client, orchestrator.grpc, card, "the design")
        assert eventually(lambda: any("approval" in text for text in trello.texts(card)))
        assert "the design" in trello.texts(card)[0]
        trello.say(card, "mallory", "approve")
        trello.say(card, "ada", "I'll look at it tomorrow")
        bridge.end(signal.SIGKILL)
        bridge.start()
        time.sleep(0.5)
        assert client.get(flow.task_id(card)).blocked_reason == "approval"
        trello.say(card, "ada", "Approve: but keep it small")
        assert eventually(lambda: trello.place(card) in ("TODO", "IN PROGRESS"))
        play(client, orchestrator.grpc, card, "the code")
        play(client, orchestrator.grpc, card, "fine")
        play(client, orchestrator.grpc, card, "deployed as v1")
        assert eventually(lambda: trello.place(card) == "DONE")
        assert eventually(lambda: "deployed as v1" in trello.texts(card)[-1])
        said = len(trello.comments[card])
        bridge.end(signal.SIGKILL)
        bridge.start()
        time.sleep(0.5)
        assert len(trello.comments[card]) == said


def test_what_fails_for_good_says_why(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    card = trello.add_card("TODO", "Do the impossible")
    trello.limit_next = 2
    start_bridge(orchestrator.grpc)
    with OrchestratorClient(orchestrator.grpc) as client:
        assert eventually(lambda: any(True for _ in client.list(labels={"trello.card": card})))
        client.cancel(flow.task_id(card), "not this year")
        assert eventually(lambda: trello.place(card) == "FAILED")
        assert eventually(lambda: any("not this year" in text for text in trello.texts(card)))


def test_without_an_orchestrator_the_bridge_waits_for_it(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    orchestrator.kill()
    card = trello.add_card("INBOX", "x")
    start_bridge(orchestrator.grpc)
    time.sleep(0.5)
    assert trello.place(card) == "INBOX"
    orchestrator.start()
    assert eventually(lambda: trello.place(card) == "REQUIREMENTS", 60)


def test_comments_decide_only_when_they_say_so() -> None:
    assert flow.decision(" Approve ") == (True, "")
    assert flow.decision("reject: too dear") == (False, "too dear")
    assert flow.decision("APPROVE, go on") == (True, "go on")
    for other in ("approved by nobody", "I approve", "", "rejection", "ok"):
        assert flow.decision(other) is None


def test_credentials_never_show_and_limits_are_waited_for(trello: TrelloDouble) -> None:
    pauses: list[float] = []
    trello.limit_next = 2
    client = Trello(trello.url, KEY, TOKEN, pause=pauses.append)
    assert client.me() == "swarm-bot" and pauses == [0.5, 1.0]
    assert not any(KEY in path or TOKEN in path for _, path in trello.requests)
    with pytest.raises(TrelloError) as refused:
        Trello(trello.url, "other", TOKEN).me()
    assert refused.value.status == 401 and TOKEN not in str(refused.value)
    with pytest.raises(TrelloError) as away:
        Trello("http://127.0.0.1:1", KEY, TOKEN, pause=pauses.append).me()
    assert away.value.status == 0 and TOKEN not in str(away.value)
