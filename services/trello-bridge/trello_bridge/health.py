"""What an orchestrator of containers asks: is the bridge alive, does it work?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A look at a large board under Trello's rate limits takes its time; beyond this the bridge hangs.
_SILENCE_SECONDS_MAX = 600.0


class Health:
    """Serves /livez and /readyz by plain HTTP, from a thread of its own, until closed. Thread-safe."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._fault: str | None = "no look at the board has ended yet"
        host, _, port = address.rpartition(":")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:  # noqa: N802 - the base's name
                status, text = outer._answer(self.path)
                body = (text + "\n").encode()
                self.send_response(status)
                self.send_header("content-type", "text/plain; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host.strip("[]") or "127.0.0.1", int(port)), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def looked(self, fault: str | None = None) -> None:
        """A look at the board has ended: well, or with this fault."""
        self._last, self._fault = self._clock(), fault

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str) -> tuple[int, str]:
        silent = self._clock() - self._last
        if path == "/livez":
            return (200, "ok") if silent < _SILENCE_SECONDS_MAX else (503, f"no look at the board has ended for {silent:.0f} s")
        if path == "/readyz":
            return (200, "ok") if self._fault is None else (503, self._fault)
        return 404, "there is /livez and /readyz"
