#include "application/budget_desk.hpp"

#include <algorithm>

#include "libs/base/uuid.hpp"

namespace swarm::gateway {
namespace {

UsageRow adjustment(const std::string& scope, WindowKind window, AccountRef account, Money forgiven, WallTime now) {
  UsageRow row;
  row.at = now;
  row.request_id = uuid_v7(now);
  row.ending = Ending::Adjustment;
  row.settlement.cost = Money{} - forgiven;
  row.settlement.reserved_at = now;
  row.settlement.accounts[0] = account;
  charge_alone(row, scope, window);
  return row;
}

}  // namespace

std::vector<AccountView> BudgetDesk::list(std::string_view prefix) const {
  const WallTime now = clock_.wall_now();
  return books_.with([&](const Books& books) { return books.ledger.view(prefix, now); });
}

Result<AccountView> BudgetDesk::current(std::string_view scope, std::optional<WindowKind> window) const {
  const AccountView* best = nullptr;
  const auto views = list(scope);
  for (const AccountView& view : views) {
    if (view.scope != scope) continue;
    const WindowKind kind = view.account.limit.window;
    if (window && kind != *window) continue;
    if (best == nullptr || kind == WindowKind::Day) best = &view;
  }
  if (best == nullptr) return Error{Code::NotFound, "no budget scope \"" + std::string(scope) + "\" with that window; ListScopes names them"};
  return *best;
}

Result<void> BudgetDesk::set_limit(const std::string& scope, const Limit& limit) {
  BOOST_OUTCOME_TRYV(adopt_limit(scope, limit));
  return limit_set_ ? limit_set_(scope, limit) : outcome::success();
}

Result<void> BudgetDesk::adopt_limit(const std::string& scope, const Limit& limit) {
  if (!scope_level(scope)) return Error{Code::InvalidArgument, "not a scope's name: \"" + scope + "\" (global, team/…, key/… or task/…)"};
  // In force first and durable second would let a crash bring the old limit back after it was acknowledged.
  BOOST_OUTCOME_TRYV(store_.put_limit({scope, limit}));
  const WallTime now = clock_.wall_now();
  return books_.with([&](Books& books) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto id, books.ledger.scope(scope, now));
    books.ledger.set_limit(id, limit, now);
    return outcome::success();
  });
}

Result<void> BudgetDesk::reset(const std::string& scope) {
  const WallTime now = clock_.wall_now();
  std::vector<UsageRow> rows;
  BOOST_OUTCOME_TRYV(books_.with([&](Books& books) -> Result<void> {
    const auto id = books.ledger.find(scope);
    if (!id) return Error{Code::NotFound, "no budget scope \"" + scope + "\"; ListScopes names them"};
    for (const auto& [reset, forgiven] : books.ledger.reset(*id, now)) rows.push_back(adjustment(scope, reset.window, reset.account, forgiven, now));
    return outcome::success();
  }));
  for (auto& row : rows) spend_.record(std::move(row));
  return spend_.flush();
}

std::shared_ptr<void> BudgetDesk::watch(std::string prefix, Watcher watcher) {
  auto made = std::make_shared<Watch>(Watch{std::move(prefix), std::move(watcher)});
  const auto sequence = watches_.with([&](Watches& watches) {
    watches.all.emplace(++watches.last_id, made);
    return watches.sequence;
  });
  made->watcher(list(made->prefix), sequence);
  return made;
}

void BudgetDesk::changed(const std::vector<std::string>& scopes) {
  std::vector<std::shared_ptr<Watch>> live;
  const auto sequence = watches_.with([&](Watches& watches) {
    for (auto it = watches.all.begin(); it != watches.all.end();) {
      auto watch = it->second.lock();
      it = watch ? std::next(it) : watches.all.erase(it);
      if (watch) live.push_back(std::move(watch));
    }
    return ++watches.sequence;
  });
  if (live.empty()) return;
  for (const std::string& scope : scopes) {
    auto views = list(scope);
    std::erase_if(views, [&](const AccountView& view) { return view.scope != scope; });
    for (const auto& watch : live) {
      if (scope.starts_with(watch->prefix)) watch->watcher(views, sequence);
    }
  }
}

}  // namespace swarm::gateway
