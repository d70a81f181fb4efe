#include "doctor/smoke.hpp"

#include "call.hpp"
#include "libs/base/uuid.hpp"
#include "protos/analyst.grpc.pb.h"
#include "protos/llm_gateway.grpc.pb.h"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::ctl {
namespace {

constexpr int kPriority = 100;   // before what waits, so that nobody else's task comes first
constexpr int kWaitMs = 5000;

using Tasks = orchestrator::Orchestrator;

class TaskRound {
 public:
  explicit TaskRound(Session& session) : session_(session), stub_(Tasks::NewStub(session.channel(Peer::Orchestrator))) {}

  /// The id of the task that went round.
  Result<std::string> run() {
    BOOST_OUTCOME_TRY(const auto task, submit());
    auto done = work(task);
    if (done) return task;
    orchestrator::CancelTaskRequest cancel;
    cancel.set_task_id(task);
    cancel.set_reason("smoke test failed");
    static_cast<void>(call(session_, *stub_, &Tasks::Stub::CancelTask, cancel));  // what failed is told already
    return done.error();
  }

 private:
  Result<std::string> submit() {
    orchestrator::NewTask task;
    task.set_description("smoke test");
    task.set_role(name_);
    task.add_required_capabilities(name_);
    task.set_priority(kPriority);
    task.set_idempotency_key(name_);
    task.set_max_attempts(1);
    BOOST_OUTCOME_TRY(const auto made, call(session_, *stub_, &Tasks::Stub::SubmitTask, task));
    return made.task_id();
  }

  Result<void> work(const std::string& task) {
    orchestrator::AgentInfo agent;
    agent.set_name(name_);
    agent.add_capabilities(name_);
    agent.add_roles(name_);
    BOOST_OUTCOME_TRYV(call(session_, *stub_, &Tasks::Stub::RegisterAgent, agent));
    orchestrator::AgentQuery query;
    query.set_agent_id(name_);
    query.set_wait_ms(kWaitMs);
    BOOST_OUTCOME_TRY(const auto given, call(session_, *stub_, &Tasks::Stub::PollTask, query));
    if (given.task_id().empty()) return Error{Code::FailedPrecondition, "the task was not given out within 5 s: is dispatch halted? (swarmctl dispatch status)"};
    // Not begun, it goes back by itself within seconds and costs nobody an attempt.
    if (given.task_id() != task) return Error{Code::Aborted, "another task came first; try again"};
    orchestrator::TaskResult result;
    result.set_task_id(task);
    result.set_status("success");
    result.set_attempt(given.attempt());
    result.set_lease_token(given.lease_token());
    BOOST_OUTCOME_TRYV(call(session_, *stub_, &Tasks::Stub::SubmitResult, result));
    orchestrator::TaskRef ref;
    ref.set_task_id(task);
    BOOST_OUTCOME_TRY(const auto read, call(session_, *stub_, &Tasks::Stub::GetTask, ref));
    if (read.status() == orchestrator::SUCCEEDED) return outcome::success();
    return Error{Code::Internal, "the task is " + orchestrator::TaskStatus_Name(read.status()) + " after its success was taken"};
  }

  Session& session_;
  std::unique_ptr<Tasks::Stub> stub_;
  const std::string name_ = "smoke-" + uuid_v7(SystemClock().wall_now());
};

Finding finding(Session& session, Peer peer, const std::string& check, const Result<std::string>& result) {
  const std::string subject(facts(peer).name);
  if (result) return {Verdict::Ok, subject, check, result.value(), ""};
  return {Verdict::Fail, subject, check, explain_briefly(result.error(), session.site(peer)), "see the service's log; without --smoke doctor tells what it can reach"};
}

Result<std::string> explain_failure(Session& session) {
  analyst::FailureEvent event;
  event.set_task_id("smoke");
  event.set_stack("python");
  event.set_role("smoke");
  event.set_error_log("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'smoke'\n");
  const auto stub = analyst::Analyst::NewStub(session.channel(Peer::Analyst));
  BOOST_OUTCOME_TRY(const auto told, call(session, *stub, &analyst::Analyst::Stub::ExplainGrouping, event));
  if (told.cause().find("KeyError") == std::string::npos) return Error{Code::Internal, "it did not find the cause of a plain traceback"};
  return "finds the cause of a failure";
}

Result<std::string> spend(Session& session) {
  const auto stub = llm_gateway::BudgetControl::NewStub(session.channel(Peer::Gateway));
  BOOST_OUTCOME_TRY(const auto report, call(session, *stub, &llm_gateway::BudgetControl::Stub::GetCurrentSpend, llm_gateway::Empty()));
  return "tells the spend of " + report.scope();
}

}  // namespace

Findings smoke_test(Session& session) {
  auto round = TaskRound(session).run();
  if (round) round = "went from submitted to succeeded: " + round.value();
  return {finding(session, Peer::Orchestrator, "a task", round), finding(session, Peer::Analyst, "a failure", explain_failure(session)),
          finding(session, Peer::Gateway, "the budget", spend(session))};
}

}  // namespace swarm::ctl
