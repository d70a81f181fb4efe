"""What the demo prints while it runs: one line for each thing that happens, and on a terminal a status line below."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Any, TextIO

from stack import AGENTS, Stack
from swarm_sdk import GoldenRule

COLORS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


class Display:
    """Plain lines, without colours and cursor movements, when `out` is no terminal. Not thread-safe."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colored = self._terminal and "NO_COLOR" not in os.environ
        self._status = ""
        self._seen: set[str] = set()

    # -- the story -----------------------------------------------------------------------------------------------------

    def opening(self, stack: Stack, seconds: float) -> None:
        self.say(self.color("bold", "The swarm writes what is missing in a small shop, and learns from its mistakes."))
        self.say("")
        self._fact("model", stack.upstream.label)
        for name, service in stack.services.items():
            doors = [f"grpc {service.grpc}"] + ([service.http] if "http" in service.ports else [])
            self._fact(service.binary.name, ", ".join(doors))
        self._fact("agents", ", ".join(AGENTS))
        self._fact("repository", str(stack.repository))
        self.say(self.color("dim", f"  all up after {seconds:.1f} s"))
        self.say("")

    def request(self, text: str) -> None:
        self._line(0.0, "you", f"“{text}”")

    def event(self, at: float, event: dict[str, Any], module: str, planner: bool, rules: tuple[str, ...]) -> None:
        kind, detail = event["event"], _first_line(event.get("detail", ""))
        if planner:
            if kind == "succeeded":
                self._line(at, event["agent"], "turned the request into tasks, one for each failing test file")
            elif kind == "failed":
                self._line(at, event["agent"], self.color("red", f"failed: {detail}"))
            return
        where = f"{module:<19}"
        told = self.color("cyan", " knowing the rule") if rules and event["role"] == "Coder" else ""
        if kind == "failed":
            known = detail in self._seen
            what = f"{self._short(detail)}, the same mistake" if known else "its test fails"
            self._line(at, event["agent"], f"{self.color('red', '✗')} {where}{what}{self._count(event)}{told}")
            if not known:
                self._seen.add(detail)
                self.indented(detail, 29, "red")
        elif kind == "succeeded" and event["role"] == "Coder":
            self._line(at, event["agent"], f"{self.color('green', '✓')} {where}tests pass{told}")
        elif kind == "succeeded":
            self._line(at, event["agent"], f"{self.color('green', '✓')} {where}accepted and merged")
        elif kind == "rejected":
            self._line(at, event["agent"], f"{self.color('yellow', '↩')} {where}returned: {detail}")
        elif kind in ("lost", "refused", "cancelled"):
            self._line(at, event["agent"], self.color("yellow", f"· {where}{kind} {detail}"))

    def rule(self, at: float, rule: GoldenRule, revised: bool) -> None:
        scope = " ".join(part for part in (rule.stack, rule.role) if part) or "everyone"
        what = f"worded better by {rule.author}" if revised else f"golden rule for {scope}, from {rule.author}"
        self._line(at, "analyst", self.color("cyan", f"★ {what}:"))
        self.indented(rule.text, 29, "cyan")

    def killed(self, at: float, service: str) -> None:
        self._line(at, "chaos", self.color("yellow", f"⚡ {service} killed (SIGKILL); it comes back on its data"))

    def status(self, text: str) -> None:
        """The line below the others, on a terminal only."""
        if self._terminal and text != self._status:
            self._erase()
            self._status = text
            self._draw_status()

    def fault(self, text: str) -> None:
        """Goes to stderr: what asked for the outcome on stdout must not take it for one."""
        self.status("")
        self._out.flush()
        print(self.color("red", f"demo: {text}") if sys.stderr.isatty() else f"demo: {text}", file=sys.stderr)

    def _count(self, event: dict[str, Any]) -> str:
        """How near this kind of failure is to a rule."""
        tasks, threshold = event.get("kind_tasks", 0), event.get("threshold", 0)
        return self.color("dim", f"  ({tasks} of {threshold} towards a rule)") if 0 < tasks <= threshold else ""

    @staticmethod
    def _short(detail: str) -> str:
        """The part of an error that says what it is."""
        return detail.split(":")[0]

    # -- printing ------------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self._erase()
        self._out.write(text + "\n")
        self._draw_status()

    def color(self, name: str, text: str) -> str:
        return f"\x1b[{COLORS[name]}m{text}\x1b[0m" if self._colored and text else text

    def indented(self, text: str, column: int, color: str = "") -> None:
        """A long text in lines of its own, wrapped to the terminal."""
        width = min(shutil.get_terminal_size((110, 40)).columns, 120)
        for line in textwrap.wrap(text, max(40, width - column)):
            self.say(" " * column + (self.color(color, line) if color else line))

    def _fact(self, name: str, value: str) -> None:
        self.say(f"  {self.color('dim', f'{name:<18}')} {value}")

    def _line(self, at: float, who: str, text: str) -> None:
        self.say(f"{self.color('dim', f'{at:5.1f} s')}  {who:<18} {text}")

    def _draw_status(self) -> None:
        if self._status:
            self._out.write(self.color("dim", f"         {self._status}"))
        self._out.flush()

    def _erase(self) -> None:
        if self._status:
            self._out.write("\r\x1b[K")


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
