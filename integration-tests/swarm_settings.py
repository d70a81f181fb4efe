"""Settings that the demo and the tests across services share."""

from __future__ import annotations

from typing import Any

AGENT_KEY = "sk-swarm-demo"
UPSTREAM_KEY_VARIABLE = "DEMO_MODEL_KEY"  # environment of the gateway: no provider's key is written to a file


def gateway_settings(
    url: str, *, dialect: str = "openai", model: str = "scripted", limit_usd: float = 2.0
) -> dict[str, Any]:
    """A gateway with one upstream, one model at the price of a small one, one key for all agents, one limit a day.

    What a request may cost at most is bounded by max_output_tokens: six at once stay within the overshoot that is
    allowed, one per cent of the limit.
    """
    return {
        "upstreams": {"model": {"base_url": url, "dialect": dialect, "api_key_env": UPSTREAM_KEY_VARIABLE}},
        "models": {model: {"upstream": "model", "input_usd_per_mtok": 0.4, "output_usd_per_mtok": 1.6,
                           "max_output_tokens": 2048}},
        "keys": {"agents": {"key": AGENT_KEY, "team": "swarm", "bare_tasks": True}},
        "budgets": {"global": {"limit_usd": limit_usd, "window": "day"}},
    }
