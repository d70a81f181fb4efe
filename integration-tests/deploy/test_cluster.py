"""The chart on a real API server, in a namespace that enforces the restricted pod policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from chart import SETS, named, of_kind, render
from cluster import Cluster
from tools import CHART, ROOT

APPS = "/apis/apps/v1/namespaces/{}/statefulsets"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        running.start()
        running.call("POST", "/apis/scheduling.k8s.io/v1/priorityclasses",  # one of the value sets names it
                     {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1})
        yield running
    finally:
        running.stop()


@pytest.mark.timeout(300)
def test_install_upgrade_rollback_uninstall(cluster: Cluster) -> None:
    space = "life-cycle"
    cluster.create_namespace(space)
    notes = cluster.helm("install", "swarm", CHART, "--namespace", space)
    assert "helm -n life-cycle test swarm" in notes
    first = cluster.secrets(space)
    assert {"swarm-ca", "swarm-auth", "swarm-orchestrator-tls", "swarm-analyst-tls", "swarm-gateway-tls", "swarm-client-tls"} <= first.keys()

    cluster.helm("upgrade", "swarm", CHART, "--namespace", space, "--set", "orchestrator.config.log.level=debug")
    assert cluster.secrets(space) == first, "an upgrade must keep CA, certificates and keys"

    cluster.helm("rollback", "swarm", "1", "--namespace", space)
    assert cluster.secrets(space) == first

    cluster.helm("uninstall", "swarm", "--namespace", space)
    assert cluster.get(APPS.format(space))["items"] == []
    assert cluster.secrets(space) == first, "keys outlive the release, as the data do"

    cluster.helm("install", "swarm", CHART, "--namespace", space)
    assert cluster.secrets(space) == first, "a second install takes the kept keys up again"


@pytest.mark.timeout(300)
def test_a_new_name_gets_a_new_leaf_from_the_same_ca(cluster: Cluster) -> None:
    space = "names"
    cluster.create_namespace(space)
    cluster.helm("install", "swarm", CHART, "--namespace", space)
    before = cluster.secrets(space)
    cluster.helm("upgrade", "swarm", CHART, "--namespace", space, "--set", "tls.extraNames={swarm.example.com}")
    after = cluster.secrets(space)
    assert after["swarm-ca"] == before["swarm-ca"] and after["swarm-auth"] == before["swarm-auth"]
    assert after["swarm-gateway-tls"]["tls.crt"] != before["swarm-gateway-tls"]["tls.crt"]
    assert after["swarm-gateway-tls"]["ca.crt"] == before["swarm-gateway-tls"]["ca.crt"]


@pytest.mark.timeout(300)
def test_a_bundled_synapse_keeps_its_token_over_upgrades_and_leaves_with_its_switch(cluster: Cluster) -> None:
    space = "bundled"
    cluster.create_namespace(space)
    synapse = ("--set", "synapse.bundled.enabled=true,synapse.bundled.image=registry.example.com/synapse:1")
    cluster.helm("install", "swarm", CHART, "--namespace", space, *synapse)
    first = cluster.secrets(space)
    assert {"token", "tokens"} == first["swarm-synapse"].keys()
    cluster.helm("upgrade", "swarm", CHART, "--namespace", space, *synapse, "--set", "synapse.bundled.stopSeconds=300")
    assert cluster.secrets(space) == first
    (own,) = (s for s in cluster.get(APPS.format(space))["items"] if s["metadata"]["name"] == "swarm-synapse")
    assert own["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 300
    cluster.helm("upgrade", "swarm", CHART, "--namespace", space, "--reset-values")
    assert {s["metadata"]["name"] for s in cluster.get(APPS.format(space))["items"]} == {"swarm-orchestrator", "swarm-analyst", "swarm-gateway"}
    # Not by a rollback: Helm refuses to take up again what it kept ("no Secret with the name … found").
    cluster.helm("upgrade", "swarm", CHART, "--namespace", space, *synapse)
    assert cluster.secrets(space)["swarm-synapse"] == first["swarm-synapse"]


@pytest.mark.timeout(300)
def test_a_bad_value_never_reaches_the_cluster(cluster: Cluster) -> None:
    space = "refused"
    cluster.create_namespace(space)
    cluster.helm("install", "swarm", CHART, "--namespace", space)
    before = cluster.get(APPS.format(space))["items"]
    with pytest.raises(AssertionError, match="replicas"):
        cluster.helm("upgrade", "swarm", CHART, "--namespace", space, "--set", "gateway.replicas=3")
    assert cluster.get(APPS.format(space))["items"] == before


@pytest.mark.timeout(300)
def test_notes_tell_of_an_ingress_that_no_policy_lets_in(cluster: Cluster) -> None:
    space = "notes"
    cluster.create_namespace(space)
    exposed = "gateway.ingress.enabled=true,gateway.ingress.hosts={llm.example.com}"
    for values, careful in (("", False), (exposed, True), (exposed + ",networkPolicy.enabled=false", False)):
        notes = cluster.helm("install", "swarm", CHART, "--namespace", space, "--dry-run=server", "--set", values)
        assert ("Careful: no network policy" in notes) == careful, values


@pytest.mark.timeout(300)
@pytest.mark.parametrize("values", SETS)
def test_admission_takes_every_pod_under_the_restricted_policy(cluster: Cluster, values: str | None) -> None:
    space = "admit-" + (values or "defaults").removesuffix("-values.yaml")
    cluster.create_namespace(space)
    manifests = render(values=values, namespace=space)
    for workload in of_kind(manifests, "StatefulSet") + of_kind(manifests, "Deployment"):
        cluster.admit_pod(space, workload["spec"]["template"])
    for pod in of_kind(manifests, "Pod"):
        cluster.admit_pod(space, pod)
    if values == "given-secrets-values.yaml":
        assert named(manifests, "StatefulSet", "swarm-gateway")


@pytest.mark.timeout(300)
def test_admission_takes_the_pods_that_the_pages_show(cluster: Cluster) -> None:
    cluster.create_namespace("pages")
    blocks = re.findall(r"^```yaml\n(.*?)^```", "".join(p.read_text("utf-8") for p in sorted((ROOT / "docs").glob("*.md"))), re.MULTILINE | re.DOTALL)
    pods = [pod for pod in map(yaml.safe_load, blocks) if "spec" in pod]
    assert len(pods) == 2, "the restore and the side-car"
    agent = {"name": "agent", "image": "agent:1", "securityContext": {
        "runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}}
    for pod in pods:
        spec = {"containers": [agent], "volumes": [{"name": name, "emptyDir": {}} for name in ("tls", "token")]} | pod["spec"]
        cluster.call("POST", "/api/v1/namespaces/pages/pods?dryRun=All",
                     {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec})


@pytest.mark.timeout(300)
def test_two_releases_live_side_by_side(cluster: Cluster) -> None:
    space = "two"
    cluster.create_namespace(space)
    for release in ("blue", "green"):
        cluster.helm("install", release, CHART, "--namespace", space)
    names = {s["metadata"]["name"] for s in cluster.get(APPS.format(space))["items"]}
    assert names == {f"{r}-swarm-{c}" for r in ("blue", "green") for c in ("orchestrator", "analyst", "gateway")}
