"""Trello's REST API, as far as the bridge needs it. Standard library only.

Key and token go in the Authorization header, never in a URL, which would end up in logs. Requests keep below the rate
that Trello allows a token; where another user of it takes its share, 429 is tried again with growing pauses, as are
server errors. Long answers come in pages.
"""

from __future__ import annotations

import functools
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

ANSWER_BYTES_MAX = 16 << 20
COMMENT_CHARS_MAX = 16_384
TRIES_MAX = 6
PAGE_MAX = 1000
RATE_MAX, RATE_SECONDS = 90, 10.0  # Trello allows a token 100 requests in 10 s


class TrelloError(Exception):
    """`status` 0: no answer at all. The message holds no credentials."""

    def __init__(self, status: int, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"trello: {status}: {message}" if status else f"trello: {message}")
        self.status = status
        self.retry_after = retry_after

    @property
    def is_about_the_request(self) -> bool:
        """Another request may well succeed: it was not for want of rights, rate or server."""
        return 400 <= self.status < 500 and self.status not in (401, 403, 408, 429)


_Method = TypeVar("_Method", bound=Callable[..., Any])


def _reads_answer(method: _Method) -> _Method:
    """An answer of another shape, JSON that some proxy says, is a TrelloError."""

    @functools.wraps(method)
    def read(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except (KeyError, TypeError, AttributeError) as error:
            raise TrelloError(0, f"the answer is none of Trello's: {error!r}") from None

    return cast(_Method, read)


@dataclass(frozen=True)
class Card:
    id: str
    name: str
    description: str
    list_id: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Comment:
    id: str
    text: str
    author: str  # user name
    at: str      # ISO 8601


class Trello:
    """Not thread-safe."""

    def __init__(
        self, base_url: str, key: str, token: str, timeout: float = 10.0, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._base = base_url.rstrip("/")
        self._authorization = f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'
        self._timeout = timeout
        self._pause = pause
        self._sent: deque[float] = deque(maxlen=RATE_MAX)  # when the last requests were sent

    @_reads_answer
    def me(self) -> str:
        """The user name that the token belongs to."""
        return str(self._call("GET", "/1/members/me", fields="username")["username"])

    @_reads_answer
    def lists(self, board: str) -> dict[str, str]:
        """List id → name."""
        answer = self._call("GET", f"/1/boards/{_segment(board)}/lists", fields="name", filter="open")
        return {item["id"]: item["name"] for item in answer}

    @_reads_answer
    def cards(self, board: str) -> list[Card]:
        """All open cards of the board, oldest first."""
        answer = self._all(f"/1/boards/{_segment(board)}/cards/open", fields="name,desc,idList,labels")
        return [
            Card(c["id"], c["name"], c.get("desc", ""), c["idList"], tuple(item["name"] for item in c.get("labels", ())))
            for c in answer
        ]

    def move(self, card: str, list_id: str) -> None:
        self._call("PUT", f"/1/cards/{_segment(card)}", idList=list_id)

    def comment(self, card: str, text: str) -> None:
        self._call("POST", f"/1/cards/{_segment(card)}/actions/comments", text=text[:COMMENT_CHARS_MAX])

    @_reads_answer
    def comments(self, card: str) -> list[Comment]:
        """All of them, oldest first."""
        answer = self._all(f"/1/cards/{_segment(card)}/actions", filter="commentCard")
        return [
            Comment(a["id"], a["data"]["text"], a.get("memberCreator", {}).get("username", ""), a["date"]) for a in answer
        ]

    def _all(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        """Page by page, the newest first; ids sort by age."""
        found: dict[str, dict[str, Any]] = {}
        before: dict[str, str] = {}
        while True:
            page = self._call("GET", path, limit=str(PAGE_MAX), **parameters, **before)
            found |= {item["id"]: item for item in page}
            if len(page) < PAGE_MAX:
                return [found[i] for i in sorted(found)]
            before = {"before": min(item["id"] for item in page)}

    def _keep_below_the_rate(self) -> None:
        if len(self._sent) == RATE_MAX:
            wait = self._sent[0] + RATE_SECONDS - time.monotonic()
            if wait > 0:
                self._pause(wait)
        self._sent.append(time.monotonic())

    def _call(self, method: str, path: str, **parameters: str) -> Any:
        pause = 0.5
        for attempt in range(1, TRIES_MAX + 1):
            self._keep_below_the_rate()
            try:
                return self._once(method, path, parameters)
            except TrelloError as error:
                # A lost answer to a POST may have been carried out: the caller looks before it posts again.
                again = error.status == 429 or (method != "POST" and (error.status == 0 or error.status >= 500))
                if not again or attempt == TRIES_MAX:
                    raise
                self._pause(error.retry_after or pause)
                pause *= 2
        raise AssertionError("unreachable")

    def _once(self, method: str, path: str, parameters: dict[str, str]) -> Any:
        query = urllib.parse.urlencode(parameters)
        body = query.encode() if method in ("POST", "PUT") else None
        url = self._base + path + ("" if body is not None or not query else "?" + query)
        request = urllib.request.Request(url, body, {"Authorization": self._authorization, "Accept": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return json.loads(answer.read(ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            text = error.read(500).decode("utf-8", "replace")
            raise TrelloError(error.code, text, _seconds(error.headers.get("Retry-After"))) from None
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            raise TrelloError(0, str(getattr(error, "reason", "")) or str(error) or type(error).__name__) from None
        except ValueError as error:
            raise TrelloError(0, f"the answer is no JSON: {error}") from None


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _seconds(text: str | None) -> float | None:
    try:
        return min(float(text), 60.0) if text else None
    except ValueError:
        return None
