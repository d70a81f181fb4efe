"""The container images as deploy/build-images makes them: what is in them, that they are reproducible, and that each service runs
from its image alone, as a stranger with a root that can't be written.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from grpc_raw import REAL_REQUEST, SERVICE_NAME, call, reflected_services, serving
from ready_line import ready_line
from tools import ROOT, run, tool

sys.path.insert(0, str(ROOT / "deploy"))
from imagebuilder import closure, rootfs  # noqa: E402

BUILD = ROOT / "deploy" / "build-images"
LIST = ROOT / "deploy" / "libraries.txt"
SERVICES = ["orchestrator-core", "analyst-service", "llm-gateway"]
BINARIES = [*SERVICES, "swarmctl"]
IMAGES = [*BINARIES, "trello-bridge"]
PYTHON_PACKAGES = Path(grpc.__file__).resolve().parent.parent
EPOCH = "1700000000"


@pytest.fixture(scope="session")
def built(swarm_bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """built(name) -> the OCI archive, made once for each name."""
    place = tmp_path_factory.mktemp("images")
    made: dict[str, Path] = {}

    def build(name: str) -> Path:
        if name not in made:
            _build(swarm_bin, place, name)
            made[name] = place / f"{name}.tar"
        return made[name]

    return build


def _build(binaries: Path, output: Path, name: str, **more: str) -> None:
    done = run(BUILD, "--bin", binaries, "--python-packages", PYTHON_PACKAGES, "--output", output, name,
               env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "SWARM_REVISION": "0" * 40} | more)
    assert done.returncode == 0, done.stderr


def _json(archive: tarfile.TarFile, name: str) -> Any:
    return json.load(archive.extractfile(name))  # type: ignore[arg-type]


def _blob(archive: tarfile.TarFile, digest: str) -> Any:
    return archive.extractfile("blobs/" + digest.replace(":", "/"))


@contextmanager
def _layer(path: Path) -> Iterator[tarfile.TarFile]:
    with tarfile.open(path) as archive:
        manifest = json.load(_blob(archive, _json(archive, "index.json")["manifests"][0]["digest"]))
        with tarfile.open(fileobj=_blob(archive, manifest["layers"][0]["digest"]), mode="r:gz") as layer:
            yield layer


# -- binaries -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BINARIES)
def test_shared_libraries_are_those_of_the_written_list(swarm_bin: Path, name: str) -> None:
    found = closure.closure(swarm_bin / name)
    assert closure.differences(name, found, closure.read_list(LIST)) == []


def test_the_list_says_why() -> None:
    for entry in closure.read_list(LIST):
        assert len(entry.reason) >= 15, f"{entry.soname}: {entry.reason}"


@pytest.mark.parametrize("name", BINARIES)
def test_binaries_are_hardened(swarm_bin: Path, name: str) -> None:
    binary = swarm_bin / name
    headers = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", binary).stdout
    symbols = run("readelf", "--wide", "--dyn-syms", binary).stdout
    assert re.search(r"Type:\s+DYN \(Position-Independent Executable", headers), "PIE"
    assert "GNU_RELRO" in headers, "RELRO"
    assert "BIND_NOW" in headers or re.search(r"FLAGS_1.*NOW", headers), "BIND_NOW"
    assert re.search(r"GNU_STACK\s.*\sRW\s", headers), "stack that can't be executed"
    assert "__stack_chk_fail" in symbols, "stack protector"
    assert re.search(r"__\w+_chk\b(?<!__stack_chk)", symbols.replace("__stack_chk_fail", "")), "FORTIFY"
    assert "RPATH" not in headers and "RUNPATH" not in headers, "no search path of the build machine"
    if "X86-64" in headers:
        # Debian's start-up objects carry no CET mark, so the linker can't set the program's; our code has the landing pads.
        assert binary.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 1000, "CET"


@pytest.mark.parametrize("name", BINARIES)
def test_binaries_name_no_path_of_the_build_machine(swarm_bin: Path, name: str) -> None:
    assert str(ROOT).encode() not in (swarm_bin / name).read_bytes()


# -- images ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BINARIES)
def test_an_image_holds_the_binary_its_libraries_and_nothing_else(built: Any, swarm_bin: Path, name: str) -> None:
    libraries = {library.soname for library in closure.closure(swarm_bin / name)}
    expected = {name, "ca-certificates.crt", "passwd", "group", "nsswitch.conf", f"{name}.spdx.json"} | libraries
    with _layer(built(name)) as layer:
        files = [m for m in layer.getmembers() if m.isfile()]
        assert {Path(m.name).name for m in files} == expected
        assert sum(m.size for m in files) <= 60_000_000
        for member in layer.getmembers():
            assert not member.mode & 0o6000, f"{member.name} is setuid or setgid"
            assert member.uid == (65532 if member.name == "data" else 0), member.name
            assert member.mtime == int(EPOCH)


def test_the_bridges_image_holds_no_shell_no_tests_and_no_tools(built: Any) -> None:
    with _layer(built("trello-bridge")) as layer:
        files = [m for m in layer.getmembers() if m.isfile()]
        names = {m.name for m in files}
        assert {n for n in names if n.startswith("usr/bin/")} == {"usr/bin/python3.11", "usr/bin/trello-bridge"}
        assert not [n for n in names if "/test/" in n or "__pycache__" in n or "ensurepip" in n or "/pip/" in n]
        assert {"usr/lib/trello-bridge/trello_bridge/bridge.py", "usr/lib/trello-bridge/swarm_sdk/descriptors.binpb"} <= names
        assert sum(m.size for m in files) <= 60_000_000
        document = json.load(layer.extractfile("usr/share/sbom/trello-bridge.spdx.json"))  # type: ignore[arg-type]
    assert {"grpcio", "protobuf", "python3.11-minimal", "libssl3"} <= {package["name"] for package in document["packages"]}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_a_valid_oci_layout(built: Any, name: str, tmp_path: Path) -> None:
    with tarfile.open(built(name)) as archive:
        assert _json(archive, "oci-layout") == {"imageLayoutVersion": "1.0.0"}
        (entry,) = _json(archive, "index.json")["manifests"]
        for member in archive.getmembers():
            if member.isfile() and member.name.startswith("blobs/"):
                content = archive.extractfile(member).read()  # type: ignore[union-attr]
                assert hashlib.sha256(content).hexdigest() == Path(member.name).name
        config = json.load(_blob(archive, json.load(_blob(archive, entry["digest"]))["config"]["digest"]))
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == [f"/usr/bin/{name}"]
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] and labels["org.opencontainers.image.revision"]


def test_umoci_unpacks_the_image(built: Any, tmp_path: Path) -> None:
    umoci = tool("umoci")
    with tarfile.open(built("swarmctl")) as archive:
        archive.extractall(tmp_path / "layout")
        tag = _json(archive, "index.json")["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    done = run(umoci, "unpack", "--rootless", "--image", f"{tmp_path}/layout:{tag}", tmp_path / "bundle")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "bundle/rootfs/usr/bin/swarmctl").exists()


@pytest.mark.parametrize("name", ["orchestrator-core", "trello-bridge"])
def test_the_same_input_gives_the_same_bytes(built: Any, swarm_bin: Path, tmp_path: Path, name: str) -> None:
    """Whatever the mask, the place, the time zone and the order in which the file system lists names."""
    copies = tmp_path / "copies of the binaries"
    copies.mkdir()
    for binary in sorted(BINARIES, reverse=True):
        shutil.copy(swarm_bin / binary, copies)
    before = os.umask(0o077)
    try:
        _build(copies, tmp_path, name, TZ="Asia/Kathmandu", LC_ALL="C")
    finally:
        os.umask(before)
    for file in (f"{name}.tar", f"{name}.spdx.json"):
        first = built(name).parent / file
        assert hashlib.sha256((tmp_path / file).read_bytes()).digest() == hashlib.sha256(first.read_bytes()).digest(), file


def test_the_sbom_accounts_for_every_file_and_package(built: Any, swarm_bin: Path) -> None:
    archive = built("llm-gateway")
    document = json.loads(archive.with_name("llm-gateway.spdx.json").read_text("utf-8"))
    assert document["spdxVersion"] == "SPDX-2.3" and document["SPDXID"] == "SPDXRef-DOCUMENT"
    names = {p["name"] for p in document["packages"]}
    assert names == {"llm-gateway", "ca-certificates"} | {l.package for l in closure.closure(swarm_bin / "llm-gateway")}
    listed = {f["fileName"]: f["checksums"][1]["checksumValue"] for f in document["files"]}
    with _layer(archive) as layer:
        for member in layer.getmembers():
            if member.isfile() and not member.name.endswith(".spdx.json"):
                content = layer.extractfile(member).read()  # type: ignore[union-attr]
                assert listed.pop(f"./{member.name}") == hashlib.sha256(content).hexdigest()
    assert listed == {}
    ids = [e["SPDXID"] for part in ("packages", "files") for e in document[part]]
    assert len(ids) == len(set(ids))
    known = {*ids, "SPDXRef-DOCUMENT"}
    for relation in document["relationships"]:
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known


def test_an_unlisted_library_stops_the_build(tmp_path: Path) -> None:
    found = [closure.Library("libnew.so.1", Path("/lib/libnew.so.1"), "libnew1", "1", "new")]
    listed = [closure.Listed("libold.so.1", "libold1", frozenset(), "no longer needed at all")]
    faults = closure.differences("llm-gateway", found, listed)
    assert faults == ["llm-gateway links libnew.so.1 (package libnew1), which libraries.txt does not list for it",
                      "libraries.txt lists libold.so.1 for llm-gateway, which does not link it"]


# -- running --------------------------------------------------------------------------------------------------------------


def _can_isolate() -> bool:
    return os.geteuid() == 0 and run("unshare", "--mount", "true").returncode == 0


class Contained:
    """A service in a chroot of its image: root read-only, user 65532, no capabilities, only /data and /tmp to write."""

    def __init__(self, root: Path, place: Path, name: str) -> None:
        data = place / "data"
        data.mkdir(mode=0o700)
        os.chown(data, rootfs.USER_ID, rootfs.USER_ID)
        self.log = place / "log"
        script = (
            'mount --make-rprivate / && mount --bind "$1" "$1" && mount --bind "$2" "$1/data" && mount -t tmpfs tmpfs "$1/tmp" '
            '&& mount -o remount,ro,bind "$1" && exec chroot --userspec=65532:65532 --groups= "$1" '
            '/usr/bin/"$3" --set grpc.listen=127.0.0.1:0 --set admin.listen=127.0.0.1:0 --set data_dir=/data "${@:4}"'
        )
        more = ["--set", "http.listen=127.0.0.1:0"] if name == "llm-gateway" else []
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", script, "bash", str(root), str(data), name, *more],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})


@pytest.mark.timeout(120)
def test_the_bridge_runs_from_its_image_alone(built: Any, start_orchestrator: Any, tmp_path: Path) -> None:
    if not _can_isolate():
        pytest.skip("a chroot with mounts of its own needs root here")
    sys.path.insert(0, str(ROOT / "services" / "trello-bridge" / "tests"))
    from trello_double import BOARD, KEY, TOKEN, TrelloDouble

    root, config = tmp_path / "root", tmp_path / "config"
    root.mkdir()
    config.mkdir()
    with _layer(built("trello-bridge")) as layer:
        layer.extractall(root, numeric_owner=True)
    (root / "dev").mkdir()  # every container runtime provides it, and grpcio wants /dev/urandom
    trello = TrelloDouble("INBOX", "REQUIREMENTS", "DESIGN", "TODO", "IN PROGRESS", "DONE")
    card = trello.add_card("INBOX", "Add a login page", "please")
    (config / "trello.toml").write_text(f'board = "{BOARD}"\nbase_url = "{trello.url}"\norchestrator = "{start_orchestrator().grpc}"\ninterval = 0.1\n')
    script = ('mount --make-rprivate / && mount --bind "$1" "$1" && mount --bind "$2" "$1/data" && mount --bind /dev "$1/dev" '
              '&& mount -o remount,ro,bind "$1" && exec chroot --userspec=65532:65532 --groups= "$1" /usr/bin/trello-bridge --config /data/trello.toml')
    bridge = subprocess.Popen(["unshare", "--mount", "bash", "-c", script, "bash", str(root), str(config)], stderr=subprocess.PIPE, text=True,
                              env={"PATH": os.environ["PATH"], "TRELLO_KEY": KEY, "TRELLO_TOKEN": TOKEN})
    try:
        deadline = time.monotonic() + 60
        while trello.place(card) != "REQUIREMENTS":
            assert time.monotonic() < deadline and bridge.poll() is None
            time.sleep(0.05)
    finally:
        bridge.send_signal(signal.SIGTERM)
        _, log = bridge.communicate(timeout=20)
        trello.close()
    assert bridge.returncode == 0, log


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_from_its_image_alone(built: Any, name: str, tmp_path: Path) -> None:
    if not _can_isolate():
        pytest.skip("a chroot with mounts of its own needs root here")
    root = tmp_path / "root"
    root.mkdir()
    with _layer(built(name)) as layer:
        layer.extractall(root, numeric_owner=True)
    service = Contained(root, tmp_path, name)
    try:
        line = ready_line(service.process, service.log)
        with grpc.insecure_channel(str(line["grpc"])) as channel:
            assert serving(channel)
            assert SERVICE_NAME[name] in reflected_services(channel)
            call(channel, REAL_REQUEST[name])
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(20) == 0, service.log.read_text("utf-8", "replace")
    finally:
        if service.process.poll() is None:
            service.process.kill()
            service.process.wait()
