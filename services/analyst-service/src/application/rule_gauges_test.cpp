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

TEST_CASE("metrics of rules are bounded, and those of proposed ones are not shown", "[rules]") {
  metrics::Registry registry;
  application::RuleGauges gauges(registry);
  Rules rules;
  for (int i = 0; i < 300; ++i) active_rule(rules, "r" + std::to_string(100 + i));
  gauges.show(rules);
  const auto text = registry.serialize();
  std::size_t shown = 0;
  for (const auto& [kind, rule] : rules) shown += text.find("attempts{arm=\"given\",rule=\"" + rule.id + "\"}") != std::string::npos ? 1 : 0;
  CHECK(shown == application::RuleGauges::kRulesMax);
  Rules proposed;
  active_rule(proposed, "p").state = domain::RuleState::Proposed;
  metrics::Registry other;
  application::RuleGauges(other).show(proposed);
  CHECK(other.serialize().empty());
}
