"""The pages against the code: what a user may be told stands in the error catalogue, and the tables name nothing that is gone."""

from __future__ import annotations

import re
from pathlib import Path

from tools import ROOT

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
    body = re.search(r"int http_status\(ProblemKind kind\).*?\n}\n", (GATEWAY / "ports/dialect.cpp").read_text("utf-8"), re.DOTALL)
    assert body
    given = set(re.findall(r"return (4\d\d|50[1-9]);", body[0]))
    assert given - set(re.findall(r"^\| (\d{3}) \|", ERRORS, re.MULTILINE)) == set()


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
