#include "libs/lmdb/resident_pages.hpp"

#include <catch2/catch.hpp>

#include "libs/lmdb/environment.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;

TEST_CASE("a map that was read once does not stay in the process's memory", "[lmdb]") {
  constexpr std::uint64_t kData = 48u << 20;
  constexpr std::uint64_t kSlack = 8u << 20;
  swarm::testing::TempDir dir;
  lmdb::Options options;
  options.directory = dir.path() / "store";
  options.identity = {"store-test", 1};
  options.map_bytes = 256u << 20;
  options.sync = false;
  options.resident_bytes_max = 1;  // passed always, so that the first write of an opened store gives back
  {
    auto env = lmdb::Environment::open(options).value();
    const auto table = env->table("t").value();
    auto txn = env->write().value();
    for (std::uint64_t i = 0; i < kData / 4096; ++i) REQUIRE(txn.put(table, lmdb::key_u64(i), std::string(4000, 'x')));
    REQUIRE(txn.commit());
  }
  auto env = lmdb::Environment::open(options).value();
  const auto table = env->table("t").value();
  const auto before = lmdb::resident_file_bytes();
  const auto snapshot = env->read().value();
  const auto sum_all = [&] {
    std::size_t bytes = 0;
    REQUIRE(snapshot.scan(table, {}, [&](std::string_view, std::string_view value) { return bytes += value.size(), true; }));
    return bytes;
  };
  const auto bytes = sum_all();
  CHECK(lmdb::resident_file_bytes() > before + kData - kSlack);

  auto txn = env->write().value();
  CHECK(lmdb::resident_file_bytes() < before + kSlack);
  REQUIRE(txn.put(table, "z", "1"));
  REQUIRE(txn.commit());
  CHECK(sum_all() == bytes);  // the snapshot that was open meanwhile reads what it read before
}
