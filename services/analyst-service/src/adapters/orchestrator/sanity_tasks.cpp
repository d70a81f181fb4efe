#include "adapters/orchestrator/sanity_tasks.hpp"

#include <grpcpp/grpcpp.h>

#include "libs/rpc/status.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::analyst::adapters {

namespace {

constexpr std::chrono::seconds kPatience{5};

template <class Request, class Response, class Method>
Result<Response> call(const std::shared_ptr<grpc::Channel>& channel, Method method, const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  Response response;
  const auto stub = ::orchestrator::Orchestrator::NewStub(channel);
  const auto status = (stub.get()->*method)(&context, request, &response);
  if (!status.ok()) return rpc::from_status(status);
  return response;
}

}  // namespace

Result<std::string> SanityTasks::start(const domain::GoldenRule& rule) {
  ::orchestrator::NewTask task;
  // The same rule in the same version is the same run, after a restart, too.
  task.set_idempotency_key("sanity/" + rule.id + "/" + std::to_string(rule.version));
  task.set_description(options_.task);
  task.set_context("One of the constraints is on trial: this run shows whether a task can be done under it.");
  task.add_extra_constraints(rule.text);
  task.set_stack(rule.stack);
  task.set_role(rule.role);
  task.set_max_attempts(1);
  task.set_deadline_ms(options_.time.count());
  (*task.mutable_labels())["swarm.sanity_rule"] = rule.id;
  using Stub = ::orchestrator::Orchestrator::Stub;
  grpc::Status (Stub::*method)(grpc::ClientContext*, const ::orchestrator::NewTask&, ::orchestrator::SubmitTaskResponse*) = &Stub::SubmitTask;
  BOOST_OUTCOME_TRY(const auto made, (call<::orchestrator::NewTask, ::orchestrator::SubmitTaskResponse>(channel_, method, task)));
  return made.task_id();
}

Result<ports::SanityVerdict> SanityTasks::verdict(const std::string& run) {
  ::orchestrator::TaskRef ref;
  ref.set_task_id(run);
  using Stub = ::orchestrator::Orchestrator::Stub;
  grpc::Status (Stub::*method)(grpc::ClientContext*, const ::orchestrator::TaskRef&, ::orchestrator::Task*) = &Stub::GetTask;
  BOOST_OUTCOME_TRY(const auto task, (call<::orchestrator::TaskRef, ::orchestrator::Task>(channel_, method, ref)));
  if (task.status() == ::orchestrator::SUCCEEDED) return ports::SanityVerdict::Passed;
  if (task.status() == ::orchestrator::DEAD || task.status() == ::orchestrator::CANCELLED) return ports::SanityVerdict::Failed;
  return ports::SanityVerdict::Pending;
}

}  // namespace swarm::analyst::adapters
