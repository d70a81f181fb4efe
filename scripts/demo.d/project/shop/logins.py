"""Guessed passwords."""

from datetime import datetime, timedelta

from shop.records import Login


def recent_failures(logins: list[Login]) -> int:
    """How many of `logins` have `failed_at` within the last 15 minutes."""
    raise NotImplementedError
