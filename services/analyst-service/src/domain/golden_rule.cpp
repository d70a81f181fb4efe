#include "domain/golden_rule.hpp"

#include <algorithm>

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
  const auto seen = balance(effect, 0, 0);
  if (seen.given.trials == 0 || seen.held.trials == 0) return 0;
  return seen.against_held.value;
}

RuleBalance balance(const RuleEffect& effect, std::int64_t kind_events, std::int64_t scope_outcomes) {
  RuleBalance out;
  out.given = {effect.given_kind_failures, effect.given_successes + effect.given_failures};
  out.held = {effect.held_kind_failures, effect.held_successes + effect.held_failures};
  out.before.trials = effect.scope_outcomes_before;
  out.before.hits = std::min(effect.kind_failures_before, out.before.trials);
  out.after.trials = std::max<std::int64_t>(0, scope_outcomes - effect.scope_outcomes_before);
  out.after.hits = std::clamp<std::int64_t>(kind_events - effect.kind_failures_before, 0, out.after.trials);
  out.against_held = difference(out.held, out.given);
  out.against_before = difference(out.before, out.after);
  return out;
}

std::string retire_reason(const RuleBalance& seen, const Trial& trial) {
  const auto fits = [&](const Share& share) { return share.trials >= trial.compared_min; };
  // A hold-out tells what the rule does; before and after also tells what else changed.
  const bool held = fits(seen.given) && fits(seen.held);
  const bool past = fits(seen.before) && fits(seen.after);
  if (trial.attempts == 0 || (!held && !past)) return {};
  const Estimate& benefit = held ? seen.against_held : seen.against_before;
  if (benefit.high < 0) return held ? "does harm: its kind fails more often with it than in the hold-out" : "its kind fails more often since it is active";
  if (seen.given.trials < trial.attempts || benefit.low > 0) return {};
  return "no measurable help in " + std::to_string(seen.given.trials) + " attempts";
}

void remember_step(GoldenRule& rule, std::int64_t at_ms) {
  constexpr std::size_t kStepsMax = 20;
  if (rule.history.size() >= kStepsMax) rule.history.erase(rule.history.begin() + 1);
  rule.history.push_back({rule.version, at_ms, rule.state, rule.author, rule.text, rule.state_reason});
}

}  // namespace swarm::analyst::domain
