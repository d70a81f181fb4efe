"""The main job of the swarm, on this machine, for real: agents fail, a golden rule is made, and the rest succeed.

Starts the three services on their embedded defaults, a Product Manager, two Coders and a Reviewer, each a process of its
own, and lets them write what is missing in a small repository, judged by its real tests. Exit status 0 when the loop
closed, 1 when it did not, 2 when the demo could not run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("scripts/demo.d", "integration-tests", "libs/python-sdk/src"):
    sys.path.insert(0, str(ROOT / folder))

from chaos import Chaos  # noqa: E402
from display import Display  # noqa: E402
from report import print_report  # noqa: E402
from run import Run, Timeout  # noqa: E402
from stack import Stack  # noqa: E402
from swarm_process import StartFailed  # noqa: E402
from upstream import choose_upstream, why_unreachable  # noqa: E402

SPACE_MIN = 64 << 20  # bytes; a run takes some 3 MiB, LMDB and pytest want room


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.split("\n\n")[0],
                                     epilog="A real model is used when OPENAI_API_KEY, ANTHROPIC_API_KEY or "
                                     "SWARM_DEMO_UPSTREAM_URL is set (SWARM_DEMO_MODEL names the model); otherwise a "
                                     "bundled scripted one.")
    parser.add_argument("--json", metavar="FILE", help="write the summary as JSON; - is standard output")
    parser.add_argument("--control", choices=["no-delivery", "wrong-stack"],
                        help="a run that must not close: rules are not delivered, or belong to another stack")
    parser.add_argument("--chaos", choices=["orchestrator", "analyst", "gateway"],
                        help="kill this service (SIGKILL) in the middle, and start it again")
    parser.add_argument("--timeout", type=float, metavar="S", help="give up after so many seconds (60; real model 900)")
    parser.add_argument("--keep", action="store_true", help="keep the directory with repository, logs and data")
    return parser.parse_args()


def stop(signal_number: int, _: object) -> None:
    """Whoever ends the demo, however: nothing of it is left running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(signal_number)


def leave_surroundings() -> None:
    """What git, pytest and proxies are told by the caller's environment must not reach the demo's own repository, tests and
    loopback: inside a git hook, GIT_DIR names the caller's repository."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "PYTEST_")) or name == "PYTHONIOENCODING":
            del os.environ[name]
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PYTHONUTF8": "1"}
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, ("127.0.0.1,localhost", os.environ.get(name))))


def write_summary(summary: dict[str, Any], target: str) -> str:
    """Why it could not be written; "" when it was."""
    text = json.dumps(summary, indent=2) + "\n"
    try:
        if target == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        if target == "-":
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the exit would try to write it again
        place = "standard output" if target == "-" else target
        return f"{place}: {error.strerror}; free space there or choose another place"
    return ""


def main() -> int:
    arguments = parse()
    leave_surroundings()
    upstream = choose_upstream()
    if cause := why_unreachable(upstream):
        print(f"demo: the model can't be reached: {cause}; check the address and the network, "
              "or unset the variable to see the scripted model", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    directory = Path(tempfile.mkdtemp(prefix="swarm-demo-"))
    if (free := shutil.disk_usage(directory).free) < SPACE_MIN:
        directory.rmdir()
        print(f"demo: {directory.parent} has {free >> 20} MiB left, too little for repository, logs and data "
              f"({SPACE_MIN >> 20} MiB); free space there, or set TMPDIR to a folder with more", file=sys.stderr)
        return 2
    display = Display(sys.stderr if arguments.json == "-" else sys.stdout)
    started = time.monotonic()
    keep = arguments.keep
    try:
        with Stack(directory, upstream, control=arguments.control) as stack:
            if cause := stack.why_model_refuses():
                raise StartFailed(f"the model refuses: {cause}; check the key, the address and SWARM_DEMO_MODEL")
            chaos = Chaos(stack, arguments.chaos) if arguments.chaos else None
            display.opening(stack, time.monotonic() - started)
            run = Run(stack, display, chaos, timeout=arguments.timeout or (60.0 if upstream.scripted else 900.0))
            summary = run.to_the_end()
    except (StartFailed, Timeout) as error:
        display.fault(f"{error}\nLogs and data are in {directory}")
        return 2
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # whoever read it has gone: nothing more to say
        shutil.rmtree(directory, ignore_errors=True)
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt as interrupt:
        display.fault("stopped")
        shutil.rmtree(directory, ignore_errors=True)
        return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    summary["control"], summary["chaos"] = arguments.control, arguments.chaos
    print_report(summary, display)
    unwritten = write_summary(summary, arguments.json) if arguments.json else ""
    if keep or (not summary["closed"] and arguments.control is None):
        display.say(f"Repository, logs and data are kept in {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    if unwritten:
        display.fault(f"the summary is not written: {unwritten}; the loop {'closed' if summary['closed'] else 'did not close'}")
        return 2
    return 0 if summary["closed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
