#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/ids.hpp"

namespace swarm::orchestrator {

/// A golden rule as the analyst gave it.
struct GoldenRule {
  std::string id;
  std::string stack;  // scope; empty: every stack
  std::string role;   // scope; empty: every role
  std::string text;
  bool active = true;
  std::int64_t effect_ppm = 0;  // measured effect in millionths; higher goes first
  std::uint64_t version = 0;
  std::string must_not_match = {};  // RE2 pattern that no artefact of an attempt that was given the rule may hold; empty: none
  std::string must_match = {};      // that one of them has to hold
};

struct RuleLimits {
  bool deliver = true;
  std::size_t count_max = 16;
  std::size_t bytes_max = 8192;
  int hold_out_bp = 0;  // share of (task, rule) pairs kept back for measurement, in 1/10,000
};

struct RuleSelection {
  std::vector<const GoldenRule*> given;
  std::vector<const GoldenRule*> held_out;
};

/// The rules in force. Deterministic: the same rules and task give the same selection.
class RuleBook {
 public:
  explicit RuleBook(RuleLimits limits) : limits_(limits) {}

  /// False if this version or a newer one was there already.
  bool put(GoldenRule rule);
  /// Active rules of this scope, most effective first, within the limits; a hash of task and rule holds some back.
  RuleSelection select(TaskId task, std::string_view stack, std::string_view role) const;
  const GoldenRule* find(std::string_view id) const;
  std::uint64_t version() const { return version_; }
  std::size_t active() const;
  const std::map<std::string, GoldenRule, std::less<>>& all() const { return rules_; }

 private:
  RuleLimits limits_;
  std::map<std::string, GoldenRule, std::less<>> rules_;
  std::uint64_t version_ = 0;
};

}  // namespace swarm::orchestrator
