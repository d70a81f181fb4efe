#include "application/rule_gauges.hpp"

#include <limits>

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
std::array<double, kSeries.size()> figures(const domain::GoldenRule& rule) {
  if (rule.state != domain::RuleState::Active) {
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none, none};
  }
  const auto& e = rule.effect;
  return {static_cast<double>(e.given_successes + e.given_failures), static_cast<double>(e.given_kind_failures),
          static_cast<double>(e.held_successes + e.held_failures), static_cast<double>(e.held_kind_failures)};
}

}  // namespace

RuleGauges::Gauges RuleGauges::add(const std::string& rule) {
  Gauges gauges{};
  for (std::size_t i = 0; i < kSeries.size(); ++i) {
    gauges[i] = &registry_.gauge(kSeries[i].name, kSeries[i].help, {{"rule", rule}, {"arm", kSeries[i].arm}});
  }
  return gauges;
}

void RuleGauges::show(const std::map<domain::Id, domain::GoldenRule>& rules) {
  for (const auto& [kind, rule] : rules) {
    auto at = shown_.find(rule.id);
    if (at == shown_.end()) {
      if (rule.state != domain::RuleState::Active || shown_.size() >= kRulesMax) continue;
      at = shown_.emplace(rule.id, add(rule.id)).first;
    }
    const auto now = figures(rule);
    for (std::size_t i = 0; i < now.size(); ++i) at->second[i]->set(now[i]);
  }
}

}  // namespace swarm::analyst::application
