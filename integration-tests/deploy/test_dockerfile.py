"""deploy/Dockerfile, as far as it can be judged without a container engine."""

from __future__ import annotations

import re
import sys

from tools import ROOT

sys.dont_write_bytecode = True
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
IMAGES = ["orchestrator-core", "analyst-service", "llm-gateway", "swarmctl", "trello-bridge"]


def _stage(name: str) -> str:
    found = re.search(rf"^FROM \S+ AS {name}$(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found, f"no target {name}"
    return found[1]


def test_every_image_has_a_target_that_runs_as_nobody_of_the_machine() -> None:
    for name in IMAGES:
        stage = _stage(name)
        assert "USER 65532:65532" in stage
        assert f'ENTRYPOINT ["/usr/bin/{name}"]' in stage
        assert f"COPY --from=build /out/{name}/ /" in stage
        assert f'title="{name}"' in stage


def test_targets_and_build_images_agree() -> None:
    script = (ROOT / "deploy" / "build-images").read_text("utf-8")
    listed = re.findall(r'^    "([a-z-]+)": \("([^"]+)", \(([0-9, ]*)\)', script, re.MULTILINE)
    assert [name for name, _, _ in listed] == IMAGES
    for name, description, ports in listed:
        stage = _stage(name)
        assert f'description="{description}"' in stage
        exposed = re.search(r"^EXPOSE (.*)$", stage, re.MULTILINE)
        assert (exposed[1].split() if exposed else []) == [p.strip() for p in ports.split(",") if p.strip()]


def test_private_keys_stay_out_of_the_build() -> None:
    """What deploy/make-certs puts into the place that docs/install.md names."""
    assert "deploy/certs" in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_no_base_is_pinned_to_a_registry_or_to_latest() -> None:
    for base in re.findall(r"^(?:FROM|ARG \w+_IMAGE=)\s*(\S+)", DOCKERFILE, re.MULTILINE):
        assert ":latest" not in base
        assert "/" not in base, base


def test_the_runtime_has_nothing_by_default() -> None:
    assert "ARG RUNTIME_IMAGE=scratch" in DOCKERFILE
    assert "FROM ${RUNTIME_IMAGE} AS runtime" in DOCKERFILE
