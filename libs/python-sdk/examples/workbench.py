"""Work copies of a git repository: edit, test, diff, merge. Each agent has its own, so none sees another's half work."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PYTEST_SECONDS_MAX = 60


@dataclass(frozen=True)
class Job:
    """What a task's context says: one JSON object, which results of parent tasks may follow."""

    repository: Path
    module: str = ""
    test: str = ""
    max_attempts: int = 0

    @staticmethod
    def read(context: str) -> "Job":
        fields, _ = json.JSONDecoder().raw_decode(context)
        return Job(**fields | {"repository": Path(fields["repository"])})

    def context(self) -> str:
        return json.dumps({"repository": str(self.repository), "module": self.module, "test": self.test})


@dataclass(frozen=True)
class TestRun:
    passed: bool
    output: str

    @property
    def summary(self) -> str:
        """The error lines, without repeats."""
        errors = [line[1:].strip() for line in self.output.splitlines() if line.startswith("E  ")]
        return "\n".join(dict.fromkeys(errors)) or self.output.strip().splitlines()[-1]


class WorkCopy:
    """A clone of `repository` in `directory`, which is emptied first."""

    def __init__(self, repository: Path, directory: Path) -> None:
        self.path = directory
        shutil.rmtree(directory, ignore_errors=True)
        directory.parent.mkdir(parents=True, exist_ok=True)
        git("clone", "--quiet", "--shared", str(repository), str(directory))

    def read(self, name: str) -> str:
        return self._inside(name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        self._inside(name).write_text(text.rstrip() + "\n", encoding="utf-8")

    def files(self) -> list[str]:
        return git("ls-files", at=self.path).split()

    def diff(self) -> str:
        return git("diff", at=self.path)

    def apply(self, diff: str) -> None:
        """Raises subprocess.CalledProcessError when it does not fit."""
        git("apply", "--index", "-", at=self.path, stdin=diff)

    def test(self, *tests: str, traceback: str = "short") -> TestRun:
        """Runs pytest on the named tests, or on all."""
        # PYTHONPATH is what could let the agent's own surroundings leak into the project's tests.
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the project asks for none, and loading them takes as long as the tests
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"--tb={traceback}", "--color=no", *tests],
            cwd=self.path, env=env, capture_output=True, text=True, timeout=PYTEST_SECONDS_MAX,
        )
        return TestRun(done.returncode == 0, done.stdout + done.stderr)

    def _inside(self, name: str) -> Path:
        """A model names files: it must not reach beyond the copy."""
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve()) or ".git" in path.parts:
            raise ValueError(f"{name} is not a file of the repository")
        return path


def merge(repository: Path, diff: str, task_id: str, message: str) -> bool:
    """Commits the diff to the repository, once for each task: False when that task's work is in it already."""
    with _locked(repository):
        trailer = f"Task: {task_id}"
        if trailer in git("log", "--format=%B", at=repository):
            return False
        git("apply", "--index", "-", at=repository, stdin=diff)
        git("commit", "--quiet", "-m", f"{message}\n\n{trailer}", at=repository)
        return True


def git(*arguments: str, at: Path | None = None, stdin: str | None = None) -> str:
    identity = ["-c", "user.name=swarm", "-c", "user.email=swarm@localhost", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=at, input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, ["git", *arguments], done.stdout, done.stderr)
    return done.stdout


@contextmanager
def _locked(repository: Path) -> Iterator[None]:
    with (repository / ".git" / "swarm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
