#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "protos/analyst.grpc.pb.h"
#include "protos/llm_gateway.grpc.pb.h"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl::testing {

/// A few tasks in memory behind the orchestrator's RPCs. It remembers the last request of each kind.
class FakeOrchestrator final : public orchestrator::Orchestrator::Service {
 public:
  grpc::Status SubmitTask(grpc::ServerContext*, const orchestrator::NewTask* request,
                          orchestrator::SubmitTaskResponse* response) override;
  grpc::Status SubmitTasks(grpc::ServerContext*, const orchestrator::SubmitTasksRequest* request,
                           orchestrator::SubmitTasksResponse* response) override;
  grpc::Status GetTask(grpc::ServerContext*, const orchestrator::TaskRef* request, orchestrator::Task* response) override;
  grpc::Status ListTasks(grpc::ServerContext*, const orchestrator::ListTasksRequest* request,
                         orchestrator::ListTasksResponse* response) override;
  grpc::Status CancelTask(grpc::ServerContext*, const orchestrator::CancelTaskRequest* request,
                          orchestrator::Task* response) override;
  grpc::Status ApproveTask(grpc::ServerContext*, const orchestrator::ApproveTaskRequest* request,
                           orchestrator::Task* response) override;
  /// Each call plays the next of `streams`: its events, then its status.
  grpc::Status WatchTasks(grpc::ServerContext*, const orchestrator::WatchTasksRequest* request,
                          grpc::ServerWriter<orchestrator::TaskEvent>* writer) override;
  grpc::Status ListAgents(grpc::ServerContext*, const orchestrator::ListAgentsRequest*,
                          orchestrator::ListAgentsResponse* response) override;
  grpc::Status SetDispatch(grpc::ServerContext*, const orchestrator::DispatchRequest* request,
                           orchestrator::DispatchState* response) override;
  grpc::Status GetDispatch(grpc::ServerContext* context, const orchestrator::DispatchQuery*,
                           orchestrator::DispatchState* response) override;

  struct Stream {
    std::vector<orchestrator::TaskEvent> events;
    grpc::Status status = grpc::Status::OK;
  };
  std::vector<orchestrator::Task> tasks;
  std::vector<Stream> streams;
  std::vector<orchestrator::AgentState> agents;
  orchestrator::NewTask submitted;
  orchestrator::ListTasksRequest listed;
  orchestrator::ApproveTaskRequest approved;
  orchestrator::DispatchState dispatch;
  std::string authorization;  // of the last GetDispatch
  std::vector<orchestrator::WatchTasksRequest> watched;
};

class FakeAnalyst final : public analyst::Analyst::Service {
 public:
  grpc::Status GetGoldenRules(grpc::ServerContext*, const analyst::RuleQuery* request,
                              analyst::RuleList* response) override;
  grpc::Status ListGroups(grpc::ServerContext*, const analyst::GroupQuery* request, analyst::GroupList* response) override;

  grpc::Status ChangeRule(grpc::ServerContext*, const analyst::RuleChangeRequest* request, analyst::GoldenRule* response) override;
  /// Counts every event id once; ends the stream after `batches_until_loss` batches, once.
  grpc::Status ReportFailures(grpc::ServerContext*, grpc::ServerReaderWriter<analyst::BatchAck, analyst::FailureBatch>* stream) override;

  std::map<std::string, analyst::FailureEvent> events;
  int batches_until_loss = -1;
  std::vector<analyst::GoldenRule> rules;
  analyst::GroupList groups;
};

class FakeGateway final : public llm_gateway::BudgetControl::Service {
 public:
  grpc::Status GetCurrentSpend(grpc::ServerContext*, const llm_gateway::Empty* request,
                               llm_gateway::SpendReport* response) override;
  grpc::Status ResetBudget(grpc::ServerContext*, const llm_gateway::Empty* request, llm_gateway::Ack* response) override;
  grpc::Status SetLimit(grpc::ServerContext*, const llm_gateway::LimitConfig* request, llm_gateway::Ack* response) override;
  grpc::Status ListScopes(grpc::ServerContext*, const llm_gateway::ScopeQuery* request,
                          llm_gateway::ScopeList* response) override;
  grpc::Status TryLimit(grpc::ServerContext*, const llm_gateway::TrialLimit* request, llm_gateway::TrialResult* response) override;
  grpc::Status ExplainRequest(grpc::ServerContext*, const llm_gateway::ExplainQuery* request, llm_gateway::Explanation* response) override;
  grpc::Status OverrideBudget(grpc::ServerContext*, const llm_gateway::OverrideRequest* request, llm_gateway::Ack* response) override;
  grpc::Status CreateKey(grpc::ServerContext*, const llm_gateway::NewKey* request, llm_gateway::KeySecret* response) override;
  grpc::Status RotateKey(grpc::ServerContext*, const llm_gateway::KeyRotation* request, llm_gateway::KeySecret* response) override;
  grpc::Status EndKey(grpc::ServerContext*, const llm_gateway::KeyEnd* request, llm_gateway::KeyInfo* response) override;
  grpc::Status ListKeys(grpc::ServerContext*, const llm_gateway::KeyQuery* request, llm_gateway::KeyList* response) override;
  /// Each call gives the next of `pages`.
  grpc::Status QuerySpend(grpc::ServerContext*, const llm_gateway::SpendQuery* request, llm_gateway::SpendPage* response) override;

  std::map<std::string, llm_gateway::SpendReport> scopes;
  std::map<std::string, llm_gateway::KeyInfo> keys;
  llm_gateway::OverrideRequest lift;
  llm_gateway::TrialLimit trial;
  llm_gateway::NewKey new_key;
  llm_gateway::KeyRotation rotation;
  std::vector<llm_gateway::SpendPage> pages;
  std::vector<llm_gateway::SpendQuery> spend_queries;
  llm_gateway::LimitConfig limit;
};

/// The three fakes behind one loopback port, which is what all three addresses may name.
struct FakeSwarm {
  explicit FakeSwarm(const std::shared_ptr<grpc::ServerCredentials>& credentials = grpc::InsecureServerCredentials());
  ~FakeSwarm() { server->Shutdown(); }

  FakeOrchestrator orchestrator;
  FakeAnalyst analyst;
  FakeGateway gateway;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

}  // namespace swarm::ctl::testing
