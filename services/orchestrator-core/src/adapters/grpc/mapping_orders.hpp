#pragma once

#include "adapters/grpc/mapping.hpp"

namespace swarm::orchestrator::grpc_api {

// What people order. Reasons are cut, not refused.
Result<CancelTask> to_cancel(const ::orchestrator::CancelTaskRequest& in, const InputLimits& limits);
Result<ApproveTask> to_approval(const ::orchestrator::ApproveTaskRequest& in, const InputLimits& limits);
/// Never refused: the kill switch works whatever is said about it.
DispatchState to_dispatch(const ::orchestrator::DispatchRequest& in, const InputLimits& limits);

}  // namespace swarm::orchestrator::grpc_api
