"""Trello's REST API as its public documentation describes it, for one board, in memory.

    /1/members/me · /1/boards/{id}/lists · /1/boards/{id}/cards/open · PUT /1/cards/{id} · POST /1/cards/{id}/actions/comments
    GET /1/cards/{id}/actions?filter=commentCard (newest first)

Refuses what lacks the OAuth header with 401, unknown ids with 404, and answers 429 as often as `limit_next` says.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY, TOKEN, BOARD = "k-3f", "t-9a", "board1"
AUTHORIZATION = f'OAuth oauth_consumer_key="{KEY}", oauth_token="{TOKEN}"'


class TrelloDouble:
    """Thread-safe. `cards` maps an id to {"name", "desc", "idList", "labels"}; `comments` an id to its actions, oldest first."""

    def __init__(self, *list_names: str) -> None:
        self.lists = {f"list{n}": name for n, name in enumerate(list_names)}
        self.cards: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[tuple[str, str]] = []
        self.limit_next = 0
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_card(self, list_name: str, name: str, desc: str = "", labels: tuple[str, ...] = ()) -> str:
        with self._lock:
            card = f"card{next(self._numbers):021x}"
            self.cards[card] = {"name": name, "desc": desc, "idList": self._list_id(list_name), "labels": labels}
            self.comments[card] = []
            return card

    def say(self, card: str, author: str, text: str) -> None:
        with self._lock:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            self.comments[card].append({
                "id": f"act{next(self._numbers)}", "type": "commentCard", "date": stamp,
                "data": {"text": text}, "memberCreator": {"username": author},
            })  # fmt: skip

    def place(self, card: str) -> str:
        return self.lists[self.cards[card]["idList"]]

    def texts(self, card: str) -> list[str]:
        return [a["data"]["text"] for a in self.comments[card]]

    def _list_id(self, name: str) -> str:
        return next(i for i, n in self.lists.items() if n == name)

    # -- the API ------------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], authorization: str | None) -> tuple[int, Any]:
        with self._lock:
            self.requests.append((method, path))
            if authorization != AUTHORIZATION:
                return 401, "invalid key"
            if self.limit_next > 0:
                self.limit_next -= 1
                return 429, {"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}
            return self._route(method, path.strip("/").split("/"), query)

    def _route(self, method: str, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        match method, parts:
            case "GET", ["1", "members", "me"]:
                return 200, {"id": "m1", "username": "swarm-bot"}
            case "GET", ["1", "boards", board, "lists"] if board == BOARD:
                return 200, [{"id": i, "name": n} for i, n in self.lists.items()]
            case "GET", ["1", "boards", board, "cards", "open"] if board == BOARD:
                return 200, [self._card(i) for i in self.cards]
            case "PUT", ["1", "cards", card] if card in self.cards and query.get("idList") in self.lists:
                self.cards[card]["idList"] = query["idList"]
                return 200, self._card(card)
            case "POST", ["1", "cards", card, "actions", "comments"] if card in self.cards and query.get("text"):
                self.say(card, "swarm-bot", query["text"])
                return 200, self.comments[card][-1]
            case "GET", ["1", "cards", card, "actions"] if card in self.cards:
                return 200, self.comments[card][::-1]
        return 404, "The requested resource was not found."

    def _card(self, card: str) -> dict[str, Any]:
        fields = self.cards[card]
        return {"id": card} | fields | {"labels": [{"id": "l", "name": n, "color": "green"} for n in fields["labels"]]}


def _handler(double: TrelloDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            query = dict(urllib.parse.parse_qsl(url.query) + urllib.parse.parse_qsl(body, keep_blank_values=True))
            status, answer = double.answer(self.command, url.path, query, self.headers.get("Authorization"))
            raw = json.dumps(answer).encode() if not isinstance(answer, str) else answer.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_PUT = do_POST = _any

        def log_message(self, *_: object) -> None:
            pass

    return Handler
