"""Capabilities of tasks: `Assignment.budget_task_token`, and narrower ones made of it.

Whoever holds a task's token may spend from its budget through the gateway ("spend") and submit tasks in its name
("submit"). What is handed on, to a tool or another agent, should be able to do less:

    token = narrow(task.token, rights=[SPEND], expires_in=600)

A limit can be added by anybody and taken off by nobody: each is signed with the signature that stood there before.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence

SPEND = "spend"
SUBMIT = "submit"
_LIMITS_MAX = 16


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def narrow(
    token: str,
    *,
    rights: Sequence[str] | None = None,
    permissions: Sequence[str] | None = None,
    expires_in: float | None = None,
) -> str:
    """A token that allows only what both this one and the limits allow. None: no limit of that kind.

    `rights` are SPEND and SUBMIT, `permissions` those that submitted tasks may require, `expires_in` seconds from now.
    Raises ValueError for what is no token, or has too many limits already.
    """
    parts = token.split(".")
    if len(parts) < 4 or parts[0] != "st1":
        raise ValueError("this is no task token")
    limits = []
    if expires_in is not None:
        limits.append(f"e{max(0, int(time.time() + expires_in))}")
    if rights is not None:
        limits.append("r" + _encode("\n".join(rights).encode()))
    if permissions is not None:
        limits.append("p" + _encode("\n".join(permissions).encode()))
    if len(parts) - 4 + len(limits) > _LIMITS_MAX:
        raise ValueError("the task token has too many limits")
    try:
        signature = _decode(parts.pop())
    except ValueError:
        raise ValueError("this is no task token") from None
    for limit in limits:
        signature = hmac.new(signature, limit.encode(), hashlib.sha256).digest()
    return ".".join([*parts, *limits, _encode(signature)])
