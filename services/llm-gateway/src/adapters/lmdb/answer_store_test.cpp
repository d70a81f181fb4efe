#include "adapters/lmdb/answer_store.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

using namespace std::chrono_literals;

const WallTime kNow(std::chrono::hours(24 * 365 * 56));

std::vector<KeptAnswers::Entry> kept_in(const std::filesystem::path& directory, WallTime now = kNow) {
  std::vector<KeptAnswers::Entry> found;
  REQUIRE(LmdbAnswerStore::open(directory, now, found));
  return found;
}

}  // namespace

TEST_CASE("kept answers come back after a restart until they are taken or too old", "[answers]") {
  const swarm::testing::TempDir directory;
  {
    std::vector<KeptAnswers::Entry> found;
    const auto store = LmdbAnswerStore::open(directory.path() / "answers", kNow, found).value();
    REQUIRE(found.empty());
    store->start();
    store->keep({"taken", "one", kNow + 1min});
    store->keep({"waits", std::string("two\0\xff", 5), kNow + 5min});
    store->keep({"soon over", "three", kNow + 1min});
    store->drop("taken");
    store->drop("never there");
  }
  auto found = kept_in(directory.path() / "answers");
  REQUIRE(found.size() == 2);
  found = kept_in(directory.path() / "answers", kNow + 2min);
  REQUIRE(found.size() == 1);
  CHECK(found[0].id == "waits");
  CHECK(found[0].text == std::string("two\0\xff", 5));
  CHECK(found[0].until == kNow + 5min);
  // Forgotten for good, also when the clock is set back.
  CHECK(kept_in(directory.path() / "answers").size() == 1);
}

TEST_CASE("answers that can't be read any more keep nobody from starting", "[answers]") {
  const swarm::testing::TempDir directory;
  {
    std::vector<KeptAnswers::Entry> found;
    const auto store = LmdbAnswerStore::open(directory.path(), kNow, found).value();
    store->start();
    store->keep({"id", std::string(100'000, 'x'), kNow + 1min});
  }
  {
    std::fstream file(directory.path() / "data.mdb", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    file << std::string(60'000, '\xa5');
  }
  kept_in(directory.path());
  CHECK(kept_in(directory.path()).empty());
}

}  // namespace swarm::gateway
