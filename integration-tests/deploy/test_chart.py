"""The Helm chart: rendered by helm itself over many value sets, checked against Kubernetes' schemas and our policies."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from chart import VALUE_SETS, Manifest, named, of_kind, pod_specs, refusal, render, render_text, service_configs
from tools import CHART, ROOT, run, tool

SETS = [None, *VALUE_SETS]
WORKLOADS = {"orchestrator": "orchestrator-core", "analyst": "analyst-service", "gateway": "llm-gateway"}


@pytest.mark.parametrize("values", SETS)
def test_lints_without_a_warning(values: str | None) -> None:
    files = ["--values", str(CHART / "ci" / values)] if values else []
    done = run(tool("helm"), "lint", "--strict", CHART, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout and "[ERROR]" not in done.stdout, done.stdout


@pytest.mark.parametrize("values", SETS)
def test_every_manifest_is_valid_by_kubernetes_own_schemas(values: str | None, tmp_path: Path) -> None:
    validate = tool("kubectl-validate")
    known = [m for m in render(values=values) if not _is_custom(m)]
    for number, manifest in enumerate(known):
        (tmp_path / f"{number:02}.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    done = run(validate, tmp_path, "--version", "1.30")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", SETS)
def test_pods_pass_the_restricted_policy(values: str | None) -> None:
    for name, spec in pod_specs(render(values=values)):
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] >= 1000, name
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        for container in spec["containers"] + spec.get("initContainers", []):
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["readOnlyRootFilesystem"] is True, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
        for volume in spec["volumes"]:
            kinds = volume.keys() - {"name"}
            assert kinds <= {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected"}, (name, volume)


@pytest.mark.parametrize("values", SETS)
def test_containers_have_limits_and_a_pinned_image(values: str | None) -> None:
    for name, spec in pod_specs(render(values=values)):
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["resources"]["limits"].keys() >= {"memory", "cpu"}, name
            assert container["resources"]["requests"].keys() >= {"memory", "cpu"}, name
            image = container["image"].rsplit("/", 1)[-1]
            tag = image.partition("@")[2] or image.partition(":")[2]
            assert tag and tag != "latest", f"{name}: {container['image']}"


@pytest.mark.parametrize("values", SETS)
def test_service_links_are_off(values: str | None) -> None:
    """Kubernetes would set SWARM_GATEWAY_PORT and the like, and the services read SWARM_… as settings."""
    for name, spec in pod_specs(render(values=values)):
        assert spec["enableServiceLinks"] is False, name


@pytest.mark.parametrize("values", SETS)
def test_a_drain_fits_into_the_grace_period(values: str | None) -> None:
    manifests = render(values=values)
    configs = service_configs(manifests)
    for stateful in _services(manifests):
        spec = stateful["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        drain = int(configs[container["name"]]["drain_time"].removesuffix("s"))
        before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert before + drain < spec["terminationGracePeriodSeconds"], stateful["metadata"]["name"]


@pytest.mark.parametrize("values", SETS)
def test_probes_ask_the_admin_port(values: str | None) -> None:
    for stateful in _services(render(values=values)):
        (container,) = stateful["spec"]["template"]["spec"]["containers"]
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}
        for probe in ("livenessProbe", "startupProbe"):
            assert container[probe]["httpGet"] == {"path": "/livez", "port": "admin"}
        assert ports["admin"] in (9154, 9155, 9156)


def test_nothing_is_named_after_a_registry_of_our_choosing() -> None:
    for _, spec in pod_specs(render()):
        for container in spec["containers"]:
            assert container["image"].startswith("swarm/")
    for _, spec in pod_specs(render("--set", "image.registry=registry.example.com/team")):
        for container in spec["containers"]:
            assert container["image"].startswith("registry.example.com/team/swarm/")


def test_a_changed_setting_rolls_the_pods_of_its_service_only() -> None:
    before, after = render(), render("--set", "analyst.config.log.level=debug")

    def checksum(manifests: list[Manifest], component: str) -> str:
        stateful = named(manifests, "StatefulSet", f"swarm-{component}")
        return stateful["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum(before, "analyst") != checksum(after, "analyst")
    assert checksum(before, "gateway") == checksum(after, "gateway")
    assert service_configs(after)["analyst-service"]["log"] == {"level": "debug"}


def test_selectors_hold_nothing_that_an_upgrade_changes() -> None:
    for stateful in of_kind(render(), "StatefulSet"):
        labels = stateful["spec"]["selector"]["matchLabels"]
        assert labels.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}


def test_volumes_outlive_the_release_and_are_the_services_own() -> None:
    for component in WORKLOADS:
        stateful = named(render(), "StatefulSet", f"swarm-{component}")
        (claim,) = stateful["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert stateful["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
        assert named(render(), "ConfigMap", f"swarm-{component}")
        assert service_configs(render())[WORKLOADS[component]]["data_dir"] == "/data"


def test_peers_are_told_only_of_services_that_are_there() -> None:
    configs = service_configs(render())
    assert configs["orchestrator-core"]["analyst"]["address"] == "swarm-analyst.prod.svc:50055"
    assert configs["orchestrator-core"]["gateway"]["address"] == "swarm-gateway.prod.svc:50056"
    assert configs["analyst-service"]["gateway"]["address"] == "swarm-gateway.prod.svc:50056"
    alone = service_configs(render("--set", "gateway.enabled=false"))
    assert alone["orchestrator-core"]["gateway"]["address"] == ""
    assert "llm-gateway" not in alone


# -- values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("orchestrator.replicas=2", "/orchestrator/replicas': maximum: got 2, want 1"),
        ("analyst.replicas=0", "/analyst/replicas': minimum: got 0, want 1"),
        ("gateway.autoscaling.enabled=true", "/gateway/autoscaling/enabled"),
        ("gateway.canary.enabled=true", "/gateway/canary/enabled"),
        ("gatway.replicas=1", "'gatway' not allowed"),
        ("gateway.resources.limits.memroy=1Gi", "'memroy' not allowed"),
        ("gateway.persistence.size=many", "/gateway/persistence/size"),
        ("tls.mode=off", "/tls/mode"),
        ("tls.mode=certManager", "/tls/certManager/issuerRef/name"),
        ("tls.mode=existing", "must name a Secret with tls.crt"),
        ("networkPolicy.agents.enabled=true", "/networkPolicy/agents/namespace"),
        ("gateway.ingress.enabled=true", "/gateway/ingress/hosts"),
        ("image.tag=latest", "latest of swarm/"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("gateway.drainSeconds=0", "/gateway/drainSeconds"),
        ("gateway.persistence.accessModes={ReadWriteMany}", "/gateway/persistence/accessModes"),
        ("synapse.bundled.enabled=true", "/synapse/bundled/image"),
        ("synapse.bundled.enabled=true,synapse.bundled.image=synapse", "/synapse/bundled/image"),
        ("synapse.bundled.enabled=true,synapse.bundled.image=synapse:latest", "latest of synapse"),
        ("synapse.bundled.enabled=true,synapse.bundled.image=synapse:1,synapse.address=a:1", "exclude each other"),
        ("synapse.bundled.stop=term", "/synapse/bundled/stop"),
        ("trello.enabled=true", "/trello/board"),
        ("trello.enabled=true,trello.board=b,trello.credentialsSecret=s,orchestrator.enabled=false", "needs the orchestrator"),
        ("trello.config.intervall=3", "'intervall' not allowed"),
        ("traces.endpoint=otel:4318", "/traces/endpoint"),
        ("auth.jwksUrl=http://id.example.com/jwks", "/auth/jwksUrl"),
        ("gateway.config.upstreams.openai.baseurl=x", "/gateway/config/upstreams/openai': additional properties 'baseurl' not allowed"),
        ("gateway.config.http.threads=999", "/gateway/config/http/threads': maximum: got 999, want 256"),
        ("gateway.config.http.listen=0.0.0.0:8081", "/gateway/config/http/listen"),
        ("gateway.config.upstreams.openai.api_key=sk-1", "'api_key' not allowed"),  # it would stand in a ConfigMap
        ("orchestrator.config.drain_time=5m", "'drain_time' not allowed"),  # the grace period follows drainSeconds
        ("orchestrator.config.limits.agents=many", "/orchestrator/config/limits/agents': got string, want integer"),
        ("analyst.config.rules.lifetime=5weeks", "/analyst/config/rules/lifetime"),
        ("commonLabels.app\\.kubernetes\\.io/name=mine", "invalid propertyName 'app.kubernetes.io/name'"),  # selectors would find nothing
        ("gateway.podLabels.team=a b", "/gateway/podLabels/team"),
        ("gateway.upstreamCas.x.secret=a", "names x, which is no upstream"),
        ("gateway.upstreamCas.x.pem=nonsense", "/gateway/upstreamCas/x/pem"),
        ("gateway.upstreamCas.x.secret=a,gateway.upstreamCas.x.configMap=b", "/gateway/upstreamCas/x"),
        ("gateway.upstreamCas.x.secret=a,gateway.config.upstreams.x.ca_file=/ca.crt", "exclude each other"),
    ],
)
def test_a_bad_value_is_refused_by_name(setting: str, says: str) -> None:
    assert says in refusal("--set", setting)


def test_the_schema_knows_every_default() -> None:
    """A key of values.yaml that the schema lacks would be refused; one of the schema that has no default is undocumented."""
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))

    def compare(at: str, part: Manifest, default: Manifest) -> None:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
        if part.get("additionalProperties") is not False or "properties" not in part or at.endswith(".config"):
            return  # settings of a program, which has their defaults
        for key, below in part["properties"].items():
            assert key in default or key in ("global", "ephemeral-storage"), f"{at}.{key} has no default in values.yaml"
            if isinstance(default.get(key), dict):
                compare(f"{at}.{key}", below, default[key])

    compare("", schema, values)


# -- TLS, keys ------------------------------------------------------------------------------------------------------------


def _data(secret: Manifest, key: str) -> bytes:
    return base64.b64decode(secret["data"][key])


def test_the_charts_certificates_verify_and_carry_the_services_names(tmp_path: Path) -> None:
    manifests = render("--set", "tls.extraNames={swarm.example.com}")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(_data(named(manifests, "Secret", "swarm-ca"), "tls.crt"))
    for component in (*WORKLOADS, "client"):
        secret = named(manifests, "Secret", f"swarm-{component}-tls")
        assert secret["type"] == "kubernetes.io/tls"
        assert _data(secret, "ca.crt") == ca.read_bytes()
        leaf, key = tmp_path / f"{component}.pem", tmp_path / f"{component}.key"
        leaf.write_bytes(_data(secret, "tls.crt"))
        key.write_bytes(_data(secret, "tls.key"))
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
    (key,) = json.loads(_data(secret, "jwks.json"))["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")
    pem = tmp_path / "key.pem"
    pem.write_bytes(_data(secret, "signing-key.pem"))
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
    assert len(_data(named(manifests, "Secret", "swarm-task-tokens"), "key")) >= 32
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
    key = _data(named(manifests, "Secret", "swarm-gateway-client-keys"), "default").decode()
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


# -- network --------------------------------------------------------------------------------------------------------------


def _flows(manifests: list[Manifest]) -> set[tuple[str, str, str]]:
    """(from component, to component, port) that some ingress rule allows."""
    found = set()
    for policy in of_kind(manifests, "NetworkPolicy"):
        target = policy["spec"]["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/component")
        for rule in policy["spec"].get("ingress", []):
            for peer, port in itertools.product(rule["from"], rule["ports"]):
                labels = peer.get("podSelector", {}).get("matchLabels", {})
                found.add((labels.get("app.kubernetes.io/component", labels.get("swarm.dev/role", "other")), target, port["port"]))
    return found


def test_the_network_allows_exactly_the_flows_of_the_design() -> None:
    callers = {("agent", c, "grpc") for c in WORKLOADS} | {("swarmctl", c, "grpc") for c in WORKLOADS}
    callers |= {("agent", "gateway", "http"), ("swarmctl", "gateway", "http")}
    peers = {("orchestrator", "analyst", "grpc"), ("orchestrator", "gateway", "grpc"),
             ("analyst", "gateway", "grpc"), ("analyst", "orchestrator", "grpc")}
    scrapes = {("other", c, "admin") for c in WORKLOADS}
    assert _flows(render()) == callers | peers | scrapes


def test_an_ingress_controller_reaches_the_model_endpoint_only() -> None:
    policies = {c: named(render(values="exposed-values.yaml"), "NetworkPolicy", f"swarm-{c}")["spec"]["ingress"] for c in WORKLOADS}
    controller = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
    let_in = {(c, p["port"]) for c, rules in policies.items() for rule in rules if controller in rule["from"] for p in rule["ports"]}
    assert let_in == {("gateway", "http")}


def test_everything_else_is_denied_by_default() -> None:
    deny = named(render(), "NetworkPolicy", "swarm-default-deny")["spec"]
    assert deny["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in deny and "egress" not in deny
    for stateful in of_kind(render(), "StatefulSet"):
        assert deny["podSelector"]["matchLabels"].items() <= stateful["spec"]["template"]["metadata"]["labels"].items()


def test_only_the_gateway_reaches_the_world() -> None:
    for component in WORKLOADS:
        policy = named(render(), "NetworkPolicy", f"swarm-{component}")
        world = [rule for rule in policy["spec"]["egress"] for to in rule["to"] if "ipBlock" in to]
        assert bool(world) == (component == "gateway")


def test_agents_in_their_own_namespace_reach_the_services_only() -> None:
    policy = named(render(values="exposed-values.yaml"), "NetworkPolicy", "swarm-agents")
    assert policy["metadata"]["namespace"] == "agents"
    ports = {p["port"] for rule in policy["spec"]["egress"] for p in rule["ports"]}
    assert ports == {53, "grpc", "http"}


# -- Synapse --------------------------------------------------------------------------------------------------------------


def test_a_bundled_synapse_is_found_with_its_token_by_all_three() -> None:
    manifests = render("--set", "synapse.bundled.enabled=true,synapse.bundled.image=synapse:1")
    secret = named(manifests, "Secret", "swarm-synapse")
    token = _data(secret, "token").decode()
    assert len(token) >= 40 and json.loads(_data(secret, "tokens")) == {token: ["default"]}
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


# -- Trello ---------------------------------------------------------------------------------------------------------------


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
    assert ("trello", "orchestrator", "grpc") in _flows(manifests) and ("trello", "analyst", "grpc") not in _flows(manifests)
    assert "trello" not in {caller for caller, _, _ in _flows(render())}


# -- traces, keys of others -----------------------------------------------------------------------------------------------


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


def _services(manifests: list[Manifest]) -> list[Manifest]:
    return [s for s in of_kind(manifests, "StatefulSet") if s["spec"]["template"]["spec"]["containers"][0]["name"] in WORKLOADS.values()]


def _is_custom(manifest: Manifest) -> bool:
    group = manifest["apiVersion"].rpartition("/")[0]
    return group not in ("", "apps", "policy", "batch", "networking.k8s.io", "rbac.authorization.k8s.io")
