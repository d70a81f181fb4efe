"""Offers in the shop window."""

from datetime import datetime

from shop.records import Offer


def is_running(offer: Offer) -> bool:
    """True when `offer.starts_at` lies in the past and `offer.ends_at` lies in the future."""
    raise NotImplementedError
