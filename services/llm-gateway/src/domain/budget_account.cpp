#include "domain/budget_account.hpp"

#include <algorithm>

namespace swarm::gateway {

Money default_overshoot(Money limit) { return Money{limit.nano / 100}; }

std::string_view name(SpendState state) {
  switch (state) {
    case SpendState::Ok: return "ok";
    case SpendState::Warned: return "warned";
    case SpendState::Protected: return "protected";
    case SpendState::Blocked: return "blocked";
  }
  return "unknown";
}

std::string_view name(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::Exhausted: return "exhausted";
    case RefusalReason::Protected: return "protected";
    case RefusalReason::Busy: return "busy";
    case RefusalReason::NoCeiling: return "no_ceiling";
    case RefusalReason::NotDurable: return "not_durable";
    case RefusalReason::TooMany: return "too_many";
    case RefusalReason::Rate: return "rate";
  }
  return "unknown";
}

Money BudgetAccount::remaining() const {
  return std::max(Money{}, allowed() - spent() - reserved);
}

SpendState BudgetAccount::state() const {
  if (limit.unlimited) return SpendState::Ok;
  // Dividing the limit keeps the products within 64 bits; a limit below 100 nano-dollars has no finer states.
  const std::int64_t most = allowed().nano;
  const std::int64_t percent = most / 100;
  const std::int64_t now = spent().nano;
  if (now >= most) return SpendState::Blocked;
  if (now >= most - 5 * percent) return SpendState::Protected;
  if (now >= most - 20 * percent) return SpendState::Warned;
  return SpendState::Ok;
}

void BudgetAccount::roll(WallTime now) {
  if (now >= lift_until) lift = Money{};
  if (now < span.end) return;
  span = window_at(limit.window, now);
  settled = unknown_crash = forgiven = reserved = slack = Money{};
  requests = 0;
}

std::optional<RefusalReason> BudgetAccount::refusal(const Ask& ask, Money& amount) const {
  amount = ask.reservation;
  if (!limit.unlimited) {
    if (limit.strict && !ask.ceiling_known) return RefusalReason::NoCeiling;
    const Money overshoot = limit.strict ? Money{} : limit.overshoot_max;
    // With nothing else in flight the request would need `alone`; with the others it needs `amount`.
    const Money alone = std::max(ask.reservation, ask.ceiling - overshoot);
    amount = std::max(ask.reservation, ask.ceiling - std::max(Money{}, overshoot - slack));
    const SpendState now = state();
    if (now == SpendState::Blocked || spent() + alone > allowed()) return RefusalReason::Exhausted;
    if (now == SpendState::Protected && !ask.priority) return RefusalReason::Protected;
    if (spent() + reserved + amount > allowed()) return RefusalReason::Busy;
  }
  return std::nullopt;
}

void BudgetAccount::hold(Money amount, Money ceiling) {
  reserved += amount;
  slack += ceiling - amount;
  exposure += ceiling;
  exposure_peak = std::max(exposure_peak, exposure);
  last_ceiling = ceiling;
}

void BudgetAccount::release(Money amount, Money ceiling, bool same_window) {
  if (same_window) {
    reserved -= amount;
    slack -= ceiling - amount;
  }
  exposure -= ceiling;
}

}  // namespace swarm::gateway
