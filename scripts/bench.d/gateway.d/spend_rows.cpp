// What a budget check costs beside a store of many usage rows: fills a spend store, then checks and settles against it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/lmdb/spend_store.hpp"
#include "domain/budget_ledger.hpp"
#include "libs/base/check.hpp"
#include "libs/base/clock.hpp"

namespace {

using namespace swarm;
using namespace swarm::gateway;
using Steady = std::chrono::steady_clock;

constexpr std::uint64_t kBatch = 20'000;
constexpr std::uint64_t kTasks = 1'000;
constexpr std::uint64_t kKeys = 50;
constexpr int kDays = 30;

double seconds_since(Steady::time_point begin) { return std::chrono::duration<double>(Steady::now() - begin).count(); }

UsageRow row(std::uint64_t n, WallTime now) {
  UsageRow made;
  made.at = now - std::chrono::hours(24) * static_cast<int>(n % kDays);
  made.request_id = "0193a4b2-0000-7000-8000-" + std::to_string(100'000'000'000 + n);
  made.team = "t" + std::to_string(n % 5);
  made.key = "k" + std::to_string(n % kKeys);
  made.task = "task-" + std::to_string(n % kTasks);
  made.model = "small";
  made.upstream = "mock";
  made.price_version = "config";
  made.usage.input = 100;
  made.usage.output = 50;
  made.status = 200;
  made.settlement.cost = Money{45'000};
  made.settlement.reserved_at = made.at;
  made.settlement.mask = mask_bit(ScopeLevel::Global, WindowKind::Day) | mask_bit(ScopeLevel::Team, WindowKind::Day) |
                         mask_bit(ScopeLevel::Key, WindowKind::Day) | mask_bit(ScopeLevel::Task, WindowKind::Total);
  return made;
}

void fill(LmdbSpendStore& store, std::uint64_t rows, WallTime now) {
  std::vector<UsageRow> batch;
  for (std::uint64_t n = store.last_row().value(); n < rows; ++n) {
    batch.push_back(row(n, now));
    if (batch.size() < kBatch && n + 1 < rows) continue;
    SWARM_CHECK(store.append(batch, {}).has_value(), "the disk has room for the rows");
    batch.clear();
  }
}

/// Nanoseconds of one check: reserve in four scopes with limits, and settle. The best of several rounds, as a neighbour only adds.
double check_ns(BudgetLedger& ledger, WallTime now) {
  std::vector<ScopeId> path;
  for (const char* name : {"global", "team/t1", "key/k1", "task/task-1"}) {
    path.push_back(ledger.scope(name, now).value());
    Limit limit;
    limit.window = std::string_view(name).starts_with("task") ? WindowKind::Total : WindowKind::Day;
    limit.amount = Money::from_usd(1e6);
    ledger.set_limit(path.back(), limit, now);
    const auto plans = ledger.plan_allotments(true);
    for (const auto& plan : plans) ledger.allotted(plan);
  }
  constexpr int kChecks = 200'000;
  double best = 1e18;
  for (int round = 0; round < 7; ++round) {
    const auto begin = Steady::now();
    for (int i = 0; i < kChecks; ++i) {
      Ask ask;
      ask.reservation = Money{40'000};
      ask.ceiling = Money{60'000};
      ask.ceiling_known = true;
      auto id = ledger.reserve(path, ask, now, BootTime{} + std::chrono::hours(1));
      if (!id) {
        // The allotment ran out, as it does under load: the journal's thread refills it, and the request asks again.
        const auto plans = ledger.plan_allotments(false);
        for (const auto& plan : plans) ledger.allotted(plan);
        id = ledger.reserve(path, ask, now, BootTime{} + std::chrono::hours(1));
      }
      SWARM_CHECK(id.has_value(), "there is budget for every check");
      const auto settled = ledger.settle(id.value(), Money{45'000});
      SWARM_CHECK(settled.has_value(), "each is settled once");
      ledger.journaled(*settled);
      if (i % 1'000 == 0) {
        const auto plans = ledger.plan_allotments(false);
        for (const auto& plan : plans) ledger.allotted(plan);
      }
    }
    best = std::min(best, seconds_since(begin) * 1e9 / kChecks);
  }
  return best;
}

/// Microseconds of journaling a row, in batches as the spend loop makes them under load.
double journal_us(LmdbSpendStore& store, WallTime now) {
  std::vector<UsageRow> batch;
  for (std::uint64_t n = 0; n < 500; ++n) batch.push_back(row(n * kDays, now));
  double best = 1e18;
  for (int round = 0; round < 9; ++round) {
    const auto begin = Steady::now();
    SWARM_CHECK(store.append(batch, {}).has_value(), "the disk has room for the rows");
    best = std::min(best, seconds_since(begin) * 1e6 / static_cast<double>(batch.size()));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: spend_rows DIRECTORY ROWS\n");
    return 2;
  }
  const SystemClock clock;
  const WallTime now = clock.wall_now();
  auto store = LmdbSpendStore::open(argv[1]).value();
  const auto fill_begin = Steady::now();
  fill(*store, std::strtoull(argv[2], nullptr, 10), now);
  const double fill_s = seconds_since(fill_begin);
  const auto open_begin = Steady::now();
  store.reset();
  store = LmdbSpendStore::open(argv[1]).value();
  BudgetLedger ledger;
  const auto recovered = store->recover(now);
  for (const SpendRecord& record : recovered.value()) {
    const auto scope = ledger.scope(record.scope, now).value();
    ledger.restore(scope, record.window, record.start, record.settled, record.unknown_crash, record.forgiven, record.requests, now);
  }
  const double recover_ms = seconds_since(open_begin) * 1e3;
  const double check = check_ns(ledger, now);
  const double journal = journal_us(*store, now);
  std::printf("{\"rows\": %llu, \"fill_s\": %.1f, \"recover_ms\": %.1f, \"check_ns\": %.1f, \"journal_us\": %.2f}\n",
              static_cast<unsigned long long>(store->last_row().value()), fill_s, recover_ms, check, journal);
  return 0;
}
