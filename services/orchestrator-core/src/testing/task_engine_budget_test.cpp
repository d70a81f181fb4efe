#include <catch2/catch.hpp>

#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

PutBudgets dry(const std::string& scope, WallTime resets = {}) { return {false, {{scope, "day", true, false, resets}}}; }

}  // namespace

TEST_CASE("a task whose budget is dry is parked when it would be given, and others pass it by", "[budget]") {
  orchestrator::testing::EngineRig rig;
  const TaskId poor = rig.submit();
  TaskSpec late;
  late.priority = -1;
  const TaskId rich = rig.submit(late);
  rig.join("a");
  rig.apply(dry("task/" + text(poor)));
  CHECK(rig.state(poor).status == TaskStatus::Queued);
  const auto given = rig.poll("a");
  REQUIRE(given);
  CHECK(given->task.spec->id == rich);
  CHECK(rig.state(poor).status == TaskStatus::Blocked);
  CHECK(rig.state(poor).blocked == Blocked::Budget);
}

TEST_CASE("a parked task comes back at the reset without a word from the gateway", "[budget]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit();
  rig.join("a");
  rig.apply(dry("global", rig.now.wall + minutes(10)));
  CHECK_FALSE(rig.poll("a"));
  rig.pass(minutes(10) - seconds(1));
  CHECK(rig.state(id).status == TaskStatus::Blocked);
  rig.pass(seconds(1));
  CHECK(rig.state(id).status == TaskStatus::Queued);
  CHECK(rig.poll("a"));
}

TEST_CASE("a raised limit brings back what waits for it, and nothing else", "[budget]") {
  orchestrator::testing::EngineRig rig;
  TaskSpec of_team;
  of_team.tenant = "red";
  const TaskId red = rig.submit(of_team);
  const TaskId own = rig.submit();
  rig.join("a");
  rig.apply(dry("team/red"));
  rig.apply(dry("task/" + text(own)));
  CHECK_FALSE(rig.poll("a"));
  rig.apply(PutBudgets{false, {{"team/red", "day", false, false, {}}}});
  rig.pass(milliseconds(1));
  CHECK(rig.state(red).status == TaskStatus::Queued);
  CHECK(rig.state(own).status == TaskStatus::Blocked);
  // A snapshot that does not name a budget says that it is not dry.
  rig.apply(PutBudgets{true, {}});
  rig.pass(milliseconds(1));
  CHECK(rig.state(own).status == TaskStatus::Queued);
}

TEST_CASE("of several windows of one scope each must have something left", "[budget]") {
  BudgetBook book(10);
  const TaskId id{1, 2};
  const WallTime now{std::chrono::hours(100)};
  book.put({"global", "hour", true, false, now + minutes(5)});
  book.put({"global", "day", true, false, now + std::chrono::hours(5)});
  REQUIRE(book.keeps(id, "", now));
  CHECK(book.keeps(id, "", now)->resets == now + std::chrono::hours(5));
  CHECK(book.put({"global", "day", false, false, {}}));
  CHECK(book.keeps(id, "", now)->resets == now + minutes(5));
  CHECK_FALSE(book.keeps(id, "", now + minutes(5)));
  CHECK(book.put({"global", "hour", false, true, {}}));
  CHECK(book.size() == 0);
}

TEST_CASE("a flood of tasks without money is parked in slices, so that others have their turn", "[budget]") {
  orchestrator::testing::EngineRig rig;
  for (int i = 0; i < 1'000; ++i) rig.submit();
  rig.apply(dry("global"));
  rig.join("a");
  rig.apply(PollTask{7, "a", rig.now.boot + minutes(1)});
  CHECK(rig.engine.parked().size() < 1'000);
  CHECK(rig.engine.matching());
  rig.pass(milliseconds(1));
  CHECK(rig.engine.parked().size() == 1'000);
}
