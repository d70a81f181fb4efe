"""The certificates, keys and tokens that the chart makes, or mounts where they are given."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from chart import SETS, WORKLOADS, named, of_kind, render, render_text, secret_data, service_configs
from tools import run


def test_the_charts_certificates_verify_and_carry_the_services_names(tmp_path: Path) -> None:
    manifests = render("--set", "tls.extraNames={swarm.example.com}")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(secret_data(named(manifests, "Secret", "swarm-ca"), "tls.crt"))
    for component in (*WORKLOADS, "client"):
        secret = named(manifests, "Secret", f"swarm-{component}-tls")
        assert secret["type"] == "kubernetes.io/tls"
        assert secret_data(secret, "ca.crt") == ca.read_bytes()
        leaf, key = tmp_path / f"{component}.pem", tmp_path / f"{component}.key"
        leaf.write_bytes(secret_data(secret, "tls.crt"))
        key.write_bytes(secret_data(secret, "tls.key"))
        for purpose in ("sslserver", "sslclient"):
            done = run("openssl", "verify", "-CAfile", ca, "-purpose", purpose, "-verify_hostname",
                       f"swarm-{component}.prod.svc", leaf)
            assert done.returncode == 0, done.stdout + done.stderr
        for also in (f"swarm-{component}", "localhost", "swarm.example.com"):
            assert "does match" in run("openssl", "x509", "-in", leaf, "-noout", "-checkhost", also).stdout
        public = run("openssl", "x509", "-in", leaf, "-noout", "-pubkey").stdout
        assert public == run("openssl", "pkey", "-in", key, "-pubout").stdout


def test_the_charts_jwks_is_the_public_half_of_its_signing_key(tmp_path: Path) -> None:
    secret = named(render(), "Secret", "swarm-auth")
    (key,) = json.loads(secret_data(secret, "jwks.json"))["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    pem = tmp_path / "key.pem"
    pem.write_bytes(secret_data(secret, "signing-key.pem"))
    der = subprocess.run(["openssl", "pkey", "-in", str(pem), "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
    point = der[-64:]
    for name, part in (("x", point[:32]), ("y", point[32:])):
        assert key[name] == base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_certificate_keys_and_claims_are_kept_by_an_uninstall() -> None:
    for secret in of_kind(render(), "Secret"):
        assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep", secret["metadata"]["name"]


def test_given_secrets_are_mounted_and_none_is_made() -> None:
    manifests = render(values="given-secrets-values.yaml")
    assert of_kind(manifests, "Secret") == []
    spec = named(manifests, "StatefulSet", "swarm-gateway")["spec"]["template"]["spec"]
    mounted = {v["name"]: v["secret"]["secretName"] for v in spec["volumes"] if "secret" in v}
    assert mounted == {"tls": "my-gateway-tls", "auth": "my-auth", "keys": "my-keys",
                       "client-keys": "my-client-keys", "task-tokens": "my-task-tokens"}


def test_orchestrator_and_gateway_alone_share_the_key_of_task_tokens() -> None:
    manifests = render()
    assert len(secret_data(named(manifests, "Secret", "swarm-task-tokens"), "key")) >= 32
    for component, binary in WORKLOADS.items():
        volumes = named(manifests, "StatefulSet", f"swarm-{component}")["spec"]["template"]["spec"]["volumes"]
        shared = component != "analyst"
        assert [v["secret"]["secretName"] for v in volumes if v["name"] == "task-tokens"] == ["swarm-task-tokens"] * shared
        assert service_configs(manifests)[binary].get("tasks") == ({"token_key_file": "/etc/swarm/task-tokens/key"} if shared else None)
    off = render("--set", "auth.taskTokens.enabled=false")
    assert not any("task-tokens" in m["metadata"]["name"] for m in off) and "tasks" not in service_configs(off)["llm-gateway"]
    own = service_configs(render("--set", "gateway.config.tasks.token_key_env=TASKS"))["llm-gateway"]["tasks"]
    assert own == {"token_key_env": "TASKS"}


def test_the_model_endpoint_asks_for_a_key_that_the_chart_made() -> None:
    manifests = render()
    assert service_configs(manifests)["llm-gateway"]["keys"]["default"]["key_file"] == "/etc/swarm/client-keys/default"
    key = secret_data(named(manifests, "Secret", "swarm-gateway-client-keys"), "default").decode()
    assert key.startswith("sk-swarm-") and len(key) > 40
    own = render("--set", "gateway.config.keys.team-a.sha256=" + "ab" * 32)
    assert service_configs(own)["llm-gateway"]["keys"].keys() == {"team-a"}


def test_cert_manager_makes_what_the_pods_mount() -> None:
    manifests = render(values="cert-manager-values.yaml")
    assert {s["metadata"]["name"] for s in of_kind(manifests, "Secret")} == {"swarm-auth", "swarm-gateway-client-keys", "swarm-task-tokens"}
    for component in WORKLOADS:
        certificate = named(manifests, "Certificate", f"swarm-{component}")
        spec = named(manifests, "StatefulSet", f"swarm-{component}")["spec"]["template"]["spec"]
        (tls,) = (v for v in spec["volumes"] if v["name"] == "tls")
        assert tls["secret"]["secretName"] == certificate["spec"]["secretName"]
        assert "swarm.example.com" in certificate["spec"]["dnsNames"]


def test_upstream_keys_by_value_stay_out_of_config_and_arguments() -> None:
    text = render_text(values="exposed-values.yaml")
    assert text.count("sk-example") == 0
    assert base64.b64encode(b"sk-example").decode() in text


def test_tls_and_authentication_are_always_on() -> None:
    for values in SETS:
        for name, config in service_configs(render(values=values)).items():
            assert config["tls"]["cert_file"] and config["tls"]["ca_file"], (values, name)
            assert config["auth"]["jwks_file"], (values, name)
