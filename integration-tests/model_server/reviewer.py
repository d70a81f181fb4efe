"""Reviewer: reads a diff, and returns it when a function that it adds has no docstring."""

from __future__ import annotations

import json
import re

from sections import section


def review(prompt: str) -> str:
    bare = undocumented(section(prompt, "diff").text)
    if bare:
        names = " and ".join(f"`{name}`" for name in bare)
        verb = "has" if len(bare) == 1 else "have"
        return json.dumps({"verdict": "return", "comment": f"{names} {verb} no docstring"})
    return json.dumps({"verdict": "accept", "comment": "does what the task says, every function is documented"})


def undocumented(diff: str) -> list[str]:
    """Names of the functions that the diff adds without a docstring."""
    added = [line[1:] for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]
    bare = []
    for number, line in enumerate(added):
        head = re.match(r"\s*def (\w+)\(", line)
        following = added[number + 1].strip() if number + 1 < len(added) else ""
        if head and not following.startswith(('"""', "'''", 'r"""')):
            bare.append(head[1])
    return bare
