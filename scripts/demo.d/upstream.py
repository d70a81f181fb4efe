"""Which model the demo asks: a real one when the environment offers one, else the bundled scripted server."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Upstream:
    label: str
    dialect: str  # openai or anthropic
    url: str  # empty: the scripted server's, once it runs
    key: str
    model: str
    scripted: bool = False


def choose_upstream(env: dict[str, str] | None = None) -> Upstream:
    """Own URL first, then OpenAI, then Anthropic, then scripted."""
    env = dict(os.environ) if env is None else env
    model = env.get("SWARM_DEMO_MODEL", "")
    if url := env.get("SWARM_DEMO_UPSTREAM_URL"):
        return Upstream(f"{model or 'default'} at {url}", "openai", url, env.get("SWARM_DEMO_UPSTREAM_KEY", "none"),
                        model or "default")
    if key := env.get("OPENAI_API_KEY"):
        model = model or "gpt-4.1-mini"
        return Upstream(f"OpenAI {model}", "openai", "https://api.openai.com/v1", key, model)
    if key := env.get("ANTHROPIC_API_KEY"):
        model = model or "claude-haiku-4-5"
        return Upstream(f"Anthropic {model}", "anthropic", "https://api.anthropic.com/v1", key, model)
    return Upstream("scripted model server (no API key given)", "openai", "", "scripted-key", "scripted", scripted=True)


def why_unreachable(upstream: Upstream) -> str:
    """Where and why nothing answers at a real model's address; empty when something does."""
    if upstream.scripted or os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return ""
    url = urlsplit(upstream.url)
    try:
        socket.create_connection((url.hostname or "", url.port or {"http": 80}.get(url.scheme, 443)), timeout=5).close()
    except (OSError, ValueError) as error:
        return f"{upstream.url}: {getattr(error, 'strerror', None) or error}"
    return ""
