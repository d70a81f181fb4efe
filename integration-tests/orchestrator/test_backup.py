"""A copy while work goes on, and a new orchestrator from it by one command."""

from __future__ import annotations

import threading
from pathlib import Path

import grpc
from orchestrator.client import Raw, code_of, msg


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_and_starts_a_new_orchestrator(start_orchestrator, connect, tmp_path: Path):
    service = start_orchestrator({"backup_dir": str(tmp_path / "copies")})
    o = connect(service)
    o.register()
    before = {o.submit(f"{n}", context="x" * 10_000) for n in range(50)}
    task = o.poll()
    stop = threading.Event()

    def work() -> None:
        other = Raw(service.grpc)
        while not stop.is_set():
            other.submit("meanwhile", context="y" * 10_000)
        other.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    made = o.call("BackupStore", msg("BackupRequest", name="nightly"), timeout=60)
    stop.set()
    for thread in threads:
        thread.join()
    assert made.directory == str(tmp_path / "copies" / "nightly") and made.bytes > 500_000
    code, text = code_of(lambda: o.call("BackupStore", msg("BackupRequest", name="nightly")))
    assert code != grpc.StatusCode.OK and "nightly" in text
    code, text = code_of(lambda: o.call("BackupStore", msg("BackupRequest", name="../evil")))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "name" in text
    service.terminate()
    assert service.wait_exit() == 0
    restored = start_orchestrator({"restore_from": made.directory, "data_dir": str(tmp_path / "new")})
    o = connect(restored)
    assert all(o.get(task_id).task_id == task_id for task_id in before)
    assert o.result(task).accepted, "leases and tokens are part of it"
    restored.terminate()
    assert restored.wait_exit() == 0
    restored.spawn()
    assert restored.wait_exit() == 1 and "holds data already" in restored.tail(3)


def test_what_is_no_backup_is_refused(start_orchestrator, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for bad in (tmp_path / "empty", tmp_path / "absent"):
        service = start_orchestrator({"restore_from": str(bad), "data_dir": str(tmp_path / "target")}, ready=False)
        assert service.wait_exit() == 1 and "no backup" in service.tail(3)
