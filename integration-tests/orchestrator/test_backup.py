"""A copy while work goes on, and a new orchestrator from it: leases, tokens, schedules and holds are part of it."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any

from orchestrator.client import Raw, msg


def test_a_backup_under_load_keeps_leases_schedules_and_holds(
    start_orchestrator: Any, connect: Any, swarm_bin: Path, tmp_path: Path
) -> None:
    service = start_orchestrator()
    o = connect(service)
    o.register()
    before = {o.submit(f"{n}", context="x" * 10_000) for n in range(50)}
    task = o.poll()
    o.call("PutSchedule", msg("NewSchedule", name="nightly", cron="@daily", task=msg("NewTask", description="again")))
    o.call("SetHold", msg("HoldRequest", kind=2, name="Coder", held=True))
    stop = threading.Event()

    def work() -> None:
        other = Raw(service.grpc)
        while not stop.is_set():
            other.submit("meanwhile", context="y" * 10_000)
        other.close()

    def swarmctl(*arguments: str | Path) -> None:
        done = subprocess.run([swarm_bin / "swarmctl", "--orchestrator", service.grpc, *arguments], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    swarmctl("backup", "make", tmp_path / "copy", "--only", "orchestrator")
    stop.set()
    for thread in threads:
        thread.join()
    service.terminate()
    assert service.wait_exit() == 0
    swarmctl("backup", "restore", tmp_path / "copy" / "orchestrator-core", tmp_path / "new")
    o = connect(start_orchestrator({"data_dir": str(tmp_path / "new")}))
    assert all(o.get(task_id).task_id == task_id for task_id in before)
    assert o.result(task).accepted, "leases and tokens are part of it"
    assert [s.what.name for s in o.call("ListSchedules", msg("ListSchedulesRequest")).schedules] == ["nightly"]
    assert [h.name for h in o.call("ListHolds", msg("ListHoldsRequest")).holds] == ["Coder"]


def test_a_folder_that_holds_something_else_is_left_as_it_is(start_orchestrator: Any, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    service = start_orchestrator({"data_dir": str(foreign)}, ready=False)
    assert service.wait_exit() == 1 and "thesis.tex" in service.tail(3)
    assert [p.name for p in foreign.iterdir()] == ["thesis.tex"]
    fresh = tmp_path / "fresh"
    (fresh / "lost+found").mkdir(parents=True)
    (fresh / ".keep").write_text("")
    service = start_orchestrator({"data_dir": str(fresh)})
    service.terminate()
    assert service.wait_exit() == 0
    service.start()
