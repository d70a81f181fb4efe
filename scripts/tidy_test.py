#!/usr/bin/env python3
"""Plants each fault that tidy.py looks for, and sees that it is found, once, at its line, and by its name."""
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tidy  # noqa: E402

S = "services/some-service/src"
BAD = [
    # (file, text, line of the finding, rule)
    (f"{S}/domain/a.hpp", '#pragma once\n#include "ports/store.hpp"\n', 2, "layer"),
    (f"{S}/domain/a.hpp", "#include <thread>\n", 1, "layer"),
    (f"{S}/domain/a.hpp", "#include <fstream>\n", 1, "layer"),
    (f"{S}/domain/a.cpp", "#include <boost/json.hpp>\n", 1, "layer"),
    (f"{S}/domain/a.cpp", "#include <re2/re2.h>\n", 1, "layer"),
    (f"{S}/domain/a.cpp", '#include "libs/telemetry/logging.hpp"\n', 1, "layer"),
    (f"{S}/domain/a.cpp", '#include "protos/orchestrator.pb.h"\n', 1, "layer"),
    (f"{S}/domain/a.cpp", '#include "testing/fake.hpp"\n', 1, "layer"),
    (f"{S}/domain/a_test.cpp", '#include "application/use.hpp"\n', 1, "layer"),
    (f"{S}/ports/p.hpp", '#include "application/use.hpp"\n', 1, "layer"),
    (f"{S}/ports/p.hpp", "#include <grpcpp/grpcpp.h>\n", 1, "layer"),
    (f"{S}/ports/p.hpp", '#include "libs/impure/io.hpp"\n', 1, "layer"),
    (f"{S}/application/u.cpp", '#include "adapters/lmdb/store.hpp"\n', 1, "layer"),
    (f"{S}/application/u.cpp", "#include <grpcpp/grpcpp.h>\n", 1, "layer"),
    (f"{S}/application/u.cpp", "#include <boost/beast/http.hpp>\n", 1, "layer"),
    (f"{S}/application/u.cpp", "#include <curl/curl.h>\n", 1, "layer"),
    (f"{S}/application/u.cpp", "#include <lmdb.h>\n", 1, "layer"),
    (f"{S}/application/u.cpp", '#include "protos/orchestrator.pb.h"\n', 1, "layer"),
    (f"{S}/application/u.cpp", '#include "libs/lmdb/environment.hpp"\n', 1, "layer"),
    (f"{S}/application/u.cpp", '#include "libs/knowledge/synapse/client.hpp"\n', 1, "layer"),
    (f"{S}/application/u.cpp", '#include "compose.hpp"\n', 1, "layer"),
    (f"{S}/scheduler.cpp", "int n;\n", 1, "layer"),
    (f"{S}/adapters/grpc/g.cpp", '#include "adapters/lmdb/store.hpp"\n', 1, "layer"),
    (f"{S}/adapters/grpc/g.cpp", '#include "settings.hpp"\n', 1, "layer"),
    (f"{S}/adapters/grpc/g.cpp", '#include "services/other/src/domain/a.hpp"\n', 1, "layer"),
    (f"{S}/compose.cpp", '#include "../../other/src/domain/a.hpp"\n', 1, "layer"),
    ("libs/base/b.hpp", '#include "libs/rpc/server.hpp"\n', 1, "layer"),
    ("libs/http/h.cpp", '#include "services/some-service/src/domain/a.hpp"\n', 1, "layer"),
    (f"{S}/domain/long.cpp", "int x;\n" * 501, 1, "size"),
    (f"{S}/domain/long.hpp", "int x;\n" * 251, 1, "size"),
    (f"{S}/domain/long_test.cpp", "int x;\n" * 601, 1, "size"),
    (f"{S}/domain/f.cpp", "namespace a {\n// text with { and )\nint f(int n) {\n" + "  ++n;\n" * 70 + "  return n;\n}\n}\n", 3, "function"),
    (f"{S}/domain/f.cpp", "A::A(int n)\n    : n_{n} {\n" + "  n += '{';\n" * 70 + "}\n", 2, "function"),
    (f"{S}/domain/f.cpp", "class A {\n  int f() const {\n" + "    if (x) { y(); }\n" * 70 + "  }\n};\n", 2, "function"),
    (f"{S}/application/w.cpp", "void f() {\n  std::thread([] {}).detach();\n}\n", 2, "detach"),
    (f"{S}/application/w.cpp", "thread_.detach();\n", 1, "detach"),
    (f"{S}/application/w.cpp", "std::this_thread::sleep_for(1s);\n", 1, "sleep"),
    (f"{S}/application/w_test.cpp", "std::this_thread::sleep_for(1s);\n", 1, "sleep"),
    (f"{S}/application/w.cpp", "try { f(); } catch (...) {}\n", 1, "catch-all"),
    (f"{S}/application/w.cpp", 'auto x = std::getenv("HOME");\n', 1, "getenv"),
    (f"{S}/application/w.cpp", "auto t = std::chrono::system_clock::now();\n", 1, "clock"),
    (f"{S}/application/w.cpp", "auto t = time(nullptr);\n", 1, "clock"),
    (f"{S}/adapters/grpc/w.cpp", "credentials->SetAuthMetadataProcessor(p);\n", 1, "auth-processor"),
    (f"{S}/application/w.cpp", "int n = rand();\n", 1, "rand"),
    (f"{S}/application/w.cpp", "sprintf(out, text);\n", 1, "unbounded-copy"),
    (f"{S}/application/w.cpp", "using namespace std;\n", 1, "using-std"),
    (f"{S}/application/w.cpp", 'std::cout << "x";\n', 1, "stdout"),
    (f"{S}/application/w.cpp", "int n;  // TO" + "DO: more\n", 1, "unfinished"),
    (f"{S}/application/w.hpp", "class TaskManager {\n};\n", 1, "name"),
    (f"{S}/application/util.hpp", "int n;\n", 1, "file-name"),
    ("libs/python-sdk/swarm/helpers.py", "n = 1\n", 1, "file-name"),
    ("README.md", "See /home/" + "someone/notes.\n", 1, "path"),
    (f"{S}/adapters/http/c.cpp", "  co_await write(Head{1, 2});\n", 1, "co_await"),
    (f"{S}/adapters/http/c.cpp", "  co_await write({1, 2});\n", 1, "co_await"),
    (f"{S}/adapters/http/c.cpp", "  co_await\n      run(io, [n] { return n; });\n", 2, "co_await"),
]
GOOD = [
    (f"{S}/domain/g.hpp", '#pragma once\n\n#include <chrono>\n\n#include "domain/task.hpp"\n#include "libs/base/clock.hpp"\n'),
    (f"{S}/domain/g_test.cpp", '#include <catch2/catch.hpp>\n#include <thread>\n#include "testing/fake.hpp"\n#include "libs/testing/fake_clock.hpp"\n'),
    ("services/analyst-service/src/domain/m.cpp", "#include <re2/re2.h>\n"),
    (f"{S}/ports/g.hpp", '#include "domain/task.hpp"\n#include "libs/async/awaitable.hpp"\n#include "libs/pure/head.hpp"\n'),
    (f"{S}/application/g.cpp", '#include "ports/store.hpp"\n#include <thread>\n#include "libs/telemetry/logging.hpp"\n#include <tbb/task_group.h>\n'),
    (f"{S}/adapters/grpc/g.cpp", '#include "adapters/grpc/mapping.hpp"\n#include "application/use.hpp"\n#include <grpcpp/grpcpp.h>\n'),
    (f"{S}/application/g_test.cpp", '#include "adapters/lmdb/store.hpp"\nconst char* log = "/home/' + 'runner/a.py";\n'),
    (f"{S}/adapters/http/g.cpp", '#include "adapters/codec/openai.hpp"\n'),
    (f"{S}/compose.cpp", '#include "adapters/grpc/g.hpp"\n#include "adapters/lmdb/store.hpp"\n#include "settings.hpp"\n'),
    ("services/tool/src/output/t.cpp", '#include "session.hpp"\n'),
    (f"{S}/application/words.cpp", '// never sleep_for, catch (...) or getenv(\nconst char* s = "catch (...) detach()";\nwriter_.detach();\n'),
    (f"{S}/application/excused.cpp", "std::this_thread::sleep_for(1s);  // tidy: allow sleep: the kernel has no event for it\n"),
    (f"{S}/adapters/grpc/deadline.cpp", "context.set_deadline(std::chrono::system_clock::now() + limit);\n"),
    (f"{S}/adapters/http/await.cpp", "if (auto head = co_await read(stream); head) {\n  f();\n}\nco_await timer.async_wait(use_awaitable);\nx[co_await n()] = {};\n"),
    (f"{S}/domain/short.cpp", "struct A {\n" + "  int x(int n) { return n; }\n" * 100 + "};\n"),
    (f"{S}/domain/raw.cpp", 'const char* s = R"({ not a brace)";\n' + "int x;\n" * 100),
    ("docs/a.md", "Mount it at /var/lib/swarm; in the container the home is /home/nonroot.\n"),
]


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class TidyTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        plant(self.root, f"{S}/domain/task.hpp", "#pragma once\n")
        plant(self.root, "libs/pure/head.hpp", '#include <string>\n#include "libs/base/result.hpp"\n')
        plant(self.root, "libs/impure/io.hpp", "#include <sys/socket.h>\n")

    def test_each_fault_is_found_once_where_it_is(self) -> None:
        for name, text, line, rule in BAD:
            with self.subTest(rule=rule, text=text[:60]):
                plant(self.root, name, text)
                found = [(f.file, f.line, f.rule) for f in tidy.check(self.root)]
                self.assertEqual(found, [(name, line, rule)])
                (self.root / name).unlink()

    def test_the_folder_in_which_the_tree_lies_is_not_named(self) -> None:
        plant(self.root, "scripts/build", f"cd {self.root.resolve()}/build\n")
        self.assertEqual([(f.file, f.line, f.rule) for f in tidy.check(self.root)], [("scripts/build", 1, "path")])

    def test_what_is_right_is_left_alone(self) -> None:
        for name, text in GOOD:
            plant(self.root, name, text)
        self.assertEqual([str(f) for f in tidy.check(self.root)], [])

    def test_libraries_that_include_each_other_in_a_ring_are_found(self) -> None:
        plant(self.root, "libs/a/inner/a.hpp", '#include "libs/b/b.hpp"\n')
        plant(self.root, "libs/b/b.hpp", '#include "libs/c/c.hpp"\n')
        plant(self.root, "libs/c/c.hpp", '#include "libs/a/a.hpp"\n')
        self.assertEqual({f.rule for f in tidy.check(self.root)}, {"cycle"})

    def test_build_folders_are_not_looked_at(self) -> None:
        plant(self.root, "build/x/util.hpp", "TO" + "DO\n")
        plant(self.root, ".cache/util.hpp", "")
        self.assertEqual(tidy.check(self.root), [])


if __name__ == "__main__":
    unittest.main()
