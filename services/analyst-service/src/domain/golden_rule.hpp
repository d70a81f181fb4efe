#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domain/digest.hpp"
#include "domain/interval.hpp"

namespace swarm::analyst::domain {

/// proposed (waits for approval, or was refused) → active (given to agents) → retired (kept for its history).
enum class RuleState : std::uint8_t { Proposed, Active, Retired };

/// state_reason of a proposed rule that is to be tried before it holds.
inline constexpr std::string_view kWaitsForSanity = "waits for its sanity run";

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
  std::int64_t given_kind_failures = 0;   // of its kind, among given_failures
  std::int64_t held_kind_failures = 0;
};

/// One step of a rule's life.
struct RuleVersion {
  std::uint64_t version = 0;
  std::int64_t at_ms = 0;
  RuleState state = RuleState::Proposed;
  std::string author;
  std::string text;
  std::string reason;
};

/// What attempts with and without a rule say about it: positive differences mean fewer failures of its kind with it.
struct RuleBalance {
  Share given, held, before, after;
  Estimate against_held;
  Estimate against_before;
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
  std::int64_t activated_ms = 0;
  std::int64_t expires_ms = 0;     // 0: never
  std::string must_not_match;      // RE2 pattern that none of an attempt's artefacts may hold; empty: none
  std::string must_match;          // RE2 pattern that one of an attempt's artefacts has to hold; empty: none
  std::vector<RuleVersion> history;
  std::string schema_proposal;     // Turtle that declares what the ontology lacks; empty: its kind is not about a schema
};

/// The id of the rule for one kind of failure.
std::string rule_id(const Id& kind);

/// True when the rule is for tasks of this stack and role; an empty one asks for all.
bool in_scope(const GoldenRule& rule, std::string_view stack, std::string_view role);

/// `kind_events` and `scope_outcomes` are what was counted up to now in the rule's kind and scope.
RuleBalance balance(const RuleEffect& effect, std::int64_t kind_events, std::int64_t scope_outcomes);

/// How much rarer failures of its kind are with the rule than in the hold-out share without it, as a share of attempts
/// (0.25: 25 of 100 fail less); 0 while either side is empty. Ranks rules; higher goes first.
double effect_share(const RuleEffect& effect);

/// When a rule has to have proved itself, and on what.
struct Trial {
  std::int64_t attempts = 200;     // that carried it; 0: it need not
  std::int64_t compared_min = 30;  // attempts on each side of a comparison
};

/// Why an active rule should retire: it does harm, or it has been given often enough and the interval of its benefit still
/// reaches zero. Empty: it stays, also when there is nothing to compare with.
std::string retire_reason(const RuleBalance& balance, const Trial& trial);

/// Appends the rule's present state to its history; of a long one the first step and the last ones stay.
void remember_step(GoldenRule& rule, std::int64_t at_ms);

}  // namespace swarm::analyst::domain
