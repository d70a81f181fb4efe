"""Compares recorded exchanges with what a running store answers, in order.

    python integration-tests/synapse/replay.py ADDRESS FILE.jsonl

Random parts (names of graphs, ids of batches) are masked on both sides. The status is 1 when anything differs.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parent))
from client import SynapseClient  # noqa: E402

RANDOM = re.compile(r"urn:batch:[0-9a-f-]{36}")
TOO_LARGE = re.compile(r"found (\d+) bytes")


def replay(address: str, path: Path) -> list[str]:
    """One line for each exchange that differs."""
    client = SynapseClient(address)
    try:
        lines = path.read_text("utf-8").splitlines()
        return [d for n, line in enumerate(lines) if (d := _difference(client, n, json.loads(line)))]
    finally:
        client.close()


def _difference(client: SynapseClient, number: int, exchange: dict[str, Any]) -> str:
    wanted = _masked({k: exchange[k] for k in ("response", "error") if k in exchange})
    got = _masked(_exchange(client, exchange))
    if wanted == got:
        return ""
    return f"{number} {exchange['method']} ({exchange.get('note', '')}):\n  recorded {wanted}\n  answered {got}"


def _exchange(client: SynapseClient, exchange: dict[str, Any]) -> dict[str, Any]:
    request: Any = exchange["request"]
    size = TOO_LARGE.search(exchange.get("error", {}).get("details", ""))
    if size and "note" in request:
        request = _of_size(client, int(size.group(1)))
    try:
        return {"response": client.call(exchange["method"], request, list(exchange["metadata"].items()))}
    except grpc.RpcError as error:
        return {"error": {"code": error.code().name, "details": error.details()}}


def _of_size(client: SynapseClient, size: int) -> Any:
    """A batch of exactly that many bytes on the wire; the recording describes it in words only."""
    request = client.wire.methods["IngestTriples"][0](namespace="default")
    text = '"' + "x" * 4000 + '"'
    while request.ByteSize() < size - 5000:
        request.triples.add(subject=f"http://e/big{len(request.triples)}", predicate="http://e/p", object=text)
    last = request.triples.add(subject="http://e/last", predicate="http://e/p", object='""')
    last.object = '"' + "x" * (size - request.ByteSize()) + '"'
    last.object = '"' + "x" * (len(last.object) - 2 - (request.ByteSize() - size)) + '"'
    return request


def _masked(value: Any) -> Any:
    return json.loads(RANDOM.sub("urn:batch:*", json.dumps(value, sort_keys=True)))


if __name__ == "__main__":
    differences = replay(sys.argv[1], Path(sys.argv[2]))
    print("\n".join(differences) or "no difference")
    sys.exit(1 if differences else 0)
