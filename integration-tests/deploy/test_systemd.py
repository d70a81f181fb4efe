"""deploy/systemd: systemd's own checks of the units, and each service at work under what its unit forbids."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from credentials import Credentials
from grpc_raw import REAL_REQUEST, call
from ready_line import ready_line
from tools import ROOT, run
from unit_sandbox import settings

UNITS = ROOT / "deploy" / "systemd"
SERVICES = ["orchestrator-core", "analyst-service", "llm-gateway"]
SANDBOX = Path(__file__).with_name("unit_sandbox.py")
# ProtectProc=invisible, ProcSubset=pid, CapabilityBoundingSet= and NoNewPrivileges, then the filters.
OUTER = ('mount --make-rprivate / && mount -t proc -o subset=pid,hidepid=invisible proc /proc '
         '&& exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"')

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_takes_the_unit(swarm_bin: Path, tmp_path: Path, name: str) -> None:
    unit = tmp_path / f"{name}.service"
    unit.write_text((UNITS / f"{name}.service").read_text("utf-8").replace("/usr/bin/", f"{swarm_bin}/"), encoding="utf-8")
    done = run("systemd-analyze", "verify", "--recursive-errors=no", unit)
    assert done.returncode == 0 and name not in done.stderr, done.stderr
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout[-800:]


def _under(name: str, *command: str | Path) -> list[str]:
    """The command line that runs `command` under the unit of that name; skips where this machine can't."""
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not here")
    if os.geteuid() != 0 or run("unshare", "--mount", "bash", "-c", OUTER, "bash", "true").returncode != 0:
        pytest.skip("mounts of its own need root here")
    return ["unshare", "--mount", "bash", "-c", OUTER, "bash", sys.executable, str(SANDBOX), str(UNITS / f"{name}.service"), *map(str, command)]


@needs_systemd
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_works_under_what_its_unit_forbids(swarm_bin: Path, tmp_path: Path, name: str) -> None:
    """TLS, client certificate and token as installed; only places and ports differ from the unit's."""
    credentials = Credentials(tmp_path / "certs")
    for file in credentials.directory.rglob("*"):
        os.chown(file, 0, 0)  # the unit's user is here a root without its rights
    config = (ROOT / "deploy" / "config" / f"{name}.yaml").read_text("utf-8")
    config = config.replace("/etc/swarm/tls", str(credentials.directory / name)).replace("/etc/swarm/auth", str(credentials.directory / "auth"))
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    unit = settings(UNITS / f"{name}.service")
    program, *arguments = unit["ExecStart"][0].split()
    assert arguments == ["--config", f"/etc/swarm/{name}.yaml"]
    environment = dict(one.split("=", 1) for one in unit["Environment"][0].replace("%S", str(tmp_path / "state")).split())
    doors = ["grpc.listen", "admin.listen", *(["http.listen"] if name == "llm-gateway" else [])]
    command = _under(name, swarm_bin / Path(program).name, "--config", tmp_path / "config.yaml", *(w for d in doors for w in ("--set", f"{d}=127.0.0.1:0")))
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={"PATH": os.environ["PATH"]} | environment)
    try:
        address = str(ready_line(process, log)["grpc"])
        with credentials.channel(address) as channel:
            call(channel, REAL_REQUEST[name], token=credentials.token("admin"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text("utf-8", "replace")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


FORBIDDEN = """
import mmap, os, socket
def refused(what, *arguments, **more):
    try: what(*arguments, **more)
    except OSError: return True
assert refused(socket.socket, socket.AF_NETLINK) and not refused(socket.socket, socket.AF_INET)
assert refused(os.nice, 1) and refused(mmap.mmap, -1, 4096, prot=7) and not refused(mmap.mmap, -1, 4096, prot=3)
assert refused(os.chroot, "/") and refused(os.listdir, "/proc/sys") and refused(open, "/proc/meminfo")
"""


@needs_systemd
def test_what_a_unit_forbids_is_really_refused_there() -> None:
    done = run(*_under("llm-gateway", sys.executable, "-c", FORBIDDEN))
    assert done.returncode == 0, done.stderr
