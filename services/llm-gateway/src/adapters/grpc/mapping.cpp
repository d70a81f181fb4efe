#include "adapters/grpc/mapping.hpp"

#include <cmath>

namespace swarm::gateway {
namespace {

constexpr double kUsdMax = 1e9;

Result<Money> money_of(double usd, std::string_view field) {
  if (!std::isfinite(usd) || usd < 0 || usd > kUsdMax) {
    return Error{Code::InvalidArgument, std::string(field) + " must be between 0 and 1e9 US dollars"};
  }
  return Money::from_usd(usd);
}

}  // namespace

void fill(::llm_gateway::SpendReport& report, const AccountView& view) {
  const BudgetAccount& account = view.account;
  report.set_current_spend(account.spent().usd());
  report.set_limit(account.limit.amount.usd());
  report.set_remaining(account.remaining().usd());
  report.set_scope(view.scope);
  report.set_window(std::string(name(account.limit.window)));
  report.set_reserved(account.reserved.usd());
  report.set_unlimited(account.limit.unlimited);
  const bool ends = account.span.end != WallTime::max();
  report.set_resets_unix_ms(ends ? unix_ms(account.span.end) : 0);
  report.set_state(std::string(name(view.state)));
  report.set_overshoot_max(account.limit.strict ? 0 : account.limit.overshoot_max.usd());
  report.set_strict(account.limit.strict);
  report.set_unknown_crash(account.unknown_crash.usd());
  report.set_requests(account.requests);
}

Result<Limit> limit_of(const ::llm_gateway::LimitConfig& config) {
  Limit limit;
  BOOST_OUTCOME_TRY(limit.amount, money_of(config.limit(), "limit"));
  BOOST_OUTCOME_TRY(limit.overshoot_max, money_of(config.overshoot_max(), "overshoot_max"));
  limit.unlimited = config.unlimited();
  limit.strict = config.strict();
  if (config.window().empty()) {
    limit.window = config.scope().starts_with("task/") ? WindowKind::Total : WindowKind::Day;
    return limit;
  }
  const auto window = window_kind(config.window());
  if (!window) return Error{Code::InvalidArgument, "window must be hour, day, month or total"};
  limit.window = *window;
  return limit;
}

Result<Limit> limit_of(const ::llm_gateway::TaskBudget& budget) {
  Limit limit;
  BOOST_OUTCOME_TRY(limit.amount, money_of(budget.limit(), "limit"));
  limit.window = WindowKind::Total;
  limit.strict = budget.strict();
  return limit;
}

std::string scope_or_global(const std::string& scope) { return scope.empty() ? "global" : scope; }

}  // namespace swarm::gateway
