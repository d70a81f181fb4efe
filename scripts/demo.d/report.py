"""The table at the end."""

from __future__ import annotations

from typing import Any

from display import Display


def print_report(summary: dict[str, Any], display: Display) -> None:
    say, color = display.say, display.color
    say("")
    say(color("bold", f"{'task':<20}{'started':<16}{'attempts':>9}{'failures':>10}{'returned':>10}   result"))
    for row in summary["tasks"]:
        started = "with the rule" if row["started_with_rule"] else "without a rule"
        result = color("green", "merged") if row["status"] == "succeeded" else color("red", f"{row['status']}")
        say(f"{row['module']:<20}{started:<16}{row['attempts']:>9}{row['failures']:>10}{row['returned']:>10}   {result}")
    say("")
    before, after = summary["before"], summary["after"]
    say(color("bold", f"{'':<36}{'before the rule':>18}{'after the rule':>18}"))
    say(f"{'tasks':<36}{before['tasks']:>18}{after['tasks']:>18}")
    say(f"{'attempts per task until tests passed':<36}{_number(before):>18}{_number(after):>18}")
    say("")
    _facts(summary, display)
    say("")
    if summary["closed"]:
        say(color("green", "The loop closed: ") + "the swarm failed, learnt a rule from it, and stopped failing.")
        if summary["control"] is None and summary["chaos"] is None:
            say(color("dim", "Doubts? scripts/demo --control no-delivery (or wrong-stack) takes the rule away; "
                             "--chaos orchestrator (or analyst, gateway) kills a service."))
    else:
        say(color("red", "The loop did not close: ") + "; ".join(summary["open"]) + ".")
    if summary["control"] is not None:
        what = "must not close, but did" if summary["closed"] else "must not close, and did not: the rule is what helps"
        say(f"This was the control run {summary['control']}, which {what}.")


def _facts(summary: dict[str, Any], display: Display) -> None:
    def fact(name: str, text: str) -> None:
        display.say(f"{display.color('dim', f'{name:<10}')} {text}")

    fact("tasks", f"{summary['succeeded']} of {summary['planned']} done in {summary['seconds']:.1f} s, "
         f"{summary['attempts']} attempts, {summary['returned']} returned by review")
    fact("failures", f"{summary['failures']}, of {len(summary['groups'])} kind{'s' if len(summary['groups']) != 1 else ''}")
    for group in summary["groups"]:
        fact("", f"{group['failures']} × {group['cause']}  ({group['stack']} {group['role']}, {group['tasks']} tasks)")
    fact("rules", f"{len(summary['rules'])} active")
    for rule in summary["rules"]:
        display.indented(f"“{rule['text']}” ({rule['stack']} {rule['role']}, by {rule['author']})", 11)
    if summary["chaos"]:
        merged = sum(count == 1 for count in summary["commits"].values())
        fact("kept", f"though {summary['chaos']} was killed: {merged} of {summary['planned']} tasks merged exactly once, "
             f"{summary['reported']} failures counted of {summary['failures']} reported")
    spend = summary["spend"]
    unknown = spend["unknown_crash_usd"]
    crash = f" (${unknown:.4f} held for what the crash may have cost)" if unknown else ""
    fact("spend", f"${spend['usd']:.4f} of ${spend['limit_usd']:.2f} a day, {spend['requests']} model calls{crash}")


def _number(side: dict[str, Any]) -> str:
    return "–" if side["attempts_per_task"] is None else f"{side['attempts_per_task']:.1f}"
