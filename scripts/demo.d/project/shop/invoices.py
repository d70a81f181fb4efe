"""Invoices and their due dates."""

from datetime import datetime

from shop.records import Invoice


def overdue(invoices: list[Invoice]) -> list[Invoice]:
    """Those of `invoices` whose `due_at` lies in the past."""
    raise NotImplementedError
