"""Delivers failures to the analyst, and does not give up when it is away for a while."""

from __future__ import annotations

import logging
import queue
import threading
import time

from . import operations as op
from .connection import Connection
from .errors import SwarmError
from .models import Analysis, Failure

log = logging.getLogger("swarm_sdk")


class FailureReporter:
    """Reports one failure after the other, each until the analyst has accepted it or `give_up_after` seconds passed.

    `report` waits a little for the answer, so that a rule that this very failure completes is there before the task is
    given out again; a failure that is not accepted by then stays in a bounded queue, and the oldest makes way when that
    is full. Repeats are harmless: each failure carries its event id. Thread-safe.
    """

    def __init__(
        self, connection: Connection, *, wait: float = 5.0, give_up_after: float = 300.0, queue_max: int = 256
    ) -> None:
        self._connection = connection
        self._wait = wait
        self._give_up_after = give_up_after
        self._waiting: queue.Queue[tuple[Failure, float] | None] = queue.Queue(queue_max)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="failure-reporter", daemon=True)
        self.accepted = 0
        self.given_up = 0

    def start(self) -> None:
        self._thread.start()

    def report(self, failure: Failure) -> Analysis | None:
        """The analyst's answer, or None when it is not to be had now (the report goes on in the background)."""
        try:
            analysis = self._connection.run(op.report_failure(failure, within=self._wait), self._stopping)
        except SwarmError as error:
            if not error.retryable:
                self.given_up += 1
                log.error("failure report refused task=%s: %s", failure.task_id, error)
                return None
            log.warning("analyst not reachable, reporting later task=%s: %s", failure.task_id, error)
            self._enqueue(failure)
            return None
        self.accepted += 1
        return analysis

    def stop(self, within: float) -> int:
        """Delivers what is waiting for up to `within` seconds, and tells how many failures were not delivered."""
        deadline = time.monotonic() + within
        while self._waiting.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        left = self._waiting.unfinished_tasks
        self._stopping.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            pass  # then the thread is awake, and sees the flag
        self._thread.join()
        return left

    def _enqueue(self, failure: Failure) -> None:
        while True:
            try:
                self._waiting.put_nowait((failure, time.monotonic() + self._give_up_after))
                return
            except queue.Full:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        try:
            dropped = self._waiting.get_nowait()
        except queue.Empty:
            return
        self._waiting.task_done()
        self.given_up += 1
        log.error("failure report dropped, too many are waiting task=%s", dropped[0].task_id if dropped else "")

    def _run(self) -> None:
        while not self._stopping.is_set():
            item = self._waiting.get()
            if item is not None:
                self._deliver(*item)
            self._waiting.task_done()

    def _deliver(self, failure: Failure, give_up_at: float) -> None:
        try:
            left = max(0.0, give_up_at - time.monotonic())
            self._connection.run(op.report_failure(failure, within=left), self._stopping)
            self.accepted += 1
        except SwarmError as error:
            self.given_up += 1
            log.error("failure not reported task=%s: %s", failure.task_id, error)
