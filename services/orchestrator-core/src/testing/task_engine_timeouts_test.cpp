#include <catch2/catch.hpp>

#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

TaskSpec with(TaskTerms terms) {
  TaskSpec spec;
  spec.max_attempts = 2;
  spec.terms = std::make_shared<TaskTerms>(terms);
  return spec;
}

const TaskTerms kQueue{0, seconds(5), {}, {}, {}, 0};
const TaskTerms kAttempt{0, {}, seconds(5), {}, {}, 0};
const TaskTerms kBeat{0, {}, {}, seconds(2), {}, 0};

}  // namespace

TEST_CASE("a task that nobody takes in time is dead, with the reason", "[timeouts]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit(with(kQueue));
  rig.pass(seconds(5) - milliseconds(1));
  CHECK(rig.state(id).status == TaskStatus::Queued);
  rig.pass(milliseconds(1));
  CHECK(rig.state(id).status == TaskStatus::Dead);
  CHECK(rig.state(id).reason == "schedule_to_start: nobody took it in time; no agent is registered");
  CHECK(rig.engine.tally().queue_overdue == 1);
}

TEST_CASE("the time in the queue begins again each time that a task is queued", "[timeouts]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit(with(kQueue));
  rig.join("a");
  rig.pass(seconds(4));
  const auto task = rig.poll("a");
  REQUIRE(task);
  rig.report(*task, false);
  rig.pass(seconds(4));
  CHECK(rig.state(id).status == TaskStatus::Queued);
  rig.pass(seconds(2));
  CHECK(rig.state(id).status == TaskStatus::Dead);
}

TEST_CASE("an attempt ends at its time however often its agent says that it is busy", "[timeouts]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit(with(kAttempt));
  rig.join("a");
  const auto task = rig.poll("a");
  REQUIRE(task);
  for (int i = 0; i < 4; ++i) {
    rig.beat(*task, "a");
    rig.pass(seconds(1));
  }
  CHECK(rig.state(id).status == TaskStatus::Running);
  rig.beat(*task, "a");
  rig.pass(seconds(1));
  CHECK(rig.state(id).status == TaskStatus::Failed);
  CHECK(rig.state(id).attempts_counted == 1);
  CHECK(rig.report(*task, true).error);
  CHECK(rig.engine.tally().attempts_overdue == 1);
  CHECK(rig.engine.tally().results_refused == 1);
}

TEST_CASE("a task's own heartbeat replaces the lease's time", "[timeouts]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit(with(kBeat));
  rig.join("a");
  const auto task = rig.poll("a");
  REQUIRE(task);
  rig.beat(*task, "a");
  rig.pass(seconds(1));
  rig.beat(*task, "a");
  rig.pass(milliseconds(1'999));
  CHECK(rig.state(id).status == TaskStatus::Running);
  rig.pass(milliseconds(1));
  CHECK(rig.state(id).status == TaskStatus::Failed);
  CHECK(rig.engine.tally().leases_expired == 1);
}

TEST_CASE("the deadline is the total: it ends a task in the middle of an attempt", "[timeouts]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit({}, seconds(3));
  rig.join("a");
  const auto task = rig.poll("a");
  REQUIRE(task);
  rig.beat(*task, "a");
  rig.pass(seconds(3));
  CHECK(rig.state(id).status == TaskStatus::Cancelled);
}

TEST_CASE("the first line of a task's history is its submission", "[history]") {
  orchestrator::testing::EngineRig rig;
  rig.submit();
  REQUIRE(rig.history.size() == 1);
  CHECK(rig.history[0].from == kNotYet);
  CHECK(rig.history[0].to == TaskStatus::Queued);
  CHECK(rig.history[0].reason == "submitted");
}
