#include "application/backups.hpp"

#include <catch2/catch.hpp>

#include <atomic>

#include "libs/testing/eventually.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

TEST_CASE("one backup at a time, below its directory, with a plain name", "[backup]") {
  SystemClock clock;
  std::atomic<bool> go{false};
  std::atomic<int> done{0};
  std::string made_in;
  Backups backups("/base", [&](const std::filesystem::path& directory) -> Result<void> {
    made_in = directory;
    while (!go) std::this_thread::yield();
    return Error{Code::ResourceExhausted, "full"};
  }, clock);
  const auto count = [&](const Result<BackupMade>& made) {
    if (!made && made.error().code == Code::ResourceExhausted) ++done;
  };
  for (const auto* bad : {"../x", "a/b", ".hidden", "a b", "x\n"}) {
    CHECK(backups.begin(bad, count).error().code == Code::InvalidArgument);
  }
  REQUIRE(backups.begin("one", count));
  CHECK(backups.begin("two", count).error().code == Code::FailedPrecondition);
  go = true;
  REQUIRE(testing::eventually([&] { return done == 1; }));
  CHECK(made_in == "/base/one");
  REQUIRE(testing::eventually([&] { return bool(backups.begin("", count)); }));
  backups.stop();
  CHECK(done == 2);
  CHECK(backups.begin("three", count).error().code == Code::Unavailable);
}
