#include "domain/retry.hpp"

#include <algorithm>

namespace swarm::orchestrator {

std::chrono::milliseconds retry_delay(const RetryPolicy& policy, FailureClass failure, int failures,
                                      std::uint64_t random) {
  if (failure == FailureClass::BudgetExhausted) return policy.budget_park;
  if (parks(failure)) return policy.park;
  const auto first = failure == FailureClass::Transient ? policy.transient_backoff : policy.backoff;
  const int doublings = std::clamp(failures - 1, 0, 20);
  const auto full = std::min(policy.backoff_max.count(), first.count() << doublings);
  const auto half = static_cast<std::uint64_t>(full) / 2;
  return std::chrono::milliseconds(full - static_cast<std::int64_t>(half == 0 ? 0 : random % (half + 1)));
}

}  // namespace swarm::orchestrator
