"""The pages against the code: what a user may be told stands in the error catalogue, and the tables name nothing that is gone."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tools import ROOT, run

ERRORS = (ROOT / "docs" / "errors.md").read_text("utf-8")
GATEWAY = ROOT / "services" / "llm-gateway" / "src"


def _sources(*places: str) -> str:
    files = [p for place in places for p in sorted((ROOT / place).rglob("*.cpp"))]
    return "\n".join(p.read_text("utf-8") for p in files if not p.name.endswith("_test.cpp") and "/testing/" not in str(p))


def _quoted_in(path: Path, function: str) -> set[str]:
    """The texts in quotes within one function."""
    found = re.search(rf"{re.escape(function)}.*?\n}}\n", path.read_text("utf-8"), re.DOTALL)
    assert found, f"{path.name} has no {function}"
    return {text for text in re.findall(r'"([a-z_]+)"', found[0])}


def _catalogued() -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", ERRORS))


def test_every_grpc_code_that_the_code_gives_is_explained() -> None:
    given = set(re.findall(r"\bCode::([A-Z][A-Za-z]+)", _sources("libs", "services"))) - {"Ok"}
    canonical = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in given}
    rows = {code for row in re.findall(r"^\| ([A-Z_, ]+) \|", ERRORS, re.MULTILINE) for code in row.split(", ")}
    assert canonical - rows == set(), "docs/errors.md lacks these codes"
    names = set(re.findall(r'return "([A-Z_]+)";', (ROOT / "libs/base/error.cpp").read_text("utf-8")))
    assert rows - names == set(), "docs/errors.md explains codes that do not exist"


def test_every_code_of_the_model_endpoint_is_explained() -> None:
    source = _sources("services/llm-gateway/src")
    codes = set(re.findall(r'\bcode = "([a-z_]+)"', source))
    codes |= {code for words in re.findall(r"\bproblem\(ProblemKind::[^;]*;", source) for code in re.findall(r', "([a-z]+_[a-z_]+)"\)', words)}
    codes |= _quoted_in(GATEWAY / "adapters/codec/openai.cpp", "ErrorWords words(ProblemKind kind)")
    codes |= _quoted_in(GATEWAY / "adapters/codec/anthropic.cpp", "std::string_view type_of(ProblemKind kind)")
    codes |= {"upstream_" + fault for fault in _quoted_in(GATEWAY / "ports/names.cpp", "std::string_view name(UpstreamFault fault)") - {"unknown"}}
    codes = {code for code in codes if not code.endswith("_")}  # a prefix of those above
    assert len(codes) > 20
    assert codes - _catalogued() == set(), "docs/errors.md lacks these"


def test_every_status_of_the_model_endpoint_is_explained() -> None:
    body = re.search(r"int http_status\(const Problem& problem\).*?\n}\n", (GATEWAY / "ports/dialect.cpp").read_text("utf-8"), re.DOTALL)
    assert body
    given = set(re.findall(r"return (4\d\d|50[1-9]);", body[0]))
    given |= set(re.findall(r"\bkStatus[A-Z]\w* = (4\d\d|50[1-9]);", _sources("services/llm-gateway/src")))
    assert len(given) > 10
    rows = {status for row in re.findall(r"^\| ([\d, ]+) \|", ERRORS, re.MULTILINE) for status in row.split(", ")}
    assert given - rows == set()


def test_every_reason_of_a_task_is_explained() -> None:
    path = ROOT / "services/orchestrator-core/src/domain/task_status.cpp"
    reasons = _quoted_in(path, "std::string_view name(Blocked reason)") | _quoted_in(path, "std::string_view name(FailureClass failure)")
    assert reasons - _catalogued() == set(), "docs/errors.md lacks these"


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+\.md)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_setting_that_the_pages_name_exists() -> None:
    """`section.name` in a page that people read must be a setting of docs/configure.md, a value of the chart or a file."""
    known = set(re.findall(r"^\| `([a-z_.<>\[\]]+)`", (ROOT / "docs/configure.md").read_text("utf-8"), re.MULTILINE))
    sections = {name.split(".")[0] for name in known if "." in name} - {"tls", "auth", "traces", "synapse"}  # these are values of the chart, too
    for page in ("operate.md", "security.md", "errors.md", "runbooks.md"):
        text = (ROOT / "docs" / page).read_text("utf-8")
        for name in re.findall(r"`([a-z_]+\.[a-z_.]+[a-z_])`", text):
            if name.split(".")[0] in sections and not name.endswith((".yaml", ".json", ".md", ".cpp")):
                assert name in known, f"docs/{page} names {name}, which docs/configure.md does not have"


@cache
def _help(swarmctl: Path, *command: str) -> tuple[frozenset[str], frozenset[str]]:
    """(subcommands, flags) of a command, from its own help."""
    text = run(swarmctl, *command, "--help").stdout
    _, _, below = text.partition("Subcommands:\n")
    names = {name for line in re.findall(r"^  (\S.*?)(?:  |$)", below, re.MULTILINE) for name in line.split(", ")}
    return frozenset(names), frozenset(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def _shown_commands() -> list[tuple[str, list[str]]]:
    """(page, words after swarmctl) for each command in the pages' code."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "services").glob("*/README.md"), ROOT / "libs/python-sdk/README.md"]
    found = []
    for page in pages:
        text = page.read_text("utf-8").replace("\\\n", " ")
        for code in re.findall(r"`swarmctl ([^`]+)`", text) + re.findall(r"^ {4}(?:\$ )?swarmctl ([a-z][^\n|#>;]*)", text, re.MULTILINE):
            found.append((page.name, re.sub(r"'[^']*'|\"[^\"]*\"", "TEXT", code.split("|")[0]).split()))
    return found


def test_every_command_that_the_pages_show_exists(swarm_bin: Path) -> None:
    swarmctl, wrong = swarm_bin / "swarmctl", []
    commands = _shown_commands()
    assert len(commands) > 60
    for page, words in commands:
        path: list[str] = []
        while words and words[0] in _help(swarmctl, *path)[0]:
            path.append(words.pop(0))
        subcommands, flags = _help(swarmctl, *path)
        plain = [word for word in words if not word.startswith("-")]
        if subcommands and plain and re.fullmatch("[a-z-]+", plain[0]):
            wrong.append(f"{page}: swarmctl {' '.join([*path, plain[0]])}: no such command")
        for flag in re.findall(r"(?<!\S)--[a-z][a-z-]*", " ".join(words)):
            if flag not in flags | _help(swarmctl)[1]:
                wrong.append(f"{page}: swarmctl {' '.join(path)} has no {flag}")
    assert not wrong, "\n".join(wrong)
