"""Coupons that customers type in at the till."""

from datetime import datetime

from shop.records import Coupon


def is_expired(coupon: Coupon) -> bool:
    """True when `coupon.valid_until` lies in the past."""
    raise NotImplementedError
