#include <catch2/catch.hpp>

#include <algorithm>

#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

TaskExplained why(orchestrator::testing::EngineRig& rig, TaskId id) {
  auto answers = rig.apply(ExplainTask{9, id});
  return std::get<TaskExplained>(answers.at(0).reply);
}

std::vector<std::string> kinds(const TaskExplained& explained) {
  std::vector<std::string> out;
  for (const auto& obstacle : explained.obstacles) out.push_back(obstacle.kind);
  return out;
}

using Kinds = std::vector<std::string>;

}  // namespace

TEST_CASE("a queued task says which requirement keeps every agent away", "[explain]") {
  orchestrator::testing::EngineRig rig;
  TaskSpec spec;
  spec.role = "Deployer";
  spec.permissions = {"deploy", "read"};
  const TaskId id = rig.submit(spec);
  CHECK(kinds(why(rig, id)) == Kinds{"no_agent"});
  rig.join(AgentProfile{"coder", {"*"}, {"Coder"}, {}, ""});
  rig.join(AgentProfile{"deployer", {"*"}, {"Deployer"}, {"read"}, ""});
  const auto explained = why(rig, id);
  CHECK(kinds(explained) == Kinds{"role", "permission"});
  REQUIRE(explained.agents.size() == 2);
  CHECK(explained.agents[0].detail == "does not play Deployer");
  CHECK(explained.agents[1].detail == "lacks permission deploy");
  rig.join(AgentProfile{"boss", {"*"}, {}, {"deploy", "read"}, ""});
  const auto busy = why(rig, id);
  CHECK(kinds(busy) == Kinds{"busy"});
  CHECK(busy.agents[0].agent == "boss");
  CHECK(busy.agents_total == 3);
}

TEST_CASE("what a blocked task waits for is named, each of it", "[explain]") {
  orchestrator::testing::EngineRig rig;
  const TaskId first = rig.submit();
  const TaskId second = rig.submit();
  TaskSpec spec;
  spec.depends_on = {first, second};
  const TaskId id = rig.submit(spec);
  rig.apply(SetDispatch{1, {true, "incident", "ann", {}}});
  const auto explained = why(rig, id);
  CHECK(kinds(explained) == Kinds{"dependency", "dependency", "halt", "no_agent"});
  CHECK(explained.summary == "task " + text(first) + " is QUEUED");
  TaskSpec gated;
  gated.requires_approval = true;
  CHECK(kinds(why(rig, rig.submit(gated))).front() == "approval");
}

TEST_CASE("a dry budget and a running attempt are told with their time", "[explain]") {
  orchestrator::testing::EngineRig rig;
  const TaskId id = rig.submit();
  rig.join("a");
  rig.apply(PutBudgets{false, {{"global", "day", true, false, rig.now.wall + std::chrono::seconds(90)}}});
  CHECK_FALSE(rig.poll("a"));
  const auto dry = why(rig, id);
  CHECK(kinds(dry) == Kinds{"budget"});
  CHECK(dry.obstacles[0].clears_in == std::chrono::seconds(90));
  rig.apply(PutBudgets{true, {}});
  rig.pass(std::chrono::milliseconds(1));
  REQUIRE(rig.poll("a"));
  const auto leased = why(rig, id);
  CHECK(leased.summary == "a has it, attempt 1");
  CHECK(leased.obstacles[0].clears_in > std::chrono::seconds(1));
}

TEST_CASE("the place in the queue counts only tasks of the same kind that go first", "[explain]") {
  orchestrator::testing::EngineRig rig;
  TaskSpec urgent;
  urgent.priority = 5;
  TaskSpec other;
  other.role = "Reviewer";
  rig.submit();
  const TaskId id = rig.submit();
  rig.submit();
  rig.submit(urgent);
  rig.submit(other);
  CHECK(why(rig, id).tasks_ahead == 2);
}
