#pragma once

#include "application/completion_desk.hpp"
#include "libs/rpc/gate.hpp"
#include "libs/rpc/pending_calls.hpp"
#include "protos/compat/orchestrator_legacy.grpc.pb.h"
#include "protos/compat/orchestrator_v1.grpc.pb.h"

namespace swarm::gateway {

/// LlmGatewayService of one of the two generations of agents. `Service` is the generated callback service. Callers give
/// their key as metadata x-api-key and their task as x-swarm-task-id; without a key, `anonymous` pays. Thread-safe.
template <class Service, class Request, class Response>
class CompletionService final : public Service {
 public:
  CompletionService(rpc::Gate& gate, CompletionDesk& desk, const Principal* anonymous, std::string_view method)
      : gate_(gate), desk_(desk), anonymous_(anonymous), method_(method) {}

  /// Ends the calls that wait; their completions finish and wait for a retry.
  void drain() { calls_.fail_all(Error{Code::Unavailable, "this server is shutting down; try again"}); }

  grpc::ServerUnaryReactor* Complete(grpc::CallbackServerContext* context, const Request* request, Response* response) override;

 private:
  rpc::Gate& gate_;
  CompletionDesk& desk_;
  const Principal* anonymous_;
  std::string method_;
  rpc::PendingCalls<Response> calls_;
};

using CompletionServiceV1 = CompletionService<::orchestrator::v1::LlmGatewayService::CallbackService,
                                              ::orchestrator::v1::CompletionRequest, ::orchestrator::v1::CompletionResponse>;
using CompletionServiceV2 = CompletionService<::orchestrator::LlmGatewayService::CallbackService,
                                              ::orchestrator::CompletionRequest, ::orchestrator::CompletionResponse>;

}  // namespace swarm::gateway
