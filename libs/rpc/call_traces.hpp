#pragma once

#include <grpcpp/support/server_interceptor.h>

#include "libs/base/clock.hpp"

namespace swarm::rpc {

/// Makes a span of each unary and server-streaming call, as a child of the caller's; trace_of() then gives the call's own
/// position. Costs nothing while nobody wants spans. Health checks and reflection make none. Thread-safe; `clock` must outlive it.
class CallTraces final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallTraces(const Clock& clock) : clock_(clock) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override;

 private:
  const Clock& clock_;
};

}  // namespace swarm::rpc
