"""Limits that loopback is spared: tried from addresses of their own, in a network namespace that has nothing but its loopback device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from credentials import Credentials
from swarm_process import BINARIES
from tools import ROOT, run

# Names nobody's address (RFC 5737); given to the namespace's own loopback device.
_ADDRESSES = ("192.0.2.1", "192.0.2.2", "192.0.2.3")
_SHARE = 20

_INSIDE = """
import fcntl, json, pathlib, socket, struct, sys, time
sys.path.insert(0, sys.argv[2])
from swarm_process import ServiceProcess

asked = json.loads(sys.argv[1])
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number, address in enumerate(["127.0.0.1", *asked["addresses"]]):
    name = (b"lo" if number == 0 else b"lo:%d" % number).ljust(16, b"\\0")
    SIOCSIFADDR, SIOCSIFFLAGS, up = 0x8916, 0x8914, 0x41
    fcntl.ioctl(control, SIOCSIFADDR, name + struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address)))
    fcntl.ioctl(control, SIOCSIFFLAGS, name + struct.pack("=H14x", up))
service = ServiceProcess(asked["name"], pathlib.Path(asked["directory"]), asked["settings"]).start()

def taken(source, port, count):
    there = []
    for _ in range(count):
        one = socket.socket()
        one.bind((source, 0))
        try:
            one.connect((asked["addresses"][0], port))
            there.append(one)
        except OSError:
            pass
    time.sleep(0.5)
    kept = []
    for one in there:
        one.setblocking(False)
        try:
            one.recv(1)
        except BlockingIOError:
            kept.append(one)
        except OSError:
            pass
    return kept

told = {}
for door in asked["doors"]:
    port = service.ports[door]
    first = taken(asked["addresses"][1], port, 3 * asked["share"])
    other = taken(asked["addresses"][2], port, 5)
    local = taken("127.0.0.1", port, 2 * asked["share"]) if door == "http" else []
    for one in first:
        one.close()
    time.sleep(0.5)
    again = taken(asked["addresses"][1], port, 5)
    told[door] = [len(first), len(other), len(local), len(again)]
    for one in other + local + again:
        one.close()
told["exit"] = service.stop()
print(json.dumps(told))
"""


def _tried(name: str, settings: dict[str, Any], doors: list[str], tmp_path: Path) -> dict[str, Any]:
    if run("unshare", "--net", "true").returncode != 0:
        pytest.skip("a network namespace needs root here")
    asked = {"name": name, "settings": settings, "doors": doors, "share": _SHARE, "addresses": _ADDRESSES, "directory": str(tmp_path / "service")}
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", _INSIDE, json.dumps(asked), str(ROOT / "integration-tests")],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", sorted(BINARIES))
def test_one_peer_has_its_share_of_connections_and_others_have_theirs(credentials: Credentials, tmp_path: Path, name: str) -> None:
    """Each service on all addresses, with TLS and tokens as it must be there."""
    settings = credentials.settings(BINARIES[name]) | {"grpc.listen": "0.0.0.0:0", "connections.per_peer_max": _SHARE}
    if name == "gateway":
        settings |= {"http.listen": "0.0.0.0:0", "http.connections_per_peer_max": _SHARE,
                     "keys.default.key_file": str(credentials.directory / "auth" / "gateway-key")}
    else:
        settings |= {"gateway.address": "", "analyst.address" if name == "orchestrator" else "orchestrator.address": ""}
    told = _tried(name, settings, ["grpc", "http"] if name == "gateway" else ["grpc"], tmp_path)
    assert told["grpc"][0] == _SHARE and told["grpc"][1] == 5 and told["grpc"][3] == 5, told
    if name == "gateway":
        assert told["http"] == [_SHARE, 5, 2 * _SHARE, 5], told
    assert told["exit"] == 0
