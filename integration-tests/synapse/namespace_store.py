"""One namespace: an in-memory graph with node ids, read from its directory at opening and written only by flush()."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from embeddings import Embedder, EmbeddingFailed, VectorIndex
from terms import iri_text, object_term, to_text, unchecked_iri

GRAPH_FILE = "graph.nq"
IDS_FILE = "uri_mappings.json"
PROV = "http://www.w3.org/ns/prov#"

NO_SERVICE = "HTTP client is not available. Enable the feature 'http-client'"
CUSTOM_FUNCTION = re.compile(r"The custom function <(.*)> is not supported", re.DOTALL)
CUSTOM_FUNCTIONS_MAX = 32
# What the library's newer grammar (RDF 1.2) adds to the lists of expected tokens.
NEWER_TOKENS = ('"<<(", ', '"~", ')


class StoreError(Exception):
    """The server's INTERNAL with this text."""


class NamespaceStore:
    """Not thread-safe; the service lets one call in at a time, as the real server's queries hold up everyone else."""

    def __init__(self, directory: Path, embedder: Embedder) -> None:
        self._directory = directory
        self.embedder = embedder
        self.graph = ox.Store()
        self.vectors = VectorIndex()
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._load()
        except (OSError, SyntaxError, ValueError) as error:
            raise StoreError(str(error)) from error

    def _load(self) -> None:
        graph = self._directory / GRAPH_FILE
        if graph.exists():
            self.graph.load(graph.read_bytes(), format=ox.RdfFormat.N_QUADS)
        ids = self._directory / IDS_FILE
        if ids.exists():
            self._ids = json.loads(ids.read_text("utf-8"))["uri_to_id"]
            self._names = {number: name for name, number in self._ids.items()}

    def flush(self) -> None:
        """What the real server does on SIGINT, and at no other time."""
        ids = {"uri_to_id": self._ids, "next_id": len(self._ids) + 1}
        (self._directory / IDS_FILE).write_text(json.dumps(ids), "utf-8")
        temporary = self._directory / (GRAPH_FILE + ".tmp")
        with temporary.open("wb") as out:
            self.graph.dump(out, format=ox.RdfFormat.N_QUADS)
        temporary.rename(self._directory / GRAPH_FILE)

    # -- ids ----------------------------------------------------------------------------------------------------------

    def id_of(self, name: str) -> int | None:
        return self._ids.get(name)

    def name_of(self, number: int) -> str | None:
        return self._names.get(number)

    def id_for(self, name: str) -> int:
        number = self._ids.get(name)
        if number is None:
            number = len(self._ids) + 1
            self._ids[name] = number
            self._names[number] = name
        return number

    # -- writing ------------------------------------------------------------------------------------------------------

    def ingest(self, triples: Iterable[Any]) -> int:
        """Adds what is not there yet and counts it. Triples with equal provenance share a new named graph."""
        batches: dict[tuple[str, str, str] | None, list[Any]] = {}
        for triple in triples:
            origin = triple.provenance if triple.HasField("provenance") else None
            key = (origin.source, origin.timestamp, origin.method) if origin is not None else None
            batches.setdefault(key, []).append(triple)
        return sum(self._ingest_batch(self._graph_of(key), batch) for key, batch in batches.items())

    def _graph_of(self, origin: tuple[str, str, str] | None) -> ox.NamedNode | ox.DefaultGraph:
        if origin is None:
            return ox.DefaultGraph()
        node = ox.NamedNode(f"urn:batch:{uuid.uuid4()}")
        properties = ("wasDerivedFrom", "generatedAtTime", "wasGeneratedBy")
        for name, text in zip(properties, origin, strict=True):
            self.graph.add(ox.Quad(node, ox.NamedNode(PROV + name), ox.Literal(text), ox.DefaultGraph()))
        return ox.DefaultGraph() if origin[0] == "mcp" else node

    def _ingest_batch(self, graph: ox.NamedNode | ox.DefaultGraph, triples: list[Any]) -> int:
        added = 0
        for triple in triples:
            subject, predicate = iri_text(triple.subject), iri_text(triple.predicate)
            term, key = object_term(triple.object)
            for name in (subject, predicate, key):
                self.id_for(name)
            quad = ox.Quad(unchecked_iri(subject), unchecked_iri(predicate), term, graph)
            if quad not in self.graph:
                self.graph.add(quad)
                added += 1
            self._index(f"{subject}|{predicate}|{key}", subject, triple)
        return added

    def _index(self, key: str, subject: str, triple: Any) -> None:
        if self.embedder.absent or key in self.vectors:
            return
        try:
            vector = self.embedder.embed(f"{triple.subject} {triple.predicate} {triple.object}")
        except EmbeddingFailed as error:
            print(f"vector store insertion failed: {error}", file=sys.stderr)
            return
        self.vectors.add(key, subject, vector)

    # -- reading ------------------------------------------------------------------------------------------------------

    def query(self, text: str) -> str:
        """The answer's JSON: an array of objects for SELECT, `[]` for every other form. StoreError for errors."""
        functions: dict[ox.NamedNode, Any] = {}
        while True:
            try:
                results = self.graph.query(text, custom_functions=functions)
                if not isinstance(results, ox.QuerySolutions):
                    return "[]"
                return _rows_to_json(results)
            except SyntaxError as error:
                raise StoreError(_older_grammar(str(error))) from error
            except OSError as error:  # a SERVICE clause: the real server has no HTTP client to ask with
                raise StoreError(NO_SERVICE) from error
            except (RuntimeError, ValueError) as error:
                # The real server's engine leaves the result of an unknown function unbound.
                unknown = CUSTOM_FUNCTION.search(str(error))
                if unknown is None or len(functions) == CUSTOM_FUNCTIONS_MAX:
                    raise StoreError(str(error)) from error
                functions[unchecked_iri(unknown.group(1))] = _nothing

    def all_triples(self) -> Iterable[tuple[str, str, str]]:
        for quad in self.graph:
            yield to_text(quad.subject), to_text(quad.predicate), to_text(quad.object)

    def search(self, text: str, count: int, depth: int) -> list[tuple[str, float]]:
        """Nearest subjects by vector, then what hangs on them at 0.8 of the score. Raises EmbeddingFailed."""
        found: list[tuple[str, float]] = []
        for subject, score in self.vectors.nearest(self.embedder.embed(text), count):
            found.append((subject, score))
            found.extend((name, score * 0.8) for name in self._expanded(subject, depth))
        found.sort(key=lambda pair: -pair[1])
        return [pair for n, pair in enumerate(found) if n == 0 or found[n - 1][0] != pair[0]]

    def _expanded(self, name: str, depth: int) -> list[str]:
        node = _valid_iri(name) if depth > 0 else None
        if node is None:
            return []
        names: list[str] = []
        for quad in self.graph.quads_for_pattern(node, None, None, None):
            names.append(to_text(quad.object))
            names.extend(self._expanded(to_text(quad.object), depth - 1))
        return names

    def degree(self, name: str) -> int:
        node = _valid_iri(name)
        if node is None:
            return 0
        patterns = ((node, None), (None, node))
        return sum(sum(1 for _ in self.graph.quads_for_pattern(s, None, o, None)) for s, o in patterns)


def _valid_iri(name: str) -> ox.NamedNode | None:
    try:
        return ox.NamedNode(name)
    except ValueError:
        return None


def _nothing(*_: object) -> None:
    return None


def _older_grammar(text: str) -> str:
    for token in NEWER_TOKENS:
        text = text.replace(token, "")
    return text


def _rows_to_json(results: ox.QuerySolutions) -> str:
    names = results.variables
    rows = [{str(n): to_text(row[n]) for n in names if row[n] is not None} for row in results]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
