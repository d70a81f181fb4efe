#include <catch2/catch.hpp>

#include "testing/engine_rig.hpp"

using namespace swarm::orchestrator;
using swarm::orchestrator::testing::EngineRig;

namespace {

AttachArtifact file_of(const Assigned& task, std::string name, char digit) {
  AttachArtifact out;
  out.call = 7;
  out.task = task.task.spec->id;
  out.token = task.token;
  out.artifact.name = std::move(name);
  out.artifact.sha256 = std::string(64, digit);
  out.artifact.bytes = 10;
  return out;
}

bool attached(EngineRig& rig, AttachArtifact file) {
  return std::holds_alternative<ArtifactAttached>(rig.apply(std::move(file)).at(0).reply);
}

ResultAnswer succeed(EngineRig& rig, const Assigned& task, std::vector<ArtifactRef> files, std::string remark = "") {
  ResultReport result;
  result.task = task.task.spec->id;
  result.token = task.token;
  result.success = true;
  result.texts = std::make_shared<ResultTexts>();
  result.artifacts = std::move(files);
  result.remark = std::move(remark);
  auto answers = rig.apply(ReportResults{9, 0, {std::move(result)}});
  return std::get<ResultsAnswered>(answers.at(0).reply).answers.at(0);
}

}  // namespace

TEST_CASE("a file is the attempt's only under its lease, and a sign of its agent", "[artifact]") {
  EngineRig rig;
  rig.join("a");
  const auto id = rig.submit();
  const auto first = rig.poll("a");
  REQUIRE(first);
  CHECK(rig.state(id).status == TaskStatus::Leased);
  REQUIRE(attached(rig, file_of(*first, "zip", '1')));
  CHECK(rig.state(id).status == TaskStatus::Running);
  auto stale = file_of(*first, "zip", '2');
  stale.token = {1, 2};
  CHECK_FALSE(attached(rig, stale));
  stale.token = {};
  CHECK_FALSE(attached(rig, stale));
  rig.report(*first, false);
  CHECK_FALSE(attached(rig, file_of(*first, "zip", '2')));
  CHECK(rig.state(id).artifacts->size() == 1);
}

TEST_CASE("a success counts only with the files that it names, and makes them the task's", "[artifact]") {
  EngineRig rig;
  rig.join("a");
  TaskSpec spec;
  spec.max_attempts = 2;
  const auto id = rig.submit(std::move(spec));
  const auto first = rig.poll("a");
  REQUIRE(first);
  REQUIRE(attached(rig, file_of(*first, "left", '1')));
  rig.report(*first, false, FailureClass::Transient);
  rig.pass(std::chrono::minutes(1));
  const auto second = rig.poll("a");
  REQUIRE(second);
  REQUIRE(attached(rig, file_of(*second, "zip", '2')));
  CHECK(succeed(rig, *second, {{"left", std::string(64, '1'), 10}}).error);
  CHECK(succeed(rig, *second, {{"zip", std::string(64, '3'), 10}}).error);
  CHECK(succeed(rig, *second, {{"zip", std::string(64, '2'), 11}}).error);
  CHECK_FALSE(is_final(rig.state(id).status));
  CHECK(succeed(rig, *second, {{"zip", std::string(64, '2'), 10}}).accepted);
  REQUIRE(rig.state(id).artifacts->size() == 1);
  CHECK(rig.state(id).artifacts->front().name == "zip");
  CHECK(rig.state(id).artifacts->front().accepted);
}

TEST_CASE("what stands against a result goes into the history before its end", "[artifact]") {
  EngineRig rig;
  rig.join("a");
  rig.submit();
  const auto task = rig.poll("a");
  CHECK(succeed(rig, *task, {}, "golden rule r: broken").accepted);
  REQUIRE(rig.history.size() >= 2);
  CHECK(rig.history[rig.history.size() - 2].reason == "golden rule r: broken");
  CHECK(rig.history.back().to == TaskStatus::Succeeded);
}
