#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"
#include "protos/analyst.pb.h"

namespace swarm::ctl {

/// A failure from one line of JSON: error_log, and agent_id, task_id, role, stack, attempt, event_id if they are there;
/// other keys are left alone. Without an event_id it gets one from the line's number and content, so that the same line of
/// the same file is the same event however often it is sent. A log beyond 8 MiB loses its middle. Errors: InvalidArgument.
Result<analyst::FailureEvent> failure_of_json(std::string_view line, std::uint64_t number);

}  // namespace swarm::ctl
