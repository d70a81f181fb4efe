"""Budgets of the gateway."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spend:
    """A budget scope in US dollars. `limit` and `remaining` mean nothing when `unlimited`."""

    scope: str
    current_spend: float
    limit: float
    remaining: float
    window: str
    reserved: float
    unlimited: bool
    resets_unix_ms: int
    state: str
    overshoot_max: float
    strict: bool
    unknown_crash: float
    age_ms: int
    requests: int


@dataclass(frozen=True)
class SpendEvent:
    scope: Spend
    sequence: int
