#include "domain/budgets.hpp"

namespace swarm::orchestrator {

bool BudgetBook::put(const BudgetNews& news) {
  const auto known = dry_.find(news.scope);
  if (news.dry) {
    if (known != dry_.end()) {
      known->second[news.window] = news.resets;
    } else if (dry_.size() < scopes_max_) {
      dry_[news.scope][news.window] = news.resets;
    }
    return false;
  }
  const bool was_dry = known != dry_.end() && known->second.erase(news.window) > 0;
  if (was_dry && known->second.empty()) dry_.erase(known);
  return was_dry || news.refilled;
}

std::optional<DryBudget> BudgetBook::keeps(TaskId task, const std::string& tenant, WallTime now) const {
  std::optional<DryBudget> out;
  if (dry_.empty()) return out;
  look("global", now, out);
  if (!tenant.empty()) look("team/" + tenant, now, out);
  look("task/" + text(task), now, out);
  return out;
}

void BudgetBook::look(std::string_view scope, WallTime now, std::optional<DryBudget>& out) const {
  const auto known = dry_.find(scope);
  if (known == dry_.end()) return;
  for (const auto& [window, resets] : known->second) {
    const bool for_ever = resets == WallTime{};
    if (!for_ever && resets <= now) continue;
    const bool longer = !out || (out->resets != WallTime{} && (for_ever || resets > out->resets));
    if (longer) out = DryBudget{known->first, resets};
  }
}

}  // namespace swarm::orchestrator
