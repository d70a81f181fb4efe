"""python -m trello_bridge --config FILE"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
import threading
from pathlib import Path

from swarm_sdk import OrchestratorClient

from .bridge import Bridge
from .health import Health
from .settings import SettingsError, read
from .trello import Trello


def main() -> int:
    parser = argparse.ArgumentParser(prog="trello-bridge", description="Cards of a Trello board as tasks of the swarm.")
    parser.add_argument("--config", type=Path, required=True, help="TOML file; the credentials come from TRELLO_KEY and TRELLO_TOKEN")
    parser.add_argument("--check-config", action="store_true", help="only check it")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = read(options.config)
    except SettingsError as error:
        print(f"trello-bridge: {error}", file=sys.stderr)
        return 2
    if options.check_config:
        return 0
    with contextlib.ExitStack() as open_ones:
        try:
            health = open_ones.enter_context(contextlib.closing(Health(settings.health))) if settings.health else None
        except OSError as error:
            print(f"trello-bridge: can't listen on {settings.health}: {error}", file=sys.stderr)
            return 1
        if health is not None:
            logging.info("health at port %d", health.port)
        orchestrator = open_ones.enter_context(OrchestratorClient(settings.orchestrator))
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        trello = Trello(settings.base_url, settings.key, settings.token, pause=stop.wait)
        bridge = Bridge(settings, trello, orchestrator, stop, health.looked if health else None)
        try:
            bridge.run()
        except SettingsError as error:
            print(f"trello-bridge: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
