"""Alerts, dashboards and metrics: what they ask for exists, and alerts fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from chart import render
from swarm_process import ServiceProcess
from tools import CHART, ROOT, run, tool

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}
# Labelled by what is configured or has been called, so not there before the first of its kind.
LATER = re.compile(r"grpc_server_handl\w+|swarm_gateway_(upstream|tokens|cost|estimated|budget|breaker)\w*|swarm_analyst_breaker_state|swarm_analyst_rule_(attempts|kind_failures)|up")


def _metrics(service: ServiceProcess) -> str:
    with urllib.request.urlopen(f"{service.admin}/metrics", timeout=5) as answer:
        return answer.read().decode()


def _names(expression: str) -> set[str]:
    names = set(re.findall(r"\b((?:swarm|grpc|process)_\w+|up)\b(?=[\s{\[)=]|$)", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", n) for n in names if not n.startswith("grpc_method") and n not in ("grpc_code", "grpc_service")}


def _wanted() -> set[str]:
    found: set[str] = set()
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            found |= _names(rule["expr"])
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for target in panel["targets"]:
                found |= _names(target["expr"])
    return found


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    promtool = tool("promtool")
    done = run(promtool, "check", "rules", ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr
    for file in (ALERTS, ROOT / "integration-tests/deploy/alerts_test.yaml"):
        shutil.copy(file, tmp_path)
    done = run(promtool, "test", "rules", "alerts_test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_and_has_a_runbook() -> None:
    tested = (ROOT / "integration-tests/deploy/alerts_test.yaml").read_text("utf-8")
    headings = set(re.findall(r"^## (\w+)$", (ROOT / "docs/runbooks.md").read_text("utf-8"), re.MULTILINE))
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"
            assert name in headings, f"docs/runbooks.md has no section {name}"
            assert f"alertname: {name}\n" in tested, f"no rule test lets {name} fire"
            assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.parametrize("name", ["orchestrator", "analyst", "gateway"])
def test_a_service_has_the_metrics_that_are_asked_of_it(start_service: Callable[..., ServiceProcess], name: str) -> None:
    text = _metrics(start_service(name, ALONE.get(name, {})))
    known = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    own = {n for n in _wanted() if not n.startswith("swarm_") or n.startswith((f"swarm_{name}_", "swarm_log", "swarm_audit"))}
    assert {n for n in own - known if not LATER.fullmatch(n)} == set()


def test_what_comes_later_is_declared_in_the_code() -> None:
    """A name in quotes, or in two halves, as the gauges of the budgets are."""
    sources = [p for place in ("libs", "services") for p in (ROOT / place).rglob("*.cpp") if not p.name.endswith("_test.cpp")]
    text = "\n".join(p.read_text("utf-8") for p in sources)
    quoted = set(re.findall(r'"(\w+)"', text))
    prefixes = {q for q in quoted if q.startswith("swarm_") and q.endswith("_")}
    wanted = {n for n in _wanted() if LATER.fullmatch(n) and n != "up"}
    assert {n for n in wanted if n not in quoted and not any(n.startswith(p) and n[len(p):] in quoted for p in prefixes)} == set()


@pytest.mark.parametrize("name", ["orchestrator", "analyst", "gateway"])
def test_metrics_follow_the_conventions(start_service: Callable[..., ServiceProcess], name: str) -> None:
    promtool = tool("promtool")
    text = _metrics(start_service(name, ALONE.get(name, {})))
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_a_dashboard_is_whole(path: Path) -> None:
    board = json.loads(path.read_text("utf-8"))
    assert board["uid"] == f"swarm-{path.stem}" and board["title"].endswith("?")
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) and len(ids) >= 8
    for panel in board["panels"]:
        assert panel["title"] and panel["targets"] and panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda p: p.stem)
def test_prometheus_understands_every_expression(path: Path, tmp_path: Path) -> None:
    promtool = tool("promtool")
    rules = [{"record": f"panel:{p['id']}:{t['refId']}", "expr": t["expr"].replace("$__rate_interval", "5m")}
             for p in json.loads(path.read_text("utf-8"))["panels"] for t in p["targets"]]
    for rule in rules:
        rule["record"] = rule["record"].lower()
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = run(promtool, "check", "rules", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_ships_the_same_alerts_and_dashboards() -> None:
    manifests = render(values="monitored-values.yaml")
    (rule,) = [m for m in manifests if m["kind"] == "PrometheusRule"]
    shipped = json.dumps(rule["spec"]).replace("https://runbooks.example.com/swarm", "docs/runbooks.md")
    assert json.loads(shipped) == yaml.safe_load(ALERTS.read_text("utf-8"))
    boards = [m for m in manifests if m["kind"] == "ConfigMap" and "-dashboard-" in m["metadata"]["name"]]
    assert len(boards) == len(DASHBOARDS) >= 4
    for board in boards:
        ((file, text),) = board["data"].items()
        assert json.loads(text) == json.loads((CHART / "files/dashboards" / file).read_text("utf-8"))
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert [m for m in manifests if m["kind"] == "ServiceMonitor"][0]["spec"]["endpoints"][0]["port"] == "admin"


def test_the_compose_prometheus_loads_its_configuration(tmp_path: Path) -> None:
    promtool = tool("promtool")
    for file in (ROOT / "deploy/prometheus.yml", ALERTS):
        shutil.copy(file, tmp_path)
    done = run(promtool, "check", "config", tmp_path / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
