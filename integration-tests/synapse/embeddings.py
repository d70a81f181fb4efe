"""The embedding server behind Synapse (Ollama's protocol) and a plain nearest-neighbour index."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request

DEFAULT_URL = "http://localhost:11434/api/embeddings"
MODEL = "nomic-embed-text"


class EmbeddingFailed(Exception):
    """The text that the real server's HTTP client gives."""


class Embedder:
    """Asks `url` for vectors. Without a url it answers as if nothing listened on Ollama's port, without a connection."""

    def __init__(self, url: str | None, timeout: float = 5.0) -> None:
        self._url = url
        self._timeout = timeout

    @property
    def absent(self) -> bool:
        return self._url is None

    def embed(self, text: str) -> list[float]:
        if self._url is None:
            raise EmbeddingFailed(f"error sending request for url ({DEFAULT_URL})")
        body = json.dumps({"model": MODEL, "prompt": text}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                return [float(x) for x in json.load(answer)["embedding"]]
        except (urllib.error.URLError, OSError) as error:
            raise EmbeddingFailed(f"error sending request for url ({self._url})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingFailed("error decoding response body") from error


class VectorIndex:
    """Vectors by key, each with the subject that it stands for."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[str, list[float]]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def add(self, key: str, subject: str, vector: list[float]) -> None:
        self._entries[key] = (subject, vector)

    def nearest(self, vector: list[float], count: int) -> list[tuple[str, float]]:
        """The `count` nearest, nearest first, scored 1 / (1 + distance)."""
        ranked = sorted((math.dist(vector, v), subject) for subject, v in self._entries.values() if len(v) == len(vector))
        return [(subject, 1.0 / (1.0 + distance)) for distance, subject in ranked[:count]]
