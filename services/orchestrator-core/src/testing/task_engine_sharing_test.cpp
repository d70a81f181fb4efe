#include <catch2/catch.hpp>

#include "testing/engine_rig.hpp"

using namespace swarm;
using namespace swarm::orchestrator;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

TaskSpec of_tenant(const std::string& tenant, int priority = 0) {
  TaskSpec spec;
  spec.tenant = tenant;
  spec.priority = priority;
  return spec;
}

TaskSpec with_key(const std::string& key, int max, const std::string& tenant = "") {
  TaskSpec spec = of_tenant(tenant);
  TaskTerms terms;
  terms.concurrency_key = key;
  terms.concurrency_max = max;
  spec.terms = std::make_shared<TaskTerms>(terms);
  return spec;
}

}  // namespace

TEST_CASE("a tenant with a long queue does not hold up the others", "[fairness]") {
  orchestrator::testing::EngineRig rig;
  for (int i = 0; i < 50; ++i) rig.submit(of_tenant("loud"));
  for (int i = 0; i < 3; ++i) rig.submit(of_tenant("quiet"));
  std::string order;
  for (int i = 0; i < 8; ++i) {
    const auto agent = "a" + std::to_string(i);
    rig.join(agent);
    const auto task = rig.poll(agent);
    REQUIRE(task);
    order += task->task.spec->tenant[0];
  }
  CHECK(order == "lqlqlqll");
  CHECK(rig.engine.loads() == TenantLoads{{"loud", 5}, {"quiet", 3}});
}

TEST_CASE("priority goes before fairness", "[fairness]") {
  orchestrator::testing::EngineRig rig;
  for (int i = 0; i < 3; ++i) rig.submit(of_tenant("loud", 1));
  rig.submit(of_tenant("quiet"));
  for (const auto* agent : {"a", "b", "c"}) {
    rig.join(agent);
    CHECK(rig.poll(agent)->task.spec->tenant == "loud");
  }
}

TEST_CASE("tasks with one concurrency key take turns, by priority and age", "[concurrency]") {
  orchestrator::testing::EngineRig rig;
  const TaskId first = rig.submit(with_key("db", 1));
  const TaskId second = rig.submit(with_key("db", 1));
  const TaskId third = rig.submit(with_key("db", 1));
  const TaskId other_tenant = rig.submit(with_key("db", 1, "red"));
  rig.join("a");
  rig.join("b");
  rig.join("c");
  const auto a = rig.poll("a");
  REQUIRE(a);
  CHECK(a->task.spec->id == first);
  CHECK(rig.poll("b")->task.spec->id == other_tenant);
  CHECK_FALSE(rig.poll("c"));
  for (const TaskId id : {second, third}) {
    CHECK(rig.state(id).status == TaskStatus::Blocked);
    CHECK(rig.state(id).blocked == Blocked::Concurrency);
  }
  rig.report(*a, true);
  CHECK(rig.state(second).status == TaskStatus::Queued);
  CHECK(rig.state(third).status == TaskStatus::Blocked);
  // The one that was let through goes away without having been in work.
  rig.apply(CancelTask{1, second, ""});
  CHECK(rig.state(third).status == TaskStatus::Queued);
  CHECK(rig.poll("a")->task.spec->id == third);
}

TEST_CASE("a lost lease frees its concurrency key", "[concurrency]") {
  orchestrator::testing::EngineRig rig;
  rig.submit(with_key("db", 2));
  rig.submit(with_key("db", 2));
  const TaskId third = rig.submit(with_key("db", 2));
  for (const auto* agent : {"a", "b", "c"}) rig.join(agent);
  REQUIRE(rig.poll("a"));
  REQUIRE(rig.poll("b"));
  CHECK_FALSE(rig.poll("c"));
  CHECK(rig.state(third).status == TaskStatus::Blocked);
  rig.pass(seconds(5));  // nobody began
  CHECK(rig.state(third).status == TaskStatus::Queued);
}

TEST_CASE("an agent's permissions can be changed under it", "[permissions]") {
  orchestrator::testing::EngineRig rig;
  TaskSpec spec;
  spec.permissions = {"deploy"};
  const TaskId id = rig.submit(spec);
  rig.join("a");
  CHECK_FALSE(rig.poll("a"));
  rig.apply(PutPermissions{"a", {"deploy"}});
  const auto task = rig.poll("a");
  REQUIRE(task);
  CHECK(task->task.spec->id == id);
  rig.apply(PutPermissions{"a", {}});
  CHECK(rig.report(*task, true).accepted);
  const TaskId next = rig.submit(spec);
  CHECK_FALSE(rig.poll("a"));
  CHECK(rig.state(next).status == TaskStatus::Queued);
  rig.apply(PutPermissions{"nobody", {"deploy"}});
}

TEST_CASE("what the swarm requires of a task or of a workflow state keeps agents out until they have it", "[permissions]") {
  orchestrator::testing::EngineRig rig;
  const TaskId plain = rig.submit(TaskSpec{});
  TaskSpec spec;
  spec.first_state = "Deployment";
  const TaskId deployment = rig.submit(spec);
  rig.apply(PutRequired{RequiredPermissions({{text(plain), {"secrets"}}, {"DeploymentTask", {"deploy"}}})});
  rig.join("a");
  CHECK_FALSE(rig.poll("a"));
  CHECK(rig.engine.queued() == 2);
  rig.apply(PutPermissions{"a", {"deploy"}});
  const auto first = rig.poll("a");
  REQUIRE(first);
  CHECK(first->task.spec->id == deployment);
  rig.join("b");
  CHECK_FALSE(rig.poll("b"));
  // No longer required: anybody gets it, and nothing is lost from the queues.
  rig.apply(PutRequired{});
  const auto second = rig.poll("b");
  REQUIRE(second);
  CHECK(second->task.spec->id == plain);
  CHECK(rig.engine.queued() == 0);
}

TEST_CASE("what is required of every task keeps all of them back, and lets all of them go", "[permissions]") {
  orchestrator::testing::EngineRig rig;
  RequiredPermissions::BySubject of_all;
  of_all["*"] = {"not known yet"};
  rig.apply(PutRequired{RequiredPermissions(of_all)});
  rig.join("a");
  const TaskId task = rig.submit(TaskSpec{});
  CHECK_FALSE(rig.poll("a"));
  CHECK(rig.state(task).status == TaskStatus::Queued);
  rig.apply(PutRequired{});
  CHECK(rig.poll("a"));
}
