"""A directory as an OCI image layout (image-spec 1.0) in one tar file. The same input gives the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .rootfs import DATA_DIRECTORY, USER_ID

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Image:
    name: str
    tag: str
    architecture: str  # as Go calls it: amd64, arm64
    created: str  # RFC 3339
    ports: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


def write(archive: Path, root: Path, image: Image, epoch: int) -> str:
    """Writes `archive` and returns the manifest's digest."""
    layer = _layer(root, epoch)
    packed = _gzip(layer)
    config = _json(_config(image, layer))
    manifest = _json({
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, packed)],
        "annotations": image.labels,
    })
    described = _descriptor(_MANIFEST, manifest)
    described["annotations"] = {"org.opencontainers.image.ref.name": image.tag}
    described["platform"] = {"architecture": image.architecture, "os": "linux"}
    index = _json({"schemaVersion": 2, "manifests": [described]})
    files = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    for blob in (config, manifest, packed):
        files[f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"] = blob
    with archive.open("wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for directory in ("blobs", "blobs/sha256"):
            tar.addfile(_entry(directory, tarfile.DIRTYPE, 0o755, epoch))
        for name in sorted(files):
            entry = _entry(name, tarfile.REGTYPE, 0o644, epoch)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))
    return described["digest"]


def _config(image: Image, layer: bytes) -> dict[str, Any]:
    return {
        "architecture": image.architecture,
        "os": "linux",
        "created": image.created,
        "config": {
            "User": f"{USER_ID}:{USER_ID}",
            "Entrypoint": [f"/usr/bin/{image.name}"],
            # The services' default data directory is ./data/<service>.
            "WorkingDir": "/",
            "Env": ["PATH=/usr/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "ExposedPorts": {f"{port}/tcp": {} for port in image.ports},
            "StopSignal": "SIGTERM",
            "Labels": image.labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created": image.created, "created_by": "deploy/build-images"}],
    }


def _layer(root: Path, epoch: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            entry = tar.gettarinfo(str(path), arcname=name)
            entry.mtime = epoch
            owner = USER_ID if name.split("/")[0] == DATA_DIRECTORY else 0
            entry.uid = entry.gid = owner
            entry.uname = entry.gname = ""
            if entry.isreg():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return out.getvalue()


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=9, mtime=0)


def _entry(name: str, kind: bytes, mode: int, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, epoch
    return entry


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}
