"""Kills one service in the middle of the work, and starts it again on the same ports and data."""

from __future__ import annotations

import threading
import time
from typing import Any

from stack import Stack

DOWN_SECONDS = 0.5


class Chaos:
    """Strikes once, when the third attempt of a Coder begins: agents are then in the middle of everything."""

    def __init__(self, stack: Stack, service: str) -> None:
        self.service = service
        self.struck = False
        self._stack = stack
        self._attempts = 0
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def see(self, event: dict[str, Any]) -> bool:
        """True when this event made it strike."""
        self._attempts += event["event"] == "assigned" and event.get("role") == "Coder"
        if self.struck or self._attempts < 3:
            return False
        self.struck = True
        self._stack.services[self.service].kill()
        self._thread = threading.Thread(target=self._start_again)
        self._thread.start()
        return True

    def finish(self) -> None:
        """Waits until the service is back. Raises what its start raised."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _start_again(self) -> None:
        time.sleep(DOWN_SECONDS)
        try:
            self._stack.services[self.service].start()
        except Exception as error:
            self._error = error
