#include "application/sanity_desk.hpp"

#include <catch2/catch.hpp>

#include "adapters/lmdb/failure_store.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/fake_clock.hpp"
#include "libs/testing/temp_dir.hpp"

using namespace swarm;
using namespace swarm::analyst;
using namespace swarm::analyst::application;
using domain::RuleState;

namespace {

/// Gives the verdict that it is told to.
class FakeRunner final : public ports::SanityRunner {
 public:
  Result<std::string> start(const domain::GoldenRule& rule) override {
    ++starts;
    if (down) return Error{Code::Unavailable, "down"};
    return "task-of-" + rule.id;
  }
  Result<ports::SanityVerdict> verdict(const std::string&) override { return says; }
  int starts = 0;
  bool down = false;
  ports::SanityVerdict says = ports::SanityVerdict::Pending;
};

struct Fixture {
  explicit Fixture(bool approval = false) {
    options.approval = approval;
    options.time = std::chrono::seconds(10);
    REQUIRE(loop.start());
    FailureReport report;
    report.kind = {{7, 7}, "Coder", "python", domain::Family::Python, "KeyError: <*>", "KeyError: <*>", "KeyError: <*>"};
    report.task_id = "t";
    std::atomic<bool> unruled = false;
    loop.submit(report, [&](const Result<FailureAnswer>& answer) { unruled = answer && answer.value().rule_text.empty(); });
    REQUIRE(testing::eventually([&] { return unruled.load(); }));
  }
  domain::GoldenRule rule() const { return board.all().at(0); }
  bool becomes(const std::string& reason) {
    return testing::eventually([&] { return rule().state_reason.starts_with(reason); });
  }
  static LedgerLimits limits() {
    LedgerLimits l;
    l.threshold = 1;
    l.sanity = true;
    return l;
  }

  testing::TempDir directory;
  testing::FakeClock clock;
  metrics::Registry registry;
  Probe probe{registry};
  RuleBoard board;
  std::unique_ptr<adapters::LmdbFailureStore> store = adapters::LmdbFailureStore::open({directory.path(), 0, false}).value();
  Ledger ledger{*store, limits()};
  LedgerLoop loop{ledger, *store, board, clock, probe, {}, 100};
  FakeRunner runner;
  SanityDesk::Options options;
};

}  // namespace

TEST_CASE("a rule that waits for its sanity run holds only once it has passed", "[sanity]") {
  Fixture f;
  SanityDesk desk(f.runner, f.board, f.loop, f.clock, f.options);
  CHECK(f.rule().state == RuleState::Proposed);
  CHECK(desk.look());
  CHECK(desk.look());
  CHECK(f.runner.starts == 1);
  CHECK(f.rule().state == RuleState::Proposed);
  f.runner.says = ports::SanityVerdict::Passed;
  CHECK(desk.look());
  CHECK(f.becomes("passed its sanity run"));
  CHECK(f.rule().state == RuleState::Active);
  CHECK_FALSE(desk.look());
}

TEST_CASE("a rule that fails its sanity run, or is not tried in time, stays proposed", "[sanity]") {
  const bool fails = GENERATE(true, false);
  Fixture f;
  SanityDesk desk(f.runner, f.board, f.loop, f.clock, f.options);
  desk.look();
  if (fails) f.runner.says = ports::SanityVerdict::Failed;
  else f.clock.advance(std::chrono::seconds(11));
  desk.look();
  CHECK(f.becomes(fails ? "refused: failed its sanity run" : "nobody took its sanity run in time"));
  CHECK(f.rule().state == RuleState::Proposed);
  CHECK_FALSE(desk.look());
}

TEST_CASE("a person still decides after a passed sanity run when asked to", "[sanity]") {
  Fixture f(true);
  SanityDesk desk(f.runner, f.board, f.loop, f.clock, f.options);
  desk.look();
  f.runner.says = ports::SanityVerdict::Passed;
  desk.look();
  CHECK(f.becomes("passed its sanity run, waits for approval"));
  CHECK(f.rule().state == RuleState::Proposed);
}

TEST_CASE("an orchestrator that is down is asked again", "[sanity]") {
  Fixture f;
  SanityDesk desk(f.runner, f.board, f.loop, f.clock, f.options);
  f.runner.down = true;
  CHECK(desk.look());
  CHECK(desk.trouble() == "down");
  f.runner.down = false;
  f.runner.says = ports::SanityVerdict::Passed;
  CHECK(desk.look());
  CHECK(desk.look());
  CHECK(desk.trouble().empty());
  CHECK(f.becomes("passed its sanity run"));
}
