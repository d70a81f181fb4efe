#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

#include "adapters/lmdb/failure_store.hpp"
#include "application/ledger.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::analyst;
using namespace swarm::analyst::application;
using Action = GroupingChange::Action;
using domain::Id;
using domain::RuleState;

namespace {

Id kind(const std::string& cause) { return domain::Digest().add(cause).id(); }

/// A ledger on a real store that can be closed and opened again.
struct Books {
  explicit Books(LedgerLimits l = {}) : limits(l) { open(); }
  void open() {
    ledger.reset();
    store.reset();
    auto opened = adapters::LmdbFailureStore::open({directory.path() / "store", 0, false});
    REQUIRE(opened);
    store = std::move(opened).value();
    ledger = std::make_unique<Ledger>(*store, limits);
    REQUIRE(ledger->recover());
  }
  void commit() {
    REQUIRE(store->commit(ledger->changes()));
    ledger->committed();
    check_sums();
  }
  FailureAnswer fail(const std::string& cause, const std::string& task, const std::string& sample = "", const std::string& agent = "") {
    FailureReport r;
    r.kind = {kind(cause), "Coder", "python", domain::Family::Python, cause, sample.empty() ? cause : sample, cause};
    r.task_id = task;
    r.attempt = ++attempt;
    r.agent_id = agent;
    auto answer = ledger->stage(r, attempt);
    REQUIRE(answer);
    commit();
    return answer.value();
  }
  Result<void> change(Action action, const Id& one, const Id& into = {}, const std::string& name = "", const std::string& pattern = "") {
    const auto done = ledger->stage(GroupingChange{action, one, into, pattern, name, "person:ada", "test"}, ++attempt);
    commit();
    return done;
  }
  // What is listed, added up, is what was counted.
  void check_sums() const {
    std::int64_t events = ledger->totals().aged_events;
    const auto listed = ledger->largest(100'000);
    for (const auto& group : listed) events += group.events;
    CHECK(events == ledger->totals().events);
    CHECK(listed.size() == ledger->group_count());
  }
  testing::TempDir directory;
  LedgerLimits limits;
  std::unique_ptr<adapters::LmdbFailureStore> store;
  std::unique_ptr<Ledger> ledger;
  std::int64_t attempt = 0;
};

const Id kA = kind("A"), kB = kind("B"), kC = kind("C");

}  // namespace

TEST_CASE("merged kinds count as one, with each task once, also after a restart", "[ledger][grouping]") {
  Books books;
  books.fail("A", "t1", "", "ada");
  books.fail("A", "t2", "", "bob");
  books.fail("B", "t2", "", "bob");
  books.fail("B", "t3", "", "eve");
  REQUIRE(books.change(Action::Merge, kB, kA));
  CHECK(books.ledger->group(kA).events == 4);
  CHECK(books.ledger->group(kA).tasks == 3);
  CHECK(books.ledger->group(kA).agents == 3);
  books.open();
  CHECK(books.ledger->group(kA).tasks == 3);
  CHECK(books.fail("B", "t1").group.tasks == 3);
  const auto fourth = books.fail("B", "t4");
  CHECK(fourth.group.kind == kA);
  CHECK(fourth.group.tasks == 4);
  REQUIRE(books.change(Action::Unmerge, kB));
  CHECK(books.ledger->group(kA).events == 2);
  CHECK(books.ledger->group(kA).tasks == 2);
  CHECK(books.ledger->group(kB).events == 4);
  CHECK(books.ledger->group(kB).tasks == 4);
  books.open();
  CHECK(books.fail("B", "t9").group.kind == kB);
}

TEST_CASE("chains of merges are shortened, and nothing merges into itself", "[ledger][grouping]") {
  Books books;
  for (const auto* cause : {"A", "B", "C"}) books.fail(cause, cause);
  REQUIRE(books.change(Action::Merge, kB, kA));
  CHECK(books.change(Action::Merge, kB, kC).error().code == Code::FailedPrecondition);
  CHECK(books.change(Action::Merge, kA, kB).error().code == Code::InvalidArgument);
  CHECK(books.change(Action::Merge, kA, kA).error().code == Code::InvalidArgument);
  CHECK(books.change(Action::Merge, kind("nobody"), kA).error().code == Code::NotFound);
  REQUIRE(books.change(Action::Merge, kA, kC));
  CHECK(books.fail("B", "x").group.kind == kC);
  CHECK(books.ledger->group(kC).events == 4);
  books.open();
  CHECK(books.ledger->routes().root(kB) == kC);
  REQUIRE(books.change(Action::Unmerge, kA));
  CHECK(books.ledger->group(kC).events == 3);
  CHECK(books.change(Action::Unmerge, kA).error().code == Code::NotFound);
}

TEST_CASE("a merged kind brings the other over the threshold, and its own rule retires", "[ledger][grouping]") {
  Books books({3, 1000, 1'000'000});
  for (const auto* task : {"1", "2", "3"}) books.fail("A", task);
  REQUIRE(books.ledger->rules().at(kA).state == RuleState::Active);
  books.fail("B", "4");
  REQUIRE(books.change(Action::Merge, kA, kB));
  CHECK(books.ledger->rules().at(kA).state == RuleState::Retired);
  CHECK(books.ledger->rules().at(kA).state_reason == "its kind was merged into " + text(kB));
  const auto next = books.fail("A", "5");
  CHECK(next.rule_made);
  CHECK(books.ledger->rules().at(kB).evidence.size() == 5);
}

TEST_CASE("a split sends what it matches to a group of its own from then on", "[ledger][grouping]") {
  Books books;
  books.fail("A", "1", "panic: ledger not ready");
  REQUIRE(books.change(Action::Split, kA, {}, "disk", "disk|volume"));
  const auto apart = books.fail("A", "2", "panic: volume not ready");
  CHECK(apart.group.kind == split_kind(kA, "disk"));
  CHECK(books.store->kind_text(apart.group.kind).value().cause == "A [disk]");
  CHECK(books.fail("A", "3", "panic: roster not ready").group.kind == kA);
  books.open();
  CHECK(books.fail("A", "4", "panic: disk not ready").group.events == 2);
  CHECK(books.change(Action::Split, kA, {}, "all", "x*").error().code == Code::InvalidArgument);
  CHECK(books.change(Action::Split, kA, {}, "", "x").error().code == Code::InvalidArgument);
  CHECK(books.change(Action::Unsplit, kA, {}, "other").error().code == Code::NotFound);
  REQUIRE(books.change(Action::Merge, split_kind(kA, "disk"), kA));
  CHECK(books.fail("A", "5", "panic: disk not ready").group.events == 5);
  REQUIRE(books.change(Action::Unsplit, kA, {}, "disk"));
  CHECK(books.ledger->group(kA).events == 5);
}

TEST_CASE("splits and merges are bounded", "[ledger][grouping]") {
  Books books;
  books.fail("A", "1");
  for (std::size_t i = 0; i < GroupRoutes::kSplitsMax; ++i) REQUIRE(books.change(Action::Split, kA, {}, "s" + std::to_string(i), "x"));
  CHECK(books.change(Action::Split, kA, {}, "more", "x").error().code == Code::ResourceExhausted);
}

TEST_CASE("what people merge and split at random always adds up, and a restart changes nothing", "[ledger][grouping]") {
  Books books({4, 40, 1'000'000});
  std::mt19937_64 random(11);
  const auto cause = [&] { return "cause " + std::to_string(random() % 60); };
  for (int step = 0; step < 400; ++step) {
    const auto what = random() % 10;
    if (what < 7) books.fail(cause(), "t" + std::to_string(random() % 30), cause(), "a" + std::to_string(random() % 5));
    else if (what == 7) (void)books.change(Action::Merge, kind(cause()), kind(cause()));
    else if (what == 8) (void)books.change(Action::Unmerge, kind(cause()));
    else (void)books.change(random() % 2 ? Action::Split : Action::Unsplit, kind(cause()), {}, "s" + std::to_string(random() % 3), "cause [0-9]$");
    if (step % 50 != 0) continue;
    const auto before = books.ledger->largest(1000);
    books.open();
    const auto after = books.ledger->largest(1000);
    REQUIRE(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK(before[i].kind == after[i].kind);
      CHECK(std::pair(before[i].events, before[i].tasks) == std::pair(after[i].events, after[i].tasks));
      CHECK(after[i].tasks <= after[i].events);
    }
  }
}
