#include "application/rule_gauges.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

namespace swarm::analyst::application {

namespace {

struct Series {
  const char* name;
  const char* help;
  const char* arm;
};

constexpr const char* kAttempts = "swarm_analyst_rule_attempts";
constexpr const char* kAttemptsHelp = "Attempts that carried an active rule (given), or were held out to compare (held)";
constexpr const char* kFailures = "swarm_analyst_rule_kind_failures";
constexpr const char* kFailuresHelp = "Those among them that failed of the kind that the rule is against";
constexpr std::array kSeries = {Series{kAttempts, kAttemptsHelp, "given"}, Series{kFailures, kFailuresHelp, "given"},
                                Series{kAttempts, kAttemptsHelp, "held"}, Series{kFailures, kFailuresHelp, "held"}};

// In the order of kSeries.
std::array<double, kSeries.size()> figures(const domain::RuleEffect& e) {
  return {static_cast<double>(e.given_successes + e.given_failures), static_cast<double>(e.given_kind_failures),
          static_cast<double>(e.held_successes + e.held_failures), static_cast<double>(e.held_kind_failures)};
}

double share(double part, double of) { return of > 0 ? part / of : 0; }

/// Failures of its kind that the attempts with the rule were spared, by the share among those held out, else by that before it.
double kept_away(const domain::RuleEffect& e) {
  const auto [given, given_failed, held, held_failed] = figures(e);
  const double without = held > 0 ? share(held_failed, held)
                                  : share(static_cast<double>(e.kind_failures_before), static_cast<double>(e.scope_outcomes_before));
  return given * without - given_failed;
}

/// The best come first; among equals the order is that of their ids, so that places don't change hands for nothing.
std::vector<const domain::GoldenRule*> active_by_merit(const std::map<domain::Id, domain::GoldenRule>& rules) {
  using Merit = std::tuple<double, double, const std::string*, const domain::GoldenRule*>;
  std::vector<Merit> merits;
  for (const auto& [kind, rule] : rules) {
    if (rule.state == domain::RuleState::Active) merits.emplace_back(kept_away(rule.effect), figures(rule.effect)[0], &rule.id, &rule);
  }
  std::sort(merits.begin(), merits.end(), [](const Merit& a, const Merit& b) {
    return std::tie(std::get<0>(b), std::get<1>(b), *std::get<2>(a)) < std::tie(std::get<0>(a), std::get<1>(a), *std::get<2>(b));
  });
  std::vector<const domain::GoldenRule*> out;
  for (const auto& merit : merits) out.push_back(std::get<3>(merit));
  return out;
}

}  // namespace

RuleGauges::RuleGauges(metrics::Registry& registry, std::size_t rules_max)
    : registry_(registry),
      rules_max_(rules_max),
      left_out_(registry.gauge("swarm_analyst_rules_left_out", "Active rules whose effect is not shown, beyond rules.metrics_max")) {}

RuleGauges::Gauges RuleGauges::add(const std::string& rule) {
  Gauges gauges{};
  for (std::size_t i = 0; i < kSeries.size(); ++i) {
    gauges[i] = &registry_.gauge(kSeries[i].name, kSeries[i].help, {{"rule", rule}, {"arm", kSeries[i].arm}});
  }
  return gauges;
}

void RuleGauges::show(const std::map<domain::Id, domain::GoldenRule>& rules) {
  const auto active = active_by_merit(rules);
  std::set<std::string> placed;
  for (const auto* rule : active) {
    if (placed.size() == rules_max_) break;
    auto at = named_.find(rule->id);
    if (at == named_.end()) {
      if (named_.size() >= kNamesPerRule * rules_max_) continue;
      at = named_.emplace(rule->id, add(rule->id)).first;
    }
    const auto now = figures(rule->effect);
    for (std::size_t i = 0; i < now.size(); ++i) at->second[i]->set(now[i]);
    placed.insert(rule->id);
  }
  for (const auto& [id, gauges] : named_) {
    if (placed.contains(id)) continue;
    for (metrics::Gauge* gauge : gauges) gauge->set(std::numeric_limits<double>::quiet_NaN());
  }
  left_out_.set(static_cast<double>(active.size() - placed.size()));
}

}  // namespace swarm::analyst::application
