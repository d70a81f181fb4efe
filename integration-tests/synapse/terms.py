"""How the server turns the strings of a triple into RDF terms, without any validation."""

from __future__ import annotations

import pyoxigraph as ox

BASE = "http://synapse.os/"


def iri_text(text: str) -> str:
    """Angle brackets at the ends go; what does not start with `http` or `urn:` gets the server's own prefix."""
    clean = text.lstrip("<").rstrip(">")
    return clean if clean.startswith(("http", "urn:")) else BASE + clean


def is_literal(text: str) -> bool:
    return len(text) >= 2 and text.startswith('"') and text.endswith('"')


def unchecked_iri(text: str) -> ox.NamedNode:
    """A NamedNode of any text at all. The library's constructor validates; its lenient parser does not."""
    try:
        return ox.NamedNode(text)
    except ValueError:
        escaped = "".join(f"\\U{ord(c):08X}" for c in text)
        line = f"<{escaped}> <http://x/p> <http://x/o> .".encode()
        return next(iter(ox.parse(input=line, format=ox.RdfFormat.N_QUADS, lenient=True))).subject


def object_term(text: str) -> tuple[ox.NamedNode | ox.Literal, str]:
    """The term, and the key under which it gets a node id."""
    if is_literal(text):
        return ox.Literal(text[1:-1]), text[1:-1]
    iri = iri_text(text)
    return unchecked_iri(iri), iri


def to_text(term: object) -> str:
    """N-Triples form, as answers carry it."""
    return str(term)
