#include <algorithm>

#include "domain/task_engine.hpp"
#include "domain/text_cut.hpp"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kRemarkBytesMax = 1'000;

/// True if a success in this step of the workflow, if any, is the task's.
bool ends_after(const TaskEntry& task, const WorkflowState* step) {
  return step == nullptr || step->on_success.empty() || step->name == task.spec->until_state;
}

}  // namespace

void TaskEngine::on(ReportResults&& c) {
  ResultsAnswered out;
  out.answers.reserve(c.results.size());
  // The answer's place is before the assignments that these results may lead to.
  const std::size_t place = out_->answers.size();
  answer(c.call, NothingToDo{});
  for (const auto& result : c.results) out.answers.push_back(report(result));
  if (Agent* agent = agents_.by_call(c.link); agent != nullptr && c.link != 0) {
    agent->last_seen = now_.boot;
    // The agent reads what this stream brings: what went out over it before counts as started.
    for (auto& [number, task] : agent->held) {
      if (task->link == c.link && !task->started) {
        task->started = true;
        arm(*task);
      }
    }
  }
  if (c.call != 0) out_->answers[place].reply = std::move(out);
  if (Agent* agent = agents_.by_call(c.link); agent != nullptr && c.link != 0) end_idle_link(*agent);
}

ResultAnswer TaskEngine::report(const ResultReport& result) {
  TaskEntry* task = lookup(result.task);
  if (task == nullptr) return refuse(result, Code::NotFound, "no task id=" + text(result.task));
  const auto& state = *task->state;
  LeaseToken token;
  if (result.token) {
    token = *result.token;
  } else if (state.leases_granted == 1) {
    token = state.lease.token;  // the only one there ever was
  } else {
    return refuse(result, Code::FailedPrecondition, "a result for this task needs its lease_token");
  }
  for (const auto& earlier : state.results) {
    if (earlier.token != token) continue;
    if (earlier.digest != result.digest) {
      return refuse(result, Code::FailedPrecondition, "this lease has reported another result already");
    }
    return {result.task, state.attempt, true, "recorded earlier", earlier.status_after, std::nullopt};
  }
  const bool current = state.lease.token == token && state.leases_granted > 0;
  if (current && task->taken_back) revive(*task);
  const auto& now = *task->state;
  if (current && has_lease(now.status) && result.success) {
    if (const auto missing = missing_artifact(*task, result); !missing.empty()) {
      return refuse(result, Code::FailedPrecondition, "this attempt has not uploaded the artefact '" + missing + "' as the result names it");
    }
  }
  if (current && has_lease(now.status)) return accept(*task, result);
  if (current && now.status == TaskStatus::Cancelled) {
    return {result.task, now.attempt, false, "the task was cancelled", now.status, std::nullopt};
  }
  return refuse(result, Code::FailedPrecondition,
                "the lease is gone: task " + text(result.task) + " is " + std::string(name(now.status)) +
                    (has_lease(now.status) ? ", held by " + now.lease.agent : ""));
}

ResultAnswer TaskEngine::refuse(const ResultReport& result, Code code, std::string why) {
  ++tally_.results_refused;
  ResultAnswer out;
  out.task = result.task;
  out.message = why;
  out.error = Error{code, std::move(why)};
  return out;
}

ResultAnswer TaskEngine::accept(TaskEntry& task, const ResultReport& result) {
  const LeaseToken token = task.state->lease.token;
  const int attempt = task.state->attempt;
  const std::string agent = task.state->lease.agent;
  if (!result.remark.empty()) {
    edit(task);
    add_history(task, task.state->status, "engine", first_line(result.remark, kRemarkBytesMax));
  }
  if (result.success) {
    succeed(task, result);
  } else if (cancel_as_wished(task, agent)) {
    // What the attempt came to does not matter any more.
  } else if (parks(result.failure)) {
    park(task, result.failure, agent, result.texts->error_message);
  } else {
    fail(task, result.failure, agent, result.texts->error_message);
  }
  TaskState& state = edit(task);
  if (state.results.size() >= limits_.results_kept) state.results.erase(state.results.begin());
  state.results.push_back({token, result.digest, state.status});
  return {result.task, attempt, true, "", state.status, std::nullopt};
}

void TaskEngine::succeed(TaskEntry& task, const ResultReport& result) {
  const std::string agent = task.state->lease.agent;
  TaskState& state = edit(task);
  ++state.attempts_counted;
  add_outcome(task, true);
  if (!result.texts->artifact.empty()) {
    out_->changes.results.push_back({task.spec->number, result.texts, true});
  }
  if (state.artifacts) put_artifacts(task, accepted(*state.artifacts, state.attempt));
  const WorkflowState* step = workflow_.find(state.workflow_state);
  const bool goes_on = !ends_after(task, step) || (step != nullptr && step->approval);
  if (goes_on && cancel_as_wished(task, agent)) return;
  if (step != nullptr && step->approval) {
    move(task, TaskStatus::Blocked, agent, step->name + " is done and waits for approval", Blocked::Approval);
  } else {
    advance(task, agent);
  }
}

/// On to the next workflow state, or to the end.
void TaskEngine::advance(TaskEntry& task, std::string_view actor) {
  const WorkflowState* step = workflow_.find(task.state->workflow_state);
  if (ends_after(task, step)) return move(task, TaskStatus::Succeeded, actor, "");
  const WorkflowState* next = workflow_.find(step->on_success);
  leave(task);
  TaskState& state = edit(task);
  state.attempts_in_state = 0;
  state.workflow_state = next->name;
  state.role = next->handler;
  enqueue(task, actor, step->name + " succeeded");
}

void TaskEngine::fail(TaskEntry& task, FailureClass failure, std::string_view actor, const std::string& message) {
  if (cancel_as_wished(task, "engine")) return;
  const std::string by(actor);
  TaskState& state = edit(task);
  ++state.attempts_counted;
  ++state.attempts_in_state;
  const int failures = state.attempts_in_state;
  add_feedback(task, "failure", message);
  add_outcome(task, false);
  auto texts = std::make_shared<ResultTexts>();
  texts->error_message = message;
  out_->changes.results.push_back({task.spec->number, std::move(texts), false});
  const std::string why = "attempt " + std::to_string(state.attempt) + " failed: " + first_line(message);
  move(task, TaskStatus::Failed, by, why);
  if (failure == FailureClass::PolicyDenied) return move(task, TaskStatus::Dead, "engine", "denied by policy: " + why);
  const WorkflowState* step = workflow_.find(task.state->workflow_state);
  const bool verdict = failure == FailureClass::AgentError && step != nullptr && !step->on_failure.empty() &&
                       step->on_failure != step->name;
  if (verdict) {
    go_back(task, *step, by, why);
  } else if (failures >= task.spec->max_attempts) {
    move(task, TaskStatus::Dead, "engine", "out of attempts (" + std::to_string(failures) + "): " + why);
  } else {
    wait_then_queue(task, retry_delay(limits_.retry, failure, failures, random_->next()));
  }
}

/// Takes the failure edge, as long as it has rounds left. The task is Failed or Blocked.
bool TaskEngine::go_back(TaskEntry& task, const WorkflowState& step, std::string_view actor, const std::string& why) {
  leave(task);
  TaskState& state = edit(task);
  auto edge = std::find_if(state.rounds.begin(), state.rounds.end(),
                           [&](const auto& e) { return e.from == step.name && e.to == step.on_failure; });
  if (edge == state.rounds.end()) edge = state.rounds.insert(edge, {step.name, step.on_failure, 0});
  if (edge->taken >= step.rounds_max) {
    move(task, TaskStatus::Dead, "engine",
         "no progress: " + step.name + " sent it back to " + step.on_failure + " " + std::to_string(edge->taken) +
             " times: " + why);
    return false;
  }
  ++edge->taken;
  const WorkflowState* target = workflow_.find(step.on_failure);
  state.attempts_in_state = 0;
  state.workflow_state = target->name;
  state.role = target->handler;
  enqueue(task, actor, step.name + " sent it back: " + why);
  return true;
}

void TaskEngine::park(TaskEntry& task, FailureClass failure, std::string_view actor, const std::string& message) {
  const Blocked why = failure == FailureClass::BudgetExhausted ? Blocked::Budget
                      : failure == FailureClass::Halted        ? Blocked::Halt
                                                               : Blocked::Delay;
  const std::string by(actor);
  move(task, TaskStatus::Blocked, by, std::string(name(failure)) + ": " + first_line(message), why);
  wait_then_queue(task, retry_delay(limits_.retry, failure, 1, random_->next()));
}

void TaskEngine::add_feedback(TaskEntry& task, std::string status, const std::string& text) {
  TaskState& state = edit(task);
  out_->changes.feedback.push_back(
      {task.spec->number, state.feedback_count++,
       Feedback{state.attempt, state.role, std::move(status), middle_cut(text, limits_.feedback_bytes_max)}});
}

void TaskEngine::add_outcome(const TaskEntry& task, bool success) {
  if (!limits_.report_outcomes) return;
  if (outcomes_waiting() >= limits_.outcomes_max) {
    ++outcomes_dropped_;
    return;
  }
  const auto& state = *task.state;
  out_->changes.outcomes.push_back({++last_outcome_, task.spec->id, state.attempt, task.spec->stack, state.role,
                                    state.lease.rules_given, state.lease.rules_held_out, success, now_.wall});
}

}  // namespace swarm::orchestrator
