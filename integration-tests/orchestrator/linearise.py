"""Is a recorded history of concurrent calls on one task one that a single task could have had? (Wing and Gong's search,
with the visited states remembered, as Lowe describes it; tasks are independent, so each is checked by itself.)

A call has a beginning and an end; one whose answer was lost has no end: it may have had its effect at any time after
its beginning, or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OPEN = float("inf")
State = tuple[bool, str]  # exists; "" | "C" cancelled | "S:<artefact>"
START: State = (False, "")


@dataclass(frozen=True)
class Call:
    kind: str            # submit, report, cancel, get
    argument: str        # the artefact of a report
    began: float
    ended: float         # OPEN: the answer was lost
    answer: Any = None   # submit: created; report, cancel: accepted; get: what was seen


def after(state: State, call: Call) -> list[State]:
    """The states that the call may leave behind, given its answer; none: it can't have been answered so here."""
    exists, final = state
    lost = call.ended == OPEN
    if call.kind == "submit":
        return [(True, final)] if lost or call.answer == (not exists) else []
    if not exists:
        return []
    if call.kind == "get":
        return [state] if lost or call.answer == final else []
    if call.kind == "report":
        mine = f"S:{call.argument}"
        accepted = final in ("", mine)
        return [(True, mine if accepted else final)] if lost or call.answer == accepted else []
    accepted = final in ("", "C")
    return [(True, "C" if accepted else final)] if lost or call.answer == accepted else []


def linearisable(calls: list[Call]) -> bool:
    order = sorted(calls, key=lambda c: c.began)
    need = sum(1 << n for n, c in enumerate(order) if c.ended != OPEN)
    seen: set[tuple[int, State]] = set()
    stack = [(0, START)]
    while stack:
        done, state = stack.pop()
        if done & need == need:
            return True
        if (done, state) in seen:
            continue
        seen.add((done, state))
        # A call may come next only if no other one that is still to come had ended before it began.
        first_end = min(c.ended for n, c in enumerate(order) if not done >> n & 1)
        for n, call in enumerate(order):
            if done >> n & 1 or call.began > first_end:
                continue
            stack += [(done | 1 << n, next_state) for next_state in after(state, call)]
    return False
