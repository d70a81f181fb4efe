"""Files on a disk that has no room, or loses it on the way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from eventually import eventually
from orchestrator.client import code_of, msg
from orchestrator.files import PIECE, incoming, noise


def test_a_disk_without_room_refuses_and_goes_on(start_orchestrator: Any, files: Any) -> None:
    service = start_orchestrator({"artifacts.free_min": str(1 << 60)})
    o = files(service)
    task = o.work()
    code, text = code_of(lambda: o.upload(task, b"x" * 1000))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and "free_min" in text
    service.configure({"artifacts.free_min": "0"})
    service.restart()
    o = files(service)
    assert o.upload(task, b"x" * 1000).bytes == 1000
    folder = service.data_dir / "artefacts"
    if os.geteuid() != 0:
        (folder / "incoming").chmod(0o500)
        assert code_of(lambda: o.upload(task, b"y"))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED
        (folder / "incoming").chmod(0o700)
    assert o.result(task).accepted


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_disk_that_fills_up_in_the_middle_of_an_upload_refuses_and_goes_on(start_orchestrator: Any, files: Any, small_disk: Path) -> None:
    service = start_orchestrator({"artifacts.free_min": "0"})
    service.kill()
    shutil.rmtree(service.data_dir / "artefacts")
    (service.data_dir / "artefacts").symlink_to(small_disk)
    service.start()
    o = files(service)
    task = o.work()
    content = noise(6_000_000)

    def pieces() -> Iterator[Any]:
        for at in range(0, len(content), PIECE):
            if at == 8 * PIECE:
                eventually(lambda: any(p.stat().st_size >= 4 * PIECE for p in incoming(service)))
                (small_disk / "filler").write_bytes(b"x" * 3_500_000)
            yield msg("ArtifactPart", data=content[at:at + PIECE])

    code, text = code_of(lambda: o.upload(task, content, pieces=pieces()))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED and "the disk is full" in text, text
    eventually(lambda: incoming(service) == [])
    o.register("b")
    other = o.submit("goes on")
    assert o.result(o.poll("b")).accepted and o.status(other) == "SUCCEEDED"
    (small_disk / "filler").unlink()
    assert o.upload(task, content).bytes == len(content)
    assert o.result(task).accepted
