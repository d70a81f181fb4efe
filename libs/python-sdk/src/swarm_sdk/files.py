"""Files of tasks on their way up and down: piece by piece, so that none of them is ever in memory as a whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import grpc

from . import wire
from .errors import SwarmError, from_grpc
from .models import Artifact, Assignment

if TYPE_CHECKING:
    from .connection import Connection

PIECE_BYTES = 512 * 1024
TRANSFER_SECONDS = 900.0  # of one try; the server gives up what stands still much earlier
PATIENCE_SECONDS = 60.0  # without getting any further

UPLOAD = "orchestrator.Orchestrator.UploadArtifact"
DOWNLOAD = "orchestrator.Orchestrator.DownloadArtifact"


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


def begin_of(assignment: Assignment, name: str, sha256: str, size: int) -> Any:
    part = wire.message("orchestrator.ArtifactPart")
    return part(begin={"task_id": assignment.task_id, "lease_token": assignment.lease_token, "name": name, "bytes": size,
                       "sha256": sha256})


def pieces(path: Path, begin: Any) -> Iterator[Any]:
    part = wire.message("orchestrator.ArtifactPart")
    yield begin
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield part(data=piece)


async def pieces_async(path: Path, begin: Any) -> AsyncIterator[Any]:
    part = wire.message("orchestrator.ArtifactPart")
    yield begin
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield part(data=piece)


class FileSink:
    """A file that appears under its name once all of it is there and is what was sent. What came so far is kept across tries."""

    def __init__(self, target: Path, task_id: str, name: str, attempt: int) -> None:
        self._target = target
        self._partial = target.with_name(target.name + ".part")
        self._file: BinaryIO = self._partial.open("wb")
        self._digest = hashlib.sha256()
        self._wanted = {"task_id": task_id, "name": name, "attempt": attempt}
        self.offset = 0
        self.info: Artifact | None = None

    def request(self) -> Any:
        # The first answer says which attempt's file it is; the others have to be of the same.
        attempt = self.info.attempt if self.info else self._wanted["attempt"]
        return wire.message("orchestrator.ArtifactRequest")(**self._wanted | {"offset": self.offset, "attempt": attempt})

    def take(self, part: Any) -> None:
        if part.HasField("info"):
            info = Artifact.of(part.info)
            if self.info is not None and info.sha256 != self.info.sha256:
                raise SwarmError(f"the artifact {info.name} was replaced while it was downloaded", "ABORTED")
            self.info = info
            return
        self._file.write(part.data)
        self._digest.update(part.data)
        self.offset += len(part.data)

    def finish(self) -> Artifact:
        if self.info is None or self.offset != self.info.bytes or self._digest.hexdigest() != self.info.sha256:
            raise SwarmError(f"what was downloaded is not the artifact {self._wanted['name']}", "DATA_LOSS")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._partial, self._target)
        return self.info

    def close(self) -> None:
        """Leaves nothing behind, unless it was finished."""
        if not self._file.closed:
            self._file.close()
            self._partial.unlink(missing_ok=True)


def upload(connection: "Connection", assignment: Assignment, path: Path, name: str) -> Artifact:
    """Hands a file in under a lease. Tried again from the start on retryable errors."""
    begin = begin_of(assignment, name, *digest_of(path))
    method = wire.method(UPLOAD)
    call = connection._channel.stream_unary(method.path, request_serializer=method.serializer, response_deserializer=method.deserializer)
    deadline = time.monotonic() + PATIENCE_SECONDS
    for delay in connection.options.backoff.delays():
        try:
            answer = call(pieces(path, begin), timeout=TRANSFER_SECONDS, metadata=connection.options.metadata())
            return Artifact.of(answer)
        except grpc.RpcError as error:
            failed = from_grpc(error)
            if not failed.retryable or time.monotonic() + delay > deadline:
                raise failed from None
        time.sleep(delay)
    raise AssertionError("delays() has no end")


def download(connection: "Connection", task_id: str, name: str, path: Path, attempt: int) -> Artifact:
    """Brings a file; after a retryable error it goes on where it was."""
    method = wire.method(DOWNLOAD)
    call = connection._channel.unary_stream(method.path, request_serializer=method.serializer, response_deserializer=method.deserializer)
    sink = FileSink(path, task_id, name, attempt)
    reached, deadline = -1, 0.0
    try:
        for delay in connection.options.backoff.delays():
            if sink.offset > reached:
                reached, deadline = sink.offset, time.monotonic() + PATIENCE_SECONDS
            try:
                for part in call(sink.request(), timeout=TRANSFER_SECONDS, metadata=connection.options.metadata()):
                    sink.take(part)
                return sink.finish()
            except grpc.RpcError as error:
                failed = from_grpc(error)
                if not failed.retryable or time.monotonic() + delay > deadline:
                    raise failed from None
            time.sleep(delay)
    finally:
        sink.close()
    raise AssertionError("delays() has no end")
