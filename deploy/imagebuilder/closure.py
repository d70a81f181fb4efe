"""The shared-library closure of a binary, and the written list it is compared with."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_RESOLVED = re.compile(r"^\s*(\S+) => (/\S+) \(0x[0-9a-f]+\)$")
_LOADER = re.compile(r"^\s*(/\S*/(ld-linux\S*)) \(0x[0-9a-f]+\)$")
_MISSING = re.compile(r"^\s*(\S+) => not found$")


class ClosureError(RuntimeError):
    """The closure can't be told; the message says why and what to do."""


@dataclass(frozen=True)
class Library:
    soname: str
    path: Path  # as the loader finds it, may be a symbolic link
    package: str
    version: str
    source: str

    @property
    def is_loader(self) -> bool:
        return self.soname.startswith("ld-linux")


@dataclass(frozen=True)
class Listed:
    """A line of libraries.txt."""

    soname: str
    package: str
    binaries: frozenset[str]  # empty: every binary
    reason: str

    def applies_to(self, binary: str) -> bool:
        return not self.binaries or binary in self.binaries


def closure(binary: Path) -> list[Library]:
    """Every library that the loader maps for `binary`, the loader itself included, by soname."""
    run = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    if run.returncode != 0:
        raise ClosureError(f"ldd can't read {binary}: {run.stderr.strip() or run.stdout.strip()}")
    paths: dict[str, Path] = {}
    for line in run.stdout.splitlines():
        if missing := _MISSING.match(line):
            raise ClosureError(f"{binary.name} needs {missing[1]}, which is not installed")
        if resolved := _RESOLVED.match(line):
            paths[resolved[1]] = Path(resolved[2])
        elif loader := _LOADER.match(line):
            paths[loader[2]] = Path(loader[1])
    owners = _owners({path: _real(path) for path in paths.values()})
    return sorted((Library(soname, path, *owners[path]) for soname, path in paths.items()), key=lambda l: l.soname)


def read_list(path: Path) -> list[Listed]:
    """libraries.txt: `soname package binaries reason…`, columns apart by blanks; # begins a comment line."""
    listed = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(None, 3)
        if len(fields) < 4:
            raise ClosureError(f"{path.name}:{number}: want soname, package, binaries and a reason")
        soname, package, binaries, reason = fields
        which = frozenset() if binaries == "all" else frozenset(binaries.split(","))
        listed.append(Listed(soname, package, which, reason))
    return listed


def differences(binary: str, found: list[Library], listed: list[Listed]) -> list[str]:
    """What stands in only one of closure and list, one sentence each. The loader's name depends on the machine: any will do."""
    wanted = {entry.soname: entry for entry in listed if entry.applies_to(binary)}
    have = {library.soname: library for library in found if not library.is_loader}
    faults = [f"{binary} links {s} (package {have[s].package}), which libraries.txt does not list for it"
              for s in sorted(have.keys() - wanted.keys())]
    faults += [f"libraries.txt lists {s} for {binary}, which does not link it" for s in sorted(wanted.keys() - have.keys())]
    faults += [f"{s} comes from {have[s].package}, but libraries.txt says {wanted[s].package}"
               for s in sorted(have.keys() & wanted.keys()) if have[s].package != wanted[s].package]
    return faults


def _real(path: Path) -> Path:
    # dpkg knows a library by its real place under /usr/lib or by the one before the /usr merge.
    return path.resolve()


def _owners(paths: dict[Path, Path]) -> dict[Path, tuple[str, str, str]]:
    """(package, version, source package) of each file."""
    asked: dict[str, Path] = {}
    for path, real in paths.items():
        for place in (real, Path(str(real).removeprefix("/usr"))):
            asked[str(place)] = path
    run = subprocess.run(["dpkg-query", "--search", *asked], capture_output=True, text=True)
    packages: dict[Path, str] = {}
    for line in run.stdout.splitlines():
        owner, _, file = line.rpartition(": ")
        if file in asked and not owner.startswith("diversion "):
            packages[asked[file]] = owner.split(",")[0].split(":")[0]
    for path in paths:
        if path not in packages:
            raise ClosureError(f"{path} belongs to no Debian package: images hold packaged libraries only")
    form = "${Package}\t${Version}\t${source:Package}\n"
    run = subprocess.run(["dpkg-query", "--show", f"--showformat={form}", *sorted(set(packages.values()))],
                         capture_output=True, text=True, check=True)
    about = {name: (name, version, source) for name, version, source in
             (line.split("\t") for line in run.stdout.splitlines())}
    return {path: about[package] for path, package in packages.items()}
