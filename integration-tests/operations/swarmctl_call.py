"""How swarmctl is called, and what the services wrote."""

import json
from pathlib import Path
from typing import Any

from swarm_process import ServiceProcess

FLAGS = {"orchestrator": "--orchestrator", "analyst": "--analyst", "gateway": "--gateway"}


def command(swarm_bin: Path, *arguments: str | Path, of: list[ServiceProcess] | None = None) -> list[str]:
    addresses = [part for service in of or [] for part in (FLAGS[service.name], service.grpc)]
    return [str(swarm_bin / "swarmctl"), *addresses, *(str(a) for a in arguments)]


def audit_lines(service: ServiceProcess) -> list[dict[str, Any]]:
    files = sorted((service.data_dir / "audit").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
