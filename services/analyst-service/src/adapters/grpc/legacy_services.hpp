#pragma once

#include "application/analyzers.hpp"
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
  AnalystServiceV2(rpc::Gate& gate, application::Analyzers& analyzers) : gate_(gate), analyzers_(analyzers) {}
  /// A JSON object: kind id → {"role", "note", "stack", "cause", "count", "exec_ids"}, in the order of first appearance.
  grpc::ServerUnaryReactor* ClusterFailures(grpc::CallbackServerContext*, const ::orchestrator::ClusterRequest*, ::orchestrator::ClusterResponse*) override;
  /// The template's rule for the note; the client's 3 s leave no room for a model.
  grpc::ServerUnaryReactor* GenerateGoldenRules(grpc::CallbackServerContext*, const ::orchestrator::RuleRequest*, ::orchestrator::RuleResponse*) override;

 private:
  rpc::Gate& gate_;
  application::Analyzers& analyzers_;
};

}  // namespace swarm::analyst::adapters
