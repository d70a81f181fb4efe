"""What the shop knows of its customers and goods. All times carry a time zone."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Coupon:
    code: str
    valid_until: datetime


@dataclass(frozen=True)
class Session:
    user: str
    expires_at: datetime


@dataclass(frozen=True)
class Account:
    user: str
    password_set_at: datetime


@dataclass(frozen=True)
class Order:
    number: int
    delivered_at: datetime


@dataclass(frozen=True)
class Invoice:
    number: int
    due_at: datetime


@dataclass(frozen=True)
class Cart:
    user: str
    touched_at: datetime


@dataclass(frozen=True)
class Reminder:
    text: str
    due_at: datetime


@dataclass(frozen=True)
class Login:
    user: str
    failed_at: datetime


@dataclass(frozen=True)
class Offer:
    title: str
    starts_at: datetime
    ends_at: datetime
