#include "adapters/lmdb/spend_store.hpp"

#include <catch2/catch.hpp>

#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::gateway;
using namespace std::chrono_literals;

namespace {

const WallTime kNow(std::chrono::hours(24 * 365 * 56) + 5h);

constexpr std::uint16_t bit(ScopeLevel level, WindowKind window) {
  return static_cast<std::uint16_t>(1u << (static_cast<int>(level) * kWindowKinds + static_cast<int>(window)));
}

UsageRow row(std::int64_t nano, WallTime at = kNow, Ending ending = Ending::Ok) {
  UsageRow r;
  r.at = at;
  r.request_id = "req-1";
  r.team = "blue";
  r.key = "coder";
  r.model = "small";
  r.upstream = "primary";
  r.price_version = "2026-11";
  r.usage = {1, 2, 3, 4, 5, 6, true, 7, 8, 9, true};
  r.ending = ending;
  r.status = 200;
  r.duration_ms = 42;
  r.settlement.cost = Money{nano};
  r.settlement.reserved_at = at;
  r.settlement.mask = bit(ScopeLevel::Global, WindowKind::Day) | bit(ScopeLevel::Key, WindowKind::Hour);
  return r;
}

std::unique_ptr<LmdbSpendStore> open(const swarm::testing::TempDir& dir) { return LmdbSpendStore::open(dir.path()).value(); }

std::vector<SpendRecord> recovered(SpendStore& store) { return store.recover(kNow).value(); }

Money settled(const std::vector<SpendRecord>& records, std::string_view scope) {
  Money sum;
  for (const auto& record : records) {
    if (record.scope == scope) sum += record.settled;
  }
  return sum;
}

}  // namespace

TEST_CASE("rows come back as they were, in order, after a restart", "[spend]") {
  swarm::testing::TempDir dir;
  REQUIRE(open(dir)->append({row(1), row(2)}, {}).has_value());
  REQUIRE(open(dir)->append({row(3)}, {}).has_value());
  std::vector<std::int64_t> costs;
  REQUIRE(open(dir)->rows([&](const UsageRow& r) {
    costs.push_back(r.settlement.cost.nano);
    CHECK(r.usage == row(0).usage);
    CHECK(r.team == "blue");
    CHECK(r.price_version == "2026-11");
    CHECK(r.duration_ms == 42);
    return true;
  }).has_value());
  CHECK(costs == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("each row is added to the windows in which it was reserved, and only there", "[spend]") {
  swarm::testing::TempDir dir;
  auto store = open(dir);
  REQUIRE(store->append({row(10), row(5, kNow + 1h), row(7, kNow + 24h)}, {}).has_value());
  const auto today = store->recover(kNow).value();
  CHECK(settled(today, "global") == Money{15});
  CHECK(settled(today, "key/coder") == Money{10});
  CHECK(settled(today, "team/blue") == Money{});
  CHECK(settled(store->recover(kNow + 24h).value(), "global") == Money{7});
}

TEST_CASE("the sums equal what the rows say", "[spend]") {
  swarm::testing::TempDir dir;
  auto store = open(dir);
  std::int64_t total = 0;
  for (int batch = 0; batch < 50; ++batch) {
    std::vector<UsageRow> rows;
    for (int i = 0; i < batch % 7; ++i) {
      rows.push_back(row(batch * 13 + i));
      total += batch * 13 + i;
    }
    REQUIRE(store->append(rows, {}).has_value());
  }
  CHECK(settled(store->records().value(), "global") == Money{total});
  CHECK(settled(store->records().value(), "key/coder") == Money{total});
}

TEST_CASE("an adjustment forgives and deletes nothing", "[spend]") {
  swarm::testing::TempDir dir;
  auto store = open(dir);
  REQUIRE(store->append({row(100), row(-100, kNow, Ending::Adjustment), row(9)}, {}).has_value());
  const auto records = store->records().value();
  for (const auto& record : records) {
    CHECK(record.settled == Money{109});
    CHECK(record.forgiven == Money{100});
    CHECK(record.requests == 2);
  }
}

TEST_CASE("allotments that no clean stop took back count as spent", "[spend]") {
  swarm::testing::TempDir dir;
  const AllotmentPlan plan{{}, "global", WindowKind::Day, Money{500}};
  const AllotmentPlan raised{{}, "global", WindowKind::Day, Money{800}};
  {
    auto store = open(dir);
    REQUIRE(store->append({row(1)}, {plan}).has_value());
    REQUIRE(store->append({}, {raised}).has_value());
  }
  {
    auto store = open(dir);
    const auto records = store->recover(kNow).value();
    REQUIRE(records.size() == 2);
    for (const auto& record : records) CHECK(record.unknown_crash == Money{record.scope == "global" ? 800 : 0});
    // Recovered once: a second start does not count it again.
    for (const auto& record : recovered(*store)) CHECK(record.unknown_crash <= Money{800});
    REQUIRE(store->append({}, {plan}).has_value());
    REQUIRE(store->release_allotments().has_value());
  }
  auto store = open(dir);
  for (const auto& record : recovered(*store)) CHECK(record.unknown_crash <= Money{800});
}

TEST_CASE("limits set at run time are kept, one per kind of window", "[spend]") {
  swarm::testing::TempDir dir;
  Limit day{WindowKind::Day, false, Money{5}, Money{1}, true, false};
  Limit hour{WindowKind::Hour, false, Money{2}, Money{}, false, true};
  {
    auto store = open(dir);
    REQUIRE(store->put_limit({"team/blue", hour}).has_value());
    REQUIRE(store->put_limit({"team/blue", hour}).has_value());
    REQUIRE(store->put_limit({"team/blue", day}).has_value());
  }
  const auto limits = open(dir)->limits().value();
  REQUIRE(limits.size() == 2);
  CHECK(limits[0].limit == hour);
  CHECK(limits[1].limit == day);
}

TEST_CASE("a full store refuses and keeps what it has", "[spend]") {
  swarm::testing::TempDir dir;
  auto store = LmdbSpendStore::open(dir.path(), 256 << 10).value();
  std::size_t stored = 0;
  while (true) {
    const auto result = store->append(std::vector<UsageRow>(20, row(1)), {});
    if (!result) {
      CHECK(result.error().code == Code::ResourceExhausted);
      break;
    }
    stored += 20;
    REQUIRE(stored < 100'000);
  }
  std::size_t found = 0;
  REQUIRE(store->rows([&](const UsageRow&) { ++found; return true; }).has_value());
  CHECK(found == stored);
}

TEST_CASE("records of any length or version never crash the reader", "[spend]") {
  const auto good = encode_row(row(1));
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_FALSE(decode_row(good.substr(0, n)).has_value());
  CHECK_FALSE(decode_row("\x7f" + good.substr(1)).has_value());
  const auto first_version = decode_row("\x01" + good.substr(1, good.size() - 27));
  REQUIRE(first_version.has_value());
  CHECK(first_version->settlement.mask == row(1).settlement.mask);
  CHECK_FALSE(decode_sums("").has_value());
  CHECK_FALSE(decode_limit("\x01").has_value());
  CHECK_FALSE(parse_key("global").has_value());
  CHECK_FALSE(parse_key(std::string("global\0\x09", 8)).has_value());
}
