#include "ports/spend_journal.hpp"

#include <algorithm>

namespace swarm::gateway {

bool is_request(const UsageRow& row) {
  return row.ending != Ending::Adjustment && row.ending != Ending::UnknownCrash && row.ending != Ending::Override;
}

void add(WindowSums& sums, const UsageRow& row) {
  switch (row.ending) {
    case Ending::Adjustment: sums.forgiven -= row.settlement.cost; return;
    case Ending::UnknownCrash: sums.unknown_crash += row.settlement.cost; return;
    case Ending::Override: return;
    default:
      sums.settled += row.settlement.cost;
      ++sums.requests;
  }
}

std::string scope_of(const UsageRow& row, ScopeLevel level) {
  switch (level) {
    case ScopeLevel::Global: return "global";
    case ScopeLevel::Team: return "team/" + row.team;
    case ScopeLevel::Key: return "key/" + row.key;
    case ScopeLevel::Task: return "task/" + row.task;
  }
  return {};
}

void charge_alone(UsageRow& row, std::string_view scope, WindowKind window) {
  const auto level = scope_level(scope).value_or(ScopeLevel::Global);
  const std::string owner(scope.substr(std::min(scope.size(), scope.find('/') + 1)));
  if (level == ScopeLevel::Team) row.team = owner;
  if (level == ScopeLevel::Key) row.key = owner;
  if (level == ScopeLevel::Task) row.task = owner;
  row.settlement.mask = mask_bit(level, window);
}

}  // namespace swarm::gateway
