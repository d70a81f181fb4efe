#pragma once

#include <functional>

#include "domain/command.hpp"
#include "ports/stack_source.hpp"

namespace swarm::orchestrator::grpc_api {

/// Has the stacks looked up of those tasks that name none and whose text tells none, of the first 64 of a submission.
/// True: `go_on` gets the submission later, on another thread. False: there is nothing to look up or nobody to ask now,
/// and the submission is as it was.
bool look_stacks_up(StackSource* source, SubmitTasks& submission, std::function<void(SubmitTasks)> go_on);

}  // namespace swarm::orchestrator::grpc_api
