#include "domain/golden_rules.hpp"

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

namespace {

GoldenRule rule(std::string id, std::int64_t effect, std::string stack = "", std::string role = "", std::size_t bytes = 10) {
  GoldenRule out;
  out.id = std::move(id);
  out.stack = std::move(stack);
  out.role = std::move(role);
  out.text = out.id + std::string(bytes - out.id.size(), '.');
  out.effect_ppm = effect;
  out.version = 1;
  return out;
}

std::string ids(const std::vector<const GoldenRule*>& rules) {
  std::string out;
  for (const auto* one : rules) out += one->id;
  return out;
}

}  // namespace

TEST_CASE("a task gets the rules of its stack and role, most effective first", "[rules]") {
  RuleBook book(RuleLimits{});
  for (const auto& one : {rule("a", 1), rule("b", 3, "python"), rule("c", 2, "python", "Coder"), rule("d", 9, "rust"), rule("e", 9, "python", "Reviewer")}) {
    CHECK(book.put(one));
  }
  CHECK(ids(book.select({1, 1}, "python", "Coder").given) == "bca");
  CHECK(ids(book.select({1, 1}, "", "").given) == "a");
}

TEST_CASE("rules are bounded in number and length, and a long one leaves its place to others", "[rules]") {
  RuleLimits limits;
  limits.count_max = 3;
  limits.bytes_max = 40;
  RuleBook book(limits);
  for (const auto& one : {rule("a", 9), rule("b", 8, "", "", 35), rule("c", 7), rule("d", 6), rule("e", 5)}) book.put(one);
  CHECK(ids(book.select({1, 1}, "python", "Coder").given) == "acd");
  limits.deliver = false;
  CHECK(RuleBook(limits).select({1, 1}, "", "").given.empty());
}

TEST_CASE("an older version changes nothing, a retired rule is not given", "[rules]") {
  RuleBook book(RuleLimits{});
  auto now = rule("a", 1);
  now.version = 5;
  now.active = false;
  CHECK(book.put(now));
  CHECK_FALSE(book.put(rule("a", 1)));
  CHECK(book.select({1, 1}, "", "").given.empty());
  CHECK(book.version() == 5);
}

TEST_CASE("which tasks are without a rule goes by task and rule alone, as often as was asked for", "[rules]") {
  RuleLimits limits;
  limits.hold_out_bp = 2'000;
  RuleBook book(limits);
  book.put(rule("a", 1));
  int held_out = 0;
  for (std::uint64_t n = 0; n < 10'000; ++n) {
    const auto first = book.select({n, 7}, "", "");
    CHECK(first.given.size() + first.held_out.size() == 1);
    CHECK(ids(first.given) == ids(book.select({n, 7}, "", "").given));
    held_out += static_cast<int>(first.held_out.size());
  }
  CHECK(held_out > 1'800);
  CHECK(held_out < 2'200);
}
