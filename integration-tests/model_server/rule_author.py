"""Author of golden rules: turns the error line that a prompt quotes into an order, by grammar alone."""

from __future__ import annotations

import re

ERROR_LINE = re.compile(r"\b([A-Za-z_][\w.]*(?:Error|Exception|Warning)): ?([^\n]*)")


def asked(prompt: str) -> bool:
    return ERROR_LINE.search(prompt) is not None and re.search(r"\brule\b", prompt, re.IGNORECASE) is not None


def sentence(prompt: str) -> str:
    """One sentence that forbids what the quoted error complains of, quoting it."""
    exception, message = ERROR_LINE.search(_quoted(prompt)).groups()
    message = re.sub(r"\s+", " ", message).strip().strip("`'\"").rstrip(".")
    order, remedy = _order(message)
    return f"{order}: that raises {exception} ({message}).{remedy}"


def _quoted(prompt: str) -> str:
    """The failure that the prompt quotes between its markers; all of it when there are none."""
    quoted = [q for q in re.findall(r"<failure>(.*?)</failure>", prompt, re.DOTALL) if ERROR_LINE.search(q)]
    return quoted[-1] if quoted else prompt


def _order(message: str) -> tuple[str, str]:
    """ "can't compare a and b" → "Never compare a and b"; what has no such form is told as it is."""
    if match := re.match(r"(?:can't|cannot|can not|unable to|could not) (\w+ .+)", message):
        remedy = " Bring both to the same kind first." if " and " in message else ""
        return f"Never {match[1]}", remedy
    if match := re.match(r"unsupported operand type\(s\) for (\S+): (.+)", message):
        return f"Never use {match[1]} on {match[2]}", " Convert them to one type first."
    return "Prevent this before it happens", ""
