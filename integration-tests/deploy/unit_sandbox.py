"""Runs a command under what a systemd unit forbids, without systemd: `python unit_sandbox.py UNIT COMMAND…`.

Applied are SystemCallFilter, RestrictAddressFamilies, RestrictNamespaces and MemoryDenyWriteExecute, as seccomp filters by Debian's
libseccomp like systemd's own, and NoNewPrivileges. What mounts and users do has to be arranged before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ALLOW = 0x7FFF0000
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE, PROT_EXEC = 2, 4
# Mount, cgroup, UTS, IPC, user, PID, network.
NEW_NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


class Filter:
    """One filter; several add up, the strictest answer counts."""

    def __init__(self, library: ctypes.CDLL, default: int) -> None:
        self._library = library
        self._context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, name: str, *comparisons: Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # of another architecture
        array = (Comparison * len(comparisons))(*comparisons)
        done = self._library.seccomp_rule_add_array(self._context, ctypes.c_uint32(action), number, len(comparisons), array)
        assert done in (0, -errno.EACCES), f"{name}: {done}"  # the filter's own default is refused as a rule

    def load(self) -> None:
        done = self._library.seccomp_load(self._context)
        assert done == 0, os.strerror(-done)


def refuse(code: int) -> int:
    return 0x00050000 | code


def settings(unit: Path) -> dict[str, list[str]]:
    """Name -> its values in order, words apart."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not name.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@cache
def calls_of(word: str) -> frozenset[str]:
    """A system call, or all of a set of systemd's such as @privileged."""
    if not word.startswith("@"):
        return frozenset({word})
    text = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in text.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return frozenset().union(*map(calls_of, members))


def allowed_calls(lines: list[str]) -> frozenset[str]:
    allowed: frozenset[str] = frozenset()
    for line in lines:
        named = frozenset().union(*map(calls_of, line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def filters(library: ctypes.CDLL, unit: dict[str, list[str]]) -> Iterator[Filter]:
    calls = Filter(library, refuse(errno.EPERM))
    for name in allowed_calls(unit["SystemCallFilter"]):
        calls.add(ALLOW, name)
    yield calls

    rest = Filter(library, ALLOW)
    families = {int(getattr(socket, name)) for name in unit["RestrictAddressFamilies"][-1].split()}
    for family in set(range(46)) - families:
        rest.add(refuse(errno.EAFNOSUPPORT), "socket", Comparison(0, EQUAL, family, 0))
    assert unit["RestrictNamespaces"] == unit["MemoryDenyWriteExecute"] == unit["NoNewPrivileges"] == ["yes"]
    for flag in NEW_NAMESPACES:
        rest.add(refuse(errno.EPERM), "clone", Comparison(0, MASKED_EQUAL, flag, flag))
        rest.add(refuse(errno.EPERM), "unshare", Comparison(0, MASKED_EQUAL, flag, flag))
    rest.add(refuse(errno.EPERM), "setns")
    rest.add(refuse(errno.ENOSYS), "clone3")  # its flags can't be looked at; the C library then uses clone
    both = PROT_WRITE | PROT_EXEC
    rest.add(refuse(errno.EPERM), "mmap", Comparison(2, MASKED_EQUAL, both, both))
    for name in ("mprotect", "pkey_mprotect"):
        rest.add(refuse(errno.EPERM), name, Comparison(2, MASKED_EQUAL, PROT_EXEC, PROT_EXEC))
    yield rest


def main(unit: Path, *command: str) -> None:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    made = list(filters(library, settings(unit)))  # all of them before the first one holds: it starts programs
    for one in reversed(made):  # the list of what is allowed last; seccomp_load sets no_new_privs
        one.load()
    os.execv(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
