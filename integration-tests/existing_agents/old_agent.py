"""An agent of the field, written from the contract alone: the generated modules of its generation, plain channels, its own
deadlines and retries, and the knowledge store asked directly. It knows nothing of what serves it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from synapse.client import SynapseClient

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
SWARM, NIST = "http://swarm.os/ontology/", "http://nist.gov/caisi/"
PROV, SKOS = "http://www.w3.org/ns/prov#", "http://www.w3.org/2004/02/skos/core#"
PREFIXES = f"PREFIX rdf: <{RDF}> PREFIX swarm: <{SWARM}> PREFIX nist: <{NIST}> PREFIX prov: <{PROV}> PREFIX skos: <{SKOS}> "
FAILURES = PREFIXES + (
    'SELECT ?exec ?role ?note ?stack WHERE { ?exec rdf:type swarm:ExecutionRecord ; nist:resultState "on_failure" ; '
    "prov:wasAssociatedWith ?agent ; skos:historyNote ?note ; swarm:hasStack ?stack . ?agent rdf:type ?role . "
    'FILTER NOT EXISTS { ?exec swarm:isConsolidated "true" } }'
)
THRESHOLD = 5
ROUTE_DEADLINE, COMPLETE_DEADLINE, OPTIMIZE_DEADLINE, CLUSTER_DEADLINE, RULE_DEADLINE = 1.0, 1.5, 1.0, 2.0, 3.0
COMPLETE_RETRIES = 6


@dataclass
class Step:
    state: str
    handler: str
    prompt: str
    answer: str
    passed: bool


@dataclass
class OldAgent:
    """`generation` holds its generated `messages` and `stubs`; `works` judges an answer: (state, answer) -> (passed, note)."""

    generation: Any
    orchestrator: grpc.Channel
    analyst: grpc.Channel
    gateway: grpc.Channel
    store: SynapseClient
    works: Callable[[str, str], tuple[bool, str]]
    model: str = "scripted"
    steps: list[Step] = field(default_factory=list)
    executions: int = 0

    def run(self, description: str, state: str, stack: str) -> None:
        """One task from its first state to the end of its flow."""
        m, stubs = self.generation.messages, self.generation.stubs
        flow = stubs.OrchestratorServiceStub(self.orchestrator)
        while state != "None":
            handler = flow.RouteTask(m.RouteTaskRequest(task_description=state + "Task"), timeout=ROUTE_DEADLINE).agent_type
            prompt = self._optimized(f"{self._known(stack)}{handler}:   {description}\n\n\n\nState:  {state}\n")
            answer = self._complete(prompt, f"You are the {handler}.")
            passed, note = self.works(state, answer)
            self._record(handler, stack, passed, note)
            self.steps.append(Step(state, handler, prompt, answer, passed))
            request = m.StateGraphRequest(current_state=state, action="success" if passed else "failure")
            state = flow.ManageStateGraph(request, timeout=ROUTE_DEADLINE).next_state

    def consolidate(self) -> list[str]:
        """What the swarm's consolidation does: groups failures, has a rule made of each large group, marks them."""
        m = self.generation.messages
        stub = self.generation.stubs.AnalystServiceStub(self.analyst)
        rows = self.store.query(FAILURES)
        records = [
            m.FailureRecord(exec_id=_iri(r["?exec"]), note=_literal(r["?note"]), role=_iri(r["?role"]).rsplit("/", 1)[1], stack=_literal(r["?stack"]))
            for r in rows
        ]
        clusters = json.loads(stub.ClusterFailures(m.ClusterRequest(failures=records), timeout=CLUSTER_DEADLINE).json_clusters)
        rules = []
        for cluster in clusters.values():
            if cluster["count"] < THRESHOLD:
                continue
            request = m.RuleRequest(role=cluster["role"], note=cluster["note"], count=cluster["count"], stack=cluster["stack"])
            rule = stub.GenerateGoldenRules(request, timeout=RULE_DEADLINE).rule
            self.store.ingest((f"http://swarm.os/stack/{cluster['stack']}", NIST + "HardConstraint", f'"{rule}"'))
            self.store.ingest(*((run, SWARM + "isConsolidated", '"true"') for run in cluster["exec_ids"]))
            rules.append(rule)
        return rules

    def cluster_strings(self) -> list[str]:
        """The first generation sends notes only."""
        m = self.generation.messages
        notes = [_literal(r["?note"]) for r in self.store.query(FAILURES)]
        return list(self.generation.stubs.AnalystServiceStub(self.analyst).ClusterFailures(m.FailuresRequest(failures=notes)).clusters)

    def _known(self, stack: str) -> str:
        rules = self.store.query(PREFIXES + f"SELECT ?rule WHERE {{ <http://swarm.os/stack/{stack}> nist:HardConstraint ?rule }}")
        return "".join(f"RULE: {_literal(r['?rule'])}\n" for r in rules)

    def _optimized(self, prompt: str) -> str:
        if not hasattr(self.generation.messages, "PromptRequest"):
            return prompt  # the second generation does it by itself
        stub = self.generation.stubs.AnalystServiceStub(self.analyst)
        return str(stub.OptimizePrompt(self.generation.messages.PromptRequest(prompt=prompt), timeout=OPTIMIZE_DEADLINE).optimized_prompt)

    def _complete(self, prompt: str, system: str) -> str:
        request = self.generation.messages.CompletionRequest(prompt=prompt, model=self.model, system_prompt=system)
        stub = self.generation.stubs.LlmGatewayServiceStub(self.gateway)
        for attempt in range(COMPLETE_RETRIES + 1):
            try:
                return str(stub.Complete(request, timeout=COMPLETE_DEADLINE).completion)
            except grpc.RpcError:  # whatever it is
                if attempt == COMPLETE_RETRIES:
                    raise
                time.sleep(random.uniform(0.05, 0.3))
        raise AssertionError("unreachable")

    def _record(self, handler: str, stack: str, passed: bool, note: str) -> None:
        self.executions += 1
        run, agent = f"http://swarm.os/execution/{id(self)}-{self.executions}", f"http://swarm.os/agent/{handler}-1"
        self.store.ingest(
            (run, RDF + "type", SWARM + "ExecutionRecord"),
            (run, NIST + "resultState", '"success"' if passed else '"on_failure"'),
            (run, PROV + "wasAssociatedWith", agent),
            (run, SKOS + "historyNote", json.dumps([note])[1:-1] if passed else f'"{json.dumps([note])}"'),
            (run, SWARM + "hasStack", f'"{stack}"'),
            (agent, RDF + "type", f"http://swarm.os/role/{handler}"),
        )


def _iri(term: str) -> str:
    return term.removeprefix("<").removesuffix(">")


def _literal(term: str) -> str:
    """N-Triples: the escapes are JSON's."""
    return str(json.loads(term))
