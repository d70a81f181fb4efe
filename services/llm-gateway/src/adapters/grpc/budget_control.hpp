#pragma once

#include <memory>

#include "application/budget_desk.hpp"
#include "application/explanations.hpp"
#include "application/key_desk.hpp"
#include "application/spend_reports.hpp"
#include "libs/rpc/gate.hpp"
#include "protos/llm_gateway.grpc.pb.h"

namespace swarm::gateway {

class ScopeStreams;

/// BudgetControl over the budget desk. Thread-safe.
class BudgetControlService final : public ::llm_gateway::BudgetControl::CallbackService {
 public:
  BudgetControlService(rpc::Gate& gate, BudgetDesk& desk, KeyDesk& keys, SpendReports& reports, Explanations& explanations,
                       const Clock& clock);
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
  grpc::ServerUnaryReactor* CreateKey(grpc::CallbackServerContext* context, const ::llm_gateway::NewKey* request,
                                      ::llm_gateway::KeySecret* response) override;
  grpc::ServerUnaryReactor* RotateKey(grpc::CallbackServerContext* context, const ::llm_gateway::KeyRotation* request,
                                      ::llm_gateway::KeySecret* response) override;
  grpc::ServerUnaryReactor* EndKey(grpc::CallbackServerContext* context, const ::llm_gateway::KeyEnd* request,
                                   ::llm_gateway::KeyInfo* response) override;
  grpc::ServerUnaryReactor* ListKeys(grpc::CallbackServerContext* context, const ::llm_gateway::KeyQuery* request,
                                     ::llm_gateway::KeyList* response) override;
  grpc::ServerUnaryReactor* OverrideBudget(grpc::CallbackServerContext* context, const ::llm_gateway::OverrideRequest* request,
                                           ::llm_gateway::Ack* response) override;
  grpc::ServerUnaryReactor* QuerySpend(grpc::CallbackServerContext* context, const ::llm_gateway::SpendQuery* request,
                                       ::llm_gateway::SpendPage* response) override;
  grpc::ServerUnaryReactor* TryLimit(grpc::CallbackServerContext* context, const ::llm_gateway::TrialLimit* request,
                                     ::llm_gateway::TrialResult* response) override;
  grpc::ServerUnaryReactor* ExplainRequest(grpc::CallbackServerContext* context, const ::llm_gateway::ExplainQuery* request,
                                           ::llm_gateway::Explanation* response) override;

 private:
  rpc::Gate& gate_;
  BudgetDesk& desk_;
  KeyDesk& keys_;
  SpendReports& reports_;
  Explanations& explanations_;
  const Clock& clock_;
  std::unique_ptr<ScopeStreams> streams_;
};

}  // namespace swarm::gateway
