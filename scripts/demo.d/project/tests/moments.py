"""Times for the tests, with a time zone, as the shop's records have them."""

from datetime import datetime, timedelta, timezone


def ago(**span: float) -> datetime:
    """A moment in the past: ago(minutes=5)."""
    return datetime.now(timezone.utc) - timedelta(**span)


def ahead(**span: float) -> datetime:
    """A moment in the future: ahead(days=1)."""
    return datetime.now(timezone.utc) + timedelta(**span)
