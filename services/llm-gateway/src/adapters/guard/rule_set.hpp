#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <memory>
#include <string_view>
#include <vector>

#include "adapters/guard/rules.hpp"

namespace swarm::gateway {

/// A place in a text that a rule found.
struct GuardMatch {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t rule = 0;
};

/// Compiled rules. One pass tells which of them may match at all, only those look for places: time by the byte, whatever the
/// text. Immutable, thread-safe.
class RuleSet {
 public:
  explicit RuleSet(std::vector<GuardRule> rules);
  const std::vector<GuardRule>& rules() const { return rules_; }
  /// Places in their order, not overlapping; where two rules meet, the stronger action and then the earlier one counts.
  void find(std::string_view text, std::vector<GuardMatch>& matches) const;

 private:
  void find_one(std::size_t rule, std::string_view text, std::vector<GuardMatch>& matches) const;

  std::vector<GuardRule> rules_;
  std::vector<std::unique_ptr<RE2>> patterns_;
  std::unique_ptr<RE2::Set> any_;
};

}  // namespace swarm::gateway
