"""A bearer token that stays good: it is renewed by a service before it ends."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from dataclasses import replace

from . import wire
from .connection import Connection, ConnectionOptions
from .errors import PermissionDenied, SwarmError, Unauthenticated
from .operations import Operation

log = logging.getLogger("swarm_sdk")
_RETRY_SECONDS_MAX = 30.0


class RenewingToken:
    """Give it as `ConnectionOptions(token=…)`, to as many clients as you like.

    A thread asks the service at `address` (any of the three that has a signing key) for a new token when two thirds of the
    life of the present one are over, and again, with growing waits, while that fails. The services end the chain some
    time after the first token was issued (`auth.renewal_max`, a day by default): `failed` then tells why. Close it when done.
    Thread-safe.
    """

    def __init__(self, token: str, address: str, options: ConnectionOptions | None = None) -> None:
        self._token = token
        self._connection = Connection(address, replace(options or ConnectionOptions(), token=self))
        self._stop = threading.Event()
        self.failed: SwarmError | None = None
        self._thread = threading.Thread(target=self._renew_on, args=(*_times(token),), name="swarm-token", daemon=True)
        self._thread.start()

    def __call__(self) -> str:
        return self._token

    def close(self) -> None:
        """Renews no more. Idempotent."""
        self._stop.set()
        self._connection.close()
        self._thread.join()

    def _renew_on(self, issued: float, ends: float) -> None:
        wait = _until_renewal(issued, ends)
        retry = 1.0
        while not self._stop.wait(wait):
            try:
                answer = self._connection.run(_renewal(), self._stop)
            except (Unauthenticated, PermissionDenied) as error:
                self.failed = error
                log.error("the token can't be renewed any more: %s", error)
                return
            except SwarmError as error:
                wait, retry = retry, min(2 * retry, _RETRY_SECONDS_MAX)
                log.warning("the token was not renewed, trying again in %.0f s: %s", wait, error)
            else:
                self._token = answer
                wait, retry = _until_renewal(*_times(answer)), 1.0


def _renewal() -> Operation[str]:
    method = wire.method("operations.Operations.RenewToken")
    return Operation(method, method.request(), lambda answer: str(answer.token))


def _times(token: str) -> tuple[float, float]:
    """When it was issued and when it ends. Nothing is verified here: that is the services' part."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(claims["iat"]), float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError):
        raise ValueError("not a token that tells when it ends") from None


def _until_renewal(issued: float, ends: float) -> float:
    # The clocks of both sides may differ; the length of its life is what both agree on.
    life = max(1.0, ends - issued)
    return max(0.1, min(issued + life * 2 / 3 - time.time(), life * 2 / 3))
