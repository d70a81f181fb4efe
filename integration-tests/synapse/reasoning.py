"""ApplyReasoning: the few rules that the server knows."""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox

TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
SUBCLASS = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#subClassOf")
OWL = "http://www.w3.org/2002/07/owl#"
SYMMETRIC = ox.NamedNode(OWL + "SymmetricProperty")
TRANSITIVE = ox.NamedNode(OWL + "TransitiveProperty")
INVERSE = ox.NamedNode(OWL + "inverseOf")


def inferred_count(graph: ox.Store, strategy: str) -> int:
    """How many triples follow, those that are there already included."""
    rules = {"RDFS": _rdfs, "OWLRL": _owl}.get(strategy)
    return 0 if rules is None else sum(1 for _ in rules(graph))


def materialised_count(_graph: ox.Store, _strategy: str) -> int:
    """Always 0: the server reads its inferences back as IRIs with their brackets on, which are none, and drops them."""
    return 0


def _rdfs(graph: ox.Store) -> Iterator[None]:
    for upper in graph.quads_for_pattern(None, SUBCLASS, None, None):
        for _ in graph.quads_for_pattern(None, SUBCLASS, upper.subject, None):
            yield None


def _owl(graph: ox.Store) -> Iterator[None]:
    for declared in graph.quads_for_pattern(None, TYPE, SYMMETRIC, None):
        yield from _iri_edges(graph, declared.subject)
    for declared in graph.quads_for_pattern(None, TYPE, TRANSITIVE, None):
        for edge in graph.quads_for_pattern(None, declared.subject, None, None):
            if isinstance(edge.object, ox.NamedNode):
                for _ in graph.quads_for_pattern(edge.object, declared.subject, None, None):
                    yield None
    for declared in graph.quads_for_pattern(None, INVERSE, None, None):
        if isinstance(declared.object, ox.NamedNode):
            yield from _iri_edges(graph, declared.subject)


def _iri_edges(graph: ox.Store, predicate: ox.NamedNode) -> Iterator[None]:
    for edge in graph.quads_for_pattern(None, predicate, None, None):
        if isinstance(edge.object, ox.NamedNode):
            yield None
