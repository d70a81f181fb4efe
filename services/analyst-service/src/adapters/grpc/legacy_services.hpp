#pragma once

#include "application/analyzers.hpp"
#include "application/rule_desk.hpp"
#include "libs/rpc/gate.hpp"
#include "protos/compat/orchestrator_legacy.grpc.pb.h"
#include "protos/compat/orchestrator_v1.grpc.pb.h"

namespace swarm::analyst::adapters {

/// orchestrator.v1.AnalystService, as agents of the first generation call it. Nothing is counted or stored.
class AnalystServiceV1 final : public ::orchestrator::v1::AnalystService::CallbackService {
 public:
  AnalystServiceV1(rpc::Gate& gate, application::Analyzers& analyzers) : gate_(gate), analyzers_(analyzers) {}
  grpc::ServerUnaryReactor* OptimizePrompt(grpc::CallbackServerContext*, const ::orchestrator::v1::PromptRequest*, ::orchestrator::v1::PromptResponse*) override;
  /// One masked cause per cluster, in the order of first appearance.
  grpc::ServerUnaryReactor* ClusterFailures(grpc::CallbackServerContext*, const ::orchestrator::v1::FailuresRequest*, ::orchestrator::v1::ClustersResponse*) override;

 private:
  rpc::Gate& gate_;
  application::Analyzers& analyzers_;
};

/// orchestrator.AnalystService, as agents of the second generation call it. Nothing is counted or stored.
class AnalystServiceV2 final : public ::orchestrator::AnalystService::CallbackService {
 public:
  /// `desk` is null where no model words rules.
  AnalystServiceV2(rpc::Gate& gate, application::Analyzers& analyzers, const application::RuleBoard& board, application::RuleDesk* desk)
      : gate_(gate), analyzers_(analyzers), board_(board), desk_(desk) {}
  /// A JSON object: kind id → {"role", "note", "stack", "cause", "count", "exec_ids"}, in the order of first appearance.
  grpc::ServerUnaryReactor* ClusterFailures(grpc::CallbackServerContext*, const ::orchestrator::ClusterRequest*, ::orchestrator::ClusterResponse*) override;
  /// The active rule for what the note tells; else a model's draft, once there is one; until then the template's text, as
  /// the client's 3 s leave no room for a model.
  grpc::ServerUnaryReactor* GenerateGoldenRules(grpc::CallbackServerContext*, const ::orchestrator::RuleRequest*, ::orchestrator::RuleResponse*) override;

 private:
  std::string rule_for(const ::orchestrator::RuleRequest& request);

  rpc::Gate& gate_;
  application::Analyzers& analyzers_;
  const application::RuleBoard& board_;
  application::RuleDesk* desk_;
};

}  // namespace swarm::analyst::adapters
