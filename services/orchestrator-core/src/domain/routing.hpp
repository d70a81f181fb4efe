#pragma once

#include <string>
#include <string_view>

#include "domain/workflow.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// The handler of a task type ("FeatureImplementationTask") or state name; "Unknown" when there is none.
std::string handler_of(const Workflow& workflow, std::string_view task_type);

/// The state after `current` for an action (success, failure, on_success, on_failure); "None" at the end of the flow. A
/// state without a failure edge of its own ends the flow: whoever asks keeps no count of rounds, so "try again" would
/// never end. InvalidArgument for an unknown action, NotFound for an unknown state.
Result<std::string> next_state(const Workflow& workflow, std::string_view current, std::string_view action);

}  // namespace swarm::orchestrator
