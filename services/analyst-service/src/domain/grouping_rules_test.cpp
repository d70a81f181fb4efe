#include "domain/grouping_rules.hpp"

#include <catch2/catch.hpp>

#include "domain/analysis.hpp"

using namespace swarm;
using namespace swarm::analyst::domain;

namespace {

std::shared_ptr<const GroupingRules> rules(const std::vector<MaskRule>& masks, const std::vector<FingerprintRule>& fingerprints) {
  auto made = std::make_shared<GroupingRules>();
  for (const auto& one : masks) REQUIRE(made->add(one));
  for (const auto& one : fingerprints) REQUIRE(made->add(one));
  return made;
}

}  // namespace

TEST_CASE("an operator's mask brings together what the built-in ones leave apart", "[grouping]") {
  Analyzer plain, masked(rules({{"tenant", "tenant [a-z]+"}}, {}));
  const FailureText north{"Coder", "go", "panic: no quota for tenant north\n\ngoroutine 1 [running]:"};
  const FailureText south{"Coder", "go", "panic: no quota for tenant south\n\ngoroutine 1 [running]:"};
  CHECK(plain.analyse(north).kind != plain.analyse(south).kind);
  const auto kind = masked.analyse(north).kind;
  CHECK(masked.applied() == std::vector<std::string>{"mask tenant"});
  CHECK(masked.analyse(south).kind == kind);
  const auto other = masked.analyse({"Coder", "go", "panic: no quota\n\ngoroutine 1 [running]:"});
  CHECK(other.kind != kind);
  CHECK(masked.applied().empty());
}

TEST_CASE("the first fingerprint rule that fits names the kind", "[grouping]") {
  Analyzer analyzer(rules({}, {{"db", "python", "", "", "connection to (\\w+) refused", "database \\1 is down"},
                               {"all", "", "Coder", "", "refused", "refused: {{ default }}"}}));
  const auto a = analyzer.analyse({"Coder", "python", "DbError: connection to orders refused after 3 tries"});
  CHECK(a.cause == "database orders is down");
  CHECK(analyzer.applied() == std::vector<std::string>{"fingerprint db"});
  const auto kind = a.kind;
  CHECK(analyzer.analyse({"Coder", "python", "OSError: [Errno 9] connection to orders refused"}).kind == kind);
  CHECK(analyzer.analyse({"Reviewer", "python", "OSError: connection to orders refused"}).kind != kind);
  const auto b = analyzer.analyse({"Coder", "go", "connection to orders refused"});
  CHECK(b.cause.substr(0, 9) == "refused: ");
}

TEST_CASE("rules that would match everything, nothing, or cost too much are refused", "[grouping]") {
  GroupingRules made;
  for (const auto* pattern : {"", "a*", "(", "((a{100}){100}){100}", "(?=x)"}) {
    INFO(pattern);
    CHECK_FALSE(made.add(MaskRule{"x", pattern}));
  }
  CHECK_FALSE(made.add(MaskRule{"x", std::string(501, 'a')}));
  CHECK_FALSE(made.add(FingerprintRule{"x", "", "", "", "a(b)", "\\2"}));
  CHECK_FALSE(made.add(FingerprintRule{"x", "", "", "", "ab", ""}));
  CHECK(made.empty());
  for (std::size_t i = 0; i < GroupingRules::kRulesMax; ++i) CHECK(made.add(MaskRule{"x", "ab"}));
  CHECK_FALSE(made.add(MaskRule{"x", "ab"}));
}

TEST_CASE("masking with an operator's masks twice changes nothing", "[grouping]") {
  const auto made = rules({{"hex", "[0-9a-f]{6,}"}, {"word", "foo+"}}, {});
  std::vector<std::string_view> used;
  std::string once, twice;
  CHECK(made->mask("foo deadbeef and fooo cafebabe \xff", once, used));
  CHECK(once == "<*> <*> and <*> <*> \xff");
  CHECK_FALSE(made->mask(once, twice, used));
  CHECK(once == twice);
}
