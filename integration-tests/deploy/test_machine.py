"""deploy/ for machines without Kubernetes: configurations, certificates and the compose file; test_systemd.py has the units."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart import SETS, render, service_configs
from credentials import Credentials
from tools import ROOT, run, tool

DEPLOY = ROOT / "deploy"
SERVICES = ["orchestrator-core", "analyst-service", "llm-gateway"]
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return Credentials(tmp_path_factory.mktemp("certs"))


def _check(binary: Path, config: Path, credentials: Credentials) -> Any:
    """--check-config with the paths of the container led to where the files are here."""
    text = config.read_text("utf-8").replace("/etc/swarm/tls", str(credentials.directory / binary.name))
    moved = credentials.directory / config.name
    moved.write_text(text.replace("/etc/swarm/auth", str(credentials.directory / "auth")), encoding="utf-8")
    return run(binary, "--config", moved, "--check-config", env={})


@pytest.mark.parametrize("name", SERVICES)
def test_the_shipped_configuration_is_valid(swarm_bin: Path, credentials: Credentials, name: str) -> None:
    done = _check(swarm_bin / name, DEPLOY / "config" / f"{name}.yaml", credentials)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values", SETS)
def test_the_charts_configurations_are_valid(swarm_bin: Path, credentials: Credentials, tmp_path: Path, values: str | None) -> None:
    for name, config in service_configs(render(values=values)).items():
        text = yaml.safe_dump(config)
        for mounted in set(re.findall(r"/etc/swarm/(?!tls|auth)[^ \n]+", text)):
            stand_in = tmp_path / mounted.replace("/", "-")
            authority = (credentials.directory / "ca.crt").read_text("utf-8")
            stand_in.write_text(authority if mounted.endswith(".crt") else "what a Secret of the user's would hold", encoding="utf-8")
            text = text.replace(mounted, str(stand_in))
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        done = _check(swarm_bin / name, tmp_path / f"{name}.yaml", credentials)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("component", "name"), list(zip(("orchestrator", "analyst", "gateway"), SERVICES, strict=True)))
def test_the_chart_takes_every_setting_of_the_shipped_configuration(tmp_path: Path, component: str, name: str) -> None:
    config = yaml.safe_load((DEPLOY / "config" / f"{name}.yaml").read_text("utf-8"))
    own = {key: value for key, value in config.items() if key not in ("data_dir", "drain_time")}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({component: {"config": own}}), encoding="utf-8")
    rendered = service_configs(render("--values", str(tmp_path / "values.yaml")))[name]
    assert rendered.keys() >= own.keys() and rendered["tls"] == own["tls"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_typing_error_is_found(swarm_bin: Path, credentials: Credentials, tmp_path: Path, name: str) -> None:
    text = (DEPLOY / "config" / f"{name}.yaml").read_text("utf-8").replace("drain_time", "drain_tiem")
    (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    done = _check(swarm_bin / name, tmp_path / f"{name}.yaml", credentials)
    assert done.returncode == 2
    assert "drain_tiem" in done.stderr and "drain_time" in done.stderr


# -- certificates ---------------------------------------------------------------------------------------------------------


def test_made_certificates_verify_and_private_keys_are_private(credentials: Credentials) -> None:
    for name in (*SERVICES, "client"):
        leaf = credentials.directory / name / "tls.crt"
        done = run("openssl", "verify", "-CAfile", credentials.directory / "ca.crt", "-verify_hostname", "swarm.test", leaf)
        assert done.returncode == 0, done.stderr
        assert "does match" in run("openssl", "x509", "-in", leaf, "-noout", "-checkhost", name).stdout
    secrets = [*credentials.directory.glob("*/tls.key"), credentials.directory / "ca.key", credentials.directory / "auth/signing-key.pem",
               credentials.directory / "auth/gateway-key", credentials.directory / "auth/task-token-key"]
    for path in secrets:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_second_run_keeps_what_is_there_and_renew_keeps_the_ca(tmp_path: Path) -> None:
    own = Credentials(tmp_path / "certs")
    files = {p: p.read_bytes() for p in own.directory.rglob("*") if p.is_file() and p.name != "ca.srl"}
    Credentials(own.directory)
    assert {p: p.read_bytes() for p in files} == files
    assert run(DEPLOY / "make-certs", "--renew", own.directory).returncode == 0
    changed = {p.name for p in files if p.read_bytes() != files[p]}
    assert changed == {"tls.crt", "tls.key"}


# -- compose --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_compose_service_is_confined(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["user"] == "65532:65532" and service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"] and not service["image"].endswith(":latest")
    assert all(port.startswith("${SWARM_BIND:-127.0.0.1}:") for port in service["ports"])
    assert service["build"]["target"] == name


def test_the_compose_file_follows_the_specification(tmp_path: Path) -> None:
    """By the specification's own validator, which also resolves anchors, defaults and paths."""
    validate = tool("compose-spec")
    done = run(validate, "--format", "json", DEPLOY / "compose.yaml", cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    services = json.loads(done.stdout)["services"]
    assert {name: services[name]["image"] for name in SERVICES} == {name: f"swarm/{name}:0.1.0" for name in SERVICES}
    for name in SERVICES:
        assert {port["host_ip"] for port in services[name]["ports"]} == {"127.0.0.1"}
    broken = (DEPLOY / "compose.yaml").read_text("utf-8").replace("mem_limit: 512m", "mem_limitt: 512m", 1)
    (tmp_path / "broken.yaml").write_text(broken, encoding="utf-8")
    assert run(validate, tmp_path / "broken.yaml", env={"PATH": "/usr/bin:/bin"}).returncode != 0, "the validator sees a typing error"


def test_what_compose_mounts_is_there() -> None:
    for name in SERVICES:
        for volume in COMPOSE["services"][name]["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./certs"):
                continue  # made by make-certs
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source


@pytest.mark.parametrize("name", SERVICES)
def test_a_stop_outlasts_the_drain(name: str) -> None:
    config = yaml.safe_load((DEPLOY / "config" / f"{name}.yaml").read_text("utf-8"))
    drain = int(config["drain_time"].removesuffix("s"))
    assert int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > drain
    unit = (DEPLOY / "systemd" / f"{name}.service").read_text("utf-8")
    assert int(re.search(r"^TimeoutStopSec=(\d+)s$", unit, re.MULTILINE)[1]) > drain  # type: ignore[index]
