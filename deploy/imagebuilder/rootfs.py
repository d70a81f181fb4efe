"""The file system of an image: the binary, its closure, CA certificates and a user. Nothing else, no shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .closure import Library

USER_ID = 65532
DATA_DIRECTORY = "data"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

# Merged /usr, as in Debian, so that the loader's fixed name /lib64/ld-linux-… leads somewhere.
_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
_TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/root:/sbin/nologin\nswarm:x:{USER_ID}:{USER_ID}:swarm:/{DATA_DIRECTORY}:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nswarm:x:{USER_ID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def lay(root: Path, binary: Path, libraries: list[Library]) -> None:
    """Fills the empty or absent directory `root`."""
    frame(root, libraries)
    target = root / "usr/bin" / binary.name
    copy(binary, target, executable=True)
    subprocess.run(["strip", "--strip-unneeded", str(target)], check=True)
    finish(root)


def frame(root: Path, libraries: list[Library]) -> None:
    """What every image has: directories, libraries, CA certificates, a user."""
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty")
    for directory in ("usr/bin", "usr/lib", "usr/lib64", "etc/ssl/certs", "tmp", DATA_DIRECTORY):
        (root / directory).mkdir(parents=True, exist_ok=True)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    for library in libraries:
        copy(library.path.resolve(), root / _home(library))
    copy(CA_BUNDLE, root / CA_BUNDLE.relative_to("/"))
    for name, text in _TEXTS.items():
        (root / name).write_text(text, encoding="ascii")
        (root / name).chmod(0o644)


def finish(root: Path) -> None:
    """Modes and owners, once everything lies there."""
    for path in root.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    (root / "tmp").chmod(0o1777)
    (root / DATA_DIRECTORY).chmod(0o700)
    if os.geteuid() == 0:
        os.chown(root / DATA_DIRECTORY, USER_ID, USER_ID)


def unpacked_bytes(root: Path) -> int:
    return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def _home(library: Library) -> Path:
    """Where the loader looks, with links of the /usr merge resolved and the file named by its soname."""
    directory = library.path.parent.resolve()
    if library.is_loader and str(library.path).startswith("/lib64/"):
        directory = Path("/usr/lib64")
    return (directory / library.soname).relative_to("/")


def copy(source: Path, target: Path, executable: bool = False) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    # The loader must be executable; a library need not be.
    target.chmod(0o755 if executable or target.name.startswith("ld-linux") else 0o644)
