"""Measures the analyst: speed and quality of grouping, ReportFailure on the real process, memory.

usage: scripts/bench.d/analyst [--json FILE] [--rows N] [--oneoffs N]       needs ./scripts/build first

us_per_row, us_per_row_1   the pipeline (log to both keys, and counting) on 2 and on 1 thread, decoding apart (decode_us)
ratio_original             the original's loop in Python on the same rows (decode the note, count it in a dictionary; one thread), divided by
                           us_per_row: the cut that the pipeline makes on both cores, decoding apart
ratio_original_1           the same at equal threads, one each, decoding apart
ratio_original_decoded_1   the same at equal threads, our decoding included
kind_*, place_*, oneoff_*  against the labels of generated rows, worst of several seeds
loghub_*                   template mining on general logs, average over the systems of the shared data, else over small logs of our own
report_p50_ms              ReportFailure at 1,000/s, durable; fdatasync_p50_ms is the disk alone, in the same run
rss_1m_mib                 resident memory after a million failures of a million kinds, seven seconds after the last one (a service at rest gives
                           back what a burst needed); anon_1m_mib is the part that is the process's own, the rest are pages of files;
                           rss_peak_1m_mib is the most that there ever was

The rows come from the shared data beside the project when it is there, and from a small generator of our own otherwise.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "integration-tests"))

from swarm_process import ServiceProcess  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
GENERATOR = SHARED / "failures" / "make_failures.py"
BENCH = Path(os.environ.get("SWARM_TEST_BENCH") or ROOT / "build" / "release" / "bench") / "analyst-bench"
SEEDS = (101, 202, 303)
ALTERNATIONS = 3
PEER_ROWS = 100_000  # the peer's loop in Python needs a kilobyte and more of memory per row


# -- rows ----------------------------------------------------------------------------------------------------------------


def own_rows(count: int, seed: int, sites: int) -> list[dict[str, str]]:
    """A few kinds in the manner of the tools, for machines without the shared data."""
    pick = random.Random(seed)
    nouns = "order parcel meter folder ticket signal branch window".split()
    verbs = "fetch load merge apply render sync decode rotate".split()
    kinds = {
        "python/key": "Traceback (most recent call last):\n  File \"{w}/src/{k}.py\", line {n}, in {f}\n    x\nKeyError: '{k}'",
        "python/none": "Traceback (most recent call last):\n  File \"{w}/src/{k}.py\", line {n}, in {f}\n    x\n"
        "AttributeError: 'NoneType' object has no attribute '{k}'",
        "python/assert": "____ test_{f} ____\n\n>   assert {f}(1) == {n}\nE   assert {n} == {n}\n\ntests/test_{k}.py:{n}: AssertionError",
        "rust/moved": "error[E0382]: borrow of moved value: `{k}`\n  --> src/{f}.rs:{n}:22\n   |\n\nerror: aborting due to 1 previous error",
        "typescript/name": "src/{f}.ts({n},12): error TS2304: Cannot find name '{k}'.",
        "javascript/undefined": "TypeError: Cannot read properties of undefined (reading '{k}')\n    at {f} ({w}/src/{f}.js:{n}:28)\n\nNode.js v20.20.2",
    }
    rows = []
    for i in range(count):
        if pick.random() < 0.01:
            words = [pick.choice("amber birch cedar ember flint grove heath iris jade kelp larch moss".split()) for _ in range(6)]
            rows.append({"label": f"oneoff/{i}", "role": "Coder", "stack": "python", "error_log": "RuntimeError: " + " ".join(words)})
            continue
        label = pick.choice(sorted(kinds))
        place = pick.randrange(sites) if sites else 0
        names = random.Random(f"{label}{place}") if sites else pick
        log = kinds[label].format(
            w=f"/srv/run-{pick.randrange(9999)}", k=f"{names.choice(nouns)}_{names.choice(nouns)}",
            f=f"{names.choice(verbs)}_{names.choice(nouns)}", n=pick.randrange(10, 9999),
        )
        rows.append({"label": f"{label}#{place}" if sites else label, "role": "Coder", "stack": label.split("/")[0], "error_log": log})
    return rows


def make_rows(path: Path, count: int, seed: int, sites: int = 0, wanted: int = PEER_ROWS) -> list[dict[str, str]]:
    """Writes `count` rows and gives the first `wanted` of them."""
    if GENERATOR.exists():
        command = [sys.executable, str(GENERATOR), "--rows", str(count), "--seed", str(seed), "--sites", str(sites), "--out", str(path)]
        subprocess.run(command, check=True)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in own_rows(count, seed, sites)))
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in itertools.islice(lines, wanted)]


# -- quality -------------------------------------------------------------------------------------------------------------


def scores(predicted: list[str], truth: list[str]) -> dict[str, float]:
    """GA: share of records whose group is exactly right. FGA: F1 over groups. Precision over pairs of records."""
    groups, labels, both = Counter(predicted), Counter(truth), Counter(zip(predicted, truth))
    exact = [label for (group, label), n in both.items() if n == groups[group] == labels[label]]
    precision, recall = len(exact) / len(groups), len(exact) / len(labels)
    pairs = sum(n * (n - 1) for n in groups.values())
    alone = [group for group, label in zip(predicted, truth) if label.startswith("oneoff/")]
    return {
        "ga": sum(labels[label] for label in exact) / len(truth),
        "fga": 2 * precision * recall / (precision + recall) if exact else 0.0,
        "pair_precision": sum(n * (n - 1) for n in both.values()) / pairs if pairs else 1.0,
        "oneoff_merged": sum(groups[group] > 1 for group in alone) / len(alone) if alone else 0.0,
    }


def run(*arguments: object) -> list[dict[str, Any]]:
    out = subprocess.run([str(BENCH), *map(str, arguments)], check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def quality(folder: Path) -> dict[str, float]:
    kinds, places = [], []
    for seed in SEEDS:
        rows = make_rows(folder / "quality.jsonl", 12_000, seed)
        kinds.append(scores([r["cluster"] for r in run("group", folder / "quality.jsonl")], [r["label"] for r in rows]))
        rows = make_rows(folder / "places.jsonl", 12_000, seed, sites=20)
        places.append(scores([r["place"] for r in run("group", folder / "places.jsonl")], [r["label"] for r in rows]))
    return {
        "kind_ga": min(s["ga"] for s in kinds),
        "kind_fga": min(s["fga"] for s in kinds),
        "kind_pair_precision": min(s["pair_precision"] for s in kinds),
        "oneoff_merged_share": max(s["oneoff_merged"] for s in kinds),
        "place_ga": min(s["ga"] for s in places),
        "place_fga": min(s["fga"] for s in places),
    }


def own_log(count: int, seed: int) -> list[dict[str, str]]:
    """Lines of a parcel service of our own, with the statement that printed each."""
    pick = random.Random(seed)
    statements = [
        "Accepted parcel {n} from {ip}:{n}",
        "Parcel {n} left for depot {w}",
        "Parcel {n} came back: {q}",
        "lease of {mac} renewed for {n} s",
        "lease of {mac} ended",
        "cache tag=\"{two}\", hits={n}, full={b}",
        "written {n} bytes{kb} to {path}",
        "session opened for user {w} by (uid={n})",
        "session closed for user {w}",
        "route {w}.{w} -> {w}.{w} took {n} ms",
        "scan finished, {n} of {n} files differ",
        "retry {n} of {n} in <{n} s",
        "worker started",
        "worker stopped",
    ]
    words = "north south east west harbour hill mill ford lane quay yard gate".split()

    def value(kind: str) -> str:
        number = pick.randrange(1, 90_000)
        return {
            "n": str(number),
            "ip": ".".join(str(pick.randrange(256)) for _ in range(4)),
            "w": pick.choice(words),
            "q": pick.choice(("no such street", "nobody there")),
            "mac": ":".join(f"{pick.randrange(256):02x}" for _ in range(6)),
            "two": f"{pick.choice(words)} {pick.choice(words)}",
            "b": pick.choice(("true", "false")),
            "kb": pick.choice(("", f" ({number / 1000:.2f} KB)")),
            "path": f"/var/{pick.choice(words)}/{number}.log",
        }[kind]

    rows = []
    for _ in range(count):
        statement = pick.choice(statements)
        content = re.sub(r"\{(\w+)\}", lambda found: value(found[1]), statement)
        rows.append({"Content": content, "EventTemplate": statement})
    return rows


def labelled_logs() -> list[list[dict[str, str]]]:
    found = []
    for truth in sorted((SHARED / "loghub_2k").glob("*_structured_corrected.csv")):
        with truth.open(newline="", encoding="utf-8") as file:
            found.append(list(csv.DictReader(file)))
    return found or [own_log(2000, seed) for seed in SEEDS]


def loghub(folder: Path) -> dict[str, float]:
    found, together = [], []
    for rows in labelled_logs():
        text = "".join(row["Content"].replace("\n", " ") + "\n" for row in rows)
        (folder / "lines.log").write_text(text, encoding="utf-8")
        together.append(text)
        found.append(scores([r["cluster"] for r in run("templates", folder / "lines.log")], [r["EventTemplate"] for r in rows]))
    (folder / "lines.log").write_text("".join(together) * 20, encoding="utf-8")
    told = subprocess.run([str(BENCH), "templates", str(folder / "lines.log")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return {
        "loghub_ga": statistics.mean(s["ga"] for s in found),
        "loghub_fga": statistics.mean(s["fga"] for s in found),
        "loghub_lines_per_s": float(told.stderr.split()[0]),
    }


# -- speed ---------------------------------------------------------------------------------------------------------------


def decode_note(note: str) -> str:
    value: Any = note[1:-1] if note.startswith('"') else note
    for _ in range(2):
        try:
            value = json.loads(value)
        except (TypeError, ValueError):
            break
        if isinstance(value, list):
            value = value[0] if value else ""
    return str(value)


def original_us(rows: list[dict[str, str]]) -> float:
    """What the Python original did: decode each note, and count equal (role, note, stack)."""
    bindings = [{"?role": r["role"], "?stack": f'"{r["stack"]}"', "?note": '"' + json.dumps([r["error_log"]]) + '"'} for r in rows]
    clusters: dict[tuple[str, str, str], int] = {}
    begun = time.perf_counter()
    for row in bindings:
        key = (row["?role"].strip("<>").rsplit("/", 1)[-1], decode_note(row["?note"]), row["?stack"].strip('"'))
        clusters[key] = clusters.get(key, 0) + 1
    return (time.perf_counter() - begun) * 1e6 / len(rows)


def speed(folder: Path, count: int) -> dict[str, float]:
    rows = make_rows(folder / "speed.jsonl", count, 7)
    one, two, original = [], [], []
    for _ in range(ALTERNATIONS):
        one.append(run("speed", folder / "speed.jsonl", 1)[0])
        two.append(run("speed", folder / "speed.jsonl", 2)[0])
        original.append(original_us(rows))
    decode = min(r["decode_us"] for r in one)
    single = min(r["pipeline_us"] for r in one)
    return {
        "us_per_row": min(r["pipeline_us"] for r in two),
        "us_per_row_1": single,
        "cpu_us_per_row": min(r["cpu_us"] for r in one),
        "decode_us": decode,
        "original_us_per_row": min(original),
        "ratio_original": min(original) / min(r["pipeline_us"] for r in two),
        "ratio_original_1": min(original) / single,
        "ratio_original_decoded_1": min(original) / (decode + single),
    }


# -- the process ---------------------------------------------------------------------------------------------------------


def fdatasync_p50_ms(folder: Path) -> float:
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def rss_mib(pid: int, part: str = "VmRSS") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(part)).split()[1]) / 1024


def process(folder: Path, oneoffs: int) -> dict[str, float]:
    quiet = {"gateway.address": "", "orchestrator.address": ""}
    make_rows(folder / "report.jsonl", 2000, 9)
    analyst = ServiceProcess("analyst", folder / "report", quiet).start()
    answer = run("report", f"127.0.0.1:{analyst.ports['grpc']}", folder / "report.jsonl", 5000, 1000)[0]
    figures = {"report_p50_ms": answer["p50_ms"], "report_p99_ms": answer["p99_ms"], "fdatasync_p50_ms": fdatasync_p50_ms(folder)}
    figures["rss_idle_mib"] = rss_mib(analyst.pid)
    analyst.stop()
    analyst = ServiceProcess("analyst", folder / "memory", quiet).start()
    answer = run("oneoffs", f"127.0.0.1:{analyst.ports['grpc']}", oneoffs)[0]
    figures["reports_per_s"] = answer["count"] / answer["seconds"]
    name = "1m" if oneoffs >= 1_000_000 else "part"
    figures[f"rss_peak_{name}_mib"] = rss_mib(analyst.pid, "VmHWM")
    time.sleep(7)
    figures[f"rss_{name}_mib"] = rss_mib(analyst.pid)
    figures[f"anon_{name}_mib"] = rss_mib(analyst.pid, "RssAnon")
    analyst.stop(60)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000 if GENERATOR.exists() else 200_000)
    parser.add_argument("--oneoffs", type=int, default=1_000_000)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in (quality, loghub):
            figures |= part(folder)
        figures |= speed(folder, options.rows)
        figures |= process(folder, options.oneoffs)
    for key, value in figures.items():
        print(f"{key:24} {value:10.4f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
