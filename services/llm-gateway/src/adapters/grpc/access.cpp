#include "adapters/grpc/access.hpp"

namespace swarm::gateway {

auth::AccessTable access_table() {
  using auth::Roles;
  using enum auth::Role;
  const auth::Roles admins{};
  return {
      {"/llm_gateway.BudgetControl/GetCurrentSpend", {Viewer, Agent, Operator}},
      {"/llm_gateway.BudgetControl/ResetBudget", admins.audited()},
      {"/llm_gateway.BudgetControl/SetLimit", admins.audited()},
      {"/llm_gateway.BudgetControl/ListScopes", {Viewer, Operator}},
      {"/llm_gateway.BudgetControl/WatchScopes", {Viewer, Operator}},
      {"/llm_gateway.BudgetControl/SetTaskBudget", {Operator}},
      {"/knowledge_journal.KnowledgeJournal/Resync", Roles{Operator}.audited()},
      {"/knowledge_journal.KnowledgeJournal/GetJournal", {Viewer, Operator}},
      {"/llm_gateway.BudgetControl/OverrideBudget", admins.audited()},
      {"/llm_gateway.BudgetControl/CreateKey", admins.audited()},
      {"/llm_gateway.BudgetControl/RotateKey", admins.audited()},
      {"/llm_gateway.BudgetControl/EndKey", admins.audited()},
      {"/llm_gateway.BudgetControl/ListKeys", {Operator}},
      {"/llm_gateway.BudgetControl/QuerySpend", {Viewer, Operator}},
      {"/llm_gateway.BudgetControl/TryLimit", {Viewer, Operator}},
      {"/llm_gateway.BudgetControl/ExplainRequest", {Viewer, Operator}},
      {"/orchestrator.v1.LlmGatewayService/Complete", {Agent, Operator}},
      {"/orchestrator.LlmGatewayService/Complete", {Agent, Operator}},
  };
}

}  // namespace swarm::gateway
