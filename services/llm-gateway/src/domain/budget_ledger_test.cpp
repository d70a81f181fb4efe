#include "domain/budget_ledger.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>

namespace swarm::gateway {
namespace {

using namespace std::chrono_literals;

const WallTime kNoon = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 5 / 17) + 12h);
const BootTime kLater = BootTime(1h);

Limit day_limit(std::int64_t nano, std::int64_t overshoot, bool strict = false) {
  Limit limit;
  limit.amount = Money{nano};
  limit.overshoot_max = Money{overshoot};
  limit.strict = strict;
  return limit;
}

Ask ask(std::int64_t reservation, std::int64_t ceiling) {
  Ask a;
  a.reservation = Money{reservation};
  a.ceiling = Money{ceiling};
  a.priority = true;
  return a;
}

/// A ledger whose durable debit is never in the way.
struct Fixture {
  BudgetLedger ledger;
  WallTime now = kNoon;

  ScopeId scope(const std::string& name, std::optional<Limit> limit = std::nullopt) {
    const ScopeId id = ledger.scope(name, now).value();
    if (limit) ledger.set_limit(id, *limit, now);
    return id;
  }
  void refill() {
    for (auto plan : ledger.plan_allotments(false)) {
      plan.allotment = Money::from_usd(1e6);
      ledger.allotted(plan);
    }
  }
  Result<ReservationId, Refusal> reserve(const std::vector<ScopeId>& path, const Ask& a) {
    auto got = ledger.reserve(path, a, now, kLater);
    if (got || got.error().reason != RefusalReason::NotDurable) return got;
    refill();
    return ledger.reserve(path, a, now, kLater);
  }
  BudgetAccount account(const std::string& name) { return ledger.view(name, now).at(0).account; }
};

TEST_CASE("a request is taken from every scope of its path or from none", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 0));
  const auto team = f.scope("team/a", day_limit(100, 0));
  const auto key = f.scope("key/k");
  REQUIRE(f.reserve({global, team, key}, ask(60, 60)));
  REQUIRE(f.account("global").reserved == Money{60});
  REQUIRE(f.account("key/k").reserved == Money{60});
  const auto refused = f.reserve({global, team, key}, ask(60, 60));
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().reason == RefusalReason::Busy);
  REQUIRE(refused.error().scope == "team/a");
  REQUIRE(f.account("global").reserved == Money{60});
  REQUIRE(f.ledger.consistent());
}

TEST_CASE("a reservation settles exactly once", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 100));
  const auto id = f.reserve({global}, ask(50, 100)).value();
  REQUIRE(f.ledger.settle(id, Money{80}));
  REQUIRE_FALSE(f.ledger.settle(id, Money{80}));
  f.ledger.top_up(id, Money{10});
  REQUIRE(f.account("global").settled == Money{80});
  REQUIRE(f.account("global").reserved == Money{});
  REQUIRE(f.account("global").requests == 1);
  const auto next = f.reserve({global}, ask(50, 100)).value();
  REQUIRE(next.slot == id.slot);
  REQUIRE_FALSE(f.ledger.settle(id, Money{1}));
  REQUIRE(f.ledger.consistent());
}

TEST_CASE("a strict scope holds the ceiling and refuses what has none", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 500, true));
  REQUIRE(f.reserve({global}, ask(10, 600)));
  REQUIRE(f.account("global").reserved == Money{600});
  REQUIRE(f.reserve({global}, ask(10, 600)).error().reason == RefusalReason::Busy);
  REQUIRE(f.reserve({global}, ask(10, 2000)).error().reason == RefusalReason::Exhausted);
  Ask unbounded = ask(10, 20);
  unbounded.ceiling_known = false;
  REQUIRE(f.reserve({global}, unbounded).error().reason == RefusalReason::NoCeiling);
}

TEST_CASE("when the slack is used up a request reserves more instead of being refused", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 100));
  REQUIRE(f.reserve({global}, ask(10, 90)));   // slack 80 of 100
  REQUIRE(f.account("global").reserved == Money{10});
  REQUIRE(f.reserve({global}, ask(10, 90)));   // 20 left: holds 70
  REQUIRE(f.account("global").reserved == Money{80});
  REQUIRE(f.account("global").slack == Money{100});
  REQUIRE(f.reserve({global}, ask(10, 90)));   // nothing left: holds 90
  REQUIRE(f.account("global").reserved == Money{170});
}

TEST_CASE("states follow what was spent, and the last part is for keys with priority", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 0));
  const auto spend = [&](std::int64_t n) { f.ledger.settle(f.reserve({global}, ask(n, n)).value(), Money{n}); };
  f.ledger.take_changed();
  spend(799);
  REQUIRE(f.account("global").state() == SpendState::Ok);
  REQUIRE(f.ledger.take_changed().empty());
  spend(1);
  REQUIRE(f.account("global").state() == SpendState::Warned);
  REQUIRE(f.ledger.take_changed() == std::vector<std::string>{"global"});
  spend(150);
  REQUIRE(f.account("global").state() == SpendState::Protected);
  Ask plain = ask(10, 10);
  plain.priority = false;
  REQUIRE(f.reserve({global}, plain).error().reason == RefusalReason::Protected);
  spend(50);
  REQUIRE(f.account("global").state() == SpendState::Blocked);
  REQUIRE(f.reserve({global}, ask(0, 0)).error().reason == RefusalReason::Exhausted);
}

TEST_CASE("a request settles into the window in which it was reserved", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 100));
  const auto old = f.reserve({global}, ask(50, 60)).value();
  f.now += 24h;
  const auto fresh = f.reserve({global}, ask(10, 10)).value();
  f.ledger.top_up(old, Money{5});
  const auto settlement = f.ledger.settle(old, Money{60});
  REQUIRE(settlement->reserved_at == kNoon);
  REQUIRE(f.account("global").settled == Money{});
  REQUIRE(f.account("global").reserved == Money{10});
  REQUIRE(f.ledger.settle(fresh, Money{10}));
  REQUIRE(f.account("global").settled == Money{10});
  REQUIRE(f.ledger.consistent());
}

TEST_CASE("a wall clock that goes back does not open a window again", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(100, 0));
  f.ledger.settle(f.reserve({global}, ask(100, 100)).value(), Money{100});
  f.now -= 48h;
  REQUIRE(f.reserve({global}, ask(1, 1)).error().reason == RefusalReason::Exhausted);
}

TEST_CASE("a reset forgives what was spent and leaves reservations alone", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(100, 0));
  f.ledger.settle(f.reserve({global}, ask(90, 90)).value(), Money{90});
  const auto open = f.reserve({global}, ask(5, 5)).value();
  REQUIRE(f.ledger.reset(global, f.now).at(0).second == Money{90});
  REQUIRE(f.account("global").spent() == Money{});
  REQUIRE(f.account("global").settled == Money{90});
  REQUIRE(f.account("global").reserved == Money{5});
  REQUIRE(f.ledger.settle(open, Money{5}));
  REQUIRE(f.account("global").spent() == Money{5});
}

TEST_CASE("several windows of a scope are held at once", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(100, 0));
  Limit month = day_limit(150, 0);
  month.window = WindowKind::Month;
  f.ledger.set_limit(global, month, f.now);
  f.ledger.settle(f.reserve({global}, ask(100, 100)).value(), Money{100});
  f.now += 24h;
  const auto refused = f.reserve({global}, ask(60, 60));
  REQUIRE(refused.error().reason == RefusalReason::Exhausted);
  REQUIRE(refused.error().window == WindowKind::Month);
  REQUIRE(f.reserve({global}, ask(50, 50)));
}

TEST_CASE("nothing is admitted beyond what was debited durably in advance", "[ledger]") {
  BudgetLedger ledger;
  const auto global = ledger.scope("global", kNoon).value();
  const std::vector<ScopeId> path{global};
  REQUIRE(ledger.reserve(path, ask(10, 40), kNoon, kLater).error().reason == RefusalReason::NotDurable);
  auto plans = ledger.plan_allotments(false);
  REQUIRE(plans.size() == 1);
  REQUIRE(plans[0].allotment == Money{80});
  ledger.allotted(plans[0]);
  const auto first = ledger.reserve(path, ask(10, 40), kNoon, kLater).value();
  const auto second = ledger.reserve(path, ask(10, 40), kNoon, kLater).value();
  const auto settlement = ledger.settle(first, Money{40});
  // Settled but not on disk: a crash would lose it, so that it still counts against the debit.
  REQUIRE(ledger.reserve(path, ask(10, 40), kNoon, kLater).error().reason == RefusalReason::NotDurable);
  ledger.journaled(*settlement);
  REQUIRE(ledger.reserve(path, ask(10, 40), kNoon, kLater));
  REQUIRE(ledger.settle(second, Money{1}));
}

TEST_CASE("an idle account gives its debit back by halves, at once in memory", "[ledger]") {
  BudgetLedger ledger;
  const auto global = ledger.scope("global", kNoon).value();
  const std::vector<ScopeId> path{global};
  for (int i = 0; i < 2; ++i) {
    std::vector<ReservationId> open;
    for (int n = 0; n < 16; ++n) {
      auto got = ledger.reserve(path, ask(10, 10), kNoon, kLater);
      if (!got) {
        for (const auto& plan : ledger.plan_allotments(false)) ledger.allotted(plan);
        got = ledger.reserve(path, ask(10, 10), kNoon, kLater);
      }
      open.push_back(got.value());
    }
    for (const auto id : open) ledger.journaled(*ledger.settle(id, Money{10}));
  }
  const Money before = ledger.view("global", kNoon)[0].account.allotment;
  REQUIRE(before >= Money{160});
  for (int i = 0; i < 20; ++i) {
    for (const auto& plan : ledger.plan_allotments(true)) ledger.allotted(plan);
  }
  REQUIRE(ledger.view("global", kNoon)[0].account.allotment == Money{10});
}

TEST_CASE("one refill is enough for all that wait, at the start, after long use and after long rest", "[ledger][property]") {
  for (unsigned seed = 1; seed <= 16; ++seed) {
    std::mt19937 random(seed);
    BudgetLedger ledger;
    const std::vector<ScopeId> path{ledger.scope("global", kNoon).value(), ledger.scope("team/a", kNoon).value(), ledger.scope("key/k", kNoon).value()};
    std::vector<ReservationId> open;
    for (int round = 0; round < 200; ++round) {
      std::vector<Ask> waiting;
      for (auto n = random() % 40; n > 0; --n) {
        const auto ceiling = static_cast<std::int64_t>(random() % (round % 7 == 0 ? 1'000'000 : 100));
        const auto got = ledger.reserve(path, ask(0, ceiling), kNoon, kLater);
        if (got) open.push_back(got.value());
        else waiting.push_back(ask(0, ceiling));
      }
      const bool rest = random() % 4 == 0;
      for (const auto& plan : ledger.plan_allotments(rest)) ledger.allotted(plan);
      for (const Ask& one : waiting) {
        const auto got = ledger.reserve(path, one, kNoon, kLater);
        REQUIRE(got);
        open.push_back(got.value());
      }
      while (!open.empty() && random() % 30 != 0) {
        const auto settlement = ledger.settle(open.back(), Money{static_cast<std::int64_t>(random() % 10)});
        open.pop_back();
        if (random() % 5 != 0) ledger.journaled(*settlement);
      }
      for (auto n = rest ? random() % 30 : 0; n > 0; --n) {
        for (const auto& plan : ledger.plan_allotments(true)) ledger.allotted(plan);
      }
    }
  }
}

TEST_CASE("a debit that was wanted for a scope that is gone is not its successor's", "[ledger]") {
  BudgetLedger::Bounds bounds;
  bounds.scopes_max = 2;
  BudgetLedger ledger(bounds);
  REQUIRE(ledger.scope("global", kNoon));
  const std::vector<ScopeId> old{ledger.scope("task/old", kNoon).value()};
  Limit counted;
  counted.unlimited = true;
  ledger.set_limit(old[0], counted, kNoon);
  REQUIRE_FALSE(ledger.reserve(old, ask(7, 7), kNoon, kLater));
  // The successor takes one of the two places in which the accounts of the dropped scope lay.
  REQUIRE(ledger.scope("task/new", kNoon));
  REQUIRE_FALSE(ledger.find("task/old"));
  for (const auto& plan : ledger.plan_allotments(false)) CHECK(plan.allotment == Money{});
}

TEST_CASE("of plans that could not be written the newest of each account is left", "[ledger]") {
  std::vector<AllotmentPlan> plans;
  for (std::int64_t n = 1; n <= 1000; ++n) {
    plans.push_back({{0, 1}, n % 2 == 0 ? "global" : "team/a", WindowKind::Day, Money{n}});
    keep_newest(plans);
  }
  plans.push_back({{2, 1}, "global", WindowKind::Month, Money{5}});
  keep_newest(plans);
  REQUIRE(plans.size() == 3);
  CHECK(plans[0].allotment == Money{999});
  CHECK(plans[1].allotment == Money{1000});
  CHECK(plans[2].window == WindowKind::Month);
}

TEST_CASE("idle task scopes make room, those with a limit and those at work stay", "[ledger]") {
  BudgetLedger::Bounds bounds;
  bounds.scopes_max = 3;
  BudgetLedger ledger(bounds);
  const auto a = ledger.scope("task/a", kNoon).value();
  ledger.set_limit(a, day_limit(5, 0), kNoon);
  REQUIRE(ledger.scope("task/b", kNoon));
  REQUIRE(ledger.scope("global", kNoon));
  REQUIRE(ledger.scope("task/c", kNoon));
  REQUIRE_FALSE(ledger.find("task/b"));
  const std::vector<ScopeId> path{*ledger.find("task/c")};
  REQUIRE_FALSE(ledger.reserve(path, ask(1, 1), kNoon, kLater));
  for (const auto& plan : ledger.plan_allotments(false)) ledger.allotted(plan);
  const auto open = ledger.reserve(path, ask(1, 1), kNoon, kLater).value();
  REQUIRE(ledger.scope("task/d", kNoon).error().code == Code::ResourceExhausted);
  const auto settlement = ledger.settle(open, Money{1});
  ledger.journaled(*settlement);
  REQUIRE(ledger.scope("task/d", kNoon));
  ledger.journaled(*settlement);  // of a scope that is gone: no effect on its successor
  REQUIRE(ledger.consistent());
  REQUIRE(ledger.scope("nonsense", kNoon).error().code == Code::InvalidArgument);
  REQUIRE(ledger.scope("task/", kNoon).error().code == Code::InvalidArgument);
}

TEST_CASE("a reservation whose owner is gone is charged its ceiling, once", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(1000, 100));
  const auto team = f.scope("team/a");
  const auto task = f.scope("task/t");
  const auto id = f.reserve({global, team, task}, ask(10, 20)).value();
  REQUIRE(f.ledger.sweep(kLater - 1ns, 100, 100).empty());
  const auto swept = f.ledger.sweep(kLater, 100, 100);
  REQUIRE(swept.size() == 1);
  REQUIRE(swept[0].settlement.cost == Money{20});
  REQUIRE(swept[0].team == "a");
  REQUIRE(swept[0].key.empty());
  REQUIRE(swept[0].task == "t");
  REQUIRE(f.account("global").settled == Money{20});
  REQUIRE_FALSE(f.ledger.settle(id, Money{5}));
  REQUIRE(f.ledger.sweep(kLater, 100, 100).empty());
  REQUIRE(f.account("team/a").settled == Money{20});
  REQUIRE(f.ledger.consistent());
}

TEST_CASE("a sweep looks at a bounded part and comes round to everything", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global");
  for (int i = 0; i < 10; ++i) REQUIRE(f.reserve({global}, ask(1, 1)));
  REQUIRE(f.ledger.sweep(kLater, 3, 100).size() == 3);
  REQUIRE(f.ledger.sweep(kLater, 100, 2).size() == 2);
  std::size_t rest = 0;
  for (int i = 0; i < 4; ++i) rest += f.ledger.sweep(kLater, 4, 100).size();
  REQUIRE(rest == 5);
  REQUIRE(f.ledger.in_flight() == 0);
}

TEST_CASE("watchers hear of a window that starts again though nobody asks", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(100, 0));
  f.ledger.settle(f.reserve({global}, ask(100, 100)).value(), Money{100});
  f.ledger.take_changed();
  f.ledger.tick(f.now);
  REQUIRE(f.ledger.take_changed().empty());
  f.ledger.tick(f.now + 24h);
  REQUIRE(f.ledger.take_changed() == std::vector<std::string>{"global"});
  REQUIRE(f.ledger.view("global", f.now + 24h)[0].state == SpendState::Ok);
}

TEST_CASE("an override lifts every limit of its scope until its time is over", "[ledger]") {
  Fixture f;
  const auto global = f.scope("global", day_limit(100, 0));
  f.ledger.settle(f.reserve({global}, ask(100, 100)).value(), Money{100});
  REQUIRE(f.reserve({global}, ask(10, 10)).error().reason == RefusalReason::Exhausted);
  REQUIRE(f.ledger.set_override(global, Money{1000}, f.now + 1h, f.now));
  REQUIRE(f.ledger.settle(f.reserve({global}, ask(10, 10)).value(), Money{10}));
  f.ledger.take_changed();
  f.now += 1h;
  f.ledger.tick(f.now);
  REQUIRE(f.ledger.take_changed() == std::vector<std::string>{"global"});
  REQUIRE(f.reserve({global}, ask(10, 10)).error().reason == RefusalReason::Exhausted);
  REQUIRE_FALSE(f.ledger.set_override(f.scope("team/none"), Money{1}, f.now + 1h, f.now));
}

TEST_CASE("a scope whose limit was dropped only counts and makes room", "[ledger]") {
  BudgetLedger ledger({100, 2});
  const auto a = ledger.scope("task/a", kNoon).value();
  Limit total = day_limit(5, 0);
  total.window = WindowKind::Total;
  ledger.set_limit(a, total, kNoon);
  REQUIRE(ledger.scope("task/b", kNoon));
  ledger.set_limit(*ledger.find("task/b"), total, kNoon);
  REQUIRE_FALSE(ledger.scope("task/c", kNoon));
  ledger.drop_limit(a, WindowKind::Total);
  REQUIRE(ledger.scope("task/c", kNoon));
  REQUIRE_FALSE(ledger.find("task/a"));
}

TEST_CASE("all scopes come in pages", "[ledger]") {
  Fixture f;
  for (int i = 0; i < 7; ++i) f.scope("task/" + std::to_string(i));
  f.scope("global");
  std::size_t seen = 0;
  std::optional<ScopeId> at = 0;
  for (int calls = 0; at && calls < 10; ++calls) {
    const auto page = f.ledger.view_page("task/", *at, 3, f.now);
    REQUIRE(page.views.size() <= 3);
    seen += page.views.size();
    at = page.next;
  }
  REQUIRE(seen == 7);
}

struct Caller {
  ReservationId id;
  Money ceiling;
};

/// 256 callers with random endings; costs up to the ceiling, far above what was expected.
void hammer(bool strict, unsigned seed) {
  std::mt19937 random(seed);
  Fixture f;
  const std::int64_t limit = 100'000;
  const std::int64_t overshoot = strict ? 0 : 1'000;
  const auto global = f.scope("global", day_limit(limit, overshoot, strict));
  std::vector<ScopeId> teams;
  for (const char* name : {"team/a", "team/b"}) teams.push_back(f.scope(name, day_limit(limit / 2, overshoot / 2, strict)));
  std::map<ScopeId, Money> charged;
  std::vector<std::pair<Caller, ScopeId>> open;
  std::size_t admitted = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (open.size() < 256 && random() % 2 == 0) {
      const auto expected = static_cast<std::int64_t>(random() % 100);
      const auto ceiling = expected * 5 + static_cast<std::int64_t>(random() % 50);
      const ScopeId team = teams[random() % 2];
      if (const auto got = f.reserve({global, team}, ask(expected, ceiling))) {
        open.push_back({{got.value(), Money{ceiling}}, team});
        ++admitted;
      }
    } else if (!open.empty()) {
      const auto i = random() % open.size();
      const auto [caller, team] = open[i];
      open[i] = open.back();
      open.pop_back();
      if (random() % 3 == 0) f.ledger.top_up(caller.id, Money{static_cast<std::int64_t>(random() % 500)});
      // Upstream error: nothing; success: the ceiling; hang-up: anything between.
      Money cost;
      if (random() % 4 != 0) cost = caller.ceiling;
      if (random() % 4 == 0) cost = Money{static_cast<std::int64_t>(random()) % (caller.ceiling.nano + 1)};
      const auto settlement = f.ledger.settle(caller.id, cost);
      REQUIRE(settlement);
      REQUIRE_FALSE(f.ledger.settle(caller.id, cost));
      if (random() % 2 == 0) f.ledger.journaled(*settlement);
      charged[global] += cost;
      charged[team] += cost;
    }
    if (step % 500 == 0) REQUIRE(f.ledger.consistent());
  }
  for (const auto& [caller, team] : open) {
    f.ledger.settle(caller.id, caller.ceiling);
    charged[global] += caller.ceiling;
    charged[team] += caller.ceiling;
  }
  REQUIRE(f.ledger.consistent());
  REQUIRE(admitted > 300);
  REQUIRE(f.account("global").settled == charged[global]);
  REQUIRE(f.account("team/a").settled == charged[teams[0]]);
  REQUIRE(charged[global] > Money{limit * 9 / 10});
  REQUIRE(charged[global] <= Money{limit + overshoot});
  for (const auto team : teams) REQUIRE(charged[team] <= Money{limit / 2 + overshoot / 2});
}

TEST_CASE("256 callers with random endings never overspend beyond the bound", "[ledger][property]") {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    hammer(false, seed);
    hammer(true, seed);
  }
}

}  // namespace
}  // namespace swarm::gateway
