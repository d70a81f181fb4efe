"""Who may use which namespace: nobody's token but `default`, or a token with the namespaces of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

TOKENS_ENV = "SYNAPSE_AUTH_TOKENS"


class AccessDenied(Exception):
    pass


class Access:
    """`tokens` maps a token to patterns of namespaces: a name, a prefix with `*` at its end, or `*`."""

    def __init__(self, tokens: Mapping[str, Sequence[str]]) -> None:
        self._tokens = {token: tuple(patterns) for token, patterns in tokens.items()}

    @classmethod
    def from_environment(cls) -> Access:
        """A value that does not parse counts as none, as in the real server."""
        try:
            tokens = json.loads(os.environ.get(TOKENS_ENV, "{}"))
            return cls({str(token): [str(p) for p in patterns] for token, patterns in tokens.items()})
        except (ValueError, AttributeError, TypeError):
            return cls({})

    def check(self, authorization: str | None, namespace: str) -> None:
        """Raises AccessDenied with the server's text."""
        if authorization is None:
            if namespace != "default":
                raise AccessDenied("Authentication required")
            return
        token = authorization
        while token.startswith("Bearer "):
            token = token.removeprefix("Bearer ")
        patterns = self._tokens.get(token)
        if patterns is None:
            raise AccessDenied("Invalid token")
        if not any(_matches(pattern, namespace) for pattern in patterns):
            raise AccessDenied(f"Token not authorized for namespace: {namespace}")


def _matches(pattern: str, namespace: str) -> bool:
    return namespace.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == namespace
