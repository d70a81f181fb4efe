#include "domain/workflow.hpp"

#include <catch2/catch.hpp>

#include "domain/routing.hpp"

using namespace swarm::orchestrator;

namespace {

std::vector<std::string> faults(std::vector<WorkflowState> states) {
  return Workflow(std::move(states)).faults({"Coder", "Reviewer"});
}

}  // namespace

TEST_CASE("the standard workflow is sound and leads from requirements to deployment", "[workflow]") {
  const auto workflow = Workflow::standard();
  CHECK(workflow.faults(Workflow::standard_handlers()).empty());
  CHECK(workflow.leads_to("RequirementsDefinition", "Deployment"));
  CHECK_FALSE(workflow.leads_to("Deployment", "CodeReview"));
  CHECK(workflow.find("SystemDesign")->approval);
}

TEST_CASE("a faulty workflow is refused with the state at fault", "[workflow]") {
  CHECK(faults({{"A", "Nobody", "", "", false, 1}}).front() == "state A: unknown handler 'Nobody'");
  CHECK(faults({{"A", "Coder", "B", "", false, 1}}).front() == "state A: unknown target 'B'");
  CHECK(faults({{"A", "Coder", "", "C", false, 1}}).front() == "state A: unknown target 'C'");
  CHECK(faults({{"A", "Coder", "", "", false, 1}, {"B", "Coder", "", "", false, 1}}).front() ==
        "state B: can't be reached");
  CHECK(faults({{"A", "Coder", "B", "", false, 1}, {"B", "Coder", "A", "", false, 1}}).size() == 2);
  CHECK(faults({{"A", "Coder", "", "", false, 1}, {"A", "Coder", "", "", false, 1}}).front() ==
        "two states have the same name");
  CHECK(faults({{"A", "Coder", "B", "", false, 1}, {"B", "Reviewer", "", "A", false, 1}}).empty());
}

TEST_CASE("deployed agents are routed by task type and state", "[routing]") {
  const auto workflow = Workflow::standard();
  CHECK(handler_of(workflow, "FeatureImplementationTask") == "Coder");
  CHECK(handler_of(workflow, "CodeReview") == "Reviewer");
  CHECK(handler_of(workflow, "Task") == "Unknown");
  CHECK(handler_of(workflow, "make me a sandwich") == "Unknown");
  FlowRounds rounds;
  const auto next_state = [&](const Workflow& flow, const char* state, const char* action) {
    return swarm::orchestrator::next_state(flow, rounds, state, action, "ipv4:127.0.0.1:1", {});
  };
  CHECK(next_state(workflow, "FeatureImplementation", "success").value() == "CodeReview");
  CHECK(next_state(workflow, "CodeReview", "on_failure").value() == "FeatureImplementation");
  CHECK(next_state(workflow, "Deployment", "on_success").value() == "None");
  // "Try again" without a count of rounds would never end.
  CHECK(next_state(workflow, "FeatureImplementation", "failure").value() == "None");
  CHECK(next_state(workflow, "CodeReview", "maybe").error().code == swarm::Code::InvalidArgument);
  CHECK(next_state(workflow, "Lunch", "success").error().code == swarm::Code::NotFound);
}
