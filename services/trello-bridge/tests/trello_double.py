"""Trello's REST API as its public documentation describes it, for one board, in memory.

    GET  /1/members/me                      the token's owner
    GET  /1/boards/{id}/lists               open lists
    GET  /1/boards/{id}/cards/open          ?limit=1…1000 &before=ID: the newest first of what is older than ID
    PUT  /1/cards/{id}                      idList
    POST /1/cards/{id}/actions/comments     text, at most 16,384 characters
    GET  /1/cards/{id}/actions              ?filter=commentCard &limit=1…1000 &before=ID: newest first, 50 without a limit

Key and token come in the OAuth header or in the query, else 401 in plain text; unknown ids are 404 and bad values 400, in plain text too.
Rate limits per 10 s: 300 requests of a key, 100 of a token; of /1/members 100 per 900 s; beyond: 429, which limit it was in JSON, and no
Retry-After. Everything else of the API is absent (404), its webhooks included.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY, TOKEN, BOARD = "k-3f", "t-9a", "5f2b8c6f0d3e4a1b2c3d4e5f"
OAUTH = re.compile(r'OAuth oauth_consumer_key="([^"]*)", oauth_token="([^"]*)"')
PAGE_MAX, ACTIONS_DEFAULT, COMMENT_CHARS_MAX = 1000, 50, 16_384
LIMITS = (("API_KEY_LIMIT_EXCEEDED", 300, 10.0), ("API_TOKEN_LIMIT_EXCEEDED", 100, 10.0))
MEMBERS_LIMIT = ("API_TOKEN_LIMIT_EXCEEDED", 100, 900.0)

Answer = tuple[int, Any]
Hook = Callable[[], None]


class TrelloDouble:
    """Thread-safe. `cards` maps an id to {"name", "desc", "idList", "labels"}; `comments` an id to its actions, oldest first.

    `points` maps (method, kind, "before" | "after") to what is called once when such a request was received and not yet
    carried out, or carried out and not yet answered; kinds: lists, cards, card, comment, actions.
    """

    def __init__(self, *list_names: str) -> None:
        self._numbers = itertools.count(1)
        self.lists = {self._id(): name for name in list_names}
        self.cards: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.refused: list[str] = []  # which limit, for each 429
        self.limit_next = 0           # so many requests are refused whatever their rate
        self.points: dict[tuple[str, str, str], Hook] = {}
        self._recent: dict[str, deque[float]] = {}
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # -- what a person does -------------------------------------------------------------------------------------------

    def add_card(self, list_name: str, name: str, desc: str = "", labels: tuple[str, ...] = ()) -> str:
        with self._lock:
            card = self._id()
            self.cards[card] = {"name": name, "desc": desc, "idList": self.list_id(list_name), "labels": labels}
            self.comments[card] = []
            return card

    def say(self, card: str, author: str, text: str) -> None:
        with self._lock:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            self.comments[card].append({
                "id": self._id(), "type": "commentCard", "date": stamp,
                "data": {"text": text, "card": {"id": card}}, "memberCreator": {"username": author},
            })  # fmt: skip

    def put_back(self, card: str, list_name: str) -> None:
        self.cards[card]["idList"] = self.list_id(list_name)

    def archive(self, card: str) -> None:
        del self.cards[card]

    def place(self, card: str) -> str:
        return self.lists[self.cards[card]["idList"]]

    def texts(self, card: str) -> list[str]:
        return [a["data"]["text"] for a in self.comments[card]]

    def list_id(self, name: str) -> str:
        return next(i for i, n in self.lists.items() if n == name)

    def _id(self) -> str:
        """Ids begin with the second of their making, so they sort by age."""
        return f"{int(time.time()):08x}{next(self._numbers):016x}"

    # -- the API ------------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], authorization: str | None) -> Answer:
        kind = _kind(path)
        with self._lock:
            self.requests.append((method, path))
            refusal = self._unauthorized(query, authorization) or self._too_many(path)
            if refusal:
                return refusal
        self._reach(method, kind, "before")
        with self._lock:
            answer = self._route(method, path.strip("/").split("/"), query)
        self._reach(method, kind, "after")
        return answer

    def _reach(self, method: str, kind: str, when: str) -> None:
        hook = self.points.pop((method, kind, when), None)
        if hook is not None:
            hook()

    @staticmethod
    def _unauthorized(query: dict[str, str], authorization: str | None) -> Answer | None:
        found = OAUTH.fullmatch(authorization or "")
        key, token = found.groups() if found else (query.get("key"), query.get("token"))
        if key != KEY:
            return 401, "invalid key"
        return None if token == TOKEN else (401, "invalid token" if token else "unauthorized permission requested")

    def _too_many(self, path: str) -> Answer | None:
        now = time.monotonic()
        limits = [*LIMITS, MEMBERS_LIMIT] if path.startswith("/1/members") else LIMITS
        for number, (error, count, seconds) in enumerate(limits):
            recent = self._recent.setdefault(f"{error}{number}", deque())
            while recent and now - recent[0] > seconds:
                recent.popleft()
            if len(recent) >= count or self.limit_next > 0:
                self.limit_next = max(0, self.limit_next - 1)
                self.refused.append(error)
                return 429, {"error": error, "message": "Rate limit exceeded"}
            recent.append(now)
        return None

    def _route(self, method: str, parts: list[str], query: dict[str, str]) -> Answer:
        match method, parts:
            case "GET", ["1", "members", "me"]:
                return 200, {"id": "5f2b8c6f0d3e4a1b2c3d4e60", "username": "swarm-bot"}
            case "GET", ["1", "boards", board, "lists"] if board == BOARD:
                return 200, [{"id": i, "name": n} for i, n in self.lists.items()]
            case "GET", ["1", "boards", board, "cards", "open"] if board == BOARD:
                return _page([self._card(i) for i in self.cards], query, len(self.cards))
            case "PUT", ["1", "cards", card] if card in self.cards:
                if query.get("idList") not in self.lists:
                    return 400, "invalid value for idList"
                self.cards[card]["idList"] = query["idList"]
                return 200, self._card(card)
            case "POST", ["1", "cards", card, "actions", "comments"] if card in self.cards:
                if not 0 < len(query.get("text", "")) <= COMMENT_CHARS_MAX:
                    return 400, "invalid value for text"
                self.say(card, "swarm-bot", query["text"])
                return 200, self.comments[card][-1]
            case "GET", ["1", "cards", card, "actions"] if card in self.cards:
                return _page(self.comments[card], query, ACTIONS_DEFAULT)
            case "GET", ["1", "boards" | "cards", name, *_] if not re.fullmatch(r"[0-9a-f]{24}|\w{8}", name):
                return 400, "invalid id"
        return 404, "The requested resource was not found."

    def _card(self, card: str) -> dict[str, Any]:
        fields = self.cards[card]
        return {"id": card} | fields | {"labels": [{"id": "l", "name": n, "color": "green"} for n in fields["labels"]]}


def _kind(path: str) -> str:
    return {"comments": "comment", "actions": "actions", "lists": "lists", "open": "cards"}.get(path.rsplit("/", 1)[-1], "card")


def _page(items: list[dict[str, Any]], query: dict[str, str], default: int) -> Answer:
    """Newest first; `before` is an id."""
    try:
        limit = int(query.get("limit", default))
    except ValueError:
        return 400, "invalid value for limit"
    if query.get("limit") and not 0 <= limit <= PAGE_MAX:
        return 400, "invalid value for limit"
    older = [i for i in items if not query.get("before") or i["id"] < query["before"]]
    return 200, sorted(older, key=lambda i: str(i["id"]), reverse=True)[:limit]


def _handler(double: TrelloDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            query = dict(urllib.parse.parse_qsl(url.query) + urllib.parse.parse_qsl(body, keep_blank_values=True))
            status, answer = double.answer(self.command, url.path, query, self.headers.get("Authorization"))
            raw = json.dumps(answer).encode() if not isinstance(answer, str) else answer.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_PUT = do_POST = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(Handler):
        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client was killed

    return Quiet
