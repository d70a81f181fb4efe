"""Keeps an agent's leases alive from a background thread, and learns which of them are gone."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from . import operations as op
from .connection import Connection
from .errors import FailedPrecondition, SwarmError
from .models import Lease

log = logging.getLogger("swarm_sdk")
FIRST_BEAT = 0.5  # seconds after the assignment; tells the orchestrator that it arrived. Instant tasks need none.


class HeldLease:
    """One lease while the agent works under it. `lost` and `cancelled` are set by the keeper. Thread-safe."""

    def __init__(self, task_id: str, lease_token: str) -> None:
        self.task_id = task_id
        self.lease_token = lease_token
        self.progress = ""
        self.lost = threading.Event()
        self.cancelled = threading.Event()


class LeaseKeeper:
    """Sends heartbeats while leases are held.

    A heartbeat that cannot be delivered is tried again at once with back-off: a lease survives a restart of the
    orchestrator, which gives each live lease its full time again, so an unreachable orchestrator is no reason to stop
    working. `on_unknown` is called when the orchestrator does not know this agent (it registers again), `on_drain`
    when the orchestrator asks this agent to wind down.
    """

    def __init__(
        self, connection: Connection, agent_id: str, on_unknown: Callable[[], None], on_drain: Callable[[], None]
    ) -> None:
        self.interval = 1.0  # seconds; set from the registration
        self._connection = connection
        self._agent_id = agent_id
        self._on_unknown = on_unknown
        self._on_drain = on_drain
        self._held: dict[str, HeldLease] = {}
        self._changed = threading.Condition()
        self._next_beat = float("inf")
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{agent_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def hold(self, lease: HeldLease) -> None:
        with self._changed:
            self._held[lease.task_id] = lease
            self._next_beat = min(self._next_beat, time.monotonic() + min(FIRST_BEAT, self.interval))
            self._changed.notify()

    def release(self, lease: HeldLease) -> None:
        with self._changed:
            if self._held.get(lease.task_id) is lease:
                del self._held[lease.task_id]

    def beat_soon(self) -> None:
        """Asks for a heartbeat now, for instance because the progress changed."""
        with self._changed:
            self._next_beat = time.monotonic()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        delays = self._connection.options.backoff.delays()
        while True:
            with self._changed:
                while not self._stopping and time.monotonic() < self._next_beat:
                    left = self._next_beat - time.monotonic()
                    self._changed.wait(None if left == float("inf") else left)
                if self._stopping:
                    return
                held = list(self._held.values())
                self._next_beat = float("inf")
            if not held:
                continue
            if self._beat(held):
                delays = self._connection.options.backoff.delays()
                wait = self.interval
            else:
                wait = min(next(delays), self.interval)
            with self._changed:
                if self._held:
                    self._next_beat = min(self._next_beat, time.monotonic() + wait)

    def _beat(self, held: list[HeldLease]) -> bool:
        leases = [Lease(h.task_id, h.lease_token, h.progress) for h in held]
        try:
            answer = self._connection.run(op.heartbeat(self._agent_id, leases, timeout=max(1.0, self.interval)))
        except FailedPrecondition:
            self._on_unknown()
            return False
        except SwarmError as error:
            log.info("heartbeat not delivered: %s", error)
            return False
        for lease in held:
            if lease.task_id in answer.cancelled_task_ids:
                lease.cancelled.set()
            elif lease.task_id in answer.lost_task_ids:
                lease.lost.set()
        if answer.drain:
            self._on_drain()
        return True
