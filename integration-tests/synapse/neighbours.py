"""GetNeighbors: breadth-first from a node id, with the server's own slips."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox
from namespace_store import NamespaceStore
from terms import to_text

LIMIT_NONE = 2**32


@dataclass(frozen=True)
class Neighbour:
    node_id: int
    edge_type: str
    uri: str
    direction: str
    depth: int
    score: float


def neighbours(store: NamespaceStore, request: Any) -> list[Neighbour]:
    """Terms found on the way keep their angle brackets, which makes them no IRIs: only the first layer is ever met."""
    start = store.name_of(request.node_id)
    frontier = [start] if start is not None else []
    seen = set(frontier)
    found: list[Neighbour] = []
    for depth in range(1, max(request.depth, 1) + 1):
        layer = _layer(store, request, frontier, seen, depth)
        found.extend(layer)
        frontier = [n.uri for n in layer]
        if not frontier:
            break
    found.sort(key=lambda n: -n.score)
    return found


def _layer(store: NamespaceStore, request: Any, frontier: list[str], seen: set[str], depth: int) -> list[Neighbour]:
    limit = request.limit_per_layer or LIMIT_NONE
    layer: list[Neighbour] = []
    for name in frontier:
        for direction, predicate, term in _edges(store, name, request.direction or "outgoing"):
            if len(layer) >= limit:
                return layer
            edge, uri = to_text(predicate), to_text(term)
            if request.edge_filter not in edge or uri in seen:
                continue
            seen.add(uri)
            score = _score(store, request.scoring_strategy, term, depth)
            layer.append(Neighbour(store.id_for(uri), edge, uri, direction, depth, score))
    return layer


def _edges(store: NamespaceStore, name: str, direction: str) -> Iterator[tuple[str, Any, Any]]:
    try:
        node = ox.NamedNode(name)
    except ValueError:
        return
    if direction in ("outgoing", "both"):
        for quad in store.graph.quads_for_pattern(node, None, None, None):
            yield "outgoing", quad.predicate, quad.object
    if direction in ("incoming", "both"):
        for quad in store.graph.quads_for_pattern(None, None, node, None):
            yield "incoming", quad.predicate, quad.subject


def _score(store: NamespaceStore, strategy: str, term: Any, depth: int) -> float:
    score = 1.0 / depth
    degree = store.degree(term.value if isinstance(term, ox.NamedNode) else to_text(term)) if strategy == "degree" else 0
    return score / max(math.log(degree), 1.0) if degree > 1 else score
