#include "domain/told_change.hpp"

#include <catch2/catch.hpp>

#include "adapters/lmdb/task_store.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

struct Fixture {
  testing::TempDir dir;
  std::unique_ptr<lmdb_store::LmdbTaskStore> store;

  Fixture() { store = open(); }
  std::unique_ptr<lmdb_store::LmdbTaskStore> open(std::uint64_t untold_max = 1'000) {
    store.reset();
    lmdb_store::StoreOptions options;
    options.environment.directory = dir.path();
    options.environment.identity = {"orchestrator-core", 1};
    options.environment.sync = false;
    options.untold_max = untold_max;
    return lmdb_store::LmdbTaskStore::open(options).value();
  }

  /// A commit of `count` changes, of the versions from `version` on.
  void commit(std::uint64_t version, std::uint64_t count) {
    Changes changes;
    for (std::uint64_t n = 0; n < count; ++n) {
      ToldChange change;
      change.task = {1, 2};
      change.version = version + n;
      changes.told.push_back(change);
    }
    REQUIRE(store->commit(changes));
  }

  ChangeFeed::Page page(std::uint64_t after, std::size_t limit = 10'000) { return store->changes(after, limit).value(); }
};

TaskChanged change(TaskStatus from, TaskStatus to, int attempt, int counted) {
  auto spec = std::make_shared<TaskSpec>();
  spec->id = {1, 2};
  spec->number = 7;
  spec->stack = "python";
  auto state = std::make_shared<TaskState>();
  state->status = to;
  state->reason = "because";
  state->version = 3;
  state->role = "Coder";
  state->attempt = attempt;
  state->attempts_counted = counted;
  state->lease.agent = "a";
  return {{spec, state}, from, false};
}

}  // namespace

TEST_CASE("changes are numbered without gaps over restarts and go when they were told", "[told_changes]") {
  Fixture f;
  CHECK(f.page(0).first == 0);
  f.commit(1, 3);
  f.store = f.open();
  f.commit(4, 2);
  auto page = f.page(0);
  CHECK((page.first == 1 && page.changes.size() == 5 && page.changes[4].version == 5));
  page = f.page(2, 2);
  CHECK((page.first == 3 && page.changes.size() == 2 && page.changes[0].version == 3));
  f.store->told(4);
  f.commit(6, 1);
  CHECK(f.page(0).first == 5);
  CHECK(f.page(4).changes.size() == 2);
  f.store->told(6);
  f.commit(7, 1);
  f.store = f.open();
  f.commit(8, 1);
  CHECK(f.page(0).first == 7);
  CHECK(f.page(0).changes.size() == 2);
}

TEST_CASE("numbers go on behind what an outbox newer than the store was told", "[told_changes]") {
  Fixture f;
  f.commit(1, 3);
  f.store->told(100);
  f.commit(4, 1);
  const auto page = f.page(100);
  CHECK((page.first == 101 && page.changes.size() == 1 && page.changes[0].version == 4));
  CHECK(f.page(0).first == 101);
}

TEST_CASE("where more waits than may, the oldest go", "[told_changes]") {
  Fixture f;
  f.store = f.open(10);
  for (std::uint64_t n = 0; n < 5; ++n) f.commit(1 + 10 * n, 10);
  const auto page = f.page(7);
  CHECK((page.first == 41 && page.changes.size() == 10));
}

TEST_CASE("a change is kept as it is told, with the attempt that it ended", "[told_changes]") {
  Fixture f;
  Batch batch;
  batch.events = {change(TaskStatus::Running, TaskStatus::Failed, 2, 2), change(TaskStatus::Leased, TaskStatus::Queued, 3, 2),
                  change(TaskStatus::Running, TaskStatus::Succeeded, 4, 4)};
  batch.changes.feedback = {{8, 0, {2, "Other", "success", "of another task"}}, {7, 0, {2, "Reviewer", "failure", "TypeError"}}};
  batch.changes.dispatch = DispatchState{true, "why", "operator", WallTime(std::chrono::seconds(5))};
  batch.changes.told = told_changes(batch);
  REQUIRE(f.store->commit(batch.changes));
  const auto told = f.page(0).changes;
  REQUIRE(told.size() == 4);
  CHECK((told[0].task == TaskId{1, 2} && told[0].version == 3 && told[0].reason == "because" && told[0].stack == "python"));
  REQUIRE(told[0].ended);
  CHECK((told[0].ended->role == "Reviewer" && !told[0].ended->success && told[0].ended->note == "TypeError" && told[0].ended->agent == "a"));
  CHECK_FALSE(told[1].ended);
  REQUIRE(told[2].ended);
  CHECK((told[2].ended->success && told[2].ended->role == "Coder" && told[2].ended->attempt == 4));
  CHECK((told[3].task.empty() && told[3].halted && told[3].by == "operator" && told[3].at == WallTime(std::chrono::seconds(5))));
}
