#pragma once

#include <string>
#include <string_view>

#include "domain/flow_rounds.hpp"
#include "domain/workflow.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// The handler of a task type ("FeatureImplementationTask") or state name; "Unknown" when there is none.
std::string handler_of(const Workflow& workflow, std::string_view task_type);

/// The state after `current` for an action (success, failure, on_success, on_failure); "None" at the end of the flow,
/// which also comes when `caller`'s flow has gone back too often, and at a failed state without a failure edge.
/// InvalidArgument for an unknown action, NotFound for an unknown state.
Result<std::string> next_state(const Workflow& workflow, FlowRounds& rounds, std::string_view current, std::string_view action,
                               std::string_view caller, BootTime now);

}  // namespace swarm::orchestrator
