#include "domain/failure_group.hpp"

#include <catch2/catch.hpp>

#include "domain/golden_rule.hpp"

using namespace swarm::analyst::domain;

namespace {

constexpr std::int64_t kDay = 86'400'000;

Group seen(std::initializer_list<std::int64_t> times) {
  Group group{{1, 1}, 0, 0, *times.begin(), *times.begin()};
  for (const auto at : times) count_event(group, at);
  return group;
}

}  // namespace

TEST_CASE("a kind is new for a day, and has regressed when it comes back after a week", "[group]") {
  const auto fresh = seen({100 * kDay});
  CHECK(flags(fresh, 100 * kDay + 5).is_new);
  CHECK_FALSE(flags(fresh, 101 * kDay + 5).is_new);
  const auto back = seen({100 * kDay, 108 * kDay});
  CHECK(flags(back, 108 * kDay + 5).regressed);
  CHECK_FALSE(flags(back, 110 * kDay).regressed);
  CHECK_FALSE(flags(seen({100 * kDay, 103 * kDay}), 103 * kDay).regressed);
}

TEST_CASE("a kind escalates against the day before", "[group]") {
  Group group = seen({100 * kDay, 100 * kDay + 1, 100 * kDay + 2});
  for (int i = 0; i < 9; ++i) count_event(group, 101 * kDay + i);
  CHECK_FALSE(flags(group, 101 * kDay + 20).escalating);
  count_event(group, 101 * kDay + 10);
  CHECK(flags(group, 101 * kDay + 20).escalating);
  CHECK_FALSE(flags(group, 102 * kDay).escalating);
  CHECK(group.events == 13);
}

TEST_CASE("a rule retires when it does harm or shows no help, and never without a comparison", "[rule]") {
  RuleEffect effect;
  const auto reason = [&](std::int64_t kind_events, std::int64_t outcomes) { return retire_reason(balance(effect, kind_events, outcomes), Trial{}); };
  effect.given_successes = 1000;
  CHECK(reason(0, 0).empty());
  effect.held_successes = 100;  // neither side fails
  CHECK(reason(0, 0).starts_with("no measurable help"));
  effect.held_failures = effect.held_kind_failures = 20;
  CHECK(reason(0, 0).empty());
  CHECK(effect_share(effect) == Approx(20.0 / 120));
  effect = {};
  effect.given_successes = 20;
  effect.given_failures = effect.given_kind_failures = 20;
  effect.held_successes = 40;
  CHECK(reason(0, 0).starts_with("does harm"));
  effect = {};
  effect.given_successes = 300;
  effect.kind_failures_before = 40;
  effect.scope_outcomes_before = 200;
  CHECK(reason(42, 500).empty());
  CHECK(reason(100, 500).starts_with("no measurable help"));
  CHECK(reason(200, 500).starts_with("its kind fails more often"));
}

TEST_CASE("a rule's history keeps its first step and the last ones", "[rule]") {
  GoldenRule rule;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    rule.version = i;
    remember_step(rule, static_cast<std::int64_t>(i));
  }
  CHECK(rule.history.size() == 20);
  CHECK(rule.history.front().version == 1);
  CHECK(rule.history.back().version == 50);
}
