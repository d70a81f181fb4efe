"""The Helm chart: rendered by helm itself over many value sets, checked against Kubernetes' schemas and our policies; values that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chart import SETS, WORKLOADS, Manifest, named, of_kind, pod_specs, refusal, render, service_configs
from tools import CHART, run, tool


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
        ("orchestrator.enabled=false,analyst.enabled=false,gateway.enabled=false", "all switched off"),
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


def _services(manifests: list[Manifest]) -> list[Manifest]:
    return [s for s in of_kind(manifests, "StatefulSet") if s["spec"]["template"]["spec"]["containers"][0]["name"] in WORKLOADS.values()]


def _is_custom(manifest: Manifest) -> bool:
    group = manifest["apiVersion"].rpartition("/")[0]
    return group not in ("", "apps", "policy", "batch", "networking.k8s.io", "rbac.authorization.k8s.io")
