"""The Trello bridge's part of an image: Debian's Python without what a service never imports, the two packages from PyPI, our own code.

There is no shell and no pip in it; the program is a script that the kernel hands to the interpreter.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import closure, rootfs

NAME = "trello-bridge"
INTERPRETER = Path("/usr/bin/python3.11")
STANDARD_LIBRARY = Path("/usr/lib/python3.11")
HOME = Path("usr/lib") / NAME

# Of the standard library; each is large, or needs libraries of its own, and nothing here imports it.
_LEFT_OUT = {"test", "idlelib", "lib2to3", "tkinter", "turtledemo", "turtle.py", "ensurepip", "distutils", "pydoc_data", "unittest", "venv", "curses",
             "sqlite3", "dbm", "ctypes", "xmlrpc", "wsgiref", "__pycache__", "dist-packages", "sitecustomize.py", "LICENSE.txt"}
_EXTENSIONS = {"_asyncio", "_contextvars", "_hashlib", "_json", "_multiprocessing", "_posixshmem", "_queue", "_ssl", "_typing", "_uuid", "_zoneinfo",
               "mmap", "resource", "termios", "_decimal"}
_SCRIPT = f"""#!{INTERPRETER} -IB
import sys
sys.path.insert(0, "/{HOME}")
from trello_bridge.__main__ import main
sys.exit(main())
"""
_FROM_PYPI = ("grpc", "google/protobuf", "google/_upb", "typing_extensions.py")


@dataclass(frozen=True)
class PyPiPackage:
    name: str
    version: str


def elf_files(packages: Path) -> list[Path]:
    """Everything whose shared libraries the image must hold."""
    found = [INTERPRETER, *(p for p in sorted((STANDARD_LIBRARY / "lib-dynload").glob("*.so")) if p.name.split(".")[0] in _EXTENSIONS)]
    return found + [p for part in _FROM_PYPI for p in sorted((packages / part).rglob("*.so"))]


def libraries(packages: Path) -> list[closure.Library]:
    by_name = {library.soname: library for file in elf_files(packages) for library in closure.closure(file)}
    return [by_name[name] for name in sorted(by_name)]


def lay(root: Path, source: Path, packages: Path, needed: list[closure.Library]) -> None:
    """Fills the empty or absent directory `root` from the tree at `source` and the site-packages at `packages`."""
    rootfs.frame(root, needed)
    rootfs.copy(INTERPRETER, root / INTERPRETER.relative_to("/"), executable=True)
    for path in sorted(STANDARD_LIBRARY.rglob("*")):
        inside = path.relative_to(STANDARD_LIBRARY)
        if path.is_file() and not path.is_symlink() and _wanted(inside):
            rootfs.copy(path, root / STANDARD_LIBRARY.relative_to("/") / inside)
    for part in _FROM_PYPI:
        _copy_code(packages / part, root / HOME / part)
    for ours in (source / "services/trello-bridge/trello_bridge", source / "libs/python-sdk/src/swarm_sdk"):
        _copy_code(ours, root / HOME / ours.name)
    script = root / "usr/bin" / NAME
    script.write_text(_SCRIPT, encoding="ascii")
    script.chmod(0o755)
    for extension in sorted((root / HOME).rglob("*.so")):
        subprocess.run(["strip", "--strip-unneeded", str(extension)], check=True)
    rootfs.finish(root)


def pypi_packages(packages: Path) -> list[PyPiPackage]:
    """What lies in the image from PyPI, for its SBOM."""
    found = []
    for name in ("grpcio", "protobuf", "typing_extensions"):
        places = list(packages.glob(f"{name}-*.dist-info"))
        if len(places) != 1:
            raise closure.ClosureError(f"{packages} holds {name} {len(places)} times: run scripts/setup, or give --python-packages")
        found.append(PyPiPackage(name, places[0].name.removeprefix(f"{name}-").removesuffix(".dist-info")))
    return found


def _wanted(inside: Path) -> bool:
    if set(inside.parts) & _LEFT_OUT or inside.parts[0].startswith("config-"):
        return False
    if inside.parts[0] == "lib-dynload":
        return inside.name.split(".")[0] in _EXTENSIONS
    return inside.suffix == ".py"


def _copy_code(source: Path, target: Path) -> None:
    if source.is_file():
        rootfs.copy(source, target)
        return
    if not source.is_dir():
        raise FileNotFoundError(f"{source} does not exist: run scripts/setup, or give --python-packages")
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and not re.search(r"\.(pyi|pyx|pxd|c|h)$", path.name):
            rootfs.copy(path, target / path.relative_to(source))
