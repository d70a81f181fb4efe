#include "libs/rpc/trace.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

namespace swarm::rpc {

trace::Context trace_of(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto it = metadata.find("traceparent");
  if (it == metadata.end()) return trace::start();
  return trace::continue_or_start({it->second.data(), it->second.size()});
}

void carry_trace(grpc::ClientContext& context, const trace::Context& trace) {
  context.AddMetadata("traceparent", trace.child().traceparent());
}

}  // namespace swarm::rpc
