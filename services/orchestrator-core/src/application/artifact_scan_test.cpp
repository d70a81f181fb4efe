#include "application/artifact_scan.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

namespace {

GoldenRule rule(std::string id, std::string must_not, std::string must = "") {
  GoldenRule out;
  out.id = std::move(id);
  out.must_not_match = std::move(must_not);
  out.must_match = std::move(must);
  return out;
}

struct Fixture {
  Guardrails guardrails{{Policy{"no-keys", "SC-12", "", {}, {}, {"good.example"}, {"BEGIN PRIVATE KEY"}, 0}}, {}};
  swarm::metrics::Registry registry;
  RuleChecks checks{MachineChecks::Warn, registry};

  ArtifactScan scan(const std::string& text, std::size_t piece, const Guardrails* policies = nullptr, const std::vector<std::string>& rules = {}) {
    ArtifactScan out(policies, checks.of(rules));
    for (std::size_t at = 0; at < text.size(); at += piece) out.add(std::string_view(text).substr(at, piece));
    out.finish();
    return out;
  }
};

}  // namespace

TEST_CASE("what policies forbid is found wherever pieces begin and end", "[artifact_scan]") {
  Fixture f;
  // Around the places where one look ends and the next begins, and at the ends.
  for (const std::size_t before : {0u, 1u, 65'530u, 262'130u, 262'140u, 262'144u, 262'150u, 524'280u, 700'000u}) {
    for (const std::size_t piece : {1'000u, 65'536u, 1'048'576u}) {
      INFO(before << " in pieces of " << piece);
      const std::string text = std::string(before, 'x') + "BEGIN PRIVATE KEY" + std::string(300'000, 'y');
      const auto found = f.scan(text, piece, &f.guardrails);
      REQUIRE(found.denial());
      CHECK(found.denial()->policy == "no-keys");
      CHECK_FALSE(f.scan(std::string(before, 'x') + "BEGIN PRIVATE-KEY" + std::string(300'000, 'y'), piece, &f.guardrails).denial());
    }
  }
}

TEST_CASE("a host is judged by its whole name, not by as much as has come", "[artifact_scan]") {
  Fixture f;
  for (std::size_t before = 262'100; before < 262'150; before += 3) {
    INFO(before);
    const auto text = [&](const char* url) { return std::string(before, ' ') + url + std::string(300'000, ' '); };
    CHECK_FALSE(f.scan(text("https://good.example/x"), 4'096, &f.guardrails).denial());
    CHECK(f.scan(text("https://good.example.evil/x"), 4'096, &f.guardrails).denial());
  }
}

TEST_CASE("patterns find what lies across two looks, and the text begins and ends once", "[artifact_scan]") {
  Fixture f;
  f.checks.put(rule("r1", R"(eval\(\w+\))", "import safe"));
  f.checks.put(rule("r2", R"(^x)"));
  f.checks.put(rule("r3", R"(y$)"));
  f.checks.put(rule("r4", R"(\bword\b)"));
  for (const std::size_t before : {10u, 262'138u, 262'144u, 524'284u}) {
    INFO(before);
    const auto bad = f.scan(" " + std::string(before, 'x') + "eval(input)import safe" + std::string(400'000, 'y') + " ", 10'000, nullptr, {"r1", "r2", "r3", "r4"});
    CHECK(bad.breaches().size() == 1);
    CHECK(bad.breaches().at(0).find("eval(input)") != std::string::npos);
    CHECK(bad.fulfils() == std::vector<std::string>{"r1"});
  }
  const std::string words = "swordfish " + std::string(600'000, 'w') + " swords";
  CHECK(f.scan(words, 7'001, nullptr, {"r4"}).breaches().empty());
  CHECK(f.scan("xab y", 1, nullptr, {"r2", "r3"}).breaches().size() == 2);
  CHECK(f.scan("", 1, nullptr, {"r1", "r2"}).breaches().empty());
  CHECK(f.scan(std::string("a\0eval(x)", 9), 3, nullptr, {"r1"}).breaches().size() == 1);
}

TEST_CASE("rules without a sound check are not looked for, and a changed one is as it is now", "[artifact_scan]") {
  Fixture f;
  f.checks.put(rule("bad", "("));
  f.checks.put(rule("none", ""));
  CHECK(f.checks.of({"bad", "none", "unknown"}).empty());
  f.checks.put(rule("r", "old"));
  f.checks.put(rule("r", "new"));
  CHECK(f.scan("old", 9, nullptr, {"r"}).breaches().empty());
  CHECK(f.scan("new", 9, nullptr, {"r"}).breaches().size() == 1);
  f.checks.put(rule("r", ""));
  CHECK(f.checks.of({"r"}).empty());
  CHECK_FALSE(ArtifactScan(nullptr, {}).wanted());
}
