#pragma once

#include "domain/budget_ledger.hpp"
#include "domain/learnt_cost.hpp"
#include "libs/async/guarded.hpp"

namespace swarm::gateway {

/// What every request touches twice, behind one lock that is held for less than a microsecond.
struct Books {
  BudgetLedger ledger;
  LearntCost learnt;
};
using SharedBooks = async::Guarded<Books>;

}  // namespace swarm::gateway
