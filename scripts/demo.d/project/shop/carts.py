"""Carts that were left standing."""

from datetime import datetime, timedelta

from shop.records import Cart


def abandoned(carts: list[Cart]) -> list[Cart]:
    """Those of `carts` whose `touched_at` is more than 2 hours ago."""
    raise NotImplementedError
