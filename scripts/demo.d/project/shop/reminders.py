"""Reminders to be sent."""

from datetime import datetime

from shop.records import Reminder


def next_reminder(reminders: list[Reminder]) -> datetime | None:
    """The earliest `due_at` of `reminders` that lies in the future, or None."""
    raise NotImplementedError
