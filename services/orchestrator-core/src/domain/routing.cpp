#include "domain/routing.hpp"

#include "domain/text_cut.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::string_view kSuffix = "Task";

const WorkflowState* state_of(const Workflow& workflow, std::string_view name) {
  if (const auto* state = workflow.find(name)) return state;
  if (!name.ends_with(kSuffix)) return nullptr;
  return workflow.find(name.substr(0, name.size() - kSuffix.size()));
}

}  // namespace

std::string handler_of(const Workflow& workflow, std::string_view task_type) {
  const auto* state = state_of(workflow, task_type);
  return state == nullptr ? "Unknown" : state->handler;
}

Result<std::string> next_state(const Workflow& workflow, FlowRounds& rounds, std::string_view current, std::string_view action,
                               std::string_view caller, BootTime now) {
  const auto* state = state_of(workflow, current);
  if (state == nullptr) return Error{Code::NotFound, "no workflow state '" + first_line(current, 60) + "'"};
  const bool success = action == "success" || action == "on_success";
  if (!success && action != "failure" && action != "on_failure") {
    return Error{Code::InvalidArgument, "action '" + first_line(action, 40) + "' is neither success nor failure"};
  }
  auto next = rounds.step(*state, success, caller, now);
  return next.empty() ? std::string("None") : next;
}

}  // namespace swarm::orchestrator
