"""python integration-tests/synapse: a knowledge store that answers like Synapse, over the same SPARQL engine."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from pathlib import Path

from access import Access
from embeddings import Embedder
from faults import ControlServer, Fault, Faults
from service import SynapseService, serve

EPILOG = """\
Prints one line of JSON with the ports when it serves: {"port": 50051, "control": 50052}.
Tokens come from SYNAPSE_AUTH_TOKENS, a JSON object of token -> list of namespaces ("*" at the end: a prefix).
SIGINT saves every namespace and ends; any other end loses what was not saved before, as with the real server.
"""


def main() -> int:
    options = _options()
    faults = Faults()
    for text in options.fault:
        try:
            faults.add(Fault(**json.loads(text)))
        except (ValueError, TypeError) as error:
            print(f"synapse: --fault {text}: {error}", file=sys.stderr)
            return 2
    with tempfile.TemporaryDirectory() as temporary:
        storage = Path(options.storage or temporary)
        service = SynapseService(storage, Access.from_environment(), Embedder(options.embeddings), faults)
        try:
            server, port = serve(service, options.port)
        except RuntimeError as error:
            print(f"synapse: port {options.port}: {error}", file=sys.stderr)
            return 1
        control = ControlServer(faults, options.control)
        interrupted = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: interrupted.set())
        print(json.dumps({"port": port, "control": control.port}), flush=True)
        interrupted.wait()
        server.stop(grace=30).wait()
        control.stop()
        service.flush()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="synapse", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=50051, help="gRPC port on 127.0.0.1; 0: any (default 50051)")
    parser.add_argument("--control", type=int, default=0, help="HTTP port for faults on 127.0.0.1 (default: any)")
    parser.add_argument("--storage", metavar="DIR", help="where namespaces are saved (default: a temporary one)")
    parser.add_argument("--embeddings", metavar="URL", help="Ollama-style embedding endpoint (default: none)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="JSON",
        help='switched on from the start, e.g. \'{"kind": "slow", "method": "QuerySparql", "seconds": 2}\'',
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
