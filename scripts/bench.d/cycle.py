"""The swarm's cycle as its existing agents know it: a task from creation to completion, what the gateway adds to a model
call, the calls that deployed agents make, and how fast failures in the knowledge store become groups. The store is the stand-in of integration-tests/synapse."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In place of this folder, whose gateway.py would hide the tests' package of that name.
sys.path[0] = str(HERE / "cycle.d")
sys.path[1:1] = [str(HERE.parent.parent / "integration-tests"), str(HERE.parent.parent / "libs/python-sdk/src")]

import existing_agents  # noqa: E402
import failure_poll  # noqa: E402
import gateway_cost  # noqa: E402
import tasks  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=500, help="tasks")
    parser.add_argument("--calls", type=int, default=500, help="model calls of each way")
    parser.add_argument("--records", type=int, default=10_000, help="failures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        found = tasks.figures(directory / "tasks", arguments.cycles)
        found |= gateway_cost.figures(directory / "gateway", arguments.calls)
        found |= existing_agents.figures(directory / "agents", arguments.calls)
        found |= failure_poll.figures(directory / "failures", arguments.records)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
