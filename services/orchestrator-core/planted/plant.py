"""plant.py NAME COMPILER SIMULATOR LIBRARY...: builds the simulator with one defect of defects.txt, which it must then
find, at a seed at which the simulator without the defect finds nothing.

The changed source file is compiled and linked before the libraries, so it stands in for the object that it was made
from. Fails when the text is no longer in the file: the list can't rot. No sanitizers.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "src"
ROOT = HERE.parent.parent.parent
ABORTED = -6  # an invariant inside the engine found it first


def defect(name: str) -> tuple[str, str, str]:
    """(file, text, replacement) of the defect."""
    for entry in (HERE / "defects.txt").read_text().split("\n== ")[1:]:
        head, _, body = entry.partition("\n")
        if head.split()[0] == name:
            text, _, replacement = body.partition("\n--")
            return head.split()[1], text, replacement.removeprefix("\n").rstrip("\n")
    sys.exit(f"no defect is called {name}")


def main(name: str, compiler: str, clean: str, *libraries: str) -> int:
    file, text, replacement = defect(name)
    source = (SOURCES / file).read_text()
    if text not in source:
        sys.exit(f"{file} no longer holds the text of defect {name}: bring defects.txt up to date")
    with tempfile.TemporaryDirectory() as directory:
        planted = Path(directory) / "planted.cpp"
        planted.write_text(source.replace(text, replacement))
        program = Path(directory) / "simulate"
        flags = ["-std=c++20", "-O1", "-w", f"-I{ROOT}", f"-I{SOURCES}"]
        main_file = SOURCES / "testing" / "simulate_main.cpp"
        libs = ["-Wl,--start-group", *libraries, "-Wl,--end-group", "-lcrypto", "-lpthread"]
        subprocess.run([compiler, *flags, planted, main_file, *libs, "-o", program], check=True)
        command = [program, "--expect-violation", "1", "300", "10000"]
        found = subprocess.run(command, timeout=500, stdout=subprocess.PIPE, text=True)
    print(found.stdout)
    if found.returncode not in (0, ABORTED):
        return 1
    at = re.search(r"^seed (\d+): ", found.stdout, re.MULTILINE)
    without = subprocess.run([clean, at[1] if at else "1", "1", "10000"], timeout=500, stdout=subprocess.PIPE, text=True)
    if "seed " in without.stdout:
        print(f"the simulator finds something without the defect too: {without.stdout}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
