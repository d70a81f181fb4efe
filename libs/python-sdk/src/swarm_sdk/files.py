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
# What the server has is not the beginning of the file (its disk lost some of it), or it can't go on with anything.
BEGIN_AGAIN = ("INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED")

UPLOAD = "orchestrator.Orchestrator.UploadArtifact"
UPLOAD_OFFSET = "orchestrator.Orchestrator.GetUploadOffset"
DOWNLOAD = "orchestrator.Orchestrator.DownloadArtifact"


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size


class FileSource:
    """A file on its way up under a lease, and how far it has come: after a failed try it goes on where the server has it."""

    def __init__(self, assignment: Assignment, path: Path, name: str, sha256: str, size: int) -> None:
        self._path = path
        self._wanted = {"task_id": assignment.task_id, "lease_token": assignment.lease_token, "name": name, "bytes": size, "sha256": sha256}
        self._offset = self._reached = 0
        self._deadline = time.monotonic() + PATIENCE_SECONDS
        self.asks = False  # whether the server is to say how far it has come

    def question(self) -> Any:
        return wire.message("orchestrator.ArtifactBegin")(**self._wanted)

    def go_on_at(self, offset: int) -> None:
        self._offset = offset
        if offset > self._reached:
            self._reached, self._deadline = offset, time.monotonic() + PATIENCE_SECONDS

    def pieces(self) -> Iterator[Any]:
        part = wire.message("orchestrator.ArtifactPart")
        yield part(begin=self._wanted | {"offset": self._offset})
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while piece := file.read(PIECE_BYTES):
                yield part(data=piece)

    async def pieces_async(self) -> AsyncIterator[Any]:
        pieces = self.pieces()
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    def failed(self, error: SwarmError, delay: float) -> None:
        """Raises the error when there is no use in another try."""
        if self.asks and error.code in BEGIN_AGAIN:
            self.asks, self._offset = False, 0
        elif error.retryable and time.monotonic() + delay <= self._deadline:
            self.asks = True
        else:
            raise error from None


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
    """Hands a file in under a lease; after a retryable error it goes on where it was."""
    source = FileSource(assignment, path, name, *digest_of(path))
    method, question = wire.method(UPLOAD), wire.method(UPLOAD_OFFSET)
    call = connection._channel.stream_unary(method.path, request_serializer=method.serializer, response_deserializer=method.deserializer)
    ask = connection._channel.unary_unary(question.path, request_serializer=question.serializer, response_deserializer=question.deserializer)
    options = connection.options
    for delay in options.backoff.delays():
        try:
            if source.asks:
                source.go_on_at(ask(source.question(), timeout=options.timeout, metadata=options.metadata()).offset)
            return Artifact.of(call(source.pieces(), timeout=TRANSFER_SECONDS, metadata=options.metadata()))
        except grpc.RpcError as error:
            source.failed(from_grpc(error), delay)
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
