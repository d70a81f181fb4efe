#pragma once

#include <grpcpp/support/status.h>

#include <string_view>

namespace grpc {
class ServerContextBase;
}

namespace swarm::rpc {

/// One line for a call that was answered with an error, at most 20 a second of all methods; who hangs up or runs out of
/// time leaves none. A message over the size limit is told by oversize_log. Thread-safe.
void log_refusal(std::string_view method, const grpc::Status& status, const grpc::ServerContextBase& context);

}  // namespace swarm::rpc
