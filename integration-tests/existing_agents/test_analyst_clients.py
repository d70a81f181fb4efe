"""OptimizePrompt, ClusterFailures and GenerateGoldenRules, as the old clients call them."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any

import pytest
from existing_agents.quick import assert_quick

TYPE_ERROR = "TypeError: can't compare offset-naive and offset-aware datetimes"


def optimized(prompt: str) -> str:
    """The contract, read by a person: what OptimizePrompt must answer."""
    lines = []
    for line in prompt.split("\n"):
        indent = re.match(r"[ \t]*", line).group()
        lines.append(indent + re.sub(r" {2,}", " ", line[len(indent):]))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


@pytest.fixture
def analyst(start_analyst: Any) -> Any:
    return start_analyst({"author.mode": "template"})


@pytest.fixture
def first(analyst: Any, legacy_channel: Any, generations: Any) -> Any:
    """The stub of the first generation, orchestrator.v1."""
    return generations["orchestrator.v1"].stubs.AnalystServiceStub(legacy_channel(analyst.grpc))


@pytest.fixture
def second(analyst: Any, legacy_channel: Any, generations: Any) -> Any:
    """The stub of the second generation, orchestrator."""
    return generations["orchestrator"].stubs.AnalystServiceStub(legacy_channel(analyst.grpc))


# Pieces that meet each other's edges: each kind of white space there is, and what only looks like it.
PIECES = [" ", "  ", "   ", "\t", " \t", "\n", "\n\n", "\n\n\n", "\n\n\n\n", "a", "b c", "def f():", "ü", "😀", "\u0301", "\r", "\r\n", "\v", "\f",
          "\x1b", "\x00", "\u200b", "\ufeff", "\u2060", "\u180e", "\U000e0020", *map(chr, (0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)),
          *map(chr, range(0x2000, 0x200B))]  # fmt: skip
RANDOM_PROMPTS = 6_000


def prompts(rng: random.Random) -> list[str]:
    edges = [p + "x" + q for p in PIECES for q in PIECES[:14]] + [p + q for p in PIECES for q in PIECES[:14]]
    edges += ["", " ", "\n\n\n\n", "  a  b\n\n\n\n\tc   d \u2003", "\n  a", "a\n   \n   \n   \nb", "    first\n    second", "a \n\n\n b"]
    pieces = ["".join(rng.choices(PIECES, k=rng.randrange(30))) for _ in range(RANDOM_PROMPTS // 2)]
    code_points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    anything = ["".join(map(chr, rng.choices(code_points, k=rng.randrange(20)))) + rng.choice(PIECES) * rng.randrange(4) for _ in range(RANDOM_PROMPTS // 2)]
    return edges + pieces + anything


def test_prompts_are_optimized_as_the_contract_says(first: Any, generations: Any) -> None:
    messages = generations["orchestrator.v1"].messages
    seed = random.randrange(2**32)
    for prompt in prompts(random.Random(seed)):
        answer = first.OptimizePrompt(messages.PromptRequest(prompt=prompt), timeout=5.0)
        assert answer.optimized_prompt == optimized(prompt), f"seed {seed}, prompt {prompt!r}"


def test_prompts_come_back_well_inside_the_clients_deadline(first: Any, generations: Any) -> None:
    request = generations["orchestrator.v1"].messages.PromptRequest(prompt="a  b\n\n\n    c   d\n" * 600)
    assert_quick(lambda: first.OptimizePrompt(request, timeout=1.0))


def test_strings_are_clustered_by_their_cause(first: Any, generations: Any) -> None:
    messages = generations["orchestrator.v1"].messages
    failures = [f"File \"/app/{name}.py\", line {n}, in f\n{TYPE_ERROR}" for n, name in enumerate(("a", "b", "c"))]
    failures += ["KeyError: 'total'", "KeyError: 'price'"]
    clusters = list(first.ClusterFailures(messages.FailuresRequest(failures=failures), timeout=2.0).clusters)
    assert 1 <= len(clusters) <= 3
    assert any("offset-naive" in c for c in clusters) and any("KeyError" in c for c in clusters)


def test_records_are_clustered_into_a_json_object(second: Any, generations: Any) -> None:
    messages = generations["orchestrator"].messages
    records = [messages.FailureRecord(exec_id=f"e{i}", note=TYPE_ERROR, role="Coder", stack="python") for i in range(5)]
    records.append(messages.FailureRecord(exec_id="x", note=json.dumps(["Error: connect ECONNREFUSED 127.0.0.1:5432"]),
                                          role="Coder", stack="node"))
    answer = second.ClusterFailures(messages.ClusterRequest(failures=records), timeout=2.0)
    clusters = json.loads(answer.json_clusters)
    assert isinstance(clusters, dict)
    assert "offset-naive" in answer.json_clusters and "ECONNREFUSED" in answer.json_clusters
    assert all(f"e{i}" in answer.json_clusters for i in range(5))


def test_a_thousand_failures_in_time(second: Any, generations: Any) -> None:
    messages = generations["orchestrator"].messages
    records = [messages.FailureRecord(exec_id=f"e{i}", note=f"ValueError: bad value {i}\n" * 12, role="Coder",
                                      stack="python") for i in range(1000)]
    request = messages.ClusterRequest(failures=records)
    second.ClusterFailures(request, timeout=2.0)
    best = min(_timed(lambda: second.ClusterFailures(request, timeout=2.0)) for _ in range(5))
    assert best < 0.2


def test_a_rule_names_the_cause(second: Any, generations: Any) -> None:
    messages = generations["orchestrator"].messages
    request = messages.RuleRequest(role="Coder", note="Error: IndentationError: unexpected indent", count=5, stack="python")
    began = time.monotonic()
    rule = second.GenerateGoldenRules(request, timeout=3.0).rule
    assert time.monotonic() - began < 0.5
    assert "IndentationError" in rule


def _timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
