"""Who may reach whom: the chart's network policies, and the way in through a Gateway."""

from __future__ import annotations

from chart import WORKLOADS, flows, named, of_kind, refusal, render, secret_data


def test_the_network_allows_exactly_the_flows_of_the_design() -> None:
    callers = {("agent", c, "grpc") for c in WORKLOADS} | {("swarmctl", c, "grpc") for c in WORKLOADS}
    callers |= {("agent", "gateway", "http"), ("swarmctl", "gateway", "http")}
    peers = {("orchestrator", "analyst", "grpc"), ("orchestrator", "gateway", "grpc"),
             ("analyst", "gateway", "grpc"), ("analyst", "orchestrator", "grpc")}
    scrapes = {("other", c, "admin") for c in WORKLOADS}
    assert flows(render()) == callers | peers | scrapes


def test_an_ingress_controller_reaches_the_model_endpoint_only() -> None:
    policies = {c: named(render(values="exposed-values.yaml"), "NetworkPolicy", f"swarm-{c}")["spec"]["ingress"] for c in WORKLOADS}
    controller = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
    let_in = {(c, p["port"]) for c, rules in policies.items() for rule in rules if controller in rule["from"] for p in rule["ports"]}
    assert let_in == {("gateway", "http")}


def test_a_gateway_is_told_to_speak_tls_to_the_model_endpoint() -> None:
    manifests = render(values="exposed-values.yaml")
    policy = named(manifests, "BackendTLSPolicy", "swarm-gateway")["spec"]
    (target,) = policy["targetRefs"]
    service = named(manifests, "Service", target["name"])
    assert target["sectionName"] in {port["name"] for port in service["spec"]["ports"]}
    (authority,) = policy["validation"]["caCertificateRefs"]
    assert named(manifests, "ConfigMap", authority["name"])["data"]["ca.crt"].encode() == secret_data(named(manifests, "Secret", "swarm-ca"), "tls.crt")
    assert policy["validation"]["hostname"] == "swarm-gateway.prod.svc"  # one of the certificate's names
    route = "gateway.httpRoute.enabled=true,gateway.httpRoute.parentRefs[0].name=edge,tls.mode=certManager,tls.certManager.issuerRef.name=company-ca"
    assert "backendTLSPolicy.caConfigMap must name" in refusal("--set", route)
    own = render("--set", route + ",gateway.httpRoute.backendTLSPolicy.caConfigMap=company-ca")
    assert named(own, "BackendTLSPolicy", "swarm-gateway")["spec"]["validation"]["caCertificateRefs"][0]["name"] == "company-ca"
    assert not [m for m in own if m["kind"] == "ConfigMap" and m["metadata"]["name"] == "swarm-ca"]


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
