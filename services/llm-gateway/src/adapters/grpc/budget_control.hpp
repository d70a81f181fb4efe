#pragma once

#include <memory>

#include "application/budget_desk.hpp"
#include "libs/rpc/gate.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::gateway {

class ScopeStreams;

/// BudgetControl over the budget desk. Thread-safe.
class BudgetControlService final : public ::llm_gateway::BudgetControl::CallbackService {
 public:
  BudgetControlService(rpc::Gate& gate, BudgetDesk& desk);
  ~BudgetControlService() override;
  /// Ends open watches with UNAVAILABLE.
  void drain();

  grpc::ServerUnaryReactor* GetCurrentSpend(grpc::CallbackServerContext* context, const ::llm_gateway::Empty* request,
                                            ::llm_gateway::SpendReport* response) override;
  grpc::ServerUnaryReactor* ResetBudget(grpc::CallbackServerContext* context, const ::llm_gateway::Empty* request,
                                        ::llm_gateway::Ack* response) override;
  grpc::ServerUnaryReactor* SetLimit(grpc::CallbackServerContext* context, const ::llm_gateway::LimitConfig* request,
                                     ::llm_gateway::Ack* response) override;
  grpc::ServerUnaryReactor* ListScopes(grpc::CallbackServerContext* context, const ::llm_gateway::ScopeQuery* request,
                                       ::llm_gateway::ScopeList* response) override;
  grpc::ServerWriteReactor<::llm_gateway::ScopeEvent>* WatchScopes(grpc::CallbackServerContext* context,
                                                                   const ::llm_gateway::ScopeQuery* request) override;
  grpc::ServerUnaryReactor* SetTaskBudget(grpc::CallbackServerContext* context, const ::llm_gateway::TaskBudget* request,
                                          ::llm_gateway::Ack* response) override;

 private:
  rpc::Gate& gate_;
  BudgetDesk& desk_;
  std::unique_ptr<ScopeStreams> streams_;
};

}  // namespace swarm::gateway
