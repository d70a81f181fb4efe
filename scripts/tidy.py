#!/usr/bin/env python3
"""Checks what the compiler does not: include directions, sizes, banned words, paths of one machine.

usage: tidy.py [ROOT]        prints one line per finding, `file:line: rule: what, why and what instead`; exit 1 if any.

A line that has to be an exception says so: `// tidy: allow <rule>: <reason>` at its end.
"""
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CPP = {".cpp", ".hpp"}
TEXT = CPP | {".py", ".md", ".txt", ".cmake", ".proto", ".yaml", ".yml", ".json", ".sh", ".toml", ".cfg", ".service", ""}
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__", "data"}
TEST_FILE = re.compile(r"_(test|bench|fuzz)\.cpp$|/testing/|/bench/")

SAMPLES = re.compile(r"test|/testing/|/bench/|/fixtures/")

# Hard limits in lines; the guide below them is half.
FILE_LINES_MAX = {".cpp": 500, ".hpp": 250, "test": 600}
FUNCTION_LINES_MAX = 70

THIRD_PARTY_IO = re.compile(r"^(grpc|grpcpp|google/protobuf|boost/beast|boost/asio/ip|curl|lmdb\.h|libpq|pqxx|sqlite|hiredis|protos)\b")
IO_LIBS = re.compile(r"^libs/(lmdb|rpc|http|admin|audit|auth|knowledge/(control|embedded|link|outbox|synapse))/")
# What may lie beside the layers of a service: where it is put together.
COMPOSITION = re.compile(r"^(main|compose|settings|worker)(_\w+)?\.[ch]pp$")
# Folders of adapters that only translate between a wire format and the domain: other adapters may use them.
CODECS = {"adapters/codec"}
IMPURE_STD = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic", "fstream", "iostream", "filesystem",
              "semaphore", "latch", "barrier", "stop_token"}


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True)
class Word:
    pattern: re.Pattern
    instead: str
    allowed: re.Pattern = re.compile("(?!)")
    in_comments: bool = False


WORDS = {
    "detach": Word(re.compile(r"(\bj?thread\w*|\)|\})\s*\.detach\s*\(\s*\)|\basio::detached\b"),
                   "nobody waits for it at the stop; keep the thread, or spawn into a TaskGroup"),
    "sleep": Word(re.compile(r"\bsleep_(for|until)\b|\b(u|nano)sleep\s*\("),
                  "it waits blindly; use a timer, a condition variable, or testing::eventually", re.compile(r"libs/testing/|_bench\.cpp|/bench/")),
    "catch-all": Word(re.compile(r"\bcatch\s*\(\s*\.\.\.\s*\)"), "it hides defects; catch by type at the adapter's edge"),
    "getenv": Word(re.compile(r"\b(secure_)?getenv\s*\("), "only settings read the environment",
                   re.compile(r"libs/settings/|/testing/|_test\.cpp|_bench\.cpp|/bench/")),
    # gRPC's deadlines are points of the system clock.
    "clock": Word(re.compile(r"^(?!.*([dD]eadline|Shutdown)).*(\bsystem_clock::now|\bgettimeofday\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\))"),
                  "tests can't move it; take a swarm::Clock", re.compile(r"libs/base/clock\.cpp|_test\.cpp|_bench\.cpp|/bench/|/testing/")),
    "auth-processor": Word(re.compile(r"\bSetAuthMetadataProcessor\b"),
                           "one header aborts the process in gRPC 1.51; authorise in the handler (libs/rpc/gate.hpp)"),
    "rand": Word(re.compile(r"\b(std::)?s?rand\s*\(|\brandom_shuffle\b"), "not random enough, not repeatable; random_bytes or a seeded engine"),
    "unbounded-copy": Word(re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\("), "it writes beyond the end; use std::string"),
    "using-std": Word(re.compile(r"\busing\s+namespace\s+std\s*;"), "names collide; write std::"),
    "stdout": Word(re.compile(r"\bstd::cout\b|(?<![\w:])printf\s*\("), "services log through libs/telemetry/logging.hpp",
                   re.compile(r"services/swarmctl/|/main\.cpp$|libs/settings/|_test\.cpp|_bench\.cpp|/bench/|/testing/|scripts/bench\.d/")),
    "unfinished": Word(re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "finish it, or write an issue", in_comments=True),
    "name": Word(re.compile(r"\b(class|struct)\s+(\[\[\w+\]\]\s+)?\w+(Manager|Helper|Utils?|Processor)\b(?!\s*;)"), "name the thing by what it is"),
}
FILE_NAMES = re.compile(r"^(utils?|helpers?|common|misc|manager)\.(hpp|cpp|py)$|_(utils?|helpers?)\.(hpp|cpp|py)$")
HOME_PATH = re.compile(r"(?<![\w.$}/-])/(home|Users)/(?!nonroot)[a-z]\w*|(?<![\w.$}/-])/root/(?!\.)\w+")  # fine in tests: logs name such
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def blank(text: str, comments_only: bool = False) -> str:
    """The text with comments (and string contents) replaced by spaces, so that lines and columns stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'(?!\w)', re.DOTALL)

    def replace(match: re.Match) -> str:
        found = match[0]
        if not found.startswith("/"):
            return found if comments_only else '"' + re.sub(r"[^\n]", " ", found[1:-1]) + '"'
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(replace, text)


def files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if any(p in SKIPPED_FOLDERS or (p.startswith(".") and p not in {".ci"}) for p in parts[:-1]):
            continue
        # In a second work tree .git is a file that names the first one.
        if path.name != ".git" and path.is_file() and not path.is_symlink() and path.suffix in TEXT:
            yield path


def layer_of(inside: str) -> str:
    """Of a path below a service's src: domain, ports, application, adapters/<tech>, testing or root."""
    parts = inside.split("/")
    if len(parts) == 1:
        return "root"
    if parts[0] == "adapters":
        return "/".join(parts[:2]) if len(parts) > 2 else "adapters"
    return parts[0]


def is_pure(root: Path, header: str, seen: frozenset[str] = frozenset()) -> bool:
    """True if a header of libs/ brings in nothing but std (without I/O and threads) and libs/base."""
    path = root / header
    if header.startswith("libs/base/") or header in seen:
        return True
    if not path.is_file():
        return False
    for line in path.read_text(errors="replace").splitlines():
        if found := INCLUDE.match(line):
            plain = found[1] == "<" and "/" not in found[2] and "." not in found[2] and found[2] not in IMPURE_STD
            if not plain and not (found[1] == '"' and found[2].startswith("libs/") and is_pure(root, found[2], seen | {header})):
                return False
    return True


def layer_fault(root: Path, service: str, layer: str, target: str, quoted: bool, test: bool) -> str | None:
    """Why a file of this layer must not include `target`; None if it may."""
    if target.startswith("services/") or ".." in target.split("/"):
        return "services include by their own src folder; each other never: they talk over gRPC"
    if test and (target.startswith(("libs/testing/", "testing/", "catch2/")) or not quoted):
        return None
    ours = re.match(r"(domain|ports|application|adapters/\w+|testing)/", target)
    if quoted and ours is None and not target.startswith(("libs/", "protos/")):
        ours_layer = "root"
    else:
        ours_layer = ours[1] if ours else ""
    if layer == "root" or layer == "testing":
        return None
    if ours_layer in {"root", "testing"}:
        return f"{layer} knows nothing of {target}: arrows point inward (compose -> adapters -> application -> ports -> domain)"
    if layer == "domain":
        if ours_layer == "domain" or target.startswith("libs/base/"):
            return None
        if not quoted and target.startswith("re2/") and service == "analyst-service":
            return None
        if not quoted and "/" not in target and "." not in target:
            return f"the domain is pure: no I/O, clock or thread, so no <{target}>" if target in IMPURE_STD else None
        return "the domain includes std and libs/base only"
    if layer == "ports":
        if ours_layer in {"domain", "ports"} or target.startswith(("libs/base/", "libs/async/")):
            return None
        if quoted and target.startswith("libs/") and is_pure(root, target):
            return None
        if not quoted and not THIRD_PARTY_IO.match(target):
            return None
        return "ports are in the domain's words: domain, libs/base and libs/async only"
    if test and layer not in {"domain", "ports"} and ours_layer.startswith("adapters"):
        return None  # a test in one process may put the real store below
    if layer == "application":
        if ours_layer.startswith("adapters"):
            return "the application knows ports, not adapters"
        if THIRD_PARTY_IO.match(target) or (IO_LIBS.match(target) and not is_pure(root, target)):
            return f"{target} belongs into an adapter"
        return None
    if layer.startswith("adapters/") and ours_layer.startswith("adapters/") and ours_layer not in {layer, *CODECS}:
        return f"{layer} includes {ours_layer}: adapters don't know each other; share through a port or the application"
    return None


def check_includes(root: Path, name: str, text: str) -> Iterator[Finding]:
    match = re.match(r"services/([\w-]+)/src/(.+)$", name)
    layered = match and (root / "services" / match[1] / "src" / "domain").is_dir()
    test = bool(TEST_FILE.search("/" + name))
    if layered and "/" not in match[2] and not COMPOSITION.match(match[2]):
        yield Finding(name, 1, "layer", "only main, compose, settings and worker lie at the top of src; put it into the layer it belongs to")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quoted, target = found[1] == '"', found[2]
        why = None
        if match:
            why = layer_fault(root, match[1], layer_of(match[2]) if layered else "root", target, quoted, test)
        elif name.startswith("libs/") and (target.startswith("services/") or "../" in target):
            why = "libraries know nothing of services; include libs/ by its full path"
        elif name.startswith("libs/base/") and not test and target.startswith("libs/") and not target.startswith("libs/base/"):
            why = "libs/base stands on nothing else of ours"
        if why and "tidy: allow layer:" not in line:
            yield Finding(name, number, "layer", why)


def check_lib_cycles(root: Path) -> Iterator[Finding]:
    uses: dict[str, set[str]] = {}
    for path in sorted((root / "libs").rglob("*.?pp")):
        if TEST_FILE.search(path.as_posix()):
            continue
        own = path.relative_to(root / "libs").parts[0]
        for line in path.read_text(errors="replace").splitlines():
            found = re.match(r'\s*#include "libs/(\w+)/', line)
            if found and found[1] != own:
                uses.setdefault(own, set()).add(found[1])

    def reaches(start: str, goal: str, seen: set[str]) -> bool:
        return any(n == goal or (n not in seen and not seen.add(n) and reaches(n, goal, seen)) for n in uses.get(start, ()))

    for lib in sorted(uses):
        if reaches(lib, lib, set()):
            yield Finding(f"libs/{lib}", 1, "cycle", "this library includes itself through others; move what both need downward")


def functions(code: str) -> Iterator[tuple[int, int]]:
    """(first line, lines) of each outermost function body; rough, by braces."""
    scopes: list[bool] = []  # True: a function, or inside one
    starts: list[int] = []
    begin = 0
    initialisers = 0  # open braces of a constructor's `: member_{value}`
    for match in re.finditer(r"[{};]", code):
        at, char = match.start(), match[0]
        head = code[begin:at].strip()
        if initialisers or (char == "{" and re.search(r"\)[^:]*:[^:]", head) and re.search(r"[\w>]$", code[begin:at])):
            initialisers += {"{": 1, "}": -1}.get(char, 0)
            continue
        if char == "{":
            outer = bool(scopes) and scopes[-1]
            declares = re.match(r"(inline\s+)?(namespace|extern)\b|(template\s*<.*>\s*)?(class|struct|union|enum)\b[^()]*$", head, re.DOTALL)
            is_function = not outer and "(" in head and not declares and not head.endswith("=")
            scopes.append(outer or is_function)
            starts.append(code.count("\n", 0, at) + 1 if is_function else 0)
        elif char == "}" and scopes:
            scopes.pop()
            first = starts.pop()
            if first:
                yield first, code.count("\n", 0, at) + 1 - first + 1
        begin = match.end()


def check_sizes(name: str, text: str) -> Iterator[Finding]:
    kind = "test" if TEST_FILE.search("/" + name) else Path(name).suffix
    lines = text.count("\n")
    if lines > FILE_LINES_MAX[kind]:
        yield Finding(name, 1, "size", f"{lines} lines, at most {FILE_LINES_MAX[kind]}; split it by what it does")
    if kind == "test":
        return
    for first, count in functions(re.sub(r"^[ \t]*#.*(\\\n.*)*", "", blank(text), flags=re.MULTILINE)):
        if count > FUNCTION_LINES_MAX:
            yield Finding(name, first, "function", f"{count} lines, at most {FUNCTION_LINES_MAX}; give its steps names")


def check_words(name: str, text: str) -> Iterator[Finding]:
    code, lines = blank(text).splitlines(), text.splitlines()
    for rule, word in WORDS.items():
        if word.allowed.search("/" + name):
            continue
        for number, line in enumerate(lines if word.in_comments else code, 1):
            found = word.pattern.search(line)
            if found and f"tidy: allow {rule}:" not in lines[number - 1]:
                yield Finding(name, number, rule, f"`{found[0].strip()}` is banned: {word.instead}")


def check_co_await(name: str, text: str) -> Iterator[Finding]:
    """g++ 12 destroys a braced aggregate or a capturing lambda that is a temporary of a co_await expression twice."""
    code = blank(text)
    for match in re.finditer(r"\bco_await\b", code):
        depth, at = 0, match.end()
        while at < len(code):
            char = code[at]
            if char in "([":
                depth += 1
            elif char in ")]":
                depth -= 1
            if depth < 0 or (char == ";" and depth == 0) or (char == "{" and depth == 0):
                break
            captures = char == "[" and re.match(r"\[\s*[^\]\s]", code[at:]) and re.search(r"[(,]\s*$", code[:at])
            braced = char == "{" and re.search(r"[\w>(,]\s*$", code[:at])
            if captures or braced:
                line = code.count("\n", 0, at) + 1
                if "tidy: allow co_await:" not in text.splitlines()[line - 1]:
                    yield Finding(name, line, "co_await", "a braced or capturing temporary here is destroyed twice by g++ 12; name it first")
                break
            at += 1


def check(root: Path) -> list[Finding]:
    found: list[Finding] = []
    own_place = re.compile(rf"(?<![\w.$}}/-]){re.escape(str(root.resolve()))}\b")  # where the tree lies on this machine
    for path in files(root):
        name = path.relative_to(root).as_posix()
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if FILE_NAMES.search(path.name):
            found.append(Finding(name, 1, "file-name", "a drawer without an owner; name the one thing that is in it"))
        if not name.startswith("scripts/tidy"):
            for number, line in enumerate(text.splitlines(), 1):
                match = own_place.search(line) or (not SAMPLES.search("/" + name) and HOME_PATH.search(line))
                if match and "tidy: allow path:" not in line:
                    found.append(Finding(name, number, "path", f"{match[0]} is a path of one machine"))
        if path.suffix in CPP:
            found.extend(check_includes(root, name, text))
            for part in (check_sizes, check_words, check_co_await):
                found.extend(part(name, text))
    found.extend(check_lib_cycles(root))
    return found


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    findings = check(root.resolve())
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings" if findings else "tidy: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
