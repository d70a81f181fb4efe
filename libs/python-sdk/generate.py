"""Compiles protos/*.proto into src/swarm_sdk/descriptors.binpb. Run it after a change of the protos:

    build/venv/bin/python libs/python-sdk/generate.py

tests/test_wire.py fails when the file no longer matches the protos.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
OUTPUT = Path(__file__).resolve().parent / "src" / "swarm_sdk" / "descriptors.binpb"
PROTOS = ["orchestrator.proto", "analyst.proto", "llm_gateway.proto", "operations.proto"]


def compile_protos() -> bytes:
    """The serialised FileDescriptorSet of our own interfaces. Needs grpcio-tools."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "descriptors.binpb"
        status = protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={out}", *(f"protos/{p}" for p in PROTOS)])
        if status != 0:
            raise SystemExit(f"protoc failed with status {status}")
        return out.read_bytes()


if __name__ == "__main__":
    OUTPUT.write_bytes(compile_protos())
    print(f"wrote {OUTPUT.relative_to(ROOT)} ({OUTPUT.stat().st_size} bytes)", file=sys.stderr)
