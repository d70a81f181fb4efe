"""The Trello bridge between a real orchestrator and a double of Trello's REST API."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
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
from trello_bridge.settings import SettingsError, read  # noqa: E402
from trello_bridge.trello import Trello, TrelloError  # noqa: E402

LISTS = ("INBOX", "REQUIREMENTS", "DESIGN", "TODO", "IN PROGRESS", "DONE", "FAILED")


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join((str(BRIDGE), str(ROOT / "libs" / "python-sdk" / "src")))
    return os.environ | {"TRELLO_KEY": KEY, "TRELLO_TOKEN": TOKEN, "PYTHONPATH": path} | more


INTERVAL = 0.5  # a look takes three requests and more, and Trello allows 100 in 10 s


class BridgeProcess:
    def __init__(self, directory: Path, trello: TrelloDouble, orchestrator: str, more: str = "") -> None:
        self.log = directory / "bridge.log"
        self._config = directory / "trello.toml"
        self._config.write_text(
            f'board = "{BOARD}"\nbase_url = "{trello.url}"\norchestrator = "{orchestrator}"\ninterval = {INTERVAL}\nfailed = "FAILED"\n'
            f'{more}\n[intake]\nINBOX = "RequirementsDefinition"\nTODO = "FeatureImplementation"\n'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> BridgeProcess:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "trello_bridge", "--config", str(self._config)]
            self._process = subprocess.Popen(command, env=environment(), stderr=log, stdin=subprocess.DEVNULL)
        return self

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(15)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

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


class Busy(Agent):
    """Works until it is told to go on."""

    def __init__(self, address: str, role: str) -> None:
        super().__init__(f"{role}-busy", roles=[role], capabilities=["*"], orchestrator=OrchestratorClient(address))
        self.go_on = threading.Event()

    def work(self, task: TaskRun) -> str:
        self.go_on.wait(30)
        return "the code"


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
            trello.put_back(card, "INBOX")
            trello.cards[card]["desc"] = "and changed it"
            bridge.start()
            assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
        tasks = list(client.list(labels={"source": "trello"}))
        assert [t.task_id for t in tasks] == [flow.task_id(card)]
        assert tasks[0].description == f"Add a login page\n\n{hostile}" and tasks[0].stack == "react"
        assert bridge.end(signal.SIGTERM) == 0
    assert trello.place(other) == "DONE" and not trello.comments[other]


POINTS = {
    "its task not yet made": ("GET", "cards", "after"),
    "its task made, the card not moved": ("PUT", "card", "before"),
    "the card moved, the answer lost": ("PUT", "card", "after"),
    "the approval not asked for": ("POST", "comment", "before"),
    "the approval asked for, the answer lost": ("POST", "comment", "after"),
    "the comments read, nothing decided": ("GET", "actions", "after"),
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_killed_at_any_point_it_makes_one_task_and_says_everything_once(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any], point: tuple[str, str, str]
) -> None:
    orchestrator = start_orchestrator()
    card = trello.add_card("INBOX", "Add a login page")
    bridge = start_bridge(orchestrator.grpc)
    died = threading.Event()

    def die() -> None:
        bridge.end(signal.SIGKILL)
        died.set()

    with OrchestratorClient(orchestrator.grpc) as client:
        trello.points[point] = die
        for _ in range(2):  # to the state that waits for approval
            if died.is_set() and not bridge.running:
                bridge.start()
            assert eventually(lambda: died.is_set() or trello.place(card) != "INBOX")
            if died.is_set() and not bridge.running:
                bridge.start()
            assert eventually(lambda: any(True for _ in client.list(labels={"trello.card": card})))
            play(client, orchestrator.grpc, card, "done")
        assert eventually(lambda: died.is_set() or any("approval" in t for t in trello.texts(card)))
        trello.say(card, "ada", "approve")
        assert died.wait(30), "the point was never reached"
        if not bridge.running:
            bridge.start()
        goes_on = lambda: client.get(flow.task_id(card)).workflow_state == "FeatureImplementation"  # noqa: E731
        try:
            eventually(goes_on, 5)
        except AssertionError:  # who approved before the question stood there is asked
            trello.say(card, "ada", "approve")
            eventually(goes_on)
        assert [t.task_id for t in client.list(labels={"source": "trello"})] == [flow.task_id(card)]
    marks = [t.splitlines()[0] for t in trello.texts(card) if t.startswith("[swarm")]
    assert len(marks) == len(set(marks)) == 1


def test_every_state_has_its_list(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    card = trello.add_card("INBOX", "Add a login page")
    seen = ["INBOX"]
    start_bridge(orchestrator.grpc)

    def comes_to(name: str) -> None:
        assert eventually(lambda: trello.place(card) == name), (name, trello.place(card))
        seen.append(name)

    with OrchestratorClient(orchestrator.grpc) as client:
        comes_to("REQUIREMENTS")
        play(client, orchestrator.grpc, card, "the requirements")
        comes_to("DESIGN")
        play(client, orchestrator.grpc, card, "the design")
        assert eventually(lambda: any("Waits for your approval" in text and "the design" in text for text in trello.texts(card)))
        assert trello.place(card) == "DESIGN"
        trello.say(card, "ada", "approve")
        comes_to("TODO")
        busy = Busy(orchestrator.grpc, client.get(flow.task_id(card)).role)
        worker = threading.Thread(target=lambda: busy.run(handle_signals=False, tasks_max=1))
        worker.start()
        comes_to("IN PROGRESS")
        busy.go_on.set()
        worker.join()
        comes_to("TODO")  # the review waits
        play(client, orchestrator.grpc, card, "fine")
        play(client, orchestrator.grpc, card, "deployed as v1")
        comes_to("DONE")
        assert eventually(lambda: "deployed as v1" in trello.texts(card)[-1])
    assert seen == ["INBOX", "REQUIREMENTS", "DESIGN", "TODO", "IN PROGRESS", "TODO", "DONE"]


def test_a_rejection_goes_back_with_its_words(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    card = trello.add_card("INBOX", "Add a login page")
    start_bridge(orchestrator.grpc)
    with OrchestratorClient(orchestrator.grpc) as client:
        assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
        play(client, orchestrator.grpc, card, "the requirements")
        play(client, orchestrator.grpc, card, "the design")
        assert eventually(lambda: any("approval" in text for text in trello.texts(card)))
        trello.say(card, "ada", "reject: passwords are not to be stored")
        assert eventually(lambda: client.get(flow.task_id(card)).blocked_reason != "approval")
        seen = []

        class Reader(Agent):
            def work(self, task: TaskRun) -> str:
                seen.append(" ".join(f.text for f in task.feedback))
                return "another design"

        role = client.get(flow.task_id(card)).role
        Reader("reader", roles=[role], capabilities=["*"], orchestrator=client).run(handle_signals=False, tasks_max=1)
        assert "passwords are not to be stored" in seen[0]


def test_a_board_of_many_cards_stays_below_the_rate_limit(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    """More cards than a page holds, and more to do than the rate allows."""
    orchestrator = start_orchestrator()
    others = [trello.add_card("DONE", f"old {n}") for n in range(1050)]
    cards = [trello.add_card("INBOX", f"new {n}") for n in range(110)]
    first_of_all = others[0]
    trello.put_back(first_of_all, "INBOX")  # only the second page tells of it
    start_bridge(orchestrator.grpc)
    with OrchestratorClient(orchestrator.grpc) as client:
        assert eventually(lambda: sum(1 for _ in client.list(labels={"source": "trello"})) == 111, 90)
        assert eventually(lambda: all(trello.place(card) == "REQUIREMENTS" for card in [first_of_all, *cards]), 90)
    assert trello.refused == []


def test_who_shares_its_rate_waits_and_goes_on(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    card = trello.add_card("INBOX", "x")
    trello.limit_next = 4
    start_bridge(start_orchestrator().grpc)
    assert eventually(lambda: trello.place(card) == "REQUIREMENTS")
    assert trello.refused[:4] == ["API_KEY_LIMIT_EXCEEDED"] * 4


@pytest.mark.parametrize(
    ("settings", "env", "words"),
    [
        ("", {}, ["board: is missing"]),
        ('board = "B"\ninterval = "soon"\nwhat = 1\n', {"TRELLO_KEY": ""}, ["interval: must be", "unknown setting what", "TRELLO_KEY is not set"]),
        ("board = \n", {}, ["Invalid value"]),
        ('board = "{board}"\nbase_url = "{url}"\n', {"TRELLO_TOKEN": "wrong"}, ["TRELLO_KEY and TRELLO_TOKEN are refused", "invalid token"]),
        ('board = "00000000"\nbase_url = "{url}"\n', {}, ["board '00000000' is not there"]),
        ('board = "{board}"\nbase_url = "{url}"\ndone = "FINISHED"\n', {}, ["has no list 'FINISHED'", "only 'INBOX'"]),
    ],
    ids=["empty", "several", "no toml", "token", "board", "list"],
)
def test_a_wrong_configuration_is_said_in_one_line(trello: TrelloDouble, tmp_path: Path, settings: str, env: dict[str, str], words: list[str]) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(settings.replace("{board}", BOARD).replace("{url}", trello.url))
    command = [sys.executable, "-m", "trello_bridge", "--config", str(config)]
    done = subprocess.run(command, env=environment(**env), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("trello-bridge: ") and all(word in done.stderr for word in words), done.stderr
    assert TOKEN not in done.stderr and "wrong\n" not in done.stderr


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


def test_probes_are_told_what_the_last_look_failed_of(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    bridge = start_bridge(orchestrator.grpc, 'health = "127.0.0.1:0"')
    assert eventually(lambda: "health at port" in bridge.log.read_text("utf-8"))
    port = int(bridge.log.read_text("utf-8").split("health at port ")[1].split()[0])

    def asked(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    assert eventually(lambda: asked("/readyz") == (200, "ok\n"))
    trello.close()
    assert eventually(lambda: asked("/readyz")[0] == 503, 60)
    assert "trello" in asked("/readyz")[1] and TOKEN not in asked("/readyz")[1]
    assert asked("/livez")[0] == 200 and asked("/metrics")[0] == 404


def test_a_card_that_something_is_wrong_with_stops_no_other(
    trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess], start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator({"limits.text": 1024})
    archived = trello.add_card("INBOX", "archived")
    wordy, good = trello.add_card("INBOX", "wordy", "word " * 300), trello.add_card("INBOX", "good")
    # Between the list of cards and its move.
    trello.points[("PUT", "card", "before")] = lambda: trello.archive(archived)
    bridge = start_bridge(orchestrator.grpc)
    assert eventually(lambda: trello.place(good) == "REQUIREMENTS")
    assert eventually(lambda: len(trello.texts(wordy)) == 1)
    assert "refused]" in trello.texts(wordy)[0] and "1024" in trello.texts(wordy)[0]
    bridge.end(signal.SIGKILL)
    bridge.start()
    later = trello.add_card("INBOX", "later")
    assert eventually(lambda: trello.place(later) == "REQUIREMENTS")
    assert len(trello.texts(wordy)) == 1 and trello.place(wordy) == "INBOX"
    trello.cards[wordy]["desc"] = "fewer"
    assert eventually(lambda: trello.place(wordy) == "REQUIREMENTS")


ANSWERS = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[", b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 200 OK\r\n\r\nnonsense",
           *(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in (b"{}", b"[]", b"7", b"null", b'["x"]', b'{"a": 1}', b'[{"id": []}]'))]


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_answer_of_trellos_is_an_error_like_others(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        def say_it() -> None:
            for _ in range(24):
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=say_it, daemon=True).start()
        client = Trello(f"http://127.0.0.1:{server.getsockname()[1]}", KEY, TOKEN, pause=lambda _: None)
        for ask in (client.me, lambda: client.lists(BOARD), lambda: client.cards(BOARD), lambda: client.comments("c")):
            try:
                assert ask() in ([], {}), "nothing is there"
            except TrelloError as error:
                assert error.status == 0 and str(error)


def test_a_stop_does_not_wait_for_pauses(trello: TrelloDouble, start_bridge: Callable[..., BridgeProcess]) -> None:
    trello.limit_next = 1000
    bridge = start_bridge("127.0.0.1:1")
    assert eventually(lambda: len(trello.refused) >= 3)
    began = time.monotonic()
    assert bridge.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5


def test_a_bad_address_for_probes_is_refused(tmp_path: Path) -> None:
    for address in ("9157", "host:port", "127.0.0.1:70000"):
        (tmp_path / "trello.toml").write_text(f'board = "b"\nhealth = "{address}"\n')
        with pytest.raises(SettingsError, match="health"):
            read(tmp_path / "trello.toml", {"TRELLO_KEY": "k", "TRELLO_TOKEN": "t"})


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
    assert client.me() == "swarm-bot" and pauses == [0.5, 1.0], "Trello names no time to wait for"
    assert not any(KEY in path or TOKEN in path for _, path in trello.requests)
    with pytest.raises(TrelloError) as refused:
        Trello(trello.url, "other", TOKEN).me()
    assert refused.value.status == 401 and TOKEN not in str(refused.value)
    with pytest.raises(TrelloError) as away:
        Trello("http://127.0.0.1:1", KEY, TOKEN, pause=pauses.append).me()
    assert away.value.status == 0 and TOKEN not in str(away.value)
