#include "adapters/grpc/access.hpp"

namespace swarm::analyst::adapters {

auth::AccessTable access_table() {
  using enum auth::Role;
  const auth::Roles operators{Operator};
  return {
      {"/analyst.Analyst/ReportFailure", {Agent, Operator}},
      {"/analyst.Analyst/ReportFailures", {Agent, Operator}},
      {"/analyst.Analyst/GetGoldenRules", {Viewer, Agent, Operator}},
      {"/analyst.Analyst/WatchGoldenRules", {Viewer, Agent, Operator}},
      {"/analyst.Analyst/ReportOutcomes", {Operator}},
      {"/analyst.Analyst/ListGroups", {Viewer, Operator}},
      {"/analyst.Analyst/ChangeRule", operators.audited()},
      {"/analyst.Analyst/ExplainGrouping", {Viewer, Operator}},
      {"/analyst.Analyst/ChangeGrouping", operators.audited()},
      {"/analyst.Analyst/ListGrouping", {Viewer, Operator}},
      {"/knowledge_journal.KnowledgeJournal/Resync", operators.audited()},
      {"/knowledge_journal.KnowledgeJournal/GetJournal", {Viewer, Operator}},
      {"/orchestrator.v1.AnalystService/OptimizePrompt", {Agent, Operator}},
      {"/orchestrator.v1.AnalystService/ClusterFailures", {Agent, Operator}},
      {"/orchestrator.AnalystService/ClusterFailures", {Agent, Operator}},
      {"/orchestrator.AnalystService/GenerateGoldenRules", {Agent, Operator}},
  };
}

}  // namespace swarm::analyst::adapters
