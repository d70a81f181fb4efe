#include "domain/budget_ledger.hpp"

#include <algorithm>

#include "libs/base/check.hpp"

namespace swarm::gateway {

std::uint16_t mask_bit(ScopeLevel level, WindowKind window) {
  return static_cast<std::uint16_t>(1u << (static_cast<unsigned>(level) * kWindowKinds + static_cast<unsigned>(window)));
}

std::optional<ScopeLevel> scope_level(std::string_view scope) {
  if (scope == "global") return ScopeLevel::Global;
  if (scope.size() > kScopeBytesMax || !std::all_of(scope.begin(), scope.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7f; })) return std::nullopt;
  if (scope.starts_with("team/") && scope.size() > 5) return ScopeLevel::Team;
  if (scope.starts_with("key/") && scope.size() > 4) return ScopeLevel::Key;
  if (scope.starts_with("task/") && scope.size() > 5) return ScopeLevel::Task;
  return std::nullopt;
}

BudgetLedger::BudgetLedger(Bounds bounds) : bounds_(bounds) {}

std::optional<ScopeId> BudgetLedger::find(std::string_view name) const {
  const auto it = names_.find(name);
  if (it == names_.end()) return std::nullopt;
  return it->second;
}

Result<ScopeId> BudgetLedger::scope(std::string_view name, WallTime now) {
  if (const auto it = names_.find(name); it != names_.end()) return it->second;
  std::string key(name);
  const auto level = scope_level(name);
  if (!level) return Error{Code::InvalidArgument, "not a scope's name: \"" + key + "\" (global, team/…, key/… or task/…)"};
  if (names_.size() >= bounds_.scopes_max && !drop_idle_task()) {
    return Error{Code::ResourceExhausted, "too many budget scopes in use, at most " + std::to_string(bounds_.scopes_max)};
  }
  ScopeId id = 0;
  if (free_scopes_.empty()) {
    id = static_cast<ScopeId>(scopes_.size());
    scopes_.emplace_back();
  } else {
    id = free_scopes_.back();
    free_scopes_.pop_back();
  }
  Scope& made = scopes_[id];
  made = Scope{};
  made.name = key;
  made.level = *level;
  made.live = true;
  names_.emplace(std::move(key), id);
  Limit limit;
  limit.unlimited = true;
  limit.window = *level == ScopeLevel::Task ? WindowKind::Total : WindowKind::Day;
  add_account(id, limit, now);
  return id;
}

std::uint32_t BudgetLedger::add_account(ScopeId scope, const Limit& limit, WallTime now) {
  std::uint32_t index = 0;
  if (free_cells_.empty()) {
    index = static_cast<std::uint32_t>(cells_.size());
    cells_.push_back(Cell{BudgetAccount(limit, now), scope, 1});
  } else {
    index = free_cells_.back();
    free_cells_.pop_back();
    cells_[index] = Cell{BudgetAccount(limit, now), scope, cells_[index].generation + 1};
  }
  scopes_[scope].accounts[static_cast<std::size_t>(limit.window)] = static_cast<std::int32_t>(index);
  next_due_ = std::min(next_due_, cells_[index].account.span.end);
  return index;
}

void BudgetLedger::set_limit(ScopeId scope, const Limit& limit, WallTime now) {
  Scope& owner = scopes_[scope];
  owner.kept = owner.kept || !limit.unlimited;
  const std::int32_t present = owner.accounts[static_cast<std::size_t>(limit.window)];
  const std::uint32_t index = present >= 0 ? static_cast<std::uint32_t>(present) : add_account(scope, limit, now);
  Cell& cell = cells_[index];
  cell.account.roll(now);
  cell.account.limit = limit;
  if (!limit.unlimited && !limit.strict && limit.overshoot_max == Money{}) {
    cell.account.limit.overshoot_max = default_overshoot(limit.amount);
  }
  cell.reported = cell.account.state();
  mark_changed(scope);
}

Refusal BudgetLedger::refused(const Cell& cell, RefusalReason reason) const {
  const auto& a = cell.account;
  return {reason, scopes_[cell.scope].name, a.limit.window, a.allowed(), a.spent(), a.span.end, RateReason::None, {}, {}, false, {}, 0};
}

Result<ReservationId, Refusal> BudgetLedger::reserve(std::span<const ScopeId> path, const Ask& ask, WallTime now,
                                                     BootTime deadline) {
  Slot draft;
  draft.count = 0;
  bool durable = true;
  std::uint32_t starved = 0;
  for (const ScopeId id : path) {
    for (const std::int32_t index : scopes_[id].accounts) {
      if (index < 0) continue;
      Cell& cell = cells_[static_cast<std::size_t>(index)];
      cell.account.roll(now);
      Money amount;
      if (const auto reason = cell.account.refusal(ask, amount)) return refused(cell, *reason);
      if (cell.account.exposure + ask.ceiling > cell.account.allotment &&
          !(journal_failing_ && cell.account.limit.fail_open)) {
        durable = false;
        starved = static_cast<std::uint32_t>(index);
        cell.account.starved += ask.ceiling;
        cell.account.exposure_peak = std::max(cell.account.exposure_peak, cell.account.exposure + cell.account.starved);
        want_plan(starved);
      }
      draft.parts[draft.count++] = {static_cast<std::uint32_t>(index), cell.account.span.start, amount};
    }
  }
  if (!durable) return refused(cells_[starved], RefusalReason::NotDurable);
  if (in_flight_ >= bounds_.reservations_max) return refused(cells_[draft.parts[0].account], RefusalReason::TooMany);

  const std::uint32_t taken = take_slot();
  Slot& slot = slots_[taken];
  draft.generation = slot.generation;
  draft.open = true;
  draft.ceiling = ask.ceiling;
  draft.reserved_at = now;
  draft.deadline = deadline;
  slot = draft;
  for (std::size_t i = 0; i < slot.count; ++i) {
    Cell& cell = cells_[slot.parts[i].account];
    cell.account.hold(slot.parts[i].amount, ask.ceiling);
    if (cell.account.exposure.nano > cell.account.allotment.nano / 2) want_plan(slot.parts[i].account);
  }
  for (const ScopeId id : path) scopes_[id].last_used = ++use_count_;
  ++in_flight_;
  return ReservationId{taken, slot.generation};
}

const BudgetLedger::Slot* BudgetLedger::slot(ReservationId id) const {
  if (id.generation == 0 || id.slot >= slots_.size()) return nullptr;
  const Slot& slot = slots_[id.slot];
  return slot.open && slot.generation == id.generation ? &slot : nullptr;
}

Money BudgetLedger::ceiling(ReservationId id) const {
  const Slot* found = slot(id);
  return found == nullptr ? Money{} : found->ceiling;
}

void BudgetLedger::top_up(ReservationId id, Money more) {
  if (slot(id) == nullptr) return;
  Slot& held = slots_[id.slot];
  for (std::size_t i = 0; i < held.count; ++i) {
    auto& part = held.parts[i];
    auto& account = cells_[part.account].account;
    const Money moved = std::min(more, held.ceiling - part.amount);
    if (moved <= Money{}) continue;
    part.amount += moved;
    if (account.span.start == part.window_start) {
      account.reserved += moved;
      account.slack -= moved;
    }
  }
}

std::optional<Settlement> BudgetLedger::settle(ReservationId id, Money cost) {
  if (slot(id) == nullptr) return std::nullopt;
  Slot& held = slots_[id.slot];
  Settlement settlement;
  settlement.cost = cost;
  settlement.reserved_at = held.reserved_at;
  for (std::size_t i = 0; i < held.count; ++i) {
    const auto& part = held.parts[i];
    Cell& cell = cells_[part.account];
    auto& account = cell.account;
    const bool same_window = account.span.start == part.window_start;
    account.release(part.amount, held.ceiling, same_window);
    account.exposure += cost;
    if (same_window) {
      account.settled += cost;
      ++account.requests;
      note_state(cell);
    }
    settlement.mask |= mask_bit(scopes_[cell.scope].level, account.limit.window);
    settlement.accounts[settlement.count++] = {part.account, cell.generation};
  }
  held.open = false;
  if (++held.generation == 0) held.generation = 1;
  free_slots_.push_back(id.slot);
  --in_flight_;
  return settlement;
}

std::uint32_t BudgetLedger::take_slot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void BudgetLedger::restore(ScopeId scope, WindowKind window, WallTime window_start, Money settled,
                           Money unknown_crash, Money forgiven, std::uint64_t requests, WallTime now) {
  std::int32_t index = scopes_[scope].accounts[static_cast<std::size_t>(window)];
  if (index < 0) {
    Limit limit;
    limit.unlimited = true;
    limit.window = window;
    index = static_cast<std::int32_t>(add_account(scope, limit, now));
  }
  Cell& cell = cells_[static_cast<std::size_t>(index)];
  if (cell.account.span.start != window_start) return;
  cell.account.settled = settled;
  cell.account.unknown_crash = unknown_crash;
  cell.account.forgiven = forgiven;
  cell.account.requests = requests;
  cell.reported = cell.account.state();
}

std::vector<std::pair<BudgetLedger::Reset, Money>> BudgetLedger::reset(ScopeId scope, WallTime now) {
  std::vector<std::pair<Reset, Money>> forgiven;
  for (const std::int32_t index : scopes_[scope].accounts) {
    if (index < 0) continue;
    Cell& cell = cells_[static_cast<std::size_t>(index)];
    cell.account.roll(now);
    const Money spent = cell.account.spent();
    cell.account.forgiven += spent;
    cell.reported = cell.account.state();
    const AccountRef account{static_cast<std::uint32_t>(index), cell.generation};
    forgiven.push_back({Reset{account, cell.account.limit.window}, spent});
  }
  mark_changed(scope);
  return forgiven;
}

}  // namespace swarm::gateway
