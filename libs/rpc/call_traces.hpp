#pragma once

#include <grpcpp/support/server_interceptor.h>

#include "libs/base/clock.hpp"

namespace swarm::rpc {

/// Makes a span of each call, as a child of the caller's, and of a stream when it ends; trace_of() then gives the call's own
/// position. Costs nothing while nobody wants spans, else also a little on each message of a stream. Health checks and reflection make none. Thread-safe; `clock` must outlive it.
class CallTraces final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallTraces(const Clock& clock) : clock_(clock) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override;

 private:
  const Clock& clock_;
};

}  // namespace swarm::rpc
