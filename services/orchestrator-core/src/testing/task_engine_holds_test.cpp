#include <catch2/catch.hpp>

#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;
using namespace swarm::orchestrator::testing;
using namespace std::chrono_literals;

namespace {

SetHold hold(HoldKind kind, const std::string& name, bool held = true) { return {1, {kind, name, "why", "ann", {}}, held}; }

TaskSpec of_role(const std::string& role) {
  TaskSpec spec;
  spec.role = role;
  return spec;
}

Assigned take(EngineRig& rig, const std::string& agent = "a") {
  auto task = rig.poll(agent);
  REQUIRE(task);
  return *task;
}

}  // namespace

TEST_CASE("of a paused role nothing is given away until it is let go", "[holds]") {
  EngineRig rig;
  rig.join("a");
  rig.apply(hold(HoldKind::Role, "Coder"));
  const auto coder = rig.submit(of_role("Coder"));
  const auto other = rig.submit(of_role("Other"));
  const auto given_first = take(rig);
  CHECK(given_first.task.spec->id == other);
  CHECK(rig.report(given_first, true).accepted);
  CHECK_FALSE(rig.poll("a"));
  const auto why = rig.apply(ExplainTask{1, coder});
  CHECK(std::get<TaskExplained>(why.at(0).reply).obstacles.front().kind == "paused");
  rig.apply(PollTask{9, "a", rig.now.boot + 1min});
  const auto answers = rig.apply(hold(HoldKind::Role, "Coder", false));
  const bool given = std::any_of(answers.begin(), answers.end(), [](const auto& a) { return a.call == 9 && std::holds_alternative<Assigned>(a.reply); });
  CHECK(given);
}

TEST_CASE("a drained agent is told, keeps what it has and gets nothing new, also when it joins again", "[holds]") {
  EngineRig rig;
  rig.join("a");
  rig.join("b");
  rig.submit();
  const auto task = take(rig);
  rig.apply(PollTask{7, "a", rig.now.boot + 1min});  // its answer repeats the lease
  rig.beat(task, "a");
  rig.apply(PollTask{8, "a", rig.now.boot + 1min});
  auto answers = rig.apply(hold(HoldKind::Agent, "a"));
  const auto told = std::find_if(answers.begin(), answers.end(), [](const auto& a) { return a.call == 8; });
  REQUIRE(told != answers.end());
  CHECK(std::get<NothingToDo>(told->reply).drain);
  answers = rig.apply(Heartbeat{5, 0, "a", {{task.task.spec->id, task.token, ""}}});
  CHECK(std::get<HeartbeatAnswered>(answers.at(0).reply).drain);
  rig.submit();
  rig.join("a");
  CHECK_FALSE(rig.poll("a"));
  CHECK(rig.report(task, true).accepted);
  CHECK(rig.poll("b"));
  // Asked again it does not answer at once, so that nobody polls in a tight loop.
  rig.apply(PollTask{9, "a", rig.now.boot + 1min});
  CHECK(rig.pass(500ms).empty());
  answers = rig.pass(600ms);
  REQUIRE(answers.size() == 1);
  CHECK(std::get<NothingToDo>(answers[0].reply).drain);
  rig.apply(hold(HoldKind::Agent, "a", false));
  rig.submit();
  CHECK(rig.poll("a"));
}

TEST_CASE("an agent on a stream hears at once that it is to drain", "[holds]") {
  EngineRig rig;
  rig.apply(JoinStream{50, AgentProfile{"s", {"*"}, {}, {}, ""}});
  rig.apply(GrantCredit{50, 3});
  const auto answers = rig.apply(hold(HoldKind::Agent, "s"));
  const auto told = std::find_if(answers.begin(), answers.end(), [](const auto& a) { return a.call == 50; });
  REQUIRE(told != answers.end());
  CHECK(std::get<HeartbeatAnswered>(told->reply).drain);
  rig.submit();
  CHECK(rig.engine.queued() == 1);
}

TEST_CASE("an agent has the time that a cancellation gives it, and what it reports until then counts", "[cancel]") {
  EngineRig rig;
  rig.join("a");
  const auto id = rig.submit();
  auto task = take(rig);
  rig.apply(CancelTask{1, id, "enough", 5s});
  CHECK(rig.state(id).status == TaskStatus::Leased);
  const auto answers = rig.apply(Heartbeat{5, 0, "a", {{id, task.token, ""}}});
  CHECK(std::get<HeartbeatAnswered>(answers.at(0).reply).cancelled == std::vector<TaskId>{id});
  CHECK(rig.report(task, true).accepted);
  CHECK(rig.state(id).status == TaskStatus::Succeeded);

  const auto second = rig.submit();
  task = take(rig);
  rig.apply(CancelTask{1, second, "enough", 5s});
  CHECK(rig.report(task, false, FailureClass::Cancelled).status_after == TaskStatus::Cancelled);
}

TEST_CASE("after the grace of a cancellation the task is over whatever its agent does", "[cancel]") {
  EngineRig rig;
  rig.join("a");
  const auto id = rig.submit();
  const auto task = take(rig);
  rig.apply(CancelTask{1, id, "enough", 3s});
  for (int i = 0; i < 4; ++i) {
    rig.beat(task, "a");
    rig.pass(1s);
  }
  CHECK(rig.state(id).status == TaskStatus::Cancelled);
  CHECK(rig.state(id).reason == "enough");
  CHECK_FALSE(rig.report(task, true).accepted);
  // Of one that nobody works on there is nothing to wait for.
  const auto queued = rig.submit();
  rig.apply(CancelTask{1, queued, "enough", 3s});
  CHECK(rig.state(queued).status == TaskStatus::Cancelled);
}

TEST_CASE("an attempt that ends by itself within the grace is not tried again, nor does its workflow go on", "[cancel]") {
  EngineRig rig;
  rig.join("a");
  TaskSpec spec;
  spec.first_state = "FeatureImplementation";
  const auto id = rig.submit(spec);
  const auto task = take(rig);
  rig.apply(CancelTask{1, id, "enough", 1min});
  CHECK(rig.report(task, true).status_after == TaskStatus::Cancelled);
  const auto silent = rig.submit();
  take(rig);
  rig.apply(CancelTask{1, silent, "enough", 1min});
  rig.pass(6s);  // never begun: taken back
  CHECK(rig.state(silent).status == TaskStatus::Cancelled);
}

TEST_CASE("a finished task is deleted unless somebody still builds on it", "[delete]") {
  EngineRig rig;
  rig.join("a");
  const auto first = rig.submit();
  TaskSpec after;
  after.depends_on = {first};
  after.key = {1, 1};
  const auto second = rig.submit(after);
  const auto error = [&](TaskId id) { return std::get<Error>(rig.apply(DeleteTasks{1, {id}}).at(0).reply).code; };
  CHECK(error(first) == Code::FailedPrecondition);
  CHECK(rig.report(take(rig), true).accepted);
  CHECK(error(first) == Code::FailedPrecondition);  // needed
  CHECK(rig.report(take(rig), true).accepted);
  const auto both = rig.apply(DeleteTasks{1, {first, second}});
  CHECK(std::get<TasksDeleted>(both.at(0).reply).tasks == std::vector<TaskId>{first, second});
  CHECK(rig.engine.tasks().empty());
  CHECK(error(first) == Code::NotFound);
  // Its idempotency key is free again.
  TaskSpec again;
  again.key = {1, 1};
  CHECK(rig.submit(again) != second);
}
