#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/digest.hpp"

namespace swarm::analyst::domain {

/// proposed (waits for approval, or was refused) → active (given to agents) → retired (kept for its history).
enum class RuleState : std::uint8_t { Proposed, Active, Retired };

std::string_view name(RuleState state);
std::optional<RuleState> parse_rule_state(std::string_view text);

/// Attempts that carried a rule, and attempts that would have but were held out for comparison.
struct RuleEffect {
  std::int64_t given_successes = 0;
  std::int64_t given_failures = 0;
  std::int64_t held_successes = 0;
  std::int64_t held_failures = 0;
  std::int64_t kind_failures_before = 0;  // events of its kind when the rule became active
  std::int64_t scope_outcomes_before = 0; // attempts that had ended in its scope by then
};

/// What the swarm learnt from one kind of failure. There is one rule per kind; a better text is a new version of it.
struct GoldenRule {
  std::string id;
  Id kind;
  std::string stack;   // scope; empty: every stack
  std::string role;    // scope; empty: every role
  std::string text;
  RuleState state = RuleState::Proposed;
  std::string author;  // template, or model:<name>
  std::vector<std::string> evidence;
  std::int64_t created_ms = 0;
  std::uint64_t version = 0;
  std::string cause;
  std::string state_reason;
  RuleEffect effect;
};

/// The id of the rule for one kind of failure.
std::string rule_id(const Id& kind);

/// True when the rule is for tasks of this stack and role; an empty one asks for all.
bool in_scope(const GoldenRule& rule, std::string_view stack, std::string_view role);

/// How much rarer failure is with the rule than in the hold-out share without it, as a share of attempts (0.25: 25 of
/// 100 fail less); 0 while either side is empty. Ranks rules; higher goes first.
double effect_share(const RuleEffect& effect);

}  // namespace swarm::analyst::domain
