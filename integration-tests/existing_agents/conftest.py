"""The clients that agents in the field carry: generated modules of both packages, in the default descriptor pool."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import grpc
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GENERATIONS = {"orchestrator.v1": "orchestrator_v1", "orchestrator": "orchestrator_legacy"}


class Generation:
    """One generation of generated code: `messages` and `stubs` as an agent imports them."""

    def __init__(self, package: str, messages: ModuleType, stubs: ModuleType) -> None:
        self.package = package
        self.messages = messages
        self.stubs = stubs


@pytest.fixture(scope="session")
def generations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Generation]:
    """Both, in one process, and this SDK beside them: descriptors must not collide."""
    from grpc_tools import protoc

    import swarm_sdk  # noqa: F401

    out = tmp_path_factory.mktemp("generated")
    source = ROOT / "protos" / "compat"
    for stem in GENERATIONS.values():
        arguments = ["protoc", f"-I{source}", f"--python_out={out}", f"--grpc_python_out={out}", f"{stem}.proto"]
        assert protoc.main(arguments) == 0
    sys.path.insert(0, str(out))
    return {
        package: Generation(package, importlib.import_module(f"{stem}_pb2"), importlib.import_module(f"{stem}_pb2_grpc"))
        for package, stem in GENERATIONS.items()
    }


@pytest.fixture(params=list(GENERATIONS))
def generation(request: pytest.FixtureRequest, generations: dict[str, Generation]) -> Generation:
    return generations[request.param]


@pytest.fixture
def legacy_channel() -> Iterator[Callable[[str], grpc.Channel]]:
    """A channel as the old clients make it: plain text, no metadata, default options."""
    channels: list[grpc.Channel] = []

    def connect(address: str) -> grpc.Channel:
        channels.append(grpc.insecure_channel(address))
        return channels[-1]

    yield connect
    for channel in channels:
        channel.close()
