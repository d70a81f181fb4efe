"""What the measurements need around the services: the model mock and a knowledge store with records in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from synapse.client import SynapseClient
from synapse.process import SynapseProcess

ROOT = Path(__file__).resolve().parents[3]
TOOLS = Path(os.environ.get("SWARM_TEST_BIN", ROOT / "build/release/bin")).parent / "bench"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SWARM, NIST = "http://swarm.os/ontology/", "http://nist.gov/caisi/"
PROV, SKOS = "http://www.w3.org/ns/prov#", "http://www.w3.org/2004/02/skos/core#"
TRIPLES_AT_ONCE = 5_000

Triple = tuple[str, str, str]


@contextlib.contextmanager
def model_mock() -> Iterator[int]:
    """A model that answers at once; its port."""
    process = subprocess.Popen([str(TOOLS / "model_mock")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def store(directory: Path, triples: list[Triple]) -> Iterator[SynapseProcess]:
    """A knowledge store that knows these triples."""
    process = SynapseProcess(directory).start()
    client = SynapseClient(process.address)
    try:
        for first in range(0, len(triples), TRIPLES_AT_ONCE):
            client.ingest(*triples[first : first + TRIPLES_AT_ONCE])
        yield process
    finally:
        client.close()
        process.stop()


def spend_events(count: int, day: str) -> list[Triple]:
    found: list[Triple] = []
    for number in range(count):
        event = f"http://swarm.os/ontology/spend/bench/{number}"
        found += [(event, RDF, SWARM + "SpendEvent"), (event, SWARM + "date", f'"{day}"'), (event, SWARM + "amount", '"0.000001"')]
    return found


def failures(count: int, kinds: int) -> list[Triple]:
    """As agents write them down, each kind with what varies in it."""
    found: list[Triple] = []
    for number in range(count):
        run, agent = f"http://exec/{number:06}", f"http://agent/{number % 50}"
        found += [
            (run, RDF, SWARM + "ExecutionRecord"),
            (run, NIST + "resultState", '"on_failure"'),
            (run, PROV + "wasAssociatedWith", agent),
            (run, SKOS + "historyNote", f'"{note(number, kinds)}"'),
            (run, SWARM + "hasStack", '"python"'),
            (agent, RDF, "http://role/Coder"),
        ]
    return found


def note(number: int, kinds: int) -> str:
    return f"File '/app/m{number}.py', line {number % 900}: ValueError: field f{chr(97 + number % kinds % 26)} is out of range: {number}"
