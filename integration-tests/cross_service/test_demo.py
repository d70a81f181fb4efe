"""The demo is the main job: it closes the loop, its controls do not, and no kill -9 keeps it from closing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = {"carts", "coupons", "invoices", "logins", "offers", "passwords", "reminders", "returns", "sessions"}
REAL_MODEL = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SWARM_DEMO_UPSTREAM_URL"}


def demo(swarm_bin: Path, tmp_path: Path, *arguments: str, more: dict[str, str] | None = None) -> tuple[int, dict[str, Any], str]:
    """Exit status, summary, and what it printed."""
    env = {k: v for k, v in os.environ.items() if k not in REAL_MODEL} | {
        "SWARM_TEST_BIN": str(swarm_bin), "TMPDIR": str(tmp_path)} | (more or {})
    summary = tmp_path / "summary.json"
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.d"), "--json", str(summary), *arguments],
        env=env, capture_output=True, text=True, timeout=170,
    )
    print(done.stdout + done.stderr)
    return done.returncode, json.loads(summary.read_text()), done.stdout


def check_that_nothing_was_lost_or_counted_twice(summary: dict[str, Any]) -> None:
    rows = summary["tasks"]
    assert {Path(r["module"]).stem for r in rows} == MODULES, "every planned task is still there, once"
    assert len(rows) == len(MODULES)
    assert all(r["status"] == "succeeded" for r in rows)
    assert summary["commits"] == {r["task_id"]: 1 for r in rows}, "each task's work was merged exactly once"
    assert summary["reported"] == summary["failures"], "each failed attempt reached the analyst exactly once"
    for row in rows:
        ends = [(h["attempt"], h["state"]) for h in row["results"] if h["from"] in ("LEASED", "RUNNING")
                and (h["to"] in ("FAILED", "SUCCEEDED") or "succeeded" in h["reason"])]
        assert len(ends) == len(set(ends)), f"an attempt ended twice: {row['results']}"


@pytest.mark.timeout(180)
def test_the_loop_closes(swarm_bin: Path, tmp_path: Path) -> None:
    status, summary, printed = demo(swarm_bin, tmp_path)
    assert status == 0, summary.get("open")
    assert summary["closed"] and summary["suite_passes"]
    check_that_nothing_was_lost_or_counted_twice(summary)
    assert len(summary["groups"]) == 1, "one cause, one group, whatever the file"
    (rule,) = summary["rules"]
    assert (rule["stack"], rule["role"], rule["state"]) == ("python", "Coder", "active")
    assert "TypeError" in rule["text"] and "offset-naive" in rule["text"]
    assert summary["before"]["tasks"] >= 5 and summary["after"]["attempts_per_task"] == 1.0
    assert summary["returned"] >= 1, "the Reviewer is no rubber stamp"
    assert 0 < summary["spend"]["usd"] < summary["spend"]["limit_usd"]
    assert summary["spend"]["requests"] == summary["model_requests"], "every call is paid for, none twice"
    assert "scripted" in printed, "a scripted model is labelled as one"


@pytest.mark.timeout(180)
def test_the_surroundings_of_its_caller_do_not_matter(swarm_bin: Path, tmp_path: Path) -> None:
    """Within a git hook, behind a proxy, with options for pytest."""
    mine = tmp_path / "mine"
    identity = ["-c", "user.name=me", "-c", "user.email=me@localhost"]
    for arguments in (["init", "--quiet", str(mine)], ["-C", str(mine), *identity, "commit", "--quiet", "--allow-empty", "-m", "mine"]):
        subprocess.run(["git", *arguments], check=True)
    refusing = mine / ".git" / "hooks" / "pre-commit"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    own = tmp_path / "gitconfig"
    own.write_text(f"[core]\n\thooksPath = {refusing.parent}\n")
    status, summary, _ = demo(swarm_bin, tmp_path, more={
        "GIT_DIR": str(mine / ".git"), "GIT_WORK_TREE": str(mine), "GIT_CONFIG_GLOBAL": str(own), "PYTEST_ADDOPTS": "--nope",
        "http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "PYTHONIOENCODING": "ascii", "LC_ALL": "C",
    })
    assert status == 0 and summary["closed"]
    log = subprocess.run(["git", "-C", str(mine), "log", "--format=%s"], capture_output=True, text=True, check=True)
    assert log.stdout == "mine\n"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("control", ["no-delivery", "wrong-stack"])
def test_without_the_rule_it_does_not_close(swarm_bin: Path, tmp_path: Path, control: str) -> None:
    status, summary, _ = demo(swarm_bin, tmp_path, "--control", control)
    assert status == 1 and not summary["closed"]
    assert summary["succeeded"] == 0
    (rule,) = summary["rules"]
    assert rule["stack"] == ("react" if control == "wrong-stack" else "python"), "the rule is there, it is not given"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("service", ["orchestrator", "analyst", "gateway"])
def test_the_loop_closes_though_a_service_is_killed(swarm_bin: Path, tmp_path: Path, service: str) -> None:
    status, summary, printed = demo(swarm_bin, tmp_path, "--chaos", service)
    assert f"{service} killed" in printed
    assert status == 0, summary.get("open")
    check_that_nothing_was_lost_or_counted_twice(summary)
    spend = summary["spend"]
    assert spend["requests"] <= summary["model_requests"], "no call is paid for twice"
    assert 0 < spend["usd"] < spend["limit_usd"]
