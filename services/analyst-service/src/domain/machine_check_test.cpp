#include "domain/machine_check.hpp"

#include <catch2/catch.hpp>

#include "domain/rule_template.hpp"

using namespace swarm::analyst::domain;

TEST_CASE("a pattern is checked before it becomes a check", "[rule]") {
  CHECK(fault_of_pattern(R"(datetime\.utcnow\()").empty());
  CHECK_FALSE(fault_of_pattern("(").empty());
  CHECK_FALSE(fault_of_pattern("x*").empty());
  CHECK_FALSE(fault_of_pattern(std::string(300, 'x')).empty());
  CHECK_FALSE(fault_of_pattern("(((a{100}){100}){100})").empty());
  CHECK_FALSE(fault_of_pattern("\xff").empty());
}

TEST_CASE("a model's pattern must tell a mistake from ordinary work", "[rule]") {
  for (const char* good : {R"(datetime\.utcnow\()", R"(\bnp\.float\b|numpy\.float\b)", "(?m)^<<<<<<< ", R"(yaml\.load\([^,)]*\))", R"(Buffer\((\d+)\))",
                           R"(sys\.setrecursionlimit\()", R"(mem::uninitialized)"}) {
    INFO(good << ": " << fault_of_unseen_pattern(good));
    CHECK(fault_of_unseen_pattern(good).empty() == (std::string_view(good) != "(?m)^<<<<<<< "));
  }
  for (const char* bad : {".", "(?s).+", "[a-z]+", "def ", "import", R"(\w{4,})", "a|return", "(?i)TEST", "[test]+", R"(\btest_)", "[^x]", "=", "unwrap", R"(console\.)", "(?m)^$",
                          "datetime", "error", "x{4}y", "frobnicate|.", "name|frobnicate", "", "(", "pass(?:ed)?", "new ", "\xff"}) {
    INFO(bad);
    CHECK_FALSE(fault_of_unseen_pattern(bad).empty());
  }
}

TEST_CASE("the template's own checks are valid patterns that spare ordinary work", "[rule]") {
  const auto all = template_checks();
  CHECK(all.size() >= 6);
  for (const auto pattern : all) {
    INFO(pattern);
    CHECK(fault_of_pattern(pattern).empty());
    CHECK_FALSE(fits_ordinary_work(pattern));
  }
}

TEST_CASE("the template checks by machine what text can tell", "[rule]") {
  const auto finds = [](std::string_view cause, std::string_view work) {
    const auto pattern = check_for(cause);
    INFO(cause << " -> " << pattern);
    CHECK_FALSE(pattern.empty());
    return found_in(pattern, work);
  };
  CHECK(finds("TypeError: can't compare offset-naive and offset-aware datetimes", "now = datetime.utcnow()\n"));
  CHECK_FALSE(finds("TypeError: can't compare offset-naive and offset-aware datetimes", "now = datetime.now(timezone.utc)\n"));
  CHECK(finds("CONFLICT (content): Merge conflict in <*>", "a = 1\n<<<<<<< HEAD\nb = 2\n"));
  CHECK_FALSE(finds("CONFLICT (content): Merge conflict in <*>", "Title\n=======\ntext\n"));
  CHECK(finds("RecursionError: maximum recursion depth exceeded", "sys.setrecursionlimit(10**6)"));
  CHECK(finds("TabError: inconsistent use of tabs and spaces in indentation", "def f():\n \tpass\n"));
  CHECK(finds("SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?", "    print \"a\"\n"));
  CHECK(finds("Warning: <*> is no longer supported in React <n>", "ReactDOM.render(<App />, root);"));
  CHECK(check_for("KeyError: <*>").empty());
}
