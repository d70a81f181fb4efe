#pragma once

#include <grpcpp/support/server_callback.h>

#include "adapters/grpc/mapping.hpp"
#include "adapters/grpc/reply_router.hpp"
#include "application/engine_loop.hpp"
#include "ports/stack_source.hpp"
#include "protos/orchestrator.pb.h"

namespace swarm::orchestrator::grpc_api {

/// What the streams of the service share.
struct StreamContext {
  EngineLoop& loop;
  ReplyRouter& router;
  const InputLimits& limits;
};

/// One agent's stream. The first message must be `join`. `call` is the one that it belongs to.
grpc::ServerBidiReactor<::orchestrator::WorkRequest, ::orchestrator::WorkResponse>* start_work_stream(
    StreamContext context, const grpc::CallbackServerContext& call);

/// Bulk submission: requests are taken and answered in their order, at most 64 of them under way. `stacks` may be null.
grpc::ServerBidiReactor<::orchestrator::SubmitTasksRequest, ::orchestrator::SubmitTasksResponse>* start_submit_stream(
    StreamContext context, const grpc::CallbackServerContext& call, StackSource* stacks);

}  // namespace swarm::orchestrator::grpc_api
