"""The gRPC side: bytes in, bytes out, one call at a time."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from access import Access, AccessDenied
from embeddings import Embedder, EmbeddingFailed
from faults import GARBAGE, NO_SPACE, Faults
from file_ingest import Unreadable, triples_of_file
from google.protobuf.message import DecodeError
from namespace_store import NamespaceStore, StoreError
from neighbours import neighbours
from reasoning import inferred_count, materialised_count
from wire import SERVICE, Wire

REQUEST_BYTES_MAX = 4 << 20
WRITING = ("IngestTriples", "IngestFile")


class Refused(Exception):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


class SynapseService:
    """All namespaces below one directory. A call runs to its end even when its client has gone, and the next one waits:
    that is what the real server's queries do to each other."""

    def __init__(self, storage: Path, access: Access, embedder: Embedder, faults: Faults) -> None:
        self._storage = storage.resolve()
        self._access = access
        self._embedder = embedder
        self._faults = faults
        self._wire = Wire()
        self._stores: dict[str, NamespaceStore] = {}
        self._one_at_a_time = threading.Lock()

    def flush(self) -> None:
        with self._one_at_a_time:
            for store in self._stores.values():
                store.flush()

    def handlers(self) -> grpc.GenericRpcHandler:
        methods = {name: grpc.unary_unary_rpc_method_handler(self._handler(name)) for name in self._wire.methods}
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _handler(self, name: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        request_class, response_class = self._wire.methods[name]
        method = getattr(self, "_" + _snake(name))

        def handle(body: bytes, context: grpc.ServicerContext) -> bytes:
            self._faults.saw(name, len(body))
            try:
                request = _decode(request_class, body)
                namespace = request.namespace or "default"
                self._access.check(_authorization(context), namespace)
                with self._one_at_a_time:
                    response = response_class()
                    self._meet_faults(name, response) or method(request, response, namespace)
                return bytes(response.SerializeToString())
            except AccessDenied as error:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
            except (StoreError, EmbeddingFailed, Unreadable) as error:
                context.abort(grpc.StatusCode.INTERNAL, str(error))
            except Refused as error:
                context.abort(error.code, error.details)
            raise AssertionError("abort returned")

        return handle

    def _meet_faults(self, name: str, response: Any) -> bool:
        """True when a fault has answered in the method's place."""
        answered = False
        for fault in self._faults.take(name):
            if fault.kind == "slow":
                time.sleep(fault.seconds)
            elif fault.kind == "refuse":
                raise Refused(grpc.StatusCode[fault.code], fault.details)
            elif fault.kind == "no_space" and name in WRITING:
                raise StoreError(NO_SPACE)
            elif fault.kind == "garbage" and name == "QuerySparql":
                response.results_json = GARBAGE
                answered = True
        return answered

    def _store(self, namespace: str) -> NamespaceStore:
        if namespace not in self._stores:
            try:
                self._stores[namespace] = NamespaceStore(self._directory(namespace), self._embedder)
            except StoreError as error:
                raise StoreError(f"Failed to open store for namespace '{namespace}': {error}") from error
        return self._stores[namespace]

    def _directory(self, namespace: str) -> Path:
        """The real server joins whatever it is given; the stand-in keeps to its own directory."""
        directory = Path(os.path.normpath(self._storage / namespace))
        if directory == self._storage or self._storage not in directory.parents:
            raise StoreError("Permission denied (os error 13)")
        return directory

    # -- methods ------------------------------------------------------------------------------------------------------

    def _ingest_triples(self, request: Any, response: Any, namespace: str) -> None:
        response.nodes_added = response.edges_added = self._store(namespace).ingest(request.triples)
        self._faults.wrote((t.subject, t.predicate, t.object) for t in request.triples)

    def _ingest_file(self, request: Any, response: Any, namespace: str) -> None:
        triples = triples_of_file(Path(request.file_path), self._wire.message("Triple"))
        response.nodes_added = response.edges_added = self._store(namespace).ingest(triples)

    def _query_sparql(self, request: Any, response: Any, namespace: str) -> None:
        self._faults.asked(request.query)
        response.results_json = self._store(namespace).query(request.query)

    def _get_all_triples(self, _request: Any, response: Any, namespace: str) -> None:
        for subject, predicate, term in self._store(namespace).all_triples():
            triple = response.triples.add(subject=subject, predicate=predicate, object=term)
            triple.provenance.source, triple.provenance.method = "oxigraph", "storage"

    def _delete_namespace_data(self, _request: Any, response: Any, namespace: str) -> None:
        directory = self._directory(namespace)
        self._stores.pop(namespace, None)
        if directory.exists():
            shutil.rmtree(directory)
        response.success = True
        response.message = f"Deleted namespace '{namespace}'"

    def _resolve_id(self, request: Any, response: Any, namespace: str) -> None:
        number = self._store(namespace).id_of(request.content)
        response.found = number is not None
        response.node_id = number or 0

    def _get_neighbors(self, request: Any, response: Any, namespace: str) -> None:
        for found in neighbours(self._store(namespace), request):
            response.neighbors.add(**vars(found))

    def _search(self, request: Any, response: Any, namespace: str) -> None:
        _fill(response, self._store(namespace).search(request.query, request.limit, 0))

    def _hybrid_search(self, request: Any, response: Any, namespace: str) -> None:
        store = self._store(namespace)
        if request.mode not in (0, 2):  # VECTOR_ONLY, HYBRID; every other mode finds nothing
            return
        try:
            _fill(response, store.search(request.query, request.vector_k, request.graph_depth))
        except EmbeddingFailed as error:
            raise StoreError(f"Hybrid search failed: {error}") from error

    def _apply_reasoning(self, request: Any, response: Any, namespace: str) -> None:
        strategy = {1: "RDFS", 2: "OWLRL"}.get(request.strategy, "NONE")
        graph = self._store(namespace).graph
        count = (materialised_count if request.materialize else inferred_count)(graph, strategy)
        text = "Materialized {} triples in namespace '{}'" if request.materialize else "Found {} inferred triples in namespace '{}'"
        response.success = True
        response.triples_inferred = count
        response.message = text.format(count, namespace)


def serve(service: SynapseService, port: int) -> tuple[grpc.Server, int]:
    """Starts on the loopback; the port that was bound comes back. Raises RuntimeError when it is taken."""
    options = [
        # Checked in _decode: the real server answers OUT_OF_RANGE, gRPC's own limit RESOURCE_EXHAUSTED.
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    server.add_generic_rpc_handlers((service.handlers(),))
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server, bound


def _decode(request_class: Any, body: bytes) -> Any:
    if len(body) > REQUEST_BYTES_MAX:
        text = f"Error, message length too large: found {len(body)} bytes, the limit is: {REQUEST_BYTES_MAX} bytes"
        raise Refused(grpc.StatusCode.OUT_OF_RANGE, text)
    try:
        return request_class.FromString(body)
    except DecodeError as error:
        raise Refused(grpc.StatusCode.INTERNAL, f"failed to decode Protobuf message: {error}") from error


def _authorization(context: grpc.ServicerContext) -> str | None:
    for key, value in context.invocation_metadata():
        if key == "authorization":
            return value if isinstance(value, str) else None
    return None


def _fill(response: Any, found: list[tuple[str, float]]) -> None:
    for number, (uri, score) in enumerate(found):
        response.results.add(node_id=number, score=score, content=uri, uri=uri)


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")
