"""What operators say about grouping: masks, fingerprint rules, merges, splits; and why a log lands where it does."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import grpc
import pytest

from analyst.client import msg
from swarm_process import StartFailed, binary_directory

NOT_READY = "panic: {what} not ready\n\ngoroutine 1 [running]:\nmain.load()\n\t/srv/app/main.go:{line}\nexit status 2\n"


def log(what: str, line: int = 1) -> str:
    return NOT_READY.format(what=what, line=line)


def explain(analyst: Any, text: str) -> Any:
    return analyst.call("ExplainGrouping", msg("FailureEvent", error_log=text, stack="go", role="Coder"))


def change(analyst: Any, action: str, kind: str, **more: str) -> Any:
    return analyst.call("ChangeGrouping", msg("GroupingChange", action=action, kind_id=kind, reason="a test", **more))


def ctl(service: Any, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(binary_directory() / "swarmctl"), "--analyst", f"127.0.0.1:{service.ports['grpc']}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, input=stdin)


def test_masks_and_fingerprints_of_the_configuration_decide_and_are_explained(start_analyst: Any, connect: Any) -> None:
    settings = {
        "grouping": {
            "masks": [{"name": "things", "pattern": "(ledger|roster|depot)"}],
            "fingerprints": [{"name": "db", "stack": "go", "pattern": "pool of (\\w+) is empty", "fingerprint": "no connections: \\1"}],
        }
    }
    service = start_analyst(settings)
    analyst = connect(service)
    first = analyst.report("t1", log("ledger"), stack="go")
    assert analyst.report("t2", log("roster", 7), stack="go").kind_id == first.kind_id
    assert analyst.report("t3", log("volume"), stack="go").kind_id != first.kind_id
    assert list(explain(analyst, log("depot")).steps) == ["mask things"]
    pool = explain(analyst, "panic: pool of orders is empty\n\ngoroutine 1 [running]:")
    assert pool.cause == "no connections: orders" and list(pool.steps) == ["fingerprint db"]
    assert [r.name for r in analyst.call("ListGrouping", msg("GroupingQuery")).configured] == ["things", "db"]
    table = ctl(service, "groups", "rules").stdout
    assert "things" in table and "fingerprint" in table


@pytest.mark.parametrize("pattern", ["(", "a*", "x" * 501])
def test_a_pattern_that_is_of_no_use_stops_the_start_and_names_its_line(start_analyst: Any, pattern: str) -> None:
    with pytest.raises(StartFailed) as refused:
        start_analyst({"grouping": {"masks": [{"name": "bad", "pattern": pattern}]}})
    assert "analyst.yaml:" in str(refused.value) and "grouping.masks[0].pattern" in str(refused.value)


def test_what_a_person_merges_stays_merged_over_kill_9_and_counts_add_up(start_analyst: Any, connect: Any) -> None:
    service = start_analyst({"rules.threshold": 4, "author.mode": "template"})
    analyst = connect(service)
    into = analyst.report("t1", log("ledger"), stack="go").kind_id
    analyst.report("t2", log("ledger"), stack="go")
    other = analyst.report("t2", log("roster"), stack="go", attempt=2).kind_id
    done = ctl(service, "groups", "merge", other, into, "--reason", "the same start-up race")
    assert done.returncode == 0, done.stderr
    assert "the same start-up race" in done.stdout
    service.kill()
    service.start()
    analyst = connect(service)
    answer = analyst.report("t3", log("roster"), stack="go")
    assert (answer.kind_id, answer.kind_tasks) == (into, 3)
    groups = analyst.groups()
    assert [(g.kind_id, g.events, list(g.merged_kind_ids)) for g in groups.groups] == [(into, 4, [other])]
    assert sum(g.events for g in groups.groups) == groups.total_events == 4
    assert analyst.report("t4", log("roster"), stack="go").rule_generated
    told = ctl(service, "groups", "explain", "-", "--stack", "go", "--role", "Coder", stdin=log("roster"))
    assert told.returncode == 0, told.stderr
    assert f"merged into {into}" in told.stdout and "the same start-up race" in told.stdout
    change(analyst, "unmerge", other)
    groups = analyst.groups()
    assert {g.kind_id: g.events for g in groups.groups} == {into: 2, other: 3}
    assert groups.total_events == 5
    audit = (service.data_dir / "audit").read_text() if (service.data_dir / "audit").is_file() else "".join(
        p.read_text() for p in sorted((service.data_dir / "audit").rglob("*")) if p.is_file()
    )
    assert "ChangeGrouping" in audit


def test_a_split_counts_what_it_matches_apart(start_analyst: Any, connect: Any) -> None:
    service = start_analyst({"grouping": {"masks": [{"name": "all", "pattern": "[a-z]+ not ready"}]}})
    analyst = connect(service)
    kind = analyst.report("t1", log("ledger"), stack="go").kind_id
    done = ctl(service, "groups", "split", kind, "--name", "disk", "--pattern", "disk|volume", "--json")
    assert done.returncode == 0, done.stderr
    apart = json.loads(done.stdout)["routes"][0]["into_kind_id"]
    assert analyst.report("t2", log("volume"), stack="go").kind_id == apart
    service.stop()
    service.start()
    analyst = connect(service)
    assert analyst.report("t3", log("disk"), stack="go").kind_id == apart
    assert analyst.report("t4", log("parcel"), stack="go").kind_id == kind
    steps = list(explain(analyst, log("disk")).steps)
    assert steps[0] == "mask all" and steps[1].startswith("split disk of kind")
    assert sorted(g.events for g in analyst.groups().groups) == [2, 2]


@pytest.mark.parametrize(
    ("change_of", "code"),
    [
        ({"action": "split", "name": "x", "pattern": "("}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"action": "split", "name": "x", "pattern": "a?"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"action": "merge", "into_kind_id": "zz"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"action": "merge", "into_kind_id": "0" * 31 + "1"}, grpc.StatusCode.NOT_FOUND),
        ({"action": "explode"}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"action": "unmerge"}, grpc.StatusCode.NOT_FOUND),
        ({"action": "unsplit", "name": "x"}, grpc.StatusCode.NOT_FOUND),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(start_analyst: Any, connect: Any, change_of: dict[str, str], code: grpc.StatusCode) -> None:
    analyst = connect(start_analyst())
    kind = analyst.report("t1").kind_id
    with pytest.raises(grpc.RpcError) as refused:
        analyst.call("ChangeGrouping", msg("GroupingChange", kind_id=kind, **change_of))
    assert refused.value.code() is code
    assert not analyst.call("ListGrouping", msg("GroupingQuery")).routes
    assert analyst.report("t2").kind_tasks == 2
