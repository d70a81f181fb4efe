#include "application/explanations.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

Explanation explained(const std::string& id) {
  Explanation e;
  e.request_id = id;
  e.key = "coder";
  e.team = "blue";
  e.model = "fast";
  e.upstream = "openai";
  e.upstream_model = "small";
  e.price_source = PriceSource::Listed;
  e.price_version = "2026-11";
  return e;
}

TEST_CASE("the last requests are kept and no more", "[explain]") {
  Explanations kept(1'000);
  for (int i = 0; i < 2'500; ++i) kept.put(explained("r" + std::to_string(i)));
  REQUIRE_FALSE(kept.find("r1499"));
  for (const char* id : {"r1500", "r2000", "r2499"}) REQUIRE(kept.find(id)->request_id == id);
  const auto second = [](Explanation& place) {
    place.request_id = "second";
    place.attempts.push_back({"openai", 200, ""});
  };
  Explanations one(1);
  auto first = explained("first");
  first.refusal = Refusal{};
  first.problem = "no";
  first.guard = {"found"};
  first.attempts = {{"azure", 500, ""}, {"openai", 500, ""}};
  one.put(first);
  one.write(second);
  REQUIRE_FALSE(one.find("first"));
  const auto found = one.find("second");
  REQUIRE(found);
  REQUIRE(found->attempts.size() == 1);
  REQUIRE(found->attempts.front().status == 200);
  REQUIRE(found->problem.empty());
  REQUIRE(found->guard.empty());
  REQUIRE_FALSE(found->refusal);
  Explanations none(0);
  none.put(explained("r"));
  REQUIRE_FALSE(none.find("r"));
}

TEST_CASE("an explanation reads in the order of the decisions", "[explain]") {
  auto e = explained("r");
  e.admitted = true;
  e.reserved = Money{1'000};
  e.ceiling = Money{5'000};
  e.tightest = {"team/blue", WindowKind::Day, Money::from_usd(10), Money::from_usd(4), Money::from_usd(5)};
  e.attempts = {{"openai", 503, ""}, {"openai", 0, "connect"}, {"openai", 200, ""}};
  e.status = 200;
  e.usage.input = 10;
  e.usage.estimated = true;
  e.cost = Money{4'000};
  const auto told = sentences(e);
  REQUIRE(told == std::vector<std::string>{
      "caller: key coder of team blue", "route: model fast goes to upstream openai as small", "price: version 2026-11",
      "budget: admitted, $0.000001 reserved, at most $0.000005; tightest was team/blue: $4.000000 of $10.000000 spent this day, $5.000000 left for others",
      "attempt 1: openai answered 503", "attempt 2: openai gave no answer: connect", "attempt 3: openai answered 200",
      "end: ok, status 200 after 0 ms; 10 tokens in, 0 out, $0.000004 paid by an estimate from the text, as the upstream did not say what was used"});
}

TEST_CASE("a refusal names the scope and the reason", "[explain]") {
  auto e = explained("r");
  e.refusal = Refusal{RefusalReason::Exhausted, "team/blue", WindowKind::Day, Money::from_usd(10), Money::from_usd(10), WallTime::max(), RateReason::None, {}, {}};
  REQUIRE(sentences(e).back().starts_with("refused by team/blue (exhausted): budget team/blue can't pay for this request: $10"));
}

}  // namespace
}  // namespace swarm::gateway
