"""Scripted model server: speaks the OpenAI and (minimally) the Anthropic API, thinks by rules, fails on command.

    python integration-tests/model_server --port 0

prints one line of JSON with the bound port, and serves until SIGTERM. It is no language model: minds.py holds its whole
repertoire. Every answer carries "system_fingerprint": "scripted".

Faults are for the tests of what stands before it:

    POST /control/faults    {"kind": "status", "status": 429, "retry_after": 1, "count": 2, "model": "m"}
    DELETE /control/faults  forgets all of them
    GET /control/requests   what came in: path, model, headers (credentials only as a hash), body
    DELETE /control/requests
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from faults import KINDS, Fault, Faults  # noqa: E402
from server import ModelServer  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="model_server",
        description="Scripted model server: OpenAI API (/v1/chat/completions, /v1/models) and /v1/messages on the "
        "loopback. It is no language model; it answers by rules, the same way every time.",
        epilog="kinds of fault: " + "; ".join(f"{name}: {text}" for name, text in KINDS.items()),
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--latency-ms", type=float, default=0, help="time before the first byte of each answer")
    parser.add_argument("--chunk-ms", type=float, default=0, help="time between two chunks of a stream")
    parser.add_argument("--model", action="append", default=[], help="a model name that /v1/models lists (repeatable)")
    parser.add_argument("--fault", action="append", default=[], metavar="JSON", help="a fault in force from the start")
    parser.add_argument("--require-key", metavar="KEY", help="answer 401 to calls with another bearer or x-api-key")
    arguments = parser.parse_args()

    try:
        faults = Faults([Fault.parse(json.loads(text)) for text in arguments.fault])
    except ValueError as error:
        parser.error(f"--fault: {error}")
    server = ModelServer(
        port=arguments.port,
        models=arguments.model or ["scripted"],
        latency_s=arguments.latency_ms / 1000,
        chunk_s=arguments.chunk_ms / 1000,
        faults=faults,
        key=arguments.require_key,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the serving loop, which this handler interrupts: it must run elsewhere.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(json.dumps({"msg": "ready", "port": server.port, "scripted": True}), flush=True)
    server.serve_forever()
    server.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
