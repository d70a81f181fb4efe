#include "adapters/knowledge/common_limits.hpp"

#include "libs/base/uuid.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {

void CommonLimits::adopt() {
  if (waiting_.empty() || outbox_.state().pending > 0) return;
  while (!waiting_.empty()) {
    const std::string& scope = waiting_.back();
    const auto found = store_.limit_of(scope);
    if (!found && found.error().code != Code::InvalidArgument) return;  // not reachable: at the next look
    if (!found) {
      log::warn("a limit in the common knowledge is not understood", {{"scope", scope}, {"error", found.error().message}});
    } else if (found.value()) {
      adopt(scope, *found.value());
    }
    waiting_.pop_back();
  }
}

void CommonLimits::adopt(const std::string& scope, const knowledge::SpendLimit& wanted) {
  if (wanted.nanodollars < 0) {
    log::warn("a limit in the common knowledge is negative, ignored", {{"scope", scope}});
    return;
  }
  const auto view = desk_.current(scope, WindowKind::Day);
  if (!view) return;
  Limit limit = view.value().account.limit;
  const Money amount{wanted.nanodollars};
  if (limit.unlimited == wanted.unlimited && (wanted.unlimited || limit.amount == amount)) return;
  // One per cent of the old limit becomes one per cent of the new one; what somebody chose stays.
  if (limit.overshoot_max == default_overshoot(limit.amount)) limit.overshoot_max = default_overshoot(amount);
  limit.amount = amount;
  limit.unlimited = wanted.unlimited;
  const auto adopted = desk_.adopt_limit(scope, limit);
  log::info("the limit comes from the common knowledge",
            {{"scope", scope}, {"limit_usd", amount.usd()}, {"unlimited", wanted.unlimited}, {"adopted", adopted.has_value()}});
}

Result<void> CommonLimits::tell(const std::string& scope, const Limit& limit) {
  if (limit.window != WindowKind::Day || scope_level(scope) == ScopeLevel::Task) return outcome::success();
  const auto now = clock_.wall_now();
  return outbox_.append(knowledge::limit_statements(uuid_v7(now), scope, {limit.amount.nano, limit.unlimited}, now));
}

}  // namespace swarm::gateway
