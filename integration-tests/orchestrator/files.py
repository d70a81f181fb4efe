"""Files of tasks by plain calls, and what of them lies in a service's data directory."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orchestrator.client import Raw, msg

PIECE = 256 * 1024


class Files(Raw):
    def upload(self, task: Any, content: bytes, name: str = "out.bin", pieces: Iterator[Any] | None = None, **fields: Any) -> Any:
        fields = {"task_id": task.task_id, "lease_token": task.lease_token, "name": name, "bytes": len(content),
                  "sha256": hashlib.sha256(content).hexdigest()} | fields
        parts = pieces or (msg("ArtifactPart", data=content[at:at + PIECE]) for at in range(0, len(content), PIECE))

        def stream() -> Iterator[Any]:
            yield msg("ArtifactPart", begin=fields)
            yield from parts

        return self._method("stream_unary", "UploadArtifact")(stream(), timeout=60)

    def download(self, task_id: str, name: str = "out.bin", **fields: Any) -> tuple[Any, bytes]:
        parts = list(self.follow("DownloadArtifact", msg("ArtifactRequest", task_id=task_id, name=name, **fields), timeout=60))
        return parts[0].info, b"".join(part.data for part in parts[1:])

    def ref(self, info: Any) -> Any:
        return msg("ArtifactRef", name=info.name, sha256=info.sha256, bytes=info.bytes)

    def work(self, **fields: Any) -> Any:
        self.register()
        task_id = self.submit(**fields)
        task = self.poll()
        assert task.task_id == task_id
        return task


def stored(service: Any) -> list[Path]:
    """Without what is on its way in."""
    return sorted(p for p in (service.data_dir / "artefacts").rglob("*") if p.is_file() and p.parent.name != "incoming")


def incoming(service: Any) -> list[Path]:
    return list((service.data_dir / "artefacts" / "incoming").iterdir())


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)
