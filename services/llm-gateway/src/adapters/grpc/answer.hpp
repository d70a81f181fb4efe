#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "libs/base/result.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::gateway {

/// Ends a unary call at once.
inline grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, const Result<void>& result) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(result ? grpc::Status::OK : rpc::to_status(result.error()));
  return reactor;
}

}  // namespace swarm::gateway
