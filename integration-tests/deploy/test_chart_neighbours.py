"""What the chart connects the services with: Synapse, Trello, a trace collector, identity providers and endpoints with authorities of their own."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

from chart import WORKLOADS, flows, named, render, secret_data, service_configs
from tools import ROOT, run


def test_a_bundled_synapse_is_found_with_its_token_by_all_three() -> None:
    manifests = render("--set", "synapse.bundled.enabled=true,synapse.bundled.image=synapse:1")
    secret = named(manifests, "Secret", "swarm-synapse")
    token = secret_data(secret, "token").decode()
    assert len(token) >= 40 and json.loads(secret_data(secret, "tokens")) == {token: ["default"]}
    for config in service_configs(manifests).values():
        assert config["knowledge"]["synapse"] == {"address": "swarm-synapse.prod.svc:50051", "namespace": "default", "token_file": "/etc/swarm/synapse/token"}
    for component in WORKLOADS:
        spec = named(manifests, "StatefulSet", f"swarm-{component}")["spec"]["template"]["spec"]
        assert {v["name"]: v.get("secret", {}).get("secretName") for v in spec["volumes"]}["synapse"] == "swarm-synapse"
    (own,) = named(manifests, "StatefulSet", "swarm-synapse")["spec"]["template"]["spec"]["containers"]
    (tokens,) = (e for e in own["env"] if e["name"] == "SYNAPSE_AUTH_TOKENS")
    assert tokens["valueFrom"]["secretKeyRef"] == {"name": "swarm-synapse", "key": "tokens"}


def test_a_bundled_synapse_is_stopped_by_the_one_signal_that_makes_it_save() -> None:
    spec = named(render("--set", "synapse.bundled.enabled=true,synapse.bundled.image=synapse:1"), "StatefulSet", "swarm-synapse")["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert "kill -INT 1" in container["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 120
    (by_image,) = named(render(values="bundled-synapse-values.yaml"), "StatefulSet", "swarm-synapse")["spec"]["template"]["spec"]["containers"]
    assert "lifecycle" not in by_image


def test_the_stop_command_lets_a_program_save_that_only_an_interrupt_makes_save(tmp_path: Path) -> None:
    """The command as the chart has it, in a process namespace of its own, where process 1 saves at SIGINT and dies of SIGTERM."""
    if run("unshare", "--pid", "--fork", "--mount-proc", "true").returncode != 0:
        pytest.skip("a process namespace of its own needs root here")
    (container,) = named(render("--set", "synapse.bundled.enabled=true,synapse.bundled.image=synapse:1"), "StatefulSet",
                         "swarm-synapse")["spec"]["template"]["spec"]["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    saved, store = tmp_path / "saved", tmp_path / "store.py"
    store.write_text(f"import pathlib, signal, subprocess, sys, time\n"
                     f"def save(*_):\n time.sleep(0.3); pathlib.Path({str(saved)!r}).touch(); sys.exit(0)\n"
                     f"signal.signal(signal.SIGINT, save)\nsubprocess.Popen({command!r}, stderr=subprocess.DEVNULL)\ntime.sleep(20)\n", encoding="utf-8")
    done = run("unshare", "--pid", "--fork", "--mount-proc", sys.executable, store)
    assert done.returncode == 0 and saved.exists(), done.stderr


def test_only_the_services_and_named_clients_reach_a_bundled_synapse() -> None:
    policy = named(render(values="bundled-synapse-values.yaml"), "NetworkPolicy", "swarm-synapse")["spec"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "grpc"}]
    labels = [peer["podSelector"]["matchLabels"] for peer in rule["from"]]
    assert [one.get("app.kubernetes.io/component", one.get("app")) for one in labels] == ["orchestrator", "analyst", "gateway", "explorer"]
    assert {p["port"] for egress in policy["egress"] for p in egress["ports"]} == {53, 11434}
    alone = named(render("--set", "synapse.bundled.enabled=true,synapse.bundled.image=synapse:1"), "NetworkPolicy", "swarm-synapse")["spec"]
    assert "egress" not in alone and alone["policyTypes"] == ["Ingress", "Egress"]


def test_the_bridge_is_off_and_leaves_nothing_behind() -> None:
    assert not [m for m in render() if "trello" in m["metadata"]["name"]]


def test_the_bridge_has_its_settings_credentials_and_a_way_to_the_orchestrator(tmp_path: Path) -> None:
    manifests = render(values="trello-values.yaml")
    settings = tomllib.loads(named(manifests, "ConfigMap", "swarm-trello")["data"]["trello.toml"])
    assert settings == {"board": "AbCdEfGh", "orchestrator": "127.0.0.1:50054", "health": "0.0.0.0:9157", "interval": 30, "approvers": ["ada"],
                        "intake": {"INBOX": "RequirementsDefinition", "TODO": "FeatureImplementation"}}
    (tmp_path / "trello.toml").write_text(named(manifests, "ConfigMap", "swarm-trello")["data"]["trello.toml"], encoding="utf-8")
    code = ROOT / "services/trello-bridge"
    done = run(sys.executable, "-m", "trello_bridge", "--config", tmp_path / "trello.toml", "--check-config",
               env={"PYTHONPATH": f"{code}:{ROOT / 'libs/python-sdk/src'}", "TRELLO_KEY": "k", "TRELLO_TOKEN": "t"})
    assert done.returncode == 0, done.stderr
    spec = named(manifests, "Deployment", "swarm-trello")["spec"]["template"]["spec"]
    (bridge,), (proxy,) = spec["containers"], spec["initContainers"]
    assert {e["name"]: e["valueFrom"]["secretKeyRef"] for e in bridge["env"]} == {
        "TRELLO_KEY": {"name": "trello", "key": "key"}, "TRELLO_TOKEN": {"name": "trello", "key": "token"}}
    assert {k: bridge[k]["httpGet"]["path"] for k in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert proxy["restartPolicy"] == "Always" and "orchestrator=127.0.0.1:50054" in proxy["args"]
    assert not [m for m in bridge["volumeMounts"] if m["name"] in ("tls", "auth")], "the bridge itself sees no key of the swarm"


def test_the_bridge_reaches_trello_and_the_orchestrator_only() -> None:
    manifests = render(values="trello-values.yaml")
    policy = named(manifests, "NetworkPolicy", "swarm-trello")["spec"]
    assert "ingress" not in policy
    assert {p["port"] for rule in policy["egress"] for p in rule["ports"]} == {53, "grpc", 443}
    assert ("trello", "orchestrator", "grpc") in flows(manifests) and ("trello", "analyst", "grpc") not in flows(manifests)
    assert "trello" not in {caller for caller, _, _ in flows(render())}


def test_a_collector_by_https_is_believed_by_the_given_roots() -> None:
    manifests = render(values="production-values.yaml")
    for component, binary in WORKLOADS.items():
        assert service_configs(manifests)[binary]["traces"] == {
            "endpoint": "https://otel-collector.monitoring:4318/v1/traces", "share": 0.1, "ca_file": "/etc/swarm/traces/ca.crt"}
        spec = named(manifests, "StatefulSet", f"swarm-{component}")["spec"]["template"]["spec"]
        assert {v["name"]: v.get("secret", {}).get("secretName") for v in spec["volumes"]}["traces"] == "company-ca"


def test_private_authorities_reach_the_endpoints_that_they_are_for() -> None:
    manifests = render(values="private-ca-values.yaml")
    upstreams = service_configs(manifests)["llm-gateway"]["upstreams"]
    assert {name: u.get("ca_file") for name, u in upstreams.items()} == {
        "in-house": "/etc/swarm/upstream-cas/in-house.crt", "lab": "/etc/swarm/upstream-cas/lab.crt",
        "trial": "/etc/swarm/upstream-cas/trial.crt", "openai": None}
    spec = named(manifests, "StatefulSet", "swarm-gateway")["spec"]["template"]["spec"]
    (volume,) = (v["projected"] for v in spec["volumes"] if v["name"] == "upstream-cas")
    assert volume["sources"] == [
        {"secret": {"name": "company-ca", "items": [{"key": "ca.crt", "path": "in-house.crt"}]}},
        {"configMap": {"name": "lab-ca", "items": [{"key": "bundle.pem", "path": "lab.crt"}]}},
        {"configMap": {"name": "swarm-gateway", "items": [{"key": "trial.crt", "path": "trial.crt"}]}}]
    (mount,) = (m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "upstream-cas")
    assert mount == {"name": "upstream-cas", "mountPath": "/etc/swarm/upstream-cas", "readOnly": True}
    assert named(manifests, "ConfigMap", "swarm-gateway")["data"]["trial.crt"].startswith("-----BEGIN CERTIFICATE-----\n")
    for component, binary in WORKLOADS.items():
        assert service_configs(manifests)[binary]["auth"]["jwks_ca_file"] == "/etc/swarm/jwks-ca/ca.crt"
        volumes = named(manifests, "StatefulSet", f"swarm-{component}")["spec"]["template"]["spec"]["volumes"]
        assert [v["secret"]["secretName"] for v in volumes if v["name"] == "jwks-ca"] == ["company-ca"]


@pytest.mark.parametrize(("endpoint", "port"), [("https://otel.example.com/v1/traces", 4318),
                                                ("http://otel:4318/v1/traces:2", 4318), ("https://otel.monitoring:4443/v1/traces", 4443)])
def test_the_way_to_the_collector_is_open_at_its_port(endpoint: str, port: int) -> None:
    policy = named(render("--set", f"traces.endpoint={endpoint}"), "NetworkPolicy", "swarm-gateway")["spec"]
    (rule,) = (r for r in policy["egress"] if {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}} in r["to"])
    assert rule["ports"] == [{"protocol": "TCP", "port": port}]


def test_keys_of_an_identity_provider_are_asked_for_by_url() -> None:
    manifests = render("--set", "auth.jwksUrl=https://id.example.com/jwks", "--set", "auth.jwksIssuer=https://id.example.com", "--set-json",
                       'auth.egress=[{"to":[{"ipBlock":{"cidr":"192.0.2.0/24"}}],"ports":[{"protocol":"TCP","port":443}]}]')
    for component, binary in WORKLOADS.items():
        auth = service_configs(manifests)[binary]["auth"]
        assert (auth["jwks_url"], auth["jwks_issuer"]) == ("https://id.example.com/jwks", "https://id.example.com")
        egress = named(manifests, "NetworkPolicy", f"swarm-{component}")["spec"]["egress"]
        assert any(to.get("ipBlock", {}).get("cidr") == "192.0.2.0/24" for rule in egress for to in rule["to"])
