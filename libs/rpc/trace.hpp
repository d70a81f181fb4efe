#pragma once

#include "libs/telemetry/trace.hpp"

namespace grpc {
class ClientContext;
class ServerContextBase;
}  // namespace grpc

namespace swarm::rpc {

/// The caller's trace from its traceparent metadata, or a new one.
trace::Context trace_of(const grpc::ServerContextBase& context);

/// Sends the trace along with a call to another service, as a child.
void carry_trace(grpc::ClientContext& context, const trace::Context& trace);

}  // namespace swarm::rpc
