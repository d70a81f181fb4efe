#include "adapters/grpc/orchestrator_service.hpp"

#include "adapters/grpc/command_call.hpp"
#include "adapters/grpc/mapping_checks.hpp"
#include "adapters/grpc/mapping_orders.hpp"
#include "adapters/grpc/stack_lookup.hpp"
#include "adapters/grpc/stream_base.hpp"
#include "adapters/grpc/work_stream.hpp"
#include "application/redrive.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

constexpr std::chrono::milliseconds kDeadlineMargin{200};

template <class Request, class Response>
using Bidi = grpc::ServerBidiReactor<Request, Response>;

}  // namespace

grpc::ServerUnaryReactor* OrchestratorService::answer(Context* context, const Error& error) const {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(rpc::to_status(error));
  return reactor;
}

/// True when somebody looks for the stacks of the command's tasks, and hands the command in then. Its caller waits about
/// as long for the answer as for a slow disk; nobody else does.
bool OrchestratorService::look_stacks_up_of(Command& command, std::function<void()> refuse) {
  auto* submission = std::get_if<orchestrator::SubmitTasks>(&command);
  if (submission == nullptr) return false;
  return look_stacks_up(stacks_, *submission, [this, refuse = std::move(refuse)](orchestrator::SubmitTasks found) {
    if (!parts_.loop.submit(Command(std::move(found)))) refuse();
  });
}

grpc::ServerUnaryReactor* OrchestratorService::RegisterAgent(Context* context, const ::orchestrator::AgentInfo* in,
                                                             ::orchestrator::RegisterResponse* out) {
  return command(context, "/orchestrator.Orchestrator/RegisterAgent", parts_.router.registers, CallKind::Register, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto profile, to_profile(*in, options_.limits));
                   return Command(orchestrator::RegisterAgent{0, std::move(profile)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::PollTask(Context* context, const ::orchestrator::AgentQuery* in,
                                                        ::orchestrator::TaskAssignment* out) {
  return command(context, "/orchestrator.Orchestrator/PollTask", parts_.router.polls, CallKind::Poll, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(check_name("agent_id", in->agent_id(), options_.limits));
                   auto wait = in->wait_ms() <= 0 ? options_.poll_default
                                                  : std::min(std::chrono::milliseconds(in->wait_ms()), options_.poll_max);
                   // The answer must be out before the client's own deadline.
                   const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                       context->deadline() - std::chrono::system_clock::now());
                   wait = std::clamp(left - kDeadlineMargin, std::chrono::milliseconds(0), wait);
                   return Command(orchestrator::PollTask{0, in->agent_id(), parts_.clock.boot_now() + wait});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::SubmitResult(Context* context, const ::orchestrator::TaskResult* in,
                                                            ::orchestrator::Ack* out) {
  return command(context, "/orchestrator.Orchestrator/SubmitResult", parts_.router.results, CallKind::Result, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto report, to_report(::orchestrator::TaskResult(*in), options_.limits));
                   ReportResults command;
                   command.results.push_back(std::move(report));
                   return Command(std::move(command));
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::Heartbeat(Context* context, const ::orchestrator::HeartbeatRequest* in,
                                                         ::orchestrator::HeartbeatResponse* out) {
  return command(context, "/orchestrator.Orchestrator/Heartbeat", parts_.router.heartbeats, CallKind::Heartbeat, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto signs, to_signs(::orchestrator::HeartbeatRequest(*in), options_.limits));
                   return Command(orchestrator::Heartbeat{0, 0, in->agent_id(), std::move(signs)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::SubmitTasks(Context* context,
                                                           const ::orchestrator::SubmitTasksRequest* in,
                                                           ::orchestrator::SubmitTasksResponse* out) {
  out->set_request_id(in->request_id());
  return command(context, "/orchestrator.Orchestrator/SubmitTasks", parts_.router.bulk_submits, CallKind::SubmitMany,
                 out, [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto tasks, to_submissions(*in, options_.limits));
                   return Command(orchestrator::SubmitTasks{0, std::move(tasks)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::SubmitTask(Context* context, const ::orchestrator::NewTask* in,
                                                          ::orchestrator::SubmitTaskResponse* out) {
  return command(context, "/orchestrator.Orchestrator/SubmitTask", parts_.router.submits, CallKind::SubmitOne, out,
                 [&]() -> Result<Command> {
                   orchestrator::SubmitTasks command;
                   BOOST_OUTCOME_TRY(expand(*in, options_.limits, command.tasks));
                   return Command(std::move(command));
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::CancelTask(Context* context, const ::orchestrator::CancelTaskRequest* in,
                                                          ::orchestrator::Task* out) {
  return command(context, "/orchestrator.Orchestrator/CancelTask", parts_.router.tasks, CallKind::Task, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto cancel, to_cancel(*in, options_.limits));
                   return Command(std::move(cancel));
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::ApproveTask(Context* context,
                                                           const ::orchestrator::ApproveTaskRequest* in,
                                                           ::orchestrator::Task* out) {
  return command(context, "/orchestrator.Orchestrator/ApproveTask", parts_.router.tasks, CallKind::Task, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto approval, to_approval(*in, options_.limits));
                   return Command(std::move(approval));
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::explain(Context* context, const char* method, const ::orchestrator::TaskRef* in,
                                                       ::orchestrator::TaskExplanation* out) {
  return command(context, method, parts_.router.explanations, CallKind::Explain, out, [&]() -> Result<Command> {
    BOOST_OUTCOME_TRY(auto id, to_task_id("task_id", in->task_id()));
    return Command(ExplainTask{0, id});
  });
}

grpc::ServerUnaryReactor* OrchestratorService::WhyNotScheduled(Context* context, const ::orchestrator::TaskRef* in,
                                                               ::orchestrator::TaskExplanation* out) {
  return explain(context, "/orchestrator.Orchestrator/WhyNotScheduled", in, out);
}

grpc::ServerUnaryReactor* OrchestratorService::ExplainDecision(Context* context, const ::orchestrator::TaskRef* in,
                                                               ::orchestrator::TaskExplanation* out) {
  return explain(context, "/orchestrator.Orchestrator/ExplainDecision", in, out);
}

grpc::ServerUnaryReactor* OrchestratorService::RedriveTasks(Context* context, const ::orchestrator::RedriveRequest* in,
                                                            ::orchestrator::RedriveResponse* out) {
  return command(context, "/orchestrator.Orchestrator/RedriveTasks", parts_.router.redrives, CallKind::Redrive, out,
                 [&] { return read_redrive(*in, *out); });
}

Result<Command> OrchestratorService::read_redrive(const ::orchestrator::RedriveRequest& request,
                                                  ::orchestrator::RedriveResponse& out) const {
  BOOST_OUTCOME_TRY(const auto limit, to_redrive_limit(request));
  Redrive found;
  if (request.has_filter()) {
    BOOST_OUTCOME_TRY(auto filter, to_filter(request.filter()));
    filter.limit = limit;
    BOOST_OUTCOME_TRY(found, redrive(parts_.store, std::move(filter)));
  } else {
    std::vector<TaskId> ids;
    for (const auto& id_text : request.task_ids()) {
      BOOST_OUTCOME_TRY(auto id, to_task_id("task_ids", id_text));
      ids.push_back(id);
    }
    BOOST_OUTCOME_TRY(found, redrive(parts_.store, ids));
  }
  for (const TaskId id : found.from) out.add_tasks()->set_from(text(id));
  if (found.next_before != 0) out.set_next_page_token(std::to_string(found.next_before));
  return Command(orchestrator::SubmitTasks{0, std::move(found.tasks)});
}

grpc::ServerUnaryReactor* OrchestratorService::DeleteTask(Context* context, const ::orchestrator::TaskRef* in,
                                                          ::orchestrator::DeleteTaskResponse* out) {
  return command(context, "/orchestrator.Orchestrator/DeleteTask", parts_.router.deletions, CallKind::Delete, out,
                 [&]() -> Result<Command> {
                   BOOST_OUTCOME_TRY(auto id, to_task_id("task_id", in->task_id()));
                   return Command(DeleteTasks{0, {id}});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::ListAgents(Context* context, const ::orchestrator::ListAgentsRequest*,
                                                          ::orchestrator::ListAgentsResponse* out) {
  return command(context, "/orchestrator.Orchestrator/ListAgents", parts_.router.agents, CallKind::Agents, out,
                 []() -> Result<Command> { return Command(orchestrator::ListAgents{}); });
}

grpc::ServerUnaryReactor* OrchestratorService::SetDispatch(Context* context, const ::orchestrator::DispatchRequest* in,
                                                           ::orchestrator::DispatchState* out) {
  return command(context, "/orchestrator.Orchestrator/SetDispatch", parts_.router.dispatches, CallKind::Dispatch, out,
                 [&]() -> Result<Command> {
                   // Holding back begins now, not when the command's turn comes.
                   parts_.loop.halt(in->halted());
                   return Command(orchestrator::SetDispatch{0, to_dispatch(*in, options_.limits)});
                 });
}

grpc::ServerUnaryReactor* OrchestratorService::GetDispatch(Context* context, const ::orchestrator::DispatchQuery*,
                                                           ::orchestrator::DispatchState* out) {
  return command(context, "/orchestrator.Orchestrator/GetDispatch", parts_.router.dispatches, CallKind::Dispatch, out,
                 []() -> Result<Command> { return Command(orchestrator::GetDispatch{}); });
}

grpc::ServerUnaryReactor* OrchestratorService::GetTask(Context* context, const ::orchestrator::TaskRef* in,
                                                       ::orchestrator::Task* out) {
  constexpr auto kMethod = "/orchestrator.Orchestrator/GetTask";
  if (auto who = parts_.gate.admit(*context, kMethod); !who) return answer(context, who.error());
  bool inspect = false;
  if (auto read = read_task(*in, *out, inspect); !read) return answer(context, read.error());
  if (inspect) {
    // How long the lease lasts, and why nobody has it, is known to the engine alone.
    return command(context, kMethod, parts_.router.inspections, CallKind::Inspect, out,
                   [&]() -> Result<Command> { return Command(InspectTask{0, *parse_task_id(in->task_id())}); });
  }
  if (log::enabled(log::Level::Debug)) log_call(*context, kMethod, in->task_id());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

Result<void> OrchestratorService::read_task(const ::orchestrator::TaskRef& request, ::orchestrator::Task& out,
                                            bool& inspect) const {
  BOOST_OUTCOME_TRY(auto id, to_task_id("task_id", request.task_id()));
  BOOST_OUTCOME_TRY(auto task, parts_.store.find(id));
  if (!task) return Error{Code::NotFound, "no task id=" + text(id)};
  BOOST_OUTCOME_TRY(auto texts, parts_.store.texts(*task->spec, *task->state));
  BOOST_OUTCOME_TRY(auto history, parts_.store.history(task->spec->number));
  fill(out, *task);
  fill(out, texts);
  for (const auto& entry : history) fill(*out.add_history(), entry);
  inspect = has_lease(task->state->status) || task->state->status == TaskStatus::Queued;
  return outcome::success();
}

grpc::ServerUnaryReactor* OrchestratorService::ListTasks(Context* context, const ::orchestrator::ListTasksRequest* in,
                                                         ::orchestrator::ListTasksResponse* out) {
  if (auto who = parts_.gate.admit(*context, "/orchestrator.Orchestrator/ListTasks"); !who) {
    return answer(context, who.error());
  }
  if (log::enabled(log::Level::Debug)) log_call(*context, "/orchestrator.Orchestrator/ListTasks", "");
  if (auto read = read_list(*in, *out); !read) return answer(context, read.error());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

Result<void> OrchestratorService::read_list(const ::orchestrator::ListTasksRequest& request,
                                            ::orchestrator::ListTasksResponse& out) const {
  BOOST_OUTCOME_TRY(auto filter, to_filter(request));
  BOOST_OUTCOME_TRY(auto page, parts_.store.list(filter));
  for (auto& item : page.items) {
    auto& task = *out.add_tasks();
    fill(task, item.task);
    task.set_description(std::move(item.description));
    task.set_error_message(std::move(item.error_message));
  }
  if (page.next_before != 0) out.set_next_page_token(std::to_string(page.next_before));
  return outcome::success();
}

grpc::ServerWriteReactor<::orchestrator::TaskEvent>* OrchestratorService::WatchTasks(
    Context* context, const ::orchestrator::WatchTasksRequest* in) {
  using RefusedWatch = Refused<grpc::ServerWriteReactor<::orchestrator::TaskEvent>>;
  if (auto who = parts_.gate.admit(*context, "/orchestrator.Orchestrator/WatchTasks"); !who) {
    return new RefusedWatch(who.error());
  }
  auto filter = to_watch_filter(*in);
  if (!filter) return new RefusedWatch(filter.error());
  return start_watch_stream(parts_.hub, parts_.store, parts_.watch_streams, std::move(filter.value()), in->snapshot());
}

Bidi<::orchestrator::WorkRequest, ::orchestrator::WorkResponse>* OrchestratorService::Work(Context* context) {
  if (auto who = parts_.gate.admit(*context, "/orchestrator.Orchestrator/Work"); !who) {
    return new Refused<Bidi<::orchestrator::WorkRequest, ::orchestrator::WorkResponse>>(who.error());
  }
  return start_work_stream({parts_.loop, parts_.router, options_.limits}, *context);
}

Bidi<::orchestrator::SubmitTasksRequest, ::orchestrator::SubmitTasksResponse>* OrchestratorService::SubmitStream(
    Context* context) {
  if (auto who = parts_.gate.admit(*context, "/orchestrator.Orchestrator/SubmitStream"); !who) {
    return new Refused<Bidi<::orchestrator::SubmitTasksRequest, ::orchestrator::SubmitTasksResponse>>(who.error());
  }
  return start_submit_stream({parts_.loop, parts_.router, options_.limits}, *context, stacks_);
}

}  // namespace swarm::orchestrator::grpc_api
