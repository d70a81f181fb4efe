"""Passwords that have to be changed."""

from datetime import datetime, timedelta

from shop.records import Account


def must_change(account: Account) -> bool:
    """True when `account.password_set_at` is more than 90 days ago."""
    raise NotImplementedError
