"""Coder: writes the bodies that a file leaves out, from the sentence in each docstring.

It reads simple English ("True when `x.y` lies in the past.") and knows no file, function or solution beforehand. It has
one bad habit: it takes the current time without a time zone, until a constraint in the prompt names what comes of that.
What comes of it, it finds out by doing it: it has no other idea of the error, and no rule's text at all.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone

from sections import section

NAIVE, AWARE = "datetime.now()", "datetime.now(timezone.utc)"


def _own_mistake() -> tuple[str, frozenset[str]]:
    """Exception type and distinctive words of the error that the habit causes."""
    try:
        datetime.now() < datetime.now(timezone.utc)
    except TypeError as error:
        return type(error).__name__, _words(str(error))
    raise AssertionError("naive and aware times can be compared")


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in re.findall(r"[a-z][a-z-]+", text.lower()) if len(w) > 4)


EXCEPTION, WORDS = _own_mistake()


def names_the_cause(constraints: str) -> bool:
    """Whether one constraint names the exception type and nearly all distinctive words of the error message."""
    return any(
        EXCEPTION in line and len(WORDS & _words(line)) >= len(WORDS) - 1 for line in constraints.splitlines()
    )


def write(prompt: str) -> str:
    file = section(prompt, "file")
    constraints = section(prompt, "constraints")
    feedback = section(prompt, "feedback")
    warned = constraints is not None and names_the_cause(constraints.text)
    documented = feedback is not None and "docstring" in feedback.text
    source = _Writer(AWARE if warned else NAIVE, documented).fill(file.text)
    if warned and "timezone" not in source.split("def ")[0]:
        source = re.sub(r"^from datetime import (.*)$", r"from datetime import \1, timezone", source, 1, re.MULTILINE)
    return f"```python\n{source.rstrip()}\n```"


class _Writer:
    def __init__(self, now: str, documented: bool) -> None:
        self._now = now
        self._documented = documented

    def fill(self, source: str) -> str:
        stub = re.compile(
            r'^(?P<head>def (?P<name>\w+)\((?P<parameters>[^)]*)\)[^\n]*:\n    """(?P<sentence>.*?)"""\n)'
            r"    raise NotImplementedError[^\n]*\n?",
            re.DOTALL | re.MULTILINE,
        )
        return stub.sub(self._body, source)

    def _body(self, found: re.Match[str]) -> str:
        sentence = re.sub(r"\s+", " ", found["sentence"]).strip().rstrip(".")
        name = found["name"]
        if match := re.fullmatch(r"True when (.+)", sentence):
            return found["head"] + f"    return {self._condition(match[1])}\n"
        if match := re.fullmatch(r"How many of `(\w+)` have (`\w+` .+)", sentence):
            return found["head"] + f"    return sum(1 for item in {match[1]} if {self._condition(match[2], 'item.')})\n"
        if match := re.fullmatch(r"The earliest `(\w+)` of `(\w+)` that (.+), or None", sentence):
            condition = self._condition(f"`{match[1]}` {match[3]}", "item.")
            chosen = f"(item.{match[1]} for item in {match[2]} if {condition})"
            return found["head"] + f"    return min({chosen}, default=None)\n"
        if match := re.fullmatch(r"Those of `(\w+)` whose (.+)", sentence):
            return self._filter(found, name, match[1], match[2])
        return found["head"] + "    raise NotImplementedError(\"I don't understand what is wanted\")\n"

    def _filter(self, found: re.Match[str], name: str, items: str, condition: str) -> str:
        expression = self._condition(condition, "item.")
        if "timedelta" not in expression:
            return found["head"] + f"    return [item for item in {items} if {expression}]\n"
        # A longer condition goes into a function of its own, whose docstring it forgets unless it was told.
        kind = (re.search(r"list\[(\w+)\]", found["parameters"]) or ["", "object"])[1]
        plain = condition.replace("`", "")
        doc = f'    """True when the {plain}."""\n' if self._documented else ""
        helper = f"def _is_{name}(item: {kind}) -> bool:\n{doc}    return {expression}\n\n\n"
        return helper + found["head"] + f"    return [item for item in {items} if _is_{name}(item)]\n"

    def _condition(self, text: str, prefix: str = "") -> str:
        return " and ".join(self._comparison(part.strip(), prefix) for part in text.split(" and "))

    def _comparison(self, text: str, prefix: str) -> str:
        found = re.fullmatch(r"`([\w.]+)` (.+)", text)
        if found is None:
            return "NotImplemented"
        subject, relation = prefix + found[1], found[2]
        if "in the past" in relation:
            return f"{subject} < {self._now}"
        if "in the future" in relation:
            return f"{subject} > {self._now}"
        span = re.search(r"(\d+) (minutes|hours|days|weeks)", relation)
        if span is None:
            return "NotImplemented"
        sign = "<" if "more than" in relation else ">="
        return f"{subject} {sign} {self._now} - timedelta({span[2]}={span[1]})"
