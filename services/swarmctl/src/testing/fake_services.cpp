#include "testing/fake_services.hpp"

namespace swarm::ctl::testing {
namespace {

grpc::Status no_task(const std::string& id) { return {grpc::StatusCode::NOT_FOUND, "no task id=" + id}; }

orchestrator::Task* find(std::vector<orchestrator::Task>& tasks, const std::string& id) {
  for (auto& task : tasks) {
    if (task.task_id() == id) return &task;
  }
  return nullptr;
}

}  // namespace

grpc::Status FakeOrchestrator::SubmitTask(grpc::ServerContext*, const orchestrator::NewTask* request,
                                          orchestrator::SubmitTaskResponse* response) {
  submitted = *request;
  response->set_created(find(tasks, "t-" + request->description()) == nullptr);
  response->set_task_id("t-" + request->description());
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::SubmitTasks(grpc::ServerContext*, const orchestrator::SubmitTasksRequest* request,
                                           orchestrator::SubmitTasksResponse* response) {
  for (const auto& task : request->tasks()) SubmitTask(nullptr, &task, response->add_tasks());
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetTask(grpc::ServerContext*, const orchestrator::TaskRef* request,
                                       orchestrator::Task* response) {
  const auto* task = find(tasks, request->task_id());
  if (task == nullptr) return no_task(request->task_id());
  *response = *task;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::ListTasks(grpc::ServerContext*, const orchestrator::ListTasksRequest* request,
                                         orchestrator::ListTasksResponse* response) {
  listed = *request;
  std::size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  for (; at < tasks.size() && response->tasks_size() < request->page_size(); ++at) *response->add_tasks() = tasks[at];
  if (at < tasks.size()) response->set_next_page_token(std::to_string(at));
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::CancelTask(grpc::ServerContext*, const orchestrator::CancelTaskRequest* request,
                                          orchestrator::Task* response) {
  auto* task = find(tasks, request->task_id());
  if (task == nullptr) return no_task(request->task_id());
  task->set_status(orchestrator::CANCELLED);
  *response = *task;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::ApproveTask(grpc::ServerContext*, const orchestrator::ApproveTaskRequest* request,
                                           orchestrator::Task* response) {
  approved = *request;
  auto* task = find(tasks, request->task_id());
  if (task == nullptr) return no_task(request->task_id());
  task->set_status(request->approve() ? orchestrator::QUEUED : orchestrator::DEAD);
  *response = *task;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::WatchTasks(grpc::ServerContext*, const orchestrator::WatchTasksRequest* request,
                                          grpc::ServerWriter<orchestrator::TaskEvent>* writer) {
  watched.push_back(*request);
  if (watched.size() > streams.size()) return {grpc::StatusCode::INTERNAL, "no more streams"};
  const Stream& stream = streams[watched.size() - 1];
  for (const auto& event : stream.events) writer->Write(event);
  return stream.status;
}

grpc::Status FakeOrchestrator::ListAgents(grpc::ServerContext*, const orchestrator::ListAgentsRequest*,
                                          orchestrator::ListAgentsResponse* response) {
  for (const auto& agent : agents) *response->add_agents() = agent;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::SetDispatch(grpc::ServerContext*, const orchestrator::DispatchRequest* request,
                                           orchestrator::DispatchState* response) {
  dispatch.set_halted(request->halted());
  dispatch.set_reason(request->reason());
  dispatch.set_by(request->by());
  *response = dispatch;
  return grpc::Status::OK;
}

grpc::Status FakeOrchestrator::GetDispatch(grpc::ServerContext* context, const orchestrator::DispatchQuery*,
                                           orchestrator::DispatchState* response) {
  const auto it = context->client_metadata().find("authorization");
  authorization = it == context->client_metadata().end() ? "" : std::string(it->second.data(), it->second.size());
  *response = dispatch;
  return grpc::Status::OK;
}

grpc::Status FakeAnalyst::GetGoldenRules(grpc::ServerContext*, const analyst::RuleQuery* request,
                                         analyst::RuleList* response) {
  for (const auto& rule : rules) {
    if (rule.state() == request->state()) *response->add_rules() = rule;
  }
  return grpc::Status::OK;
}

grpc::Status FakeAnalyst::ListGroups(grpc::ServerContext*, const analyst::GroupQuery*, analyst::GroupList* response) {
  *response = groups;
  return grpc::Status::OK;
}

grpc::Status FakeAnalyst::ChangeRule(grpc::ServerContext*, const analyst::RuleChangeRequest* request, analyst::GoldenRule* response) {
  for (auto& rule : rules) {
    if (rule.rule_id() != request->rule_id()) continue;
    rule.set_state(request->state());
    rule.set_state_reason(request->reason());
    *response = rule;
    return grpc::Status::OK;
  }
  return {grpc::StatusCode::NOT_FOUND, "no rule id=" + request->rule_id()};
}

grpc::Status FakeAnalyst::ReportFailures(grpc::ServerContext*, grpc::ServerReaderWriter<analyst::BatchAck, analyst::FailureBatch>* stream) {
  analyst::FailureBatch batch;
  while (stream->Read(&batch)) {
    if (batches_until_loss-- == 0) return {grpc::StatusCode::UNAVAILABLE, "draining"};
    analyst::BatchAck ack;
    ack.set_sequence(batch.sequence());
    for (const auto& event : batch.events())
      events.emplace(event.event_id(), event).second ? ack.set_counted(ack.counted() + 1) : ack.set_repeats(ack.repeats() + 1);
    stream->Write(ack);
  }
  return grpc::Status::OK;
}

grpc::Status FakeGateway::GetCurrentSpend(grpc::ServerContext*, const llm_gateway::Empty* request,
                                          llm_gateway::SpendReport* response) {
  const auto it = scopes.find(request->scope().empty() ? "global" : request->scope());
  if (it == scopes.end()) return {grpc::StatusCode::NOT_FOUND, "no scope " + request->scope()};
  *response = it->second;
  return grpc::Status::OK;
}

grpc::Status FakeGateway::ResetBudget(grpc::ServerContext*, const llm_gateway::Empty* request, llm_gateway::Ack* response) {
  scopes[request->scope().empty() ? "global" : request->scope()].set_current_spend(0);
  response->set_accepted(true);
  return grpc::Status::OK;
}

grpc::Status FakeGateway::SetLimit(grpc::ServerContext*, const llm_gateway::LimitConfig* request,
                                   llm_gateway::Ack* response) {
  limit = *request;
  response->set_accepted(request->limit() != 13);
  response->set_message("thirteen is refused");
  scopes[request->scope().empty() ? "global" : request->scope()].set_limit(request->limit());
  return grpc::Status::OK;
}

grpc::Status FakeGateway::ListScopes(grpc::ServerContext*, const llm_gateway::ScopeQuery* request,
                                     llm_gateway::ScopeList* response) {
  for (const auto& [name, scope] : scopes) {
    if (name.starts_with(request->scope_prefix())) *response->add_scopes() = scope;
  }
  return grpc::Status::OK;
}

grpc::Status FakeGateway::TryLimit(grpc::ServerContext*, const llm_gateway::TrialLimit* request, llm_gateway::TrialResult* response) {
  trial = *request;
  response->set_requests(10);
  response->set_refused(3);
  return grpc::Status::OK;
}

grpc::Status FakeGateway::ExplainRequest(grpc::ServerContext*, const llm_gateway::ExplainQuery* request, llm_gateway::Explanation* response) {
  if (request->request_id() != "r1") return {grpc::StatusCode::NOT_FOUND, "nothing is known of it"};
  response->add_sentences("caller: key coder");
  response->add_sentences("end: \x1b[31mok");
  return grpc::Status::OK;
}

grpc::Status FakeGateway::OverrideBudget(grpc::ServerContext*, const llm_gateway::OverrideRequest* request, llm_gateway::Ack* response) {
  lift = *request;
  response->set_accepted(true);
  return grpc::Status::OK;
}

grpc::Status FakeGateway::CreateKey(grpc::ServerContext*, const llm_gateway::NewKey* request, llm_gateway::KeySecret* response) {
  new_key = *request;
  if (keys.contains(request->name())) return {grpc::StatusCode::ALREADY_EXISTS, "there is or was a key"};
  keys[request->name()].set_name(request->name());
  keys[request->name()].set_team(request->team());
  *response->mutable_key() = keys[request->name()];
  response->set_secret("sk-swarm-secret");
  return grpc::Status::OK;
}

grpc::Status FakeGateway::RotateKey(grpc::ServerContext*, const llm_gateway::KeyRotation* request, llm_gateway::KeySecret* response) {
  rotation = *request;
  *response->mutable_key() = keys[request->name()];
  response->set_secret("sk-swarm-rotated");
  return grpc::Status::OK;
}

grpc::Status FakeGateway::EndKey(grpc::ServerContext*, const llm_gateway::KeyEnd* request, llm_gateway::KeyInfo* response) {
  if (!keys.contains(request->name())) return {grpc::StatusCode::NOT_FOUND, "no key \"" + request->name() + "\""};
  keys[request->name()].set_ended(true);
  *response = keys[request->name()];
  return grpc::Status::OK;
}

grpc::Status FakeGateway::ListKeys(grpc::ServerContext*, const llm_gateway::KeyQuery* request, llm_gateway::KeyList* response) {
  const auto it = keys.upper_bound(request->page_token());
  if (it == keys.end()) return grpc::Status::OK;
  *response->add_keys() = it->second;
  response->set_next_page_token(it->first);
  return grpc::Status::OK;
}

grpc::Status FakeGateway::QuerySpend(grpc::ServerContext*, const llm_gateway::SpendQuery* request, llm_gateway::SpendPage* response) {
  spend_queries.push_back(*request);
  if (spend_queries.size() <= pages.size()) *response = pages[spend_queries.size() - 1];
  return grpc::Status::OK;
}

FakeSwarm::FakeSwarm(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", credentials, &port);
  builder.RegisterService(&orchestrator);
  builder.RegisterService(&analyst);
  builder.RegisterService(&gateway);
  server = builder.BuildAndStart();
}

}  // namespace swarm::ctl::testing
