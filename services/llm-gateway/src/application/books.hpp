#pragma once

#include "domain/budget_ledger.hpp"
#include "domain/learnt_cost.hpp"
#include "domain/rate_limit.hpp"
#include "libs/async/guarded.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace swarm::gateway {

/// What every request touches twice, behind one lock that is held for less than a microsecond.
struct Books {
  BudgetLedger ledger;
  LearntCost learnt;
  std::vector<RateGauge> rates;  // by the principal's id
  Turn last_turn = 0;            // given out for a place in one of the queues
  std::unordered_map<std::uint64_t, RateGauge> model_rates;  // by the principal's id and the model's learnt one, where the model has limits

  /// Requests that wait for their turn; a few that wait for two may count twice.
  std::size_t queued() const {
    std::size_t count = 0;
    for (const RateGauge& gauge : rates) count += gauge.queued();
    for (const auto& [of, gauge] : model_rates) count += gauge.queued();
    return count;
  }
  /// Of this key on this model, with the model's limits; null: it has none.
  RateGauge* model_gauge(std::uint32_t who, std::uint32_t model, const RateLimits& limits) {
    if (!limits.any()) return nullptr;
    const auto [at, made] = model_rates.try_emplace((std::uint64_t{who} << 32) | model, limits);
    if (!made && !(at->second.limits() == limits)) at->second.change(limits);
    return &at->second;
  }
};
using SharedBooks = async::Guarded<Books>;

}  // namespace swarm::gateway
