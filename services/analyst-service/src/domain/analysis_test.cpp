#include "domain/analysis.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "testing/corpus.hpp"

using namespace swarm::analyst;
using namespace swarm::analyst::domain;

namespace {

std::vector<Id> kinds(const std::vector<testing::Row>& rows) {
  Analyzer analyzer;
  std::vector<Id> ids;
  for (const auto& row : rows) ids.push_back(analyzer.analyse({row.role, row.stack, row.log}).kind);
  return ids;
}

std::string cause(std::string_view log, std::string_view stack = "python") {
  Analyzer analyzer;
  return std::string(analyzer.analyse({"Coder", stack, log}).cause);
}

}  // namespace

TEST_CASE("one label is one kind, one kind is one label, and a one-off joins nothing", "[analysis]") {
  const auto rows = testing::make_rows(8000, GENERATE(1, 2, 3));
  const auto ids = kinds(rows);
  std::map<std::string, std::set<Id>> by_label;
  std::map<Id, std::set<std::string>> by_kind;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    by_label[rows[i].label].insert(ids[i]);
    by_kind[ids[i]].insert(rows[i].label);
  }
  for (const auto& [label, found] : by_label) {
    INFO(label);
    CHECK(found.size() == 1);
  }
  for (const auto& [kind, labels] : by_kind) {
    INFO(*labels.begin() << " and others");
    CHECK(labels.size() == 1);
  }
}

TEST_CASE("groups depend neither on order nor on the number of threads nor on what came before", "[analysis]") {
  auto rows = testing::make_rows(3000, 9);
  const auto alone = kinds(rows);
  std::vector<std::size_t> order(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(5));
  Analyzer analyzer;
  for (const auto i : order) REQUIRE(analyzer.analyse({rows[i].role, rows[i].stack, rows[i].log}).kind == alone[i]);

  std::vector<Id> shared(rows.size());
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      Analyzer own;
      for (std::size_t i = t; i < rows.size(); i += 3) shared[i] = own.analyse({rows[i].role, rows[i].stack, rows[i].log}).kind;
    });
  for (auto& thread : threads) thread.join();
  CHECK(shared == alone);
}

TEST_CASE("ids are the same in every version of the program", "[analysis]") {
  // Ids are stored. A change here orphans every group that users have.
  Analyzer analyzer;
  const auto found = analyzer.analyse({"Coder", "python", "KeyError: 'x'"});
  CHECK(text(Digest().add("a").add("bc").id()) != text(Digest().add("ab").add("c").id()));
  CHECK(parse_id(text(found.kind)) == found.kind);
  CHECK(parse_id("nonsense").empty());
}

TEST_CASE("role and stack are part of the kind", "[analysis]") {
  Analyzer analyzer;
  const auto kind = [&](std::string_view role, std::string_view stack) { return analyzer.analyse({role, stack, "KeyError: 'x'"}).kind; };
  CHECK(kind("Coder", "python") != kind("Reviewer", "python"));
  CHECK(kind("Coder", "python") != kind("Coder", "django"));
}

TEST_CASE("the cause line is found where the tool puts it", "[analysis]") {
  CHECK(cause("FAILED tests/a.py\nE   KeyError: 'x'\n\nThe above exception was the direct cause of the following exception:\n\nE   OSError: gone") == "OSError: gone | KeyError: <*>");
  CHECK(cause("thread 'main' panicked at 'index out of bounds: the len is 3 but the index is 7', src/a.rs:1:2", "rust") == "index out of bounds: the len is <n> but the index is <n>");
  CHECK(cause("error: test failed, to rerun pass `--lib`\nerror[E0425]: cannot find value `x_y` in this scope", "rust") == "error[E0425]: cannot find value <*> in this scope");
  CHECK(cause("error: failed to load manifest\n\nCaused by:\n  missing field `name`", "rust") == "error: failed to load manifest | missing field <*>");
  CHECK(cause("make: *** [Makefile:3: all] Error 1", "c").starts_with("make: ***"));
  CHECK(cause("fatal: not a git repository (or any of the parent directories): .git", "git") == "fatal: not a git repository (or any of the parent directories): <*>");
  CHECK(cause("CMake Error at CMakeLists.txt:3 (find_package):") != "");
  CHECK(cause("Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    import x") != "");
  CHECK(cause("\n\n   \n") == "");
}

TEST_CASE("the same bug in another workspace is the same place, another function is not", "[analysis]") {
  Analyzer analyzer;
  const auto place = [&](const std::string& folder, const std::string& function, int line) {
    return analyzer.analyse({"Coder", "python", "Traceback (most recent call last):\n  File \"" + folder + "/src/a.py\", line " + std::to_string(line) +
                                                    ", in " + function + "\n    x\nKeyError: 'x'"}).place;
  };
  CHECK(place("/srv/run-1/repo", "load", 3) == place("/home/x/app-22", "load", 99));
  CHECK(place("/srv/run-1/repo", "load", 3) != place("/srv/run-1/repo", "save", 3));
}

TEST_CASE("any bytes are analysed", "[analysis]") {
  Analyzer analyzer;
  std::mt19937_64 random(3);
  const std::string pieces[] = {"Traceback (most recent call last):\n", "  File \"", "E   ", "error", "error: ", "npm error ", "npm ERR! ", ":", "\n", "\r\n", "thread '", "panicked at ",
                                "SCRIPT ERROR: ", "   At: ", "at ", "    at ", "\tat ", "(", ")", "\xe2\x97\x8f ", "1:2  error ", "a.go:", "Caused by: ", "\x1b[", "\x1b]", std::string(1, '\0'), "\xff", "'", "12:34:56 ", "[12:34:56] ", "File \"", "a.c:1:2: error: ", "undefined reference to", "____", "x.py:3", ".py:"};
  for (int round = 0; round < 30'000; ++round) {
    std::string log;
    for (std::uint64_t i = random() % 12; i > 0; --i) log += pieces[random() % std::size(pieces)];
    const auto once = analyzer.analyse({"r", "s", log}).kind;
    REQUIRE(analyzer.analyse({"r", "s", log}).kind == once);
  }
}

TEST_CASE("the name of the project's own exception is a name, a library's is a type", "[analysis]") {
  Analyzer analyzer;
  const auto told = [&](const std::string& type, const std::string& source) {
    const auto log = "Traceback (most recent call last):\n  File \"/w/app/a.py\", line 3, in load\n    " + source + "\n" + type + ": could not reach the depot\n";
    return std::string(analyzer.analyse({"Coder", "python", log}).cause);
  };
  CHECK(told("QuotaPanelError", "raise QuotaPanelError(x)") == told("errors.LedgerCardError", "raise errors.LedgerCardError(y)"));
  CHECK(told("QuotaPanelError", "raise QuotaPanelError(x)") == "<*>Error: could not reach the depot");
  CHECK(told("TimeoutError", "raise TimeoutError(x)") == "TimeoutError: could not reach the depot");
  CHECK(told("OperationalError", "db.execute(x)") == "OperationalError: could not reach the depot");
  const auto bare = analyzer.analyse({"Coder", "python", "  File \"/w/app/a.py\", line 3, in load\n    raise QuotaPanelError(x)\nQuotaPanelError: 17\n"});
  CHECK(bare.cause.starts_with("QuotaPanelError"));
}

TEST_CASE("a line that only says that something failed is no cause", "[analysis]") {
  Analyzer analyzer;
  const auto told = [&](const std::string& log) { return std::string(analyzer.analyse({"Coder", "x", log}).cause); };
  CHECK(told("FAILURE: Build failed with an exception.\n\n* What went wrong:\nTask 'ship_it' not found in root project 'app'.\n") == "Task <*> not found in root project <*>");
  CHECK(told("e: file:///w/a.kt:3:9 Unresolved reference: parcel_id\n\nFAILURE: Build failed with an exception.") == "Unresolved reference: <*>");
  CHECK(told("src/a.py:3:89: E501 Line too long (94 > 88)\nFound 1 error.") == told("src/b.py:7:89: E501 Line too long (120 > 88)\nFound 1 error."));
  CHECK(told("src/a.py:3:8: F401 [*] `os_x` imported but unused\nFound 1 error.") != told("src/a.py:3:89: E501 Line too long (94 > 88)\nFound 1 error."));
  CHECK(told("CMake Error at CMakeLists.txt:3 (find_package):\n  By not providing \"FindX.cmake\" in this project") !=
        told("CMake Error at CMakeLists.txt:9 (add_library):\n  Cannot find source file:"));
  CHECK(told("[12:00:01] 2026-03-04 11:12:13,573 ERROR no route to depot") == "ERROR no route to depot");
  CHECK(told("2026-03-04T11:12:13Z ERROR [agent-7] task 9 failed\n2026-03-04 11:12:13,573 ERROR no route to depot") == "ERROR no route to depot");
}
