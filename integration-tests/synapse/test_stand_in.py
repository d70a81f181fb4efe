"""What the recordings can't show: restarts, saving, tokens, size, blocking, faults, embeddings."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import grpc
import pytest
from synapse.client import SynapseClient
from synapse.process import SynapseProcess

P = "http://t.example/p"
ALL = "SELECT ?s ?o WHERE { ?s ?p ?o } ORDER BY ?s ?o"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SynapseProcess]]:
    started: list[SynapseProcess] = []

    def one(*arguments: str, **more: object) -> SynapseProcess:
        process = SynapseProcess(tmp_path, *arguments, **more)  # type: ignore[arg-type]
        started.append(process)
        return process.start()

    yield one
    for process in started:
        process.stop()


def error_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code().name, caught.value.details()


def test_only_an_interrupt_saves(start: Callable[..., SynapseProcess]) -> None:
    process = start()
    client = SynapseClient(process.address)
    client.ingest(("http://t.example/kept", P, '"1"'))
    assert process.interrupt() == 0
    process.start()
    client.ingest(("http://t.example/lost", P, '"2"'))
    process.terminate()
    process.start()
    assert client.query(ALL) == [{"?s": "<http://t.example/kept>", "?o": '"1"'}]
    assert client.call("ResolveId", {"content": "http://t.example/kept"}) == {"node_id": 1, "found": True}
    client.close()


def test_an_iri_with_a_space_destroys_its_namespace_at_the_next_start(start: Callable[..., SynapseProcess]) -> None:
    process = start()
    client = SynapseClient(process.address)
    assert client.ingest(("http://t.example/a b", P, '"1"')) == 1
    assert client.query(ALL) == [{"?s": "<http://t.example/a b>", "?o": '"1"'}]
    process.interrupt()
    process.start()
    code, details = error_of(lambda: client.query(ALL))
    assert code == "INTERNAL" and details.startswith("Failed to open store for namespace 'default': ")
    client.call("DeleteNamespaceData", {})
    assert client.query(ALL) == []
    client.close()


def test_provenance_hides_a_triple_in_a_graph_of_its_own(start: Callable[..., SynapseProcess]) -> None:
    client = SynapseClient(start().address)
    origin = {"source": "s", "timestamp": "t", "method": "m"}
    triple = {"subject": "http://t.example/a", "predicate": P, "object": '"1"', "provenance": origin}
    for _ in range(2):  # the graph is new each time, so a repeat is not seen as one
        assert client.call("IngestTriples", {"triples": [triple]})["edges_added"] == 1
    assert client.query("SELECT ?o WHERE { <http://t.example/a> ?p ?o }") == []
    assert len(client.query("SELECT ?g WHERE { GRAPH ?g { <http://t.example/a> ?p ?o } }")) == 2
    sources = client.query("SELECT ?o WHERE { ?g <http://www.w3.org/ns/prov#wasDerivedFrom> ?o }")
    assert sources == [{"?o": '"s"'}] * 2
    client.close()


def test_a_token_opens_its_own_namespaces_only(start: Callable[..., SynapseProcess]) -> None:
    process = start(tokens={"alpha": ["team-*"], "beta": ["default"]})
    alpha, beta = SynapseClient(process.address, "alpha"), SynapseClient(process.address, "beta")
    alpha.ingest(("http://t.example/a", P, '"1"'), namespace="team-1")
    assert len(alpha.query(ALL, namespace="team-1")) == 1
    assert alpha.query(ALL, namespace="team-2") == []
    assert error_of(lambda: alpha.query(ALL)) == ("PERMISSION_DENIED", "Token not authorized for namespace: default")
    assert beta.query(ALL) == []
    assert error_of(lambda: beta.query(ALL, namespace="team-1"))[0] == "PERMISSION_DENIED"
    alpha.close()
    beta.close()


def test_a_namespace_never_leaves_the_storage_directory(start: Callable[..., SynapseProcess], tmp_path: Path) -> None:
    process = start(tokens={"all": ["*"]})
    client = SynapseClient(process.address, "all")
    (tmp_path / "precious").mkdir()
    for namespace in ("../precious", "/etc", "a/../../precious", "."):
        assert error_of(lambda ns=namespace: client.query(ALL, namespace=ns))[0] == "INTERNAL"
        assert error_of(lambda ns=namespace: client.call("DeleteNamespaceData", {"namespace": ns}))[0] == "INTERNAL"
    assert (tmp_path / "precious").exists()
    client.close()


def test_a_slow_query_goes_on_after_its_deadline_and_holds_up_everyone(start: Callable[..., SynapseProcess]) -> None:
    process = start()
    client = SynapseClient(process.address)
    client.query(ALL)
    process.fault("slow", method="QuerySparql", seconds=1.0, count=1)
    began = time.monotonic()
    assert error_of(lambda: client.query(ALL, timeout=0.2))[0] == "DEADLINE_EXCEEDED"
    client.ingest(("http://t.example/a", P, '"1"'))
    assert time.monotonic() - began >= 0.9
    client.close()


def test_answers_are_not_limited_and_requests_are(start: Callable[..., SynapseProcess]) -> None:
    client = SynapseClient(start().address)
    for batch in range(3):
        rows = [(f"http://t.example/{batch}-{n}", P, '"' + "x" * 4000 + '"') for n in range(900)]
        assert client.ingest(*rows) == 900
    assert len(client.query(ALL)) == 2700  # over 10 MB
    code, details = error_of(lambda: client.query("SELECT" + " " * (4 << 20)))
    assert code == "OUT_OF_RANGE" and details.startswith("Error, message length too large: found 41943")
    client.close()


def test_faults_are_switched_from_outside(start: Callable[..., SynapseProcess]) -> None:
    process = start("--fault", '{"kind": "refuse", "count": 1}')
    client = SynapseClient(process.address)
    assert error_of(lambda: client.query(ALL)) == ("PERMISSION_DENIED", "Invalid token")
    assert client.query(ALL) == []
    process.fault("no_space")
    assert error_of(lambda: client.ingest(("a", "b", "c")))[0] == "INTERNAL"
    process.fault("garbage", count=1)
    with pytest.raises(json.JSONDecodeError):
        client.query(ALL)
    process.clear_faults()
    assert client.ingest(("a", "b", "c")) == 1
    assert process.calls()["calls"] == {"QuerySparql": 3, "IngestTriples": 2}
    client.close()


def test_get_all_triples_and_neighbours_keep_their_brackets(start: Callable[..., SynapseProcess]) -> None:
    client = SynapseClient(start().address)
    client.ingest(("http://t.example/a", P, "http://t.example/b"), ("http://t.example/b", P, "http://t.example/c"))
    triples = client.call("GetAllTriples", {})["triples"]
    assert sorted(t["object"] for t in triples) == ["<http://t.example/b>", "<http://t.example/c>"]
    assert triples[0]["provenance"] == {"source": "oxigraph", "method": "storage"}
    first = client.call("ResolveId", {"content": "http://t.example/a"})["node_id"]
    found = client.call("GetNeighbors", {"node_id": first, "depth": 5, "direction": "both"})["neighbors"]
    assert [(n["uri"], n["edge_type"], n["depth"], n["score"]) for n in found] == [
        ("<http://t.example/b>", f"<{P}>", 1, 1.0)
    ]
    client.close()


def test_an_unknown_function_leaves_its_result_unbound(start: Callable[..., SynapseProcess]) -> None:
    client = SynapseClient(start().address)
    assert client.query("SELECT (<http://t.example/f>(1) AS ?x) (2 AS ?y) {}")[0].keys() == {"?y"}
    client.close()


class _Embeddings(BaseHTTPRequestHandler):
    """One dimension: the length of the text."""

    def do_POST(self) -> None:
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        body = json.dumps({"embedding": [float(len(prompt))]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_hybrid_search_scores_by_distance_and_ignores_its_limit(start: Callable[..., SynapseProcess]) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Embeddings)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = SynapseClient(start("--embeddings", f"http://127.0.0.1:{server.server_address[1]}/").address)
    client.ingest(("http://t.example/a", P, '"1"'), ("http://t.example/b", P, '"1234"'))
    text = f'http://t.example/a {P} "1"'
    found = client.call("HybridSearch", {"query": text, "vector_k": 2, "mode": "VECTOR_ONLY", "limit": 1})["results"]
    assert [(r["uri"], r["score"]) for r in found] == [("http://t.example/a", 1.0), ("http://t.example/b", 0.25)]
    assert client.call("HybridSearch", {"query": text, "vector_k": 2, "mode": "GRAPH_ONLY"}) == {}
    client.close()
    server.shutdown()
    server.server_close()


def test_without_an_embedding_server_searches_fail_and_writes_do_not(start: Callable[..., SynapseProcess]) -> None:
    client = SynapseClient(start().address)
    client.ingest(("http://t.example/a", P, '"1"'))
    text = "error sending request for url (http://localhost:11434/api/embeddings)"
    assert error_of(lambda: client.call("Search", {"query": "x", "limit": 3})) == ("INTERNAL", text)
    assert error_of(lambda: client.call("HybridSearch", {"query": "x"})) == ("INTERNAL", "Hybrid search failed: " + text)
    client.close()
