#include "application/rule_gauges.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace swarm;
using namespace swarm::analyst;

namespace {

using Rules = std::map<domain::Id, domain::GoldenRule>;

domain::GoldenRule& active_rule(Rules& rules, const std::string& id) {
  auto& rule = rules[domain::Digest().add(id).id()];
  rule.id = id;
  rule.state = domain::RuleState::Active;
  return rule;
}

bool holds(const metrics::Registry& registry, const std::string& what) { return registry.serialize().find(what) != std::string::npos; }

}  // namespace

TEST_CASE("what a rule brings is told with it and without it, for as long as it is active", "[rules]") {
  metrics::Registry registry;
  application::RuleGauges gauges(registry);
  Rules rules;
  auto& rule = active_rule(rules, "r1");
  rule.effect.given_successes = 8;
  rule.effect.given_failures = 2;
  rule.effect.given_kind_failures = 1;
  rule.effect.held_failures = 3;
  gauges.show(rules);
  rule.effect.given_successes = 9;
  gauges.show(rules);
  CHECK(holds(registry, "swarm_analyst_rule_attempts{arm=\"given\",rule=\"r1\"} 11\n"));
  CHECK(holds(registry, "swarm_analyst_rule_kind_failures{arm=\"given\",rule=\"r1\"} 1\n"));
  CHECK(holds(registry, "swarm_analyst_rule_attempts{arm=\"held\",rule=\"r1\"} 3\n"));
  CHECK(holds(registry, "swarm_analyst_rule_kind_failures{arm=\"held\",rule=\"r1\"} 0\n"));
  rule.state = domain::RuleState::Retired;
  gauges.show(rules);
  CHECK(std::isnan(registry.gauge("swarm_analyst_rule_attempts", "", {{"rule", "r1"}, {"arm", "given"}}).value()));
  rule.state = domain::RuleState::Active;
  gauges.show(rules);
  CHECK(holds(registry, "swarm_analyst_rule_attempts{arm=\"given\",rule=\"r1\"} 11\n"));
}

TEST_CASE("metrics of rules are bounded, say how many are left out, and those of proposed ones are not shown", "[rules]") {
  metrics::Registry registry;
  application::RuleGauges gauges(registry);
  Rules rules;
  for (int i = 0; i < 300; ++i) active_rule(rules, "r" + std::to_string(100 + i));
  active_rule(rules, "p").state = domain::RuleState::Proposed;
  gauges.show(rules);
  const auto text = registry.serialize();
  std::size_t shown = 0;
  for (const auto& [kind, rule] : rules) shown += text.find("attempts{arm=\"given\",rule=\"" + rule.id + "\"}") != std::string::npos ? 1 : 0;
  CHECK(shown == application::RuleGauges::kRulesMax);
  CHECK(holds(registry, "swarm_analyst_rules_left_out 100\n"));
  CHECK_FALSE(holds(registry, "rule=\"p\""));
}

TEST_CASE("the rules that keep most failures away are shown, and lose their place to better ones", "[rules]") {
  metrics::Registry registry;
  application::RuleGauges gauges(registry, 2);
  Rules rules;
  const auto works = [&](const std::string& id, std::int64_t given, std::int64_t held_kind_failures) {
    auto& effect = active_rule(rules, id).effect;
    effect.given_successes = given;
    effect.held_successes = 10 - held_kind_failures;
    effect.held_failures = effect.held_kind_failures = held_kind_failures;
  };
  const auto shows = [&](const std::string& id) {
    const double value = registry.gauge("swarm_analyst_rule_attempts", "", {{"rule", id}, {"arm", "given"}}).value();
    return value > 0;  // neither NaN nor never set
  };
  works("much-used", 100, 0);
  works("helps", 20, 5);
  works("little-used", 1, 0);
  gauges.show(rules);
  CHECK(holds(registry, "rule_attempts{arm=\"given\",rule=\"helps\"} 20\n"));
  CHECK(holds(registry, "rule_attempts{arm=\"given\",rule=\"much-used\"} 100\n"));
  CHECK_FALSE(holds(registry, "rule=\"little-used\""));
  CHECK(holds(registry, "swarm_analyst_rules_left_out 1\n"));
  works("little-used", 50, 5);
  gauges.show(rules);
  CHECK(shows("little-used"));
  CHECK(shows("helps"));
  CHECK_FALSE(shows("much-used"));
  CHECK(std::isnan(registry.gauge("swarm_analyst_rule_attempts", "", {{"rule", "much-used"}, {"arm", "given"}}).value()));
}

TEST_CASE("however often the best rules change, the names of their metrics stay bounded", "[rules]") {
  metrics::Registry registry;
  application::RuleGauges gauges(registry, 3);
  for (int turn = 0; turn < 50; ++turn) {
    Rules rules;
    for (int i = 0; i < 3; ++i) active_rule(rules, "r" + std::to_string(100 + 3 * turn + i)).effect.given_successes = turn;
    gauges.show(rules);
  }
  const auto text = registry.serialize();
  std::size_t names = 0;
  for (auto at = text.find("rule_attempts{arm=\"held\""); at != std::string::npos; at = text.find("rule_attempts{arm=\"held\"", at + 1)) ++names;
  CHECK(names == 3 * application::RuleGauges::kNamesPerRule);
  CHECK(holds(registry, "swarm_analyst_rules_left_out 3\n"));
}
