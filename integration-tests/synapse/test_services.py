"""The services with a knowledge store: what they write, what they ask, and what they survive."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from orchestrator.client import Raw, msg
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

from swarm_sdk import Agent, AnalystClient, Failure, NewTask, OrchestratorClient, TaskRun, TaskStatus

pytestmark = pytest.mark.timeout(120)

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SWARM, NIST = "http://swarm.os/ontology/", "http://nist.gov/caisi/"
QUICK = {"knowledge.poll": "100ms", "knowledge.outbox.verify_every": "300ms", "knowledge.outbox.retry_max": "200ms"}


def readiness(service: Any) -> dict[str, Any]:
    with urllib.request.urlopen(service.admin + "/readyz", timeout=5) as answer:
        assert answer.status == 200
        return dict(json.load(answer))


def failure(number: int, note: str = "Error: IndentationError", stack: str = "python") -> list[tuple[str, str, str]]:
    run, agent = f"http://exec/{number}", f"http://agent/{number}"
    return [
        (run, RDF, SWARM + "ExecutionRecord"),
        (run, NIST + "resultState", '"on_failure"'),
        (run, "http://www.w3.org/ns/prov#wasAssociatedWith", agent),
        (run, "http://www.w3.org/2004/02/skos/core#historyNote", f'"{note}"'),
        (run, SWARM + "hasStack", f'"{stack}"'),
        (agent, RDF, "http://role/Coder"),
    ]


def rules(ask: SynapseClient, stack: str) -> list[str]:
    return [json.loads(r["?o"]) for r in ask.query(f"SELECT ?o WHERE {{ <http://swarm.os/stack/{stack}> <{NIST}HardConstraint> ?o }}")]


def marked(ask: SynapseClient) -> int:
    return len(ask.query(f'SELECT ?e WHERE {{ ?e <{SWARM}isConsolidated> "true" }}'))


def test_five_failures_in_the_store_make_one_rule_and_are_marked(
    ask: SynapseClient, store: SynapseProcess, start_analyst: Callable[..., Any]
) -> None:
    analyst = start_analyst(QUICK | {"knowledge.synapse.address": store.address, "author.mode": "template"})
    for number in range(4):
        ask.ingest(*failure(number))
    with AnalystClient(analyst.grpc) as client:
        assert eventually(lambda: client.groups().total_events == 4)
        time.sleep(0.5)  # several looks at the same four
        assert client.groups().total_events == 4 and not client.rules() and marked(ask) == 0
        ask.ingest(*failure(4, '["Error: IndentationError", "later"]'))
        assert eventually(lambda: len(client.rules()) == 1)
        rule = client.rules()[0]
    assert (rule.stack, rule.role) == ("python", "Coder") and "IndentationError" in rule.text
    assert eventually(lambda: rules(ask, "python") == [rule.text])
    assert eventually(lambda: marked(ask) == 5)
    written = store.calls()["written"]
    told = written.index(["http://swarm.os/stack/python", NIST + "HardConstraint", f'"{rule.text}"'])
    marks = [place for place, triple in enumerate(written) if triple[1] == SWARM + "isConsolidated"]
    assert len(marks) == 5 and min(marks) > told, "marked only after the rule was stored"
    assert {written[place][0] for place in marks} == {f"http://exec/{n}" for n in range(5)}
    assert analyst.running


class Curious(Agent):
    def work(self, task: TaskRun) -> str:
        self.seen = (task.context, tuple(task.constraints))
        return "done"


class Trial(Curious):
    """Looks what the store knows while it tries a rule."""

    def __init__(self, ask: SynapseClient, orchestrator: OrchestratorClient) -> None:
        super().__init__("Coder-1", roles=["Coder"], capabilities=["*"], orchestrator=orchestrator)
        self.ask = ask

    def work(self, task: TaskRun) -> str:
        self.known = (rules(self.ask, "python"), marked(self.ask))
        return super().work(task)


def test_the_rule_is_tried_on_a_python_task_before_it_is_stored(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any], start_analyst: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator()
    settings = {"knowledge.synapse.address": store.address, "author.mode": "template", "orchestrator.address": orchestrator.grpc}
    start_analyst(QUICK | settings | {"rules.sanity_task": "Write a function that adds two numbers."})
    for number in range(5):
        ask.ingest(*failure(number))
    with OrchestratorClient(orchestrator.grpc) as client:
        agent = Trial(ask, client)
        agent.run(handle_signals=False, tasks_max=1)
        (run,) = [task for task in client.list() if "swarm.sanity_rule" in task.labels]
        assert run.stack == "python"
    context, constraints = agent.seen
    assert len(constraints) == 1 and "IndentationError" in constraints[0], "the rule is among the extra constraints of the run"
    assert "IndentationError" not in context
    assert agent.known == ([], 0), "nothing is stored or marked before the run"
    assert eventually(lambda: len(rules(ask, "python")) == 1)
    assert eventually(lambda: marked(ask) == 5)


ORCHESTRATOR = {"knowledge.refresh": "100ms", "knowledge.outbox.verify_every": "300ms", "knowledge.outbox.retry_max": "200ms"}


def one_task(address: str, stack: str) -> tuple[str, tuple[str, ...]]:
    with OrchestratorClient(address) as client:
        task = client.submit(NewTask(description="do it", stack=stack, role="Coder"))
        agent = Curious("Coder-1", roles=["Coder"], capabilities=["*"], orchestrator=client)
        agent.run(handle_signals=False, tasks_max=1)
        assert client.get(task.task_id).status == TaskStatus.SUCCEEDED
    return agent.seen


def test_tasks_get_the_rules_and_lessons_of_their_stack(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    ask.ingest(("http://swarm.os/stack/react", NIST + "HardConstraint", '"Always use keys in lists."'), *failure(1))
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    assert eventually(lambda: "Always use keys in lists." in one_task(orchestrator.grpc, "react")[1])
    assert eventually(lambda: "Error: IndentationError" in one_task(orchestrator.grpc, "python")[0])


def asked(store: SynapseProcess, pattern: str) -> bool:
    """Whether a query holds this pattern to the letter, with the contract's prefixes."""
    prefixes = (f"PREFIX swarm: <{SWARM}>", f"PREFIX nist: <{NIST}>")
    return any(pattern in query and all(p in query for p in prefixes) for query in store.calls()["queries"])


def test_a_new_stack_is_asked_about_by_the_patterns_that_the_swarm_agreed_on(
    store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    assert not asked(store, "http://swarm.os/stack/") and not asked(store, "swarm:hasStack")
    one_task(orchestrator.grpc, "react")
    assert eventually(lambda: asked(store, "<http://swarm.os/stack/react> nist:HardConstraint ?rule"))
    one_task(orchestrator.grpc, "python")
    assert eventually(lambda: asked(store, 'swarm:hasStack "python"'))


HOSTILE = 'x" } ; <a> \\u0022 \\ \n\r\t } # {{ ?s ?p ?o }} "@en "^^<b> \u202e ☃ %20 \' `'


def test_hostile_text_in_every_field_arrives_as_it_was(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any], start_analyst: Callable[..., Any]
) -> None:
    at = {"knowledge.synapse.address": store.address}
    orchestrator = start_orchestrator(ORCHESTRATOR | at)
    analyst = start_analyst(QUICK | at | {"author.mode": "template", "rules.threshold": 1})
    stack, role, name = "c++ }#<x>", 'R"ole> .', "agent \\u0022 }"
    with OrchestratorClient(orchestrator.grpc) as client:
        client.submit(NewTask(description=HOSTILE, context=HOSTILE, stack=stack, role=role))
        Failing(name, roles=[role], capabilities=["*"], orchestrator=client).run(handle_signals=False, tasks_max=1)
    with AnalystClient(analyst.grpc) as client:
        client.report_failure(Failure("t", "TypeError: " + HOSTILE, "e", agent_id=name, stack=stack, role=role, attempt=1))
        # The store's own records reach the analyst, too.
        assert eventually(lambda: client.groups().total_events >= 2)
    assert eventually(lambda: "everything arrived" in json.dumps(readiness(orchestrator)))
    assert eventually(lambda: "everything arrived" in json.dumps(readiness(analyst)))
    stacks = ask.query(f"SELECT DISTINCT ?o WHERE {{ ?e <{SWARM}hasStack> ?o }}")
    assert [json.loads(row["?o"]) for row in stacks] == [stack]
    everything = len(ask.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }"))
    assert everything > 10
    store.interrupt()  # saves; an IRI that it can't read again would cost it everything
    store.start()
    assert eventually(lambda: len(ask.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }")) >= everything)


class Failing(Agent):
    def work(self, task: TaskRun) -> str:
        raise RuntimeError("TypeError: " + HOSTILE)


class Kittens(BaseHTTPRequestHandler):
    """Embeddings in which only kittens matter."""

    def do_POST(self) -> None:
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        body = json.dumps({"embedding": [1.0, 0.0] if "kitten" in prompt else [0.0, 1.0]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def embeddings() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Kittens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def submit_one(address: str, description: str) -> tuple[str, float]:
    """The stack that a single submission got, and how long it took."""
    with contextlib.closing(Raw(address)) as raw:
        began = time.monotonic()
        task = raw.submit(description, role="Nobody")
        return str(raw.get(task).stack), time.monotonic() - began


def test_a_task_without_a_stack_gets_the_one_its_text_names_or_that_of_the_most_similar_run(
    tmp_path: Path, embeddings: str, start_orchestrator: Callable[..., Any]
) -> None:
    store = SynapseProcess(tmp_path / "clever", "--embeddings", embeddings).start()
    client = SynapseClient(store.address)
    client.ingest(*failure(1, "the kitten was hungry", "haskell"), *failure(2, "the dog barked", "cobol"))
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    assert submit_one(orchestrator.grpc, "make pytest pass in feed.py")[0] == "python", "what the text says comes first"
    assert submit_one(orchestrator.grpc, "feed the kitten")[0] == "haskell"
    with contextlib.closing(Raw(orchestrator.grpc)) as raw:
        assert batch_of(raw, ["feed the kitten", "make pytest pass in feed.py", "feed the kitten"]) == ["haskell", "python", "haskell"]
        assert streamed(raw, [["feed the kitten"], ["run it in node.js", "pet the kitten"], ["build main.rs"]]) == ["haskell", "node", "haskell", "rust"]
    store.fault("slow", seconds=2)
    for _ in range(8):
        stack, taken = submit_one(orchestrator.grpc, "feed the kitten again")
        assert taken < 1.5, "a submission does not wait for a slow store"
    with contextlib.closing(Raw(orchestrator.grpc)) as raw:
        began = time.monotonic()
        assert len(batch_of(raw, [f"feed kitten {n}" for n in range(50)])) == 50
        assert time.monotonic() - began < 3.0, "nor does a batch, however many texts it has"
    client.close()
    store.stop()


def batch_of(raw: Raw, descriptions: list[str]) -> list[str]:
    """The stacks that the tasks of one batch got, by their order."""
    request = msg("SubmitTasksRequest", tasks=[msg("NewTask", description=d, role="Nobody") for d in descriptions])
    return [raw.get(t.task_id).stack for t in raw.call("SubmitTasks", request).tasks]


def streamed(raw: Raw, requests: list[list[str]]) -> list[str]:
    """The same over a stream; each request's last task depends on the one before it, so they have to be taken in their order."""
    last = "01890a5d-ac96-774b-bcce-0000000000%02d"

    def messages() -> Iterator[Any]:
        for number, descriptions in enumerate(requests):
            tasks = [msg("NewTask", description=d, role="Nobody") for d in descriptions]
            tasks[-1].task_id = last % number
            tasks[-1].depends_on.extend([last % (number - 1)] if number else [])
            yield msg("SubmitTasksRequest", tasks=tasks, request_id=number)

    answers = list(raw.stream("SubmitStream", messages()))
    assert [a.request_id for a in answers] == list(range(len(requests))) and not any(a.error for a in answers), answers
    return [raw.get(t.task_id).stack for a in answers for t in a.tasks]


def test_without_similarity_search_tasks_are_taken_as_they_are(store: SynapseProcess, start_orchestrator: Callable[..., Any]) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    for _ in range(8):
        assert submit_one(orchestrator.grpc, "feed the kitten")[0] == ""
    # The store is no worse for it: rules are still asked for.
    one_task(orchestrator.grpc, "react")
    assert eventually(lambda: asked(store, "<http://swarm.os/stack/react> nist:HardConstraint ?rule"))
    assert eventually(lambda: "everything arrived" in json.dumps(readiness(orchestrator)))


def test_task_states_and_runs_reach_the_store(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    one_task(orchestrator.grpc, "python")
    states = f"SELECT ?state WHERE {{ ?t a <{SWARM}TaskTransition> ; <{SWARM}taskState> ?state }}"
    assert eventually(lambda: '"SUCCEEDED"' in str(ask.query(states)).upper().replace("'", ""))
    runs = f'SELECT ?e WHERE {{ ?e a <{SWARM}ExecutionRecord> ; <{NIST}resultState> "success" ; <{SWARM}hasStack> "python" }}'
    assert eventually(lambda: len(ask.query(runs)) == 1)


def test_the_swarms_kill_switch_halts_and_resumes(
    ask: SynapseClient, store: SynapseProcess, start_orchestrator: Callable[..., Any]
) -> None:
    orchestrator = start_orchestrator(ORCHESTRATOR | {"knowledge.synapse.address": store.address})
    with OrchestratorClient(orchestrator.grpc) as client:
        for second, status in enumerate(("HALTED", "OPERATIONAL")):
            event = f"{NIST}event/status/{status}"
            ask.ingest(
                (event, NIST + "newStatus", f'"{status}"'),
                (event, "http://www.w3.org/ns/prov#generatedAtTime", f'"2026-11-21T10:00:0{second}.000000"'),
            )
            assert eventually(lambda s=status: client.dispatch().halted == (s == "HALTED"))
