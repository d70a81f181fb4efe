#include "application/budget_desk.hpp"

#include <algorithm>

#include "libs/base/uuid.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

// Copied under the lock that requests take too.
constexpr std::size_t kScopesAtOnce = 256;
constexpr auto kOverrideMax = std::chrono::hours(24);
constexpr double kOverrideUsdMax = 1e6;
constexpr std::size_t kReasonBytesMax = 500;

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

ViewPage BudgetDesk::page(std::string_view prefix, ScopeId from, std::size_t scopes_max) const {
  const WallTime now = clock_.wall_now();
  return books_.with([&](const Books& books) { return books.ledger.view_page(prefix, from, scopes_max, now); });
}

void BudgetDesk::show_all(std::string_view prefix, const Watcher& watcher) const {
  const auto sequence = watches_.with([](const Watches& watches) { return watches.sequence; });
  for (std::optional<ScopeId> from = 0; from;) {
    const ViewPage part = page(prefix, *from, kScopesAtOnce);
    if (!part.views.empty()) watcher(part.views, sequence);
    from = part.next;
  }
}

std::vector<AccountView> BudgetDesk::view(std::string_view scope) const {
  const WallTime now = clock_.wall_now();
  return books_.with([&](const Books& books) {
    const auto id = books.ledger.find(scope);
    return id ? books.ledger.view_scope(*id, now) : std::vector<AccountView>();
  });
}

Result<AccountView> BudgetDesk::current(std::string_view scope, std::optional<WindowKind> window) const {
  const AccountView* best = nullptr;
  const auto views = view(scope);
  for (const AccountView& one : views) {
    const WindowKind kind = one.account.limit.window;
    if (window && kind != *window) continue;
    if (best == nullptr || kind == WindowKind::Day) best = &one;
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
  const WallTime now = clock_.wall_now();
  std::lock_guard lock(changing_);
  // Is there room at all? Otherwise the disk would hold limits that can't come into force.
  BOOST_OUTCOME_TRYV(books_.with([&](Books& books) { return books.ledger.scope(scope, now); }));
  // In force first and durable second would let a crash bring the old limit back after it was acknowledged.
  BOOST_OUTCOME_TRYV(store_.put_limit({scope, limit}));
  return books_.with([&](Books& books) -> Result<void> {
    BOOST_OUTCOME_TRY(const auto id, books.ledger.scope(scope, now));
    books.ledger.set_limit(id, limit, now);
    return outcome::success();
  });
}

Result<void> BudgetDesk::drop_limit(const std::string& scope, WindowKind window) {
  if (!scope_level(scope)) return Error{Code::InvalidArgument, "not a scope's name: \"" + scope + "\" (global, team/…, key/… or task/…)"};
  std::lock_guard lock(changing_);
  BOOST_OUTCOME_TRYV(store_.drop_limit(scope, window));
  books_.with([&](Books& books) {
    if (const auto id = books.ledger.find(scope)) books.ledger.drop_limit(*id, window);
  });
  return outcome::success();
}

Result<void> BudgetDesk::reconfigure(const std::vector<StoredLimit>& before, const std::vector<StoredLimit>& now) {
  const auto find = [](const std::vector<StoredLimit>& all, const StoredLimit& wanted) {
    const auto same = [&](const StoredLimit& one) { return one.scope == wanted.scope && one.limit.window == wanted.limit.window; };
    const auto found = std::find_if(all.begin(), all.end(), same);
    return found == all.end() ? nullptr : &*found;
  };
  std::lock_guard lock(changing_);
  BOOST_OUTCOME_TRY(const auto set_at_run_time, store_.limits());
  const WallTime time = clock_.wall_now();
  return books_.with([&](Books& books) -> Result<void> {
    for (const StoredLimit& one : now) {
      BOOST_OUTCOME_TRYV(books.ledger.scope(one.scope, time));
    }
    for (const StoredLimit& one : before) {
      const auto id = books.ledger.find(one.scope);
      if (id && find(now, one) == nullptr && find(set_at_run_time, one) == nullptr) books.ledger.drop_limit(*id, one.limit.window);
    }
    for (const StoredLimit& one : now) {
      const StoredLimit* old = find(before, one);
      if ((old != nullptr && old->limit == one.limit) || find(set_at_run_time, one) != nullptr) continue;
      if (const auto id = books.ledger.find(one.scope)) books.ledger.set_limit(*id, one.limit, time);
    }
    return outcome::success();
  });
}

Result<void> BudgetDesk::override_limits(const Override& wish) {
  const auto wrong = [](std::string what) { return Error{Code::InvalidArgument, std::move(what)}; };
  if (wish.time.count() < 0 || wish.time > kOverrideMax) return wrong("an override lasts at most 24 hours");
  const bool ends = wish.time.count() == 0;
  if (!ends && (wish.extra <= Money{} || wish.extra > Money::from_usd(kOverrideUsdMax))) return wrong("an override adds between 0 and 1e6 US dollars");
  if (wish.reason.empty() || wish.reason.size() > kReasonBytesMax) return wrong("an override needs a reason of at most 500 bytes");
  const WallTime now = clock_.wall_now();
  const StoredOverride lift{wish.scope, ends ? Money{} : wish.extra, now + wish.time};
  const auto known = view(wish.scope);
  const bool limited = std::any_of(known.begin(), known.end(), [](const AccountView& one) { return !one.account.limit.unlimited; });
  if (!limited) return Error{Code::NotFound, "no limit of \"" + wish.scope + "\" that could be overridden"};
  UsageRow row;
  row.at = now;
  row.request_id = uuid_v7(now);
  row.ending = Ending::Override;
  row.settlement.reserved_at = now;
  charge_alone(row, wish.scope, known.front().account.limit.window);
  row.note = (ends ? std::string("ended") : "extra_nano_usd=" + std::to_string(lift.extra.nano) + " seconds=" + std::to_string(wish.time.count())) +
             " by=" + wish.by + " reason=" + wish.reason;
  // Nobody may spend by an override of which no trace is kept.
  spend_.record(std::move(row));
  BOOST_OUTCOME_TRYV(spend_.flush());
  BOOST_OUTCOME_TRYV(store_.put_override(lift));
  books_.with([&](Books& books) {
    if (const auto id = books.ledger.find(wish.scope)) books.ledger.set_override(*id, lift.extra, lift.until, now);
  });
  log::warn(ends ? "budget override ended" : "budget override",
            {{"audit", true}, {"scope", wish.scope}, {"extra_usd", lift.extra.usd()}, {"seconds", wish.time.count()}, {"by", wish.by}, {"reason", wish.reason}});
  return outcome::success();
}

Result<void> BudgetDesk::load_overrides() {
  BOOST_OUTCOME_TRY(const auto stored, store_.overrides());
  const WallTime now = clock_.wall_now();
  for (const StoredOverride& lift : stored) {
    if (lift.until <= now) continue;
    books_.with([&](Books& books) {
      if (const auto id = books.ledger.find(lift.scope)) books.ledger.set_override(*id, lift.extra, lift.until, now);
    });
    log::warn("budget override goes on", {{"audit", true}, {"scope", lift.scope}, {"extra_usd", lift.extra.usd()}});
  }
  return outcome::success();
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
  watches_.with([&](Watches& watches) { watches.all.emplace(++watches.last_id, made); });
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
    const auto views = view(scope);
    for (const auto& watch : live) {
      if (scope.starts_with(watch->prefix)) watch->watcher(views, sequence);
    }
  }
}

}  // namespace swarm::gateway
