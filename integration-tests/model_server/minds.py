"""What the scripted model can do: plan, code, review, and put a failure into a sentence. Everything else it echoes.

It answers from the prompt alone: no state, no clock, no randomness. What it is asked to be is told by the sections of
the prompt (<failing>, <file>, <diff>, <failure>), as the example agents and the analyst write them.
"""

from __future__ import annotations

import re

import coder
import planner
import reviewer
import rule_author
from sections import section

Messages = list[tuple[str, str]]


def answer(messages: Messages) -> str:
    """The model's answer to a conversation of (role, text)."""
    prompt = "\n".join(text for _, text in messages)
    if section(prompt, "failing") is not None:
        return planner.plan(prompt)
    if section(prompt, "diff") is not None:
        return reviewer.review(prompt)
    if section(prompt, "file") is not None:
        return coder.write(prompt)
    if rule_author.asked(prompt):
        return rule_author.sentence(prompt)
    last = next((text for role, text in reversed(messages) if role == "user"), "")
    return "scripted: " + re.sub(r"\s+", " ", last).strip()[:400]
