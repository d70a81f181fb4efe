"""Renders the chart and finds things in what comes out."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools import CHART, run, tool

Manifest = dict[str, Any]
VALUE_SETS = sorted(path.name for path in (CHART / "ci").glob("*-values.yaml"))
SETS = [None, *VALUE_SETS]  # with the chart's defaults
WORKLOADS = {"orchestrator": "orchestrator-core", "analyst": "analyst-service", "gateway": "llm-gateway"}


def render(*arguments: str, values: str | None = None, release: str = "swarm", namespace: str = "prod") -> list[Manifest]:
    """All manifests; `values` names a file of the chart's ci folder. A failed rendering is an AssertionError with helm's words."""
    text = render_text(*arguments, values=values, release=release, namespace=namespace)
    return [document for document in yaml.safe_load_all(text) if document]


def render_text(*arguments: str, values: str | None = None, release: str = "swarm", namespace: str = "prod") -> str:
    files = ["--values", str(CHART / "ci" / values)] if values else []
    done = run(tool("helm"), "template", release, CHART, "--namespace", namespace, *files, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(*arguments: str) -> str:
    """What helm says when it refuses the values."""
    done = run(tool("helm"), "template", "swarm", CHART, *arguments)
    assert done.returncode != 0, f"helm took {arguments}"
    return done.stderr


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [m for m in manifests if m["kind"] == kind]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    found = [m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: found {len(found)} among {[m['metadata']['name'] for m in of_kind(manifests, kind)]}"
    return found[0]


def pod_specs(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for manifest in manifests:
        name = f"{manifest['kind']}/{manifest['metadata']['name']}"
        if manifest["kind"] == "Pod":
            yield name, manifest["spec"]
        elif "template" in manifest.get("spec", {}):
            yield name, manifest["spec"]["template"]["spec"]


def service_configs(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Binary name -> its configuration file, parsed."""
    configs: dict[str, Manifest] = {}
    for config_map in of_kind(manifests, "ConfigMap"):
        for file, text in config_map["data"].items():
            if file.endswith(".yaml"):
                configs[Path(file).stem] = yaml.safe_load(text)
    return configs


def secret_data(secret: Manifest, key: str) -> bytes:
    return base64.b64decode(secret["data"][key])


def flows(manifests: list[Manifest]) -> set[tuple[str, str, str]]:
    """(from component, to component, port) that some ingress rule allows."""
    found = set()
    for policy in of_kind(manifests, "NetworkPolicy"):
        target = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/component")
        for rule in policy["spec"].get("ingress", []):
            for peer, port in itertools.product(rule["from"], rule["ports"]):
                labels = peer.get("podSelector", {}).get("matchLabels", {})
                found.add((labels.get("app.kubernetes.io/component", labels.get("swarm.dev/role", "other")), target, port["port"]))
    return found
