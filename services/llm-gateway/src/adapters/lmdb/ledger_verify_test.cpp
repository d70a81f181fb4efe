#include "application/commands.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <random>

#include "adapters/lmdb/spend_store.hpp"
#include "libs/base/uuid.hpp"
#include "libs/lmdb/environment.hpp"
#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

using namespace std::chrono_literals;
const WallTime kNow(std::chrono::hours(24 * 365 * 56) + 5h);

UsageRow row(std::int64_t nano, Ending ending = Ending::Ok) {
  UsageRow made;
  made.at = kNow;
  made.request_id = uuid_v7(kNow);
  made.team = "blue";
  made.key = "coder";
  made.task = "t1";
  made.ending = ending;
  made.settlement.cost = Money{nano};
  made.settlement.reserved_at = kNow;
  made.settlement.mask = mask_bit(ScopeLevel::Global, WindowKind::Day) | mask_bit(ScopeLevel::Team, WindowKind::Month) |
                         mask_bit(ScopeLevel::Task, WindowKind::Total);
  return made;
}

CommandResult run(const std::vector<std::string>& arguments) {
  CommandTools tools;
  tools.open_ledger = [](const std::string& directory) -> Result<std::unique_ptr<SpendStore>> {
    BOOST_OUTCOME_TRY(auto store, LmdbSpendStore::open_existing(directory));
    return std::unique_ptr<SpendStore>(std::move(store));
  };
  return run_command(arguments, tools);
}

CommandResult verify(const testing::TempDir& dir, bool json = false) {
  std::vector<std::string> arguments = {"ledger", "verify", "--data-dir", dir.path().string()};
  if (json) arguments.emplace_back("--json");
  return run(arguments);
}

void fill(const testing::TempDir& dir) {
  const auto store = LmdbSpendStore::open(dir.path()).value();
  for (int batch = 0; batch < 20; ++batch) REQUIRE(store->append({row(batch), row(7), row(-3, Ending::Adjustment)}, {}).has_value());
  REQUIRE(store->append({}, {{{}, "global", WindowKind::Day, Money{500}}}).has_value());
  REQUIRE(store->recover(kNow).has_value());
}

/// Replaces a record by another that is whole, check sum and all.
void plant(const testing::TempDir& dir, const std::string& table, const std::string& key, const std::string& value) {
  lmdb::Options options;
  options.directory = dir.path();
  options.identity = {"llm-gateway", 1};
  const auto environment = lmdb::Environment::open(options).value();
  const auto where = environment->table(table).value();
  auto txn = environment->write().value();
  REQUIRE(txn.put(where, key, value).has_value());
  REQUIRE(txn.commit().has_value());
}

TEST_CASE("a ledger's sums are proved from its rows", "[ledger-verify]") {
  const testing::TempDir dir;
  fill(dir);
  const auto good = verify(dir);
  INFO(good.text);
  REQUIRE(good.code == 0);
  REQUIRE(good.text.starts_with("verified: 61 rows, 3 windows"));
  REQUIRE(verify(dir, true).text.find("\"verified\":true") != std::string::npos);
}

TEST_CASE("each figure that is not the sum of its rows is told, with both values", "[ledger-verify]") {
  const testing::TempDir dir;
  fill(dir);
  plant(dir, "windows", window_key("global", WindowKind::Day, window_at(WindowKind::Day, kNow).start), encode_sums({Money{1}, Money{2}, Money{3}, 4}));
  const auto bad = verify(dir);
  INFO(bad.text);
  REQUIRE(bad.code == 1);
  REQUIRE(bad.text.find("global day from 2025-12-18T00:00:00.000Z: settled: its rows add up to 330 nano-dollars, recorded are 1\n") != std::string::npos);
  REQUIRE(bad.text.find("unknown_crash: its rows add up to 500") != std::string::npos);
  REQUIRE(bad.text.find("forgiven: its rows add up to 60 nano-dollars, recorded are 3") != std::string::npos);
  REQUIRE(bad.text.find("requests: its rows add up to 40, recorded are 4") != std::string::npos);
  REQUIRE(bad.text.find("NOT verified: 61 rows, 3 windows of scopes, 4 differences") != std::string::npos);
  REQUIRE(verify(dir, true).text.find("\"difference_count\":4") != std::string::npos);
}

TEST_CASE("a row that changed, came twice or is of a window that nobody recorded is a difference", "[ledger-verify]") {
  const testing::TempDir dir;
  fill(dir);
  SECTION("dearer than it was") {
    UsageRow dear = row(1000);
    plant(dir, "rows", lmdb::key_u64(1), encode_row(dear));
    REQUIRE(verify(dir).text.find("3 differences") != std::string::npos);
  }
  SECTION("charged to another task") {
    UsageRow moved = row(0);
    moved.task = "t2";
    plant(dir, "rows", lmdb::key_u64(1), encode_row(moved));
    const auto bad = verify(dir);
    REQUIRE(bad.text.find("task/t2 total: requests: its rows add up to 1, recorded are 0") != std::string::npos);
  }
  SECTION("twice") {
    const auto store = LmdbSpendStore::open(dir.path()).value();
    const UsageRow once = row(5);
    REQUIRE(store->append({once, once}, {}).has_value());
  }
  REQUIRE(verify(dir).code == 1);
}

TEST_CASE("what can't be verified says why", "[ledger-verify]") {
  const testing::TempDir dir;
  REQUIRE(verify(dir).code == 1);
  REQUIRE(verify(dir).text.find("no ledger in") != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(dir.path() / "data.mdb"));
  fill(dir);
  REQUIRE(run({"ledger"}).code == 2);
  REQUIRE(run({"ledger", "verify", "--wrong"}).code == 2);
  REQUIRE(run({"nonsense"}).code == 2);
  {
    const auto held = LmdbSpendStore::open(dir.path()).value();
    REQUIRE(verify(dir).code == 1);
  }
  plant(dir, "rows", lmdb::key_u64(2), "not a row");
  REQUIRE(verify(dir, true).text.find("\"error\":\"a record in table rows") != std::string::npos);
}

TEST_CASE("rows that are gone are carried, and the ledger still proves itself", "[ledger-verify][retention]") {
  const testing::TempDir dir;
  {
    const auto store = LmdbSpendStore::open(dir.path()).value();
    std::vector<UsageRow> rows;
    for (int day = 0; day < 4; ++day) {
      for (int i = 0; i < 10; ++i) {
        rows.push_back(row(i + 1));
        rows.back().at = rows.back().settlement.reserved_at = kNow + std::chrono::hours(24 * day);
      }
    }
    REQUIRE(store->append(rows, {}).has_value());
    const WallTime third = kNow + std::chrono::hours(48);
    const auto limited = store->retire_rows(third, 1000, 15).value();
    CHECK(limited.rows == 15);
    CHECK(limited.more);
    CHECK(store->retire_rows(third, 17, 15).value().rows == 2);
    const auto rest = store->retire_rows(third, 1000, 15).value();
    CHECK(rest.rows == 3);
    CHECK_FALSE(rest.more);
    const auto gone = store->carried().value();
    CHECK(gone.rows == 20);
    // The first day is over and all its rows are gone; month and task go on, and so does the day whose end is not past.
    for (const SpendRecord& record : gone.records) CHECK((record.window != WindowKind::Day || record.start > kNow - std::chrono::hours(6)));
    CHECK(store->retire_rows(kNow + std::chrono::hours(1000), 1000, 1000).value().rows == 19);
    CHECK(store->last_row().value() == 40);
    REQUIRE(store->append({row(7)}, {}).has_value());
    CHECK(store->last_row().value() == 41);
  }
  const auto good = verify(dir);
  INFO(good.text);
  CHECK(good.code == 0);
  CHECK(good.text.find("2 rows and the sums carried of 39 that are gone") != std::string::npos);
  CHECK(verify(dir, true).text.find("\"carried_rows\":39") != std::string::npos);
  plant(dir, "carried", window_key("task/t1", WindowKind::Total, window_at(WindowKind::Total, kNow).start), encode_sums({Money{1}, Money{0}, Money{0}, 1}));
  CHECK(verify(dir).code == 1);
}

}  // namespace
}  // namespace swarm::gateway
