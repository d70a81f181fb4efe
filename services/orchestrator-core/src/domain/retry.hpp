#pragma once

#include <chrono>
#include <cstdint>

#include "domain/task_status.hpp"

namespace swarm::orchestrator {

/// How long a task waits before it is tried again.
struct RetryPolicy {
  std::chrono::milliseconds backoff{200};       // before the second attempt; doubles with each further one
  std::chrono::milliseconds backoff_max{30'000};
  std::chrono::milliseconds transient_backoff{1'000};
  std::chrono::milliseconds budget_park{30'000};  // a dry budget is looked at again after this
  std::chrono::milliseconds park{1'000};          // after `cancelled` or `halted`
};

/// `failures` ≥ 1 in this state so far. `random` spreads the wait over its upper half, so that tasks which failed
/// together do not come back together.
std::chrono::milliseconds retry_delay(const RetryPolicy& policy, FailureClass failure, int failures,
                                      std::uint64_t random);

}  // namespace swarm::orchestrator
