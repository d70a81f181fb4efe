#include "domain/flow_rounds.hpp"

#include <catch2/catch.hpp>

namespace swarm::orchestrator {
namespace {

const Workflow kFlow = Workflow::standard();
const BootTime kNow{std::chrono::hours(5)};

std::string step(FlowRounds& rounds, const std::string& state, bool success, const std::string& caller, BootTime now = kNow) {
  return rounds.step(*kFlow.find(state), success, caller, now);
}

/// Fails its review until the flow ends; how often it was sent back.
int fail_forever(FlowRounds& rounds, const std::function<std::string()>& caller) {
  for (int round = 0; round < 100; ++round) {
    if (step(rounds, "FeatureImplementation", true, caller()) != "CodeReview") return -1;
    if (step(rounds, "CodeReview", false, caller()).empty()) return round;
  }
  return 100;
}

}  // namespace

TEST_CASE("a flow that fails its checks forever ends after as many rounds as a task may take", "[flow]") {
  FlowRounds rounds;
  const auto bound = kFlow.find("CodeReview")->rounds_max;
  CHECK(fail_forever(rounds, [] { return "ipv4:127.0.0.1:4000"; }) == bound);
  CHECK(rounds.size() == 0);
  CHECK(fail_forever(rounds, [] { return "ipv4:127.0.0.1:4000"; }) == bound);
}

TEST_CASE("a client with a new connection for each call is bounded too", "[flow]") {
  FlowRounds rounds;
  int port = 4000;
  CHECK(fail_forever(rounds, [&] { return "ipv4:127.0.0.1:" + std::to_string(++port); }) == kFlow.find("CodeReview")->rounds_max);
  CHECK(fail_forever(rounds, [&] { return "ipv6:%5B::1%5D:" + std::to_string(++port); }) == kFlow.find("CodeReview")->rounds_max);
}

TEST_CASE("flows of other connections are not charged for one that loops", "[flow]") {
  FlowRounds rounds;
  const std::string looping = "ipv4:127.0.0.1:1";
  const std::string good = "ipv4:127.0.0.1:2";
  REQUIRE(step(rounds, "RequirementsDefinition", true, good) == "SystemDesign");
  for (int i = 0; i < 3; ++i) {
    REQUIRE(step(rounds, "FeatureImplementation", true, looping) == "CodeReview");
    REQUIRE(step(rounds, "CodeReview", false, looping) == "FeatureImplementation");
  }
  REQUIRE(step(rounds, "SystemDesign", true, good) == "FeatureImplementation");
  for (int i = 0; i < 5; ++i) {
    REQUIRE(step(rounds, "FeatureImplementation", true, good) == "CodeReview");
    REQUIRE(step(rounds, "CodeReview", false, good) == "FeatureImplementation");
  }
  REQUIRE(step(rounds, "FeatureImplementation", true, good) == "CodeReview");
  CHECK(step(rounds, "CodeReview", true, good) == "Deployment");
  CHECK(step(rounds, "Deployment", true, good).empty());
}

TEST_CASE("several flows over one connection share their rounds, and all of them end", "[flow]") {
  FlowRounds rounds;
  const std::string caller = "ipv4:10.0.0.1:9";
  int open = 4;
  int sent_back = 0;
  for (int i = 0; i < open; ++i) REQUIRE(step(rounds, "FeatureImplementation", true, caller) == "CodeReview");
  while (open > 0 && sent_back < 1000) {
    if (step(rounds, "CodeReview", false, caller).empty()) {
      --open;
    } else {
      ++sent_back;
      REQUIRE(step(rounds, "FeatureImplementation", true, caller) == "CodeReview");
    }
  }
  CHECK(open == 0);
  CHECK(sent_back == 4 * kFlow.find("CodeReview")->rounds_max);
}

TEST_CASE("a state without a way back ends the flow when it fails", "[flow]") {
  FlowRounds rounds;
  CHECK(step(rounds, "RequirementsDefinition", false, "ipv4:1.2.3.4:5").empty());
  CHECK(rounds.size() == 0);
}

TEST_CASE("what stands still is forgotten, and memory is bounded", "[flow]") {
  FlowRounds rounds;
  for (std::size_t i = 0; i < FlowRounds::kFlowsMax + 500; ++i) {
    step(rounds, "FeatureImplementation", true, "ipv4:10.0.0." + std::to_string(i) + ":1");
  }
  CHECK(rounds.size() == FlowRounds::kFlowsMax);
  step(rounds, "FeatureImplementation", true, "ipv4:9.9.9.9:1", kNow + FlowRounds::kForgetAfter + std::chrono::seconds(1));
  CHECK(rounds.size() == 1);
}

}  // namespace swarm::orchestrator
