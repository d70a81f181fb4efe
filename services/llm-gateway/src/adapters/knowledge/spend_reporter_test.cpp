#include "adapters/knowledge/spend_reporter.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "adapters/lmdb/spend_store.hpp"
#include "libs/async/guarded.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

using namespace std::chrono_literals;
using swarm::testing::eventually;

const WallTime kToday(std::chrono::hours(24 * 365 * 56) + 5h);
const WallTime kYesterday = kToday - 24h;

/// Keeps the sum of each day as the common store would.
class SumStore final : public knowledge::RemoteStore {
 public:
  Result<void> send(const std::vector<knowledge::Statement>& statements) override {
    kept.with([&](auto& all) {
      for (const auto& s : statements) all[s.subject][s.predicate] = s.object;
    });
    return outcome::success();
  }
  Result<bool> holds(const knowledge::Statement&) override { return true; }
  Result<void> check(const std::vector<knowledge::Statement>& statements) const override { return knowledge::check_statements(statements); }

  std::int64_t spent_on(const std::string& day) {
    return kept.with([&](auto& all) {
      std::int64_t sum = 0;
      for (auto& [event, values] : all) {
        if (values[std::string(knowledge::kDate)] == day) sum += knowledge::nanodollars_of(values[std::string(knowledge::kAmount)]).value();
      }
      return sum;
    });
  }
  std::size_t events() {
    return kept.with([](auto& all) { return all.size(); });
  }

  async::Guarded<std::map<std::string, std::map<std::string, std::string>>> kept;
};

UsageRow row(std::int64_t nano, WallTime at, Ending ending = Ending::Ok) {
  UsageRow r;
  r.at = at;
  r.ending = ending;
  r.settlement.cost = Money{nano};
  r.settlement.reserved_at = at;
  return r;
}

struct Stage {
  Stage() { open(); }
  void open() {
    reporter.reset();
    outbox.reset();
    environment.reset();
    store.reset();
    store = std::move(LmdbSpendStore::open(spend_dir->path()).value());
    lmdb::Options options;
    options.directory = outbox_dir.path();
    options.identity = {"llm-gateway-outbox", 1};
    environment = std::move(lmdb::Environment::open(options).value());
    outbox = std::move(knowledge::Outbox::open(*environment, remote, clock, registry).value());
    reporter = std::make_unique<SpendReporter>(*store, *outbox, clock);
    REQUIRE(reporter->open());
  }
  void spend(std::vector<UsageRow> rows) { REQUIRE(store->append(rows, {})); }
  bool all_arrived() {
    return eventually([&] { return outbox->state().pending == 0; });
  }

  std::unique_ptr<swarm::testing::TempDir> spend_dir = std::make_unique<swarm::testing::TempDir>();
  swarm::testing::TempDir outbox_dir;
  SumStore remote;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<LmdbSpendStore> store;
  std::unique_ptr<lmdb::Environment> environment;
  std::unique_ptr<knowledge::Outbox> outbox;
  std::unique_ptr<SpendReporter> reporter;
};

const std::string kDay = knowledge::iso_time(kToday).substr(0, 10);
const std::string kDayBefore = knowledge::iso_time(kYesterday).substr(0, 10);

}  // namespace

TEST_CASE("each row is told once, on the day in which it was reserved", "[spend]") {
  Stage stage;
  stage.spend({row(5, kYesterday), row(7, kToday), row(8, kToday)});
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.reporter->tell());
  stage.spend({row(100, kToday), row(1'000, kYesterday)});
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.all_arrived());
  CHECK(stage.remote.spent_on(kDay) == 115);
  CHECK(stage.remote.spent_on(kDayBefore) == 1'005);
  CHECK(stage.remote.events() == 4);
}

TEST_CASE("what costs nothing and what a reset forgave is no spend", "[spend]") {
  Stage stage;
  stage.spend({row(0, kToday), row(-50, kToday, Ending::Adjustment)});
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.all_arrived());
  CHECK(stage.remote.events() == 0);
}

TEST_CASE("what a crash may have cost is told once, and what nobody came back for too", "[spend]") {
  Stage stage;
  UsageRow day = row(30, kToday, Ending::UnknownCrash);
  day.settlement.mask = mask_bit(ScopeLevel::Global, WindowKind::Day);
  UsageRow month = day;
  month.settlement.mask = mask_bit(ScopeLevel::Global, WindowKind::Month);
  UsageRow team = day;
  team.settlement.mask = mask_bit(ScopeLevel::Team, WindowKind::Day);
  stage.spend({row(5, kToday), day, month, team, row(2, kToday, Ending::Abandoned), row(0, kToday, Ending::Override)});
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.all_arrived());
  CHECK(stage.remote.spent_on(kDay) == 37);
}

TEST_CASE("a restart at any point neither loses nor repeats a row", "[spend]") {
  Stage stage;
  for (int n = 1; n <= 6; ++n) {
    stage.spend({row(n, kToday)});
    if (n % 2 == 0) REQUIRE(stage.reporter->tell());
    stage.open();
  }
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.all_arrived());
  CHECK(stage.remote.spent_on(kDay) == 21);
}

TEST_CASE("a spend store that was put back to an older state is not told twice under one name", "[spend]") {
  Stage stage;
  stage.spend({row(1, kToday), row(2, kToday), row(4, kToday)});
  REQUIRE(stage.reporter->tell());
  stage.store.reset();
  stage.spend_dir = std::make_unique<swarm::testing::TempDir>();
  stage.open();
  stage.spend({row(8, kToday), row(16, kToday), row(32, kToday)});
  REQUIRE(stage.reporter->tell());
  REQUIRE(stage.all_arrived());
  CHECK(stage.remote.spent_on(kDay) == 63);
}

}  // namespace swarm::gateway
