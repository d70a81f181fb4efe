#pragma once

#include <grpcpp/support/server_interceptor.h>

#include "libs/telemetry/metrics.hpp"

namespace swarm::rpc {

/// Counts every unary and server-streaming call: grpc_server_handled_total{grpc_service,grpc_method,grpc_code} and
/// grpc_server_handling_seconds{grpc_service,grpc_method}; writes a line, at most 20 a second, for each that was refused or
/// failed; and answers InvalidArgument to what can't be read as the method's request. Streams in both directions carry the hot paths and are counted
/// by their services instead, since an interceptor costs on every message. Thread-safe.
class CallMetrics final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallMetrics(metrics::Registry& registry) : registry_(registry) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override;

 private:
  metrics::Registry& registry_;
};

}  // namespace swarm::rpc
