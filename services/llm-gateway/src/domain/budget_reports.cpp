// The ledger's half that others look at: views, changes of state, and what time alone brings about.
#include <algorithm>

#include "domain/budget_ledger.hpp"

namespace swarm::gateway {

void BudgetLedger::append_views(const Scope& scope, WallTime now, std::vector<AccountView>& views) const {
  for (const std::int32_t index : scope.accounts) {
    if (index < 0) continue;
    BudgetAccount account = cells_[static_cast<std::size_t>(index)].account;
    account.roll(now);
    views.push_back({scope.name, account, account.state()});
  }
}

std::vector<AccountView> BudgetLedger::view(std::string_view prefix, WallTime now) const {
  std::vector<AccountView> views;
  for (const Scope& scope : scopes_) {
    if (scope.live && std::string_view(scope.name).starts_with(prefix)) append_views(scope, now, views);
  }
  return views;
}

std::vector<AccountView> BudgetLedger::view_scope(ScopeId scope, WallTime now) const {
  std::vector<AccountView> views;
  append_views(scopes_[scope], now, views);
  return views;
}

ViewPage BudgetLedger::view_page(std::string_view prefix, ScopeId from, std::size_t scopes_max, WallTime now) const {
  ViewPage page;
  const std::size_t end = std::min(scopes_.size(), from + scopes_max);
  for (std::size_t i = from; i < end; ++i) {
    if (scopes_[i].live && std::string_view(scopes_[i].name).starts_with(prefix)) append_views(scopes_[i], now, page.views);
  }
  if (end < scopes_.size()) page.next = static_cast<ScopeId>(end);
  return page;
}

std::optional<AccountView> BudgetLedger::tightest(ReservationId id) const {
  const Slot* held = slot(id);
  if (held == nullptr) return std::nullopt;
  const Cell* least = nullptr;
  for (std::size_t i = 0; i < held->count; ++i) {
    const Cell& cell = cells_[held->parts[i].account];
    if (cell.account.limit.unlimited) continue;
    if (least == nullptr || cell.account.remaining() < least->account.remaining()) least = &cell;
  }
  if (least == nullptr) return std::nullopt;
  return AccountView{scopes_[least->scope].name, least->account, least->account.state()};
}

std::vector<Abandoned> BudgetLedger::sweep(BootTime now, std::size_t looked_max, std::size_t settled_max) {
  std::vector<Abandoned> found;
  const std::size_t looked = std::min(looked_max, slots_.size());
  for (std::size_t i = 0; i < looked && found.size() < settled_max; ++i) {
    if (sweep_at_ >= slots_.size()) sweep_at_ = 0;
    const auto index = static_cast<std::uint32_t>(sweep_at_++);
    const Slot& late = slots_[index];
    if (!late.open || late.deadline > now) continue;
    Abandoned& made = found.emplace_back();
    for (std::size_t n = 0; n < late.count; ++n) {
      const Scope& scope = scopes_[cells_[late.parts[n].account].scope];
      const std::string owner = scope.name.substr(scope.name.find('/') + 1);
      if (scope.level == ScopeLevel::Team) made.team = owner;
      if (scope.level == ScopeLevel::Key) made.key = owner;
      if (scope.level == ScopeLevel::Task) made.task = owner;
    }
    made.settlement = *settle({index, late.generation}, late.ceiling);
  }
  return found;
}

void BudgetLedger::drop_limit(ScopeId scope, WindowKind window) {
  Scope& owner = scopes_[scope];
  const std::int32_t index = owner.accounts[static_cast<std::size_t>(window)];
  if (index < 0) return;
  Cell& cell = cells_[static_cast<std::size_t>(index)];
  cell.account.limit = Limit{};
  cell.account.limit.window = window;
  cell.account.limit.unlimited = true;
  cell.account.lift = Money{};
  cell.reported = cell.account.state();
  owner.kept = std::any_of(owner.accounts.begin(), owner.accounts.end(), [&](std::int32_t other) {
    return other >= 0 && !cells_[static_cast<std::size_t>(other)].account.limit.unlimited;
  });
  mark_changed(scope);
}

bool BudgetLedger::set_override(ScopeId scope, Money lift, WallTime until, WallTime now) {
  bool limited = false;
  for (const std::int32_t index : scopes_[scope].accounts) {
    if (index < 0) continue;
    Cell& cell = cells_[static_cast<std::size_t>(index)];
    if (cell.account.limit.unlimited) continue;
    limited = true;
    cell.account.roll(now);
    cell.account.lift = until > now ? lift : Money{};
    cell.account.lift_until = until;
    cell.reported = cell.account.state();
  }
  if (!limited) return false;
  next_due_ = std::min(next_due_, until);
  mark_changed(scope);
  return true;
}

void BudgetLedger::tick(WallTime now) {
  if (now < next_due_) return;
  next_due_ = WallTime::max();
  for (Cell& cell : cells_) {
    if (!scopes_[cell.scope].live) continue;
    const WindowSpan before = cell.account.span;
    const Money lift_before = cell.account.lift;
    cell.account.roll(now);
    if (cell.account.span != before || cell.account.lift != lift_before) {
      cell.reported = cell.account.state();
      if (!cell.account.limit.unlimited) mark_changed(cell.scope);
    }
    next_due_ = std::min(next_due_, cell.account.span.end);
    if (cell.account.lift > Money{}) next_due_ = std::min(next_due_, cell.account.lift_until);
  }
}

void BudgetLedger::note_state(Cell& cell) {
  const SpendState state = cell.account.state();
  if (state == cell.reported) return;
  cell.reported = state;
  mark_changed(cell.scope);
}

void BudgetLedger::mark_changed(ScopeId scope) {
  if (scopes_[scope].changed) return;
  scopes_[scope].changed = true;
  changed_.push_back(scope);
}

std::vector<std::string> BudgetLedger::take_changed() {
  std::vector<std::string> names;
  names.reserve(changed_.size());
  for (const ScopeId id : changed_) {
    scopes_[id].changed = false;
    if (scopes_[id].live) names.push_back(scopes_[id].name);
  }
  changed_.clear();
  return names;
}

}  // namespace swarm::gateway
