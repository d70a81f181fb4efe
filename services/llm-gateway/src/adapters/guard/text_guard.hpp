#pragma once

#include <string>
#include <vector>

#include "adapters/guard/rule_set.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/privacy_guard.hpp"

namespace swarm::gateway {

/// A guard as the configuration describes it.
struct GuardOptions {
  std::string name;
  std::vector<GuardRule> rules;
  bool requests = true;
  bool answers = true;
  /// How much of a stream's text is held back at least; a find that has blanks in it may be that long, one that has none as
  /// long as `held_bytes_max`.
  std::size_t hold_back = 64;
  std::size_t held_bytes_max = 16 * 1024;
};

/// Secrets and personal data by rules of RE2, in the texts of JSON documents and of streams of such. Thread-safe.
class TextGuard final : public PrivacyGuard {
 public:
  TextGuard(GuardOptions options, metrics::Registry& registry);

  const std::string& name() const override { return options_.name; }
  bool looks_at(GuardDirection direction) const override { return direction == GuardDirection::Request ? options_.requests : options_.answers; }
  GuardFindings check(GuardDirection direction, std::string_view json, std::string& masked) const override;
  std::unique_ptr<StreamGuard> stream() const override;

  const RuleSet& rules() const { return rules_; }
  const GuardOptions& options() const { return options_; }
  /// One more find of that rule, in the metrics and among the findings.
  void count(GuardDirection direction, std::size_t rule, GuardFindings& findings) const;
  /// What stands for a text that was masked. Plain letters and brackets, so that it fits wherever the text stood.
  const std::string& mark(std::size_t rule) const { return marks_[rule]; }

 private:
  GuardOptions options_;
  RuleSet rules_;
  std::vector<std::string> marks_;
  std::array<std::vector<metrics::Counter*>, 2> counters_;  // by direction and rule
};

}  // namespace swarm::gateway
