#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>

#include "domain/golden_rule.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::analyst::application {

/// What each active rule brings, as metrics: attempts that carried it or were held out, and how many of these failed of its kind.
/// Where more rules are active than `rules_max`, those that kept most failures away, then those with most attempts; a gauge says
/// how many are left out. A rule without its place or no longer active says NaN, "no value". As a registry forgets no name, at
/// most kNamesPerRule × `rules_max` rules ever get one; from then on the best of these are shown. Not thread-safe.
class RuleGauges {
 public:
  static constexpr std::size_t kRulesMax = 200;
  static constexpr std::size_t kNamesPerRule = 4;

  explicit RuleGauges(metrics::Registry& registry, std::size_t rules_max = kRulesMax);
  /// All rules as they are now.
  void show(const std::map<domain::Id, domain::GoldenRule>& rules);

 private:
  using Gauges = std::array<metrics::Gauge*, 4>;
  Gauges add(const std::string& rule);

  metrics::Registry& registry_;
  const std::size_t rules_max_;
  metrics::Gauge& left_out_;
  std::map<std::string, Gauges> named_;
};

}  // namespace swarm::analyst::application
