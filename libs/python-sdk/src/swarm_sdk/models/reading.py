"""From wire messages to values."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_type_hints

T = TypeVar("T")

# Fields whose names on the wire are words of Python.
_RENAMED = {"from_status": "from", "to_status": "to", "from_task": "from", "to_task": "to"}


def read(cls: type[T], message: Any) -> T:
    """The value of type `cls` that a wire message carries."""
    return cls(**{name: convert(getattr(message, wire_name)) for name, wire_name, convert in _plan(cls)})


@functools.cache
def _plan(cls: type) -> list[tuple[str, str, Callable[[Any], Any]]]:
    hints = get_type_hints(cls)
    return [(f.name, _RENAMED.get(f.name, f.name), _converter(hints[f.name])) for f in fields(cls)]


def _converter(hint: Any) -> Callable[[Any], Any]:
    if isinstance(hint, type) and is_dataclass(hint):
        return functools.partial(read, hint)
    if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
        # A newer service may know more.
        return lambda number: hint(number if number in hint._value2member_map_ else 0)
    items = get_args(hint)
    if items and is_dataclass(items[0]):
        return lambda messages: tuple(read(items[0], one) for one in messages)
    return _plain


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool)):
        return value
    return dict(value) if isinstance(value, Mapping) else tuple(value)
