#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {

void TaskEngine::on(SubmitTasks&& c) {
  if (draining_) return answer(c.call, Error{Code::Unavailable, "the orchestrator is shutting down, try again"});
  std::map<TaskId, std::size_t> in_request;
  std::map<KeyHash, std::size_t> keys_in_request;
  for (std::size_t i = 0; i < c.tasks.size(); ++i) {
    if (auto error = check(c.tasks[i], in_request, keys_in_request, i)) return answer(c.call, std::move(*error));
  }
  if (active_ + c.tasks.size() > limits_.tasks_active_max) {
    return answer(c.call, Error{Code::ResourceExhausted,
                                std::to_string(active_) + " tasks are active, no more are taken now"});
  }
  Submitted out;
  std::vector<TaskEntry*> created;
  for (auto& submission : c.tasks) {
    const auto key = keys_.find(submission.spec.key);
    const TaskId known = key != keys_.end() && !submission.spec.key.empty() ? key->second : submission.spec.id;
    const bool implied = submission.implied;
    if (!known.empty() && tasks_.contains(known)) {
      if (!implied) out.tasks.push_back({known, false});
      continue;
    }
    TaskEntry& task = create(std::move(submission), "client", "submitted");
    if (!implied) out.tasks.push_back({task.spec->id, true});
    created.push_back(&task);
  }
  // The caller learns of its tasks before anyone is given one.
  answer(c.call, std::move(out));
  for (TaskEntry* task : created) {
    if (task->state->status == TaskStatus::Queued) offer(*task);
  }
}

/// The request's tasks may name each other, but only backwards: so dependencies never form a circle.
std::optional<Error> TaskEngine::check(const Submission& submission, std::map<TaskId, std::size_t>& in_request,
                                       std::map<KeyHash, std::size_t>& keys_in_request, std::size_t index) const {
  const auto& spec = submission.spec;
  const auto where = "tasks[" + std::to_string(index) + "]: ";
  if (!spec.key.empty()) {
    if (!keys_in_request.emplace(spec.key, index).second) {
      return Error{Code::InvalidArgument, where + "its idempotency key stands in this request twice"};
    }
    const auto known = keys_.find(spec.key);
    if (known != keys_.end()) {
      const TaskEntry* task = find(known->second);
      if (task != nullptr && task->spec->content_digest != spec.content_digest) {
        return Error{Code::AlreadyExists, where + "its idempotency key belongs to task " + text(known->second) +
                                              ", which has other content"};
      }
      return std::nullopt;
    }
  }
  if (!spec.id.empty()) {
    if (const TaskEntry* task = find(spec.id)) {
      if (task->spec->content_digest == spec.content_digest) return std::nullopt;
      return Error{Code::AlreadyExists, where + "task " + text(spec.id) + " exists with other content"};
    }
  }
  if (!spec.first_state.empty() && workflow_.find(spec.first_state) == nullptr) {
    return Error{Code::InvalidArgument, where + "unknown workflow_state '" + spec.first_state + "'"};
  }
  if (!spec.until_state.empty() && !workflow_.leads_to(spec.first_state, spec.until_state)) {
    return Error{Code::InvalidArgument,
                 where + "until_state '" + spec.until_state + "' does not follow '" + spec.first_state + "'"};
  }
  for (const TaskId id : spec.depends_on) {
    if (in_request.contains(id)) continue;
    const TaskEntry* dependency = find(id);
    if (dependency == nullptr) {
      return Error{Code::InvalidArgument, where + "depends_on: no task id=" + text(id) +
                                              " (one of the same request must stand before)"};
    }
    const TaskStatus status = dependency->state->status;
    if (is_final(status) && status != TaskStatus::Succeeded) {
      return Error{Code::FailedPrecondition,
                   where + "depends_on: task " + text(id) + " is " + std::string(name(status))};
    }
  }
  if (!spec.id.empty() && !in_request.emplace(spec.id, index).second) {
    return Error{Code::InvalidArgument, where + "task id " + text(spec.id) + " stands in this request twice"};
  }
  return std::nullopt;
}

TaskEntry& TaskEngine::create(Submission&& submission, std::string_view actor, const std::string& reason) {
  auto spec = std::make_shared<TaskSpec>(std::move(submission.spec));
  if (spec->id.empty()) {
    const std::uint64_t high = random_->next();
    spec->id = make_task_id(now_.wall, high, random_->next());
  }
  spec->number = next_number_++;
  spec->created = now_.wall;
  if (submission.delay.count() > 0) spec->not_before = now_.wall + submission.delay;
  if (submission.deadline.count() > 0) spec->deadline = now_.wall + submission.deadline;
  if (spec->max_attempts <= 0) spec->max_attempts = limits_.attempts_default;

  auto& slot = tasks_[spec->id];
  slot = std::make_unique<TaskEntry>();
  TaskEntry& task = *slot;
  task.spec = spec;
  task.state = std::make_shared<TaskState>();
  task.is_new = true;
  ++active_;
  need(*spec, true);
  if (!spec->key.empty()) keys_.emplace(spec->key, spec->id);
  if (submission.deadline.count() > 0) task.ends = now_.boot + submission.deadline;
  if (submission.delay.count() > 0) task.wake = now_.boot + submission.delay;
  out_->changes.inputs.push_back({spec->number, std::move(submission.texts)});

  TaskState& state = edit(task);
  const WorkflowState* first = workflow_.find(spec->first_state);
  state.workflow_state = spec->first_state;
  state.role = first == nullptr ? spec->role : first->handler;
  state.updated = now_.wall;
  state.version = 1;
  state.not_before = spec->not_before;
  bind_dependencies(task);
  state.status = TaskStatus::Blocked;
  if (task.open_dependencies > 0) {
    state.blocked = Blocked::Dependency;
  } else if (spec->requires_approval) {
    state.blocked = Blocked::Approval;
  } else if (task.wake != BootTime{}) {
    state.blocked = Blocked::Delay;
  } else {
    state.status = TaskStatus::Queued;
    task.position = {spec->priority, next_ticket_++};
    ready_.push(requirements(task), task.position, &task);
  }
  ++by_status_[static_cast<std::size_t>(state.status)];
  start_clock(task, now_.boot);
  add_history(task, kNotYet, actor, reason);
  publish(task, state.status, true);
  arm(task);
  return task;
}

void TaskEngine::on(CancelTask&& c) {
  TaskEntry* task = lookup(c.task);
  if (task == nullptr) return answer(c.call, Error{Code::NotFound, "no task id=" + text(c.task)});
  const TaskStatus status = task->state->status;
  if (status == TaskStatus::Succeeded || status == TaskStatus::Dead) {
    return answer(c.call, Error{Code::FailedPrecondition,
                                "task " + text(c.task) + " is " + std::string(name(status)) + " already"});
  }
  if (has_lease(status) && c.grace.count() > 0) {
    wish_to_end(*task, c.reason, c.grace);
  } else if (status != TaskStatus::Cancelled) {
    cancel(*task, "client", c.reason);
  }
  answer(c.call, TaskAnswered{{task->spec, task->state}});
  task->published = true;
}

void TaskEngine::cancel(TaskEntry& task, std::string_view actor, const std::string& reason) {
  move(task, TaskStatus::Cancelled, actor, reason);
}

/// Its agent is told with its next sign; what it reports until then still counts. A second wish can only shorten the time.
void TaskEngine::wish_to_end(TaskEntry& task, const std::string& reason, std::chrono::milliseconds grace) {
  const BootTime by = now_.boot + grace;
  if (task.cancel_by != BootTime{} && task.cancel_by <= by) return;
  task.cancel_by = by;
  TaskState& state = edit(task);
  state.cancel = std::make_shared<CancelWish>(CancelWish{now_.wall + grace, reason});
  state.updated = now_.wall;
  ++state.version;
  add_history(task, state.status, "client", "asked to end within " + std::to_string(grace.count()) + " ms: " + reason);
  publish(task, state.status, false);
  arm(task);
}

/// Instead of whatever else would come after its attempt.
bool TaskEngine::cancel_as_wished(TaskEntry& task, std::string_view actor) {
  const auto wish = task.state->cancel;
  if (!wish || is_final(task.state->status)) return false;
  cancel(task, actor, wish->reason);
  return true;
}

std::optional<Error> TaskEngine::undeletable(TaskId id) const {
  const TaskEntry* task = find(id);
  if (task == nullptr) return Error{Code::NotFound, "no task id=" + text(id)};
  if (!is_final(task->state->status)) {
    return Error{Code::FailedPrecondition, "task " + text(id) + " is " + std::string(name(task->state->status)) + ", not over; cancel it first"};
  }
  if (task->dirty) return Error{Code::FailedPrecondition, "the end of task " + text(id) + " is being written, try again"};
  if (is_needed(id)) return Error{Code::FailedPrecondition, "task " + text(id) + " is needed by a task that is not over"};
  return std::nullopt;
}

void TaskEngine::on(DeleteTasks&& c) {
  TasksDeleted out;
  for (const TaskId id : c.tasks) {
    if (auto why = undeletable(id)) {
      if (c.tasks.size() == 1) return answer(c.call, std::move(*why));
      continue;
    }
    const auto spec = find(id)->spec;
    release_artifacts(*find(id));
    out_->changes.erased.push_back({spec->number, id, spec->key});
    forget(id);
    ++tally_.tasks_deleted;
    out.tasks.push_back(id);
  }
  answer(c.call, std::move(out));
}

/// Counts, or no longer counts, a task that is not over among those that need its parent and dependencies.
void TaskEngine::need(const TaskSpec& spec, bool needed) {
  const auto count = [&](TaskId id) {
    if (id.empty()) return;
    if (needed) {
      ++needed_[id];
    } else if (const auto it = needed_.find(id); it != needed_.end() && --it->second == 0) {
      needed_.erase(it);
    }
  };
  count(spec.parent);
  for (const TaskId id : spec.depends_on) count(id);
}

void TaskEngine::on(ApproveTask&& c) {
  TaskEntry* task = lookup(c.task);
  if (task == nullptr) return answer(c.call, Error{Code::NotFound, "no task id=" + text(c.task)});
  const auto& state = *task->state;
  const std::string by = c.by.empty() ? "client" : c.by;
  const bool gate_in_front = task->spec->requires_approval && !state.approved && state.leases_granted == 0;
  const bool waits = state.status == TaskStatus::Blocked && state.blocked == Blocked::Approval;
  // An approval may come while the task still waits for something else.
  const bool early = gate_in_front && state.status == TaskStatus::Blocked && !waits;
  if (!waits && !early) {
    return answer(c.call, Error{Code::FailedPrecondition, "task " + text(c.task) + " does not wait for an approval"});
  }
  const WorkflowState* step = workflow_.find(state.workflow_state);
  if (gate_in_front && !c.approve) {
    cancel(*task, by, "rejected: " + c.comment);
  } else if (gate_in_front) {
    TaskState& approved = edit(*task);
    approved.approved = true;
    ++approved.version;
    if (waits) unblock(*task, by, "approved" + (c.comment.empty() ? "" : ": " + c.comment));
  } else if (c.approve) {
    if (!c.comment.empty()) add_feedback(*task, "success", c.comment);
    advance(*task, by);
  } else {
    add_feedback(*task, "failure", c.comment);
    WorkflowState edge = *step;
    if (edge.on_failure.empty()) edge.on_failure = edge.name;
    go_back(*task, edge, by, "rejected: " + c.comment);
  }
  answer(c.call, TaskAnswered{{task->spec, task->state}});
  task->published = true;
}

}  // namespace swarm::orchestrator
