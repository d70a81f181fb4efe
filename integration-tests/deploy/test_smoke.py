"""What `helm test` runs, as the chart writes it, against three services with the chart's own certificates and keys."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chart import named, of_kind, render
from swarm_process import BINARIES, ServiceProcess


@pytest.mark.timeout(180)
def test_the_smoke_test_passes_on_a_stack_with_the_charts_own_secrets(
    start_service: Callable[..., ServiceProcess], swarm_bin: Path, tmp_path: Path
) -> None:
    manifests = render("--set", "tls.extraNames={localhost}")
    secrets = {s["metadata"]["name"]: s["data"] for s in of_kind(manifests, "Secret")}

    def mounted(secret: str) -> Path:
        place = tmp_path / secret
        place.mkdir()
        for key, value in secrets[secret].items():
            (place / key).write_bytes(base64.b64decode(value))
        return place

    auth = mounted("swarm-auth")

    def secured(name: str) -> dict[str, object]:
        own = mounted(f"swarm-{name}-tls")
        return {"tls.cert_file": str(own / "tls.crt"), "tls.key_file": str(own / "tls.key"), "tls.ca_file": str(own / "ca.crt"),
                "tls.require_client_cert": True, "auth.jwks_file": str(auth / "jwks.json"), "auth.signing_key_file": str(auth / "signing-key.pem")}

    def there(service: ServiceProcess) -> str:
        return service.grpc.replace("127.0.0.1", "localhost")

    gateway = start_service("gateway", secured("gateway"))
    analyst = start_service("analyst", secured("analyst") | {"gateway.address": there(gateway), "orchestrator.address": ""})
    orchestrator = start_service("orchestrator", secured("orchestrator") | {"gateway.address": there(gateway), "analyst.address": there(analyst)})
    client = mounted("swarm-client-tls")

    (container,) = named(manifests, "Pod", "swarm-smoke-test")["spec"]["containers"]
    addresses = {f"SWARM_CTL_{s.name.upper()}": there(s) for s in (orchestrator, analyst, gateway)}
    assert addresses.keys() <= {e["name"] for e in container["env"]} and set(BINARIES) == {"orchestrator", "analyst", "gateway"}
    env = {e["name"]: e["value"].replace("/etc/swarm/tls", str(client)).replace("/etc/swarm/auth", str(auth)) for e in container["env"]} | addresses
    done = subprocess.run([str(swarm_bin / "swarmctl"), *container["args"]], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    analyst.stop()
    done = subprocess.run([str(swarm_bin / "swarmctl"), *container["args"]], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "analyst" in done.stdout, "a service that is away fails it"
