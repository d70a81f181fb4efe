"""A wall clock of an orchestrator of one's own, which a test sets as it likes (clock_shift.c)."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from pathlib import Path


class WallClock:
    def __init__(self, directory: Path) -> None:
        library = directory / "clock_shift.so"
        source = Path(__file__).with_name("clock_shift.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self._file = directory / "clock_shift"
        self._file.write_bytes(struct.pack("=q", 0))
        self.env = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(self._file)}
        self.shift = 0.0

    def now(self) -> float:
        """Seconds since 1970, as the orchestrator sees them."""
        return time.time() + self.shift

    def set(self, seconds: float) -> None:
        """From now on it is so late for the orchestrator."""
        self.shift = seconds - time.time()
        with open(self._file, "r+b") as file:
            file.write(struct.pack("=q", int(self.shift * 1e9)))
            os.fsync(file.fileno())

    def move(self, seconds: float) -> None:
        self.set(self.now() + seconds)
