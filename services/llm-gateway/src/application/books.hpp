#pragma once

#include "domain/budget_ledger.hpp"
#include "domain/learnt_cost.hpp"
#include "domain/rate_limit.hpp"
#include "libs/async/guarded.hpp"

#include <vector>

namespace swarm::gateway {

/// What every request touches twice, behind one lock that is held for less than a microsecond.
struct Books {
  BudgetLedger ledger;
  LearntCost learnt;
  std::vector<RateGauge> rates;  // by the principal's id
};
using SharedBooks = async::Guarded<Books>;

}  // namespace swarm::gateway
