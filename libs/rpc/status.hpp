#pragma once

#include <grpcpp/support/status.h>

#include "libs/base/result.hpp"

namespace swarm::rpc {

/// The one place where errors become gRPC statuses, and back.
grpc::Status to_status(const Error& error);
Error from_status(const grpc::Status& status);

}  // namespace swarm::rpc
