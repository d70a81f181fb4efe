#include "domain/retry.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace swarm::orchestrator;

TEST_CASE("the wait before another attempt doubles up to its bound, and lies in its upper half", "[retry]") {
  const RetryPolicy policy;
  for (int failures = 1; failures <= 2'000'000; failures = failures * 3 / 2 + 1) {
    const auto full = std::min<std::int64_t>(policy.backoff_max.count(), failures > 20 ? policy.backoff_max.count() : policy.backoff.count() << (failures - 1));
    for (const std::uint64_t random : {0ull, 1ull, 12'345ull, ~0ull}) {
      const auto delay = retry_delay(policy, FailureClass::AgentError, failures, random).count();
      CHECK(delay <= full);
      CHECK(delay >= full / 2);
    }
  }
  CHECK(retry_delay(policy, FailureClass::AgentError, 3, 1) != retry_delay(policy, FailureClass::AgentError, 3, 2));
}

TEST_CASE("how long depends on the class of the failure", "[retry]") {
  const RetryPolicy policy;
  CHECK(retry_delay(policy, FailureClass::Transient, 1, 0) == policy.transient_backoff);
  CHECK(retry_delay(policy, FailureClass::BudgetExhausted, 9, 5) == policy.budget_park);
  CHECK(retry_delay(policy, FailureClass::Halted, 9, 5) == policy.park);
  CHECK(retry_delay(policy, FailureClass::Cancelled, 9, 5) == policy.park);
}
