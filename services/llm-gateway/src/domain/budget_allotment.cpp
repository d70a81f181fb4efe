// The ledger's half that keeps a crash from under-counting, and the bounds on its scopes.
#include <algorithm>
#include <set>

#include "domain/budget_ledger.hpp"
#include "libs/base/check.hpp"

namespace swarm::gateway {
namespace {

/// Twice the recent peak, so that refills are rare and happen before a request has to wait for one.
Money raised(const BudgetAccount& account) { return Money{account.exposure_peak.nano * 2}; }

}  // namespace

void BudgetLedger::want_plan(std::uint32_t index) {
  if (cells_[index].planned) return;
  cells_[index].planned = true;
  to_plan_.push_back(index);
}

void BudgetLedger::journaled(const Settlement& settlement) {
  for (std::size_t i = 0; i < settlement.count; ++i) {
    const AccountRef ref = settlement.accounts[i];
    Cell& cell = cells_[ref.index];
    if (cell.generation == ref.generation) cell.account.exposure -= settlement.cost;
  }
}

std::vector<AllotmentPlan> BudgetLedger::plan_allotments(bool idle_tick) {
  if (idle_tick) {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const auto& account = cells_[i].account;
      if (account.allotment > account.last_ceiling && account.exposure_peak.nano < account.allotment.nano / 4) {
        want_plan(static_cast<std::uint32_t>(i));
      }
    }
  }
  std::vector<AllotmentPlan> plans = std::move(dropped_);
  dropped_.clear();
  for (const std::uint32_t index : to_plan_) {
    Cell& cell = cells_[index];
    cell.planned = false;
    auto& account = cell.account;
    // Its scope may have been dropped since, and its place be another scope's now, whose debit is not this one's.
    const Scope& owner = scopes_[cell.scope];
    if (!owner.live || owner.accounts[static_cast<std::size_t>(account.limit.window)] != static_cast<std::int32_t>(index)) continue;
    Money target = account.allotment;
    account.starved = Money{};
    if (account.exposure_peak.nano > account.allotment.nano / 2) {
      target = raised(account);
    } else if (idle_tick) {
      target = std::max({Money{account.allotment.nano / 2}, account.last_ceiling, account.exposure});
      account.allotment = std::min(account.allotment, target);
    }
    plans.push_back({{index, cell.generation}, scopes_[cell.scope].name, account.limit.window, target});
  }
  to_plan_.clear();
  if (idle_tick) {
    for (Cell& cell : cells_) cell.account.exposure_peak = cell.account.exposure;
  }
  return plans;
}

void keep_newest(std::vector<AllotmentPlan>& plans) {
  std::set<std::pair<std::string, WindowKind>> seen;
  std::vector<AllotmentPlan> kept;
  for (auto plan = plans.rbegin(); plan != plans.rend(); ++plan) {
    if (seen.emplace(plan->scope, plan->window).second) kept.push_back(std::move(*plan));
  }
  std::reverse(kept.begin(), kept.end());
  plans = std::move(kept);
}

void BudgetLedger::allotted(const AllotmentPlan& plan) {
  Cell& cell = cells_[plan.account.index];
  if (cell.generation == plan.account.generation) cell.account.allotment = plan.allotment;
}

bool BudgetLedger::drop_idle_task() {
  std::optional<ScopeId> oldest;
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    const Scope& scope = scopes_[i];
    if (!scope.live || scope.level != ScopeLevel::Task || scope.kept) continue;
    if (oldest && scopes_[*oldest].last_used <= scope.last_used) continue;
    const bool idle = std::all_of(scope.accounts.begin(), scope.accounts.end(), [&](std::int32_t index) {
      return index < 0 || cells_[static_cast<std::size_t>(index)].account.exposure == Money{};
    });
    if (idle) oldest = static_cast<ScopeId>(i);
  }
  if (!oldest) return false;
  free_scope(*oldest);
  return true;
}

void BudgetLedger::free_scope(ScopeId id) {
  Scope& scope = scopes_[id];
  names_.erase(scope.name);
  scope.live = false;
  for (std::int32_t& index : scope.accounts) {
    if (index < 0) continue;
    Cell& cell = cells_[static_cast<std::size_t>(index)];
    if (cell.account.allotment > Money{}) {
      dropped_.push_back({{static_cast<std::uint32_t>(index), cell.generation}, scope.name,
                          cell.account.limit.window, Money{}});
    }
    ++cell.generation;
    free_cells_.push_back(static_cast<std::uint32_t>(index));
    index = -1;
  }
  free_scopes_.push_back(id);
}

bool BudgetLedger::consistent() const {
  struct Sums {
    Money reserved, slack;
  };
  std::vector<Sums> sums(cells_.size());
  std::size_t open = 0;
  for (const Slot& slot : slots_) {
    if (!slot.open) continue;
    ++open;
    for (std::size_t i = 0; i < slot.count; ++i) {
      const auto& part = slot.parts[i];
      if (cells_[part.account].account.span.start != part.window_start) continue;
      sums[part.account].reserved += part.amount;
      sums[part.account].slack += slot.ceiling - part.amount;
    }
  }
  if (open != in_flight_) return false;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const auto& account = cells_[i].account;
    if (!scopes_[cells_[i].scope].live) continue;
    if (account.reserved != sums[i].reserved || account.slack != sums[i].slack) return false;
    if (account.exposure < Money{} || account.slack < Money{}) return false;
  }
  return true;
}

}  // namespace swarm::gateway
