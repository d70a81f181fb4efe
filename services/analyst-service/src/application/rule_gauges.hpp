#pragma once

#include <array>
#include <map>
#include <string>

#include "domain/golden_rule.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::analyst::application {

/// What each active rule brings, as metrics: attempts that carried it or were held out, and how many of these failed of its kind.
/// Of the first 200 rules that are active while the process lives, as a registry forgets no name; once a rule is active no more,
/// its metrics say NaN, "no value". Not thread-safe.
class RuleGauges {
 public:
  static constexpr std::size_t kRulesMax = 200;

  explicit RuleGauges(metrics::Registry& registry) : registry_(registry) {}
  /// All rules as they are now.
  void show(const std::map<domain::Id, domain::GoldenRule>& rules);

 private:
  using Gauges = std::array<metrics::Gauge*, 4>;
  Gauges add(const std::string& rule);

  metrics::Registry& registry_;
  std::map<std::string, Gauges> shown_;
};

}  // namespace swarm::analyst::application
