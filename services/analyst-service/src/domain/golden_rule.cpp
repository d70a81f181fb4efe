#include "domain/golden_rule.hpp"

namespace swarm::analyst::domain {

std::string_view name(RuleState state) {
  switch (state) {
    case RuleState::Proposed: return "proposed";
    case RuleState::Active: return "active";
    case RuleState::Retired: return "retired";
  }
  return "proposed";
}

std::optional<RuleState> parse_rule_state(std::string_view text) {
  for (const RuleState state : {RuleState::Proposed, RuleState::Active, RuleState::Retired})
    if (name(state) == text) return state;
  return std::nullopt;
}

std::string rule_id(const Id& kind) { return "gr-" + text(kind).substr(0, 16); }

bool in_scope(const GoldenRule& rule, std::string_view stack, std::string_view role) {
  return (stack.empty() || rule.stack.empty() || rule.stack == stack) &&
         (role.empty() || rule.role.empty() || rule.role == role);
}

double effect_share(const RuleEffect& effect) {
  const auto given = effect.given_successes + effect.given_failures;
  const auto held = effect.held_successes + effect.held_failures;
  if (given == 0 || held == 0) return 0;
  return static_cast<double>(effect.held_failures) / static_cast<double>(held) -
         static_cast<double>(effect.given_failures) / static_cast<double>(given);
}

}  // namespace swarm::analyst::domain
