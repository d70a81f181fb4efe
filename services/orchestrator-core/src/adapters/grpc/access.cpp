#include "adapters/grpc/access.hpp"

namespace swarm::orchestrator::grpc_api {

auth::AccessTable access_table() {
  using auth::Role;
  const auth::Roles agents{Role::Agent};
  const auth::Roles submitters{Role::Agent, Role::Operator};
  const auth::Roles operators{Role::Operator};
  const auto steering = operators.audited();
  const auth::Roles everybody{Role::Viewer, Role::Agent, Role::Operator};
  const std::string core = "/orchestrator.Orchestrator/";
  return {
      {core + "RegisterAgent", agents},      {core + "PollTask", agents},
      {core + "SubmitResult", agents},       {core + "Heartbeat", agents},
      {core + "Work", agents},               {core + "SubmitTask", submitters},
      {core + "SubmitTasks", submitters},    {core + "SubmitStream", submitters},
      {core + "GetTask", everybody},         {core + "ListTasks", everybody},
      {core + "WatchTasks", everybody},      {core + "ListAgents", everybody},
      {core + "GetDispatch", everybody},     {core + "WhyNotScheduled", everybody},
      {core + "ExplainDecision", everybody}, {core + "RedriveTasks", steering},
      {core + "DeleteTask", steering},      {core + "SetHold", steering},         {core + "ListHolds", everybody},
      {core + "PutSchedule", steering},     {core + "PauseSchedule", steering},   {core + "DeleteSchedule", steering},
      {core + "ListSchedules", everybody},
      {core + "UploadArtifact", agents},     {core + "GetUploadOffset", agents},
      {core + "ListArtifacts", everybody},
      {core + "DownloadArtifact", everybody},
      {core + "CancelTask", steering},      {core + "ApproveTask", steering},     {core + "SetDispatch", steering},
      {"/knowledge_journal.KnowledgeJournal/Resync", steering},
      {"/knowledge_journal.KnowledgeJournal/GetJournal", {Role::Viewer, Role::Operator}},
      {"/orchestrator.OrchestratorService/RouteTask", everybody},
      {"/orchestrator.OrchestratorService/ManageStateGraph", everybody},
      {"/orchestrator.v1.OrchestratorService/RouteTask", everybody},
      {"/orchestrator.v1.OrchestratorService/ManageStateGraph", everybody},
  };
}

}  // namespace swarm::orchestrator::grpc_api
