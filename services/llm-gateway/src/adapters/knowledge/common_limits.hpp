#pragma once

#include <string>
#include <vector>

#include "application/budget_desk.hpp"
#include "libs/base/clock.hpp"
#include "libs/knowledge/outbox/outbox.hpp"
#include "libs/knowledge/records.hpp"

namespace swarm::gateway {

/// Daily limits in the swarm's common knowledge: what is set here at run time is told there, and the newest one of each
/// scope is adopted once after a start, as soon as everything that was told here before has arrived and the store answers.
class CommonLimits {
 public:
  CommonLimits(BudgetDesk& desk, knowledge::Outbox& outbox, knowledge::SpendRecords& store, const Clock& clock, std::vector<std::string> scopes)
      : desk_(desk), outbox_(outbox), store_(store), clock_(clock), waiting_(std::move(scopes)) {}

  /// Asks for the scopes that are not adopted yet. Of one thread.
  void adopt();
  /// For BudgetDesk's hook; any thread. Limits of tasks and of windows other than a day are nobody else's business.
  Result<void> tell(const std::string& scope, const Limit& limit);

 private:
  void adopt(const std::string& scope, const knowledge::SpendLimit& wanted);

  BudgetDesk& desk_;
  knowledge::Outbox& outbox_;
  knowledge::SpendRecords& store_;
  const Clock& clock_;
  std::vector<std::string> waiting_;
};

}  // namespace swarm::gateway
