"""Uploads that are cut off, by the network or by an end of the process, go on where they were."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from eventually import eventually
from orchestrator.client import code_of, msg
from orchestrator.files import PIECE, Files, incoming, noise

import swarm_sdk as sdk
from swarm_sdk import aio as sdk_aio
from swarm_sdk import connection as sdk_connection
from swarm_sdk import files as sdk_files
from swarm_sdk import models as sdk_models


def test_an_upload_that_was_cut_off_goes_on_where_it_was_also_after_kill_9(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"})
    o = files(service)
    content = noise(3_000_000)
    task = o.work()
    begin = {"task_id": task.task_id, "lease_token": task.lease_token, "name": "out.bin", "bytes": len(content),
             "sha256": hashlib.sha256(content).hexdigest()}

    def arrived(**fields: Any) -> int:
        return int(o.call("GetUploadOffset", msg("ArtifactBegin", **begin | fields)).offset)

    def cut_at(end: int, at: int = 0) -> None:
        """Sends up to `end`; then the connection is gone."""
        sent = threading.Event()

        def pieces() -> Iterator[Any]:
            yield from (msg("ArtifactPart", data=content[n:min(n + PIECE, end)]) for n in range(at, end, PIECE))
            sent.wait(30)

        mine = Files(service.grpc)
        before = arrived()
        thread = threading.Thread(target=lambda: code_of(lambda: mine.upload(task, content, pieces=pieces(), offset=at)))
        thread.start()
        name = begin["sha256"]
        eventually(lambda: any(p.name == name and p.stat().st_size == end for p in incoming(service)), within=20)
        assert code_of(arrived)[0] == grpc.StatusCode.UNAVAILABLE and before == at
        mine.close()
        sent.set()
        thread.join()
        o_sees = eventually(lambda: known() == end)
        assert o_sees

    def known() -> int:
        try:
            return arrived()
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            return -1

    assert arrived() == 0
    cut_at(1_000_000)
    cut_at(1_500_000, at=1_000_000)
    service.kill()
    service.start()
    o = files(service)
    assert arrived() == 1_500_000
    assert code_of(lambda: o.upload(task, content, offset=1_500_001))[0] == grpc.StatusCode.OUT_OF_RANGE
    for wrong in (-1, len(content) + 1):
        assert code_of(lambda: o.upload(task, content, offset=wrong))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert code_of(lambda: arrived(lease_token="0" * 32))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert known() == 1_500_000
    rest = (msg("ArtifactPart", data=content[n:n + PIECE]) for n in range(1_500_000, len(content), PIECE))
    assert o.upload(task, content, pieces=rest, offset=1_500_000).sha256 == begin["sha256"]
    assert arrived() == len(content) and incoming(service) == []
    assert o.download(task.task_id)[1] == content
    assert o.result(task).accepted


def test_a_policy_sees_what_came_before_the_cut(start_orchestrator: Any, files: Any) -> None:
    rails = {"guardrails": {"policies": [{"id": "leaks", "control": "SI-10", "forbidden": ["BEGIN RSA PRIVATE KEY"]}]}}
    service = start_orchestrator(rails | {"lease.time": "10m", "lease.start_within": "10m"})
    o = files(service)
    task = o.work()
    content = b"x" * 1000 + b"BEGIN RSA PRIVATE KEY" + b"y" * 1000
    # What is on the disk as half of an upload got there past the policy, as one of an earlier configuration.
    (service.data_dir / "artefacts" / "incoming" / hashlib.sha256(content).hexdigest()).write_bytes(content[:1010])
    rest = iter([msg("ArtifactPart", data=content[1010:])])
    assert "SI-10" in code_of(lambda: o.upload(task, content, pieces=rest, offset=1010))[1]
    assert o.status(task.task_id) == "DEAD"
    eventually(lambda: incoming(service) == [])


class CuttingProxy:
    """Forwards connections to a port; ends each one once it has carried `bytes_max` upwards, as often as `cuts` says."""

    def __init__(self, address: str, bytes_max: int, cuts: int) -> None:
        host, port = address.rsplit(":", 1)
        self.target, self.bytes_max, self.cuts_left, self.carried = (host, int(port)), bytes_max, cuts, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        left = self.bytes_max
        try:
            while data := source.recv(65536):
                if up:
                    left -= len(data)
                    self.carried += len(data)
                    if left < 0 and self.cuts_left > 0:
                        self.cuts_left -= 1
                        break
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_sdk_goes_on_after_its_connection_was_cut(start_orchestrator: Any, tmp_path: Path, kind: str) -> None:
    service = start_orchestrator({"lease.time": "10m", "lease.start_within": "10m"})
    made = tmp_path / "made.bin"
    made.write_bytes(noise(12_000_000))
    o = Files(service.grpc)
    o.work()
    assignment = sdk_models.read(sdk_models.Assignment, o.poll())
    proxy = CuttingProxy(service.grpc, 5_000_000, 2)
    if kind == "sync":
        connection = sdk_connection.Connection(proxy.address)
        info = sdk_files.upload(connection, assignment, made, "made.bin")
        connection.close()
    else:

        async def main() -> sdk.Artifact:
            connection = sdk_aio.AsyncConnection(proxy.address)
            try:
                return await connection.upload(assignment, made, "made.bin")
            finally:
                await connection.close()

        info = asyncio.run(main())
    proxy.close()
    assert info.bytes == 12_000_000 and proxy.cuts_left == 0
    assert o.download(assignment.task_id, "made.bin")[1] == made.read_bytes()
    print(f"{proxy.carried} bytes carried")
    assert proxy.carried < 12_000_000 + 9_000_000, "what had come was not sent again, but for what was on its way"
    o.close()
