"""Sections of a prompt, written <name attribute="…">text</name>."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    text: str
    attributes: dict[str, str]


def section(prompt: str, name: str) -> Section | None:
    """The first section of that name, or None."""
    found = re.search(rf"<{name}(\s[^>\n]*)?>\n?(.*?)\n?</{name}>", prompt, re.DOTALL)
    if found is None:
        return None
    return Section(found.group(2), dict(re.findall(r'(\w+)="([^"]*)"', found.group(1) or "")))
