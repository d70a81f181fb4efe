#include "domain/task_engine.hpp"

#include <utility>

#include "domain/text_cut.hpp"
#include "libs/base/check.hpp"

namespace swarm::orchestrator {
namespace {

constexpr BootTime kNever{};
constexpr std::size_t kReasonBytesMax = 240;
constexpr int kTimersAtOnce = 2'000;  // a flood of them must not hold up heartbeats

}  // namespace

TaskEngine::TaskEngine(EngineLimits limits, RuleLimits rules, Workflow workflow)
    : limits_(limits), workflow_(std::move(workflow)), rules_(rules), agents_(limits.agents_max), budgets_(limits.dry_budgets_max),
      schedules_(limits.schedule_grace) {}

TaskEngine::~TaskEngine() = default;

void TaskEngine::apply(Command command, Now now, Random& random, Batch& out) {
  now_ = now;
  random_ = &random;
  out_ = &out;
  std::visit([this](auto&& c) { on(std::move(c)); }, std::move(command));
  fill_freed_keys();
}

void TaskEngine::tick(Now now, Random& random, Batch& out) {
  now_ = now;
  random_ = &random;
  out_ = &out;
  while (Agent* agent = agents_.poll_due(now.boot)) answer(agents_.unpark(*agent), NothingToDo{agent->drained});
  for (int left = kTimersAtOnce; left > 0 && !timers_.empty() && timers_.begin()->first.first <= now.boot; --left) {
    TaskEntry& task = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    task.timer = kNever;
    fire(task);
  }
  fire_schedules();
  if (std::exchange(matching_, false)) match_all();
  fill_freed_keys();
  if (now.boot - last_sweep_ > limits_.forget_agent / 4) {
    last_sweep_ = now.boot;
    agents_.forget_silent(now.boot - limits_.forget_agent);
  }
}

std::optional<BootTime> TaskEngine::next_timer() const {
  if (matching_) return BootTime{};  // at once
  auto next = agents_.next_poll_end();
  if (!timers_.empty() && (!next || timers_.begin()->first.first < *next)) next = timers_.begin()->first.first;
  if (schedules_at_ != BootTime{} && (!next || schedules_at_ < *next)) next = schedules_at_;
  return next;
}

void TaskEngine::fire(TaskEntry& task) {
  const auto& state = *task.state;
  if (task.ends != kNever && task.ends <= now_.boot && !is_final(state.status)) {
    cancel(task, "engine", "its deadline passed");
  } else if (task.cancel_by != kNever && task.cancel_by <= now_.boot) {
    cancel_as_wished(task, "engine");
  } else if (state.status == TaskStatus::Queued && task.start_by != kNever && task.start_by <= now_.boot) {
    ++tally_.queue_overdue;
    move(task, TaskStatus::Dead, "engine", "schedule_to_start: nobody took it in time; " + explain(task));
  } else if (has_lease(state.status) && !task.started && task.start_by <= now_.boot) {
    ++tally_.leases_not_started;
    take_back(task, "not started in time");
  } else if (has_lease(state.status) && task.close_by != kNever && task.close_by <= now_.boot) {
    ++tally_.attempts_overdue;
    fail(task, FailureClass::Transient, "engine", "start_to_close: " + state.lease.agent + " did not end the attempt in time");
  } else if (has_lease(state.status) && task.lease_expires <= now_.boot) {
    ++tally_.leases_expired;
    fail(task, FailureClass::Transient, "engine", "the lease of " + state.lease.agent + " expired without a sign of it");
  } else if (task.wake != kNever && task.wake <= now_.boot) {
    task.wake = kNever;
    if (state.status == TaskStatus::Failed) {
      enqueue(task, "engine", "retry");
    } else if (state.blocked == Blocked::Halt && dispatch_.halted) {
      task.wake = now_.boot + limits_.retry.park;
    } else if (const auto dry = state.blocked == Blocked::Budget ? budgets_.keeps(task.spec->id, task.spec->tenant, now_.wall)
                                                                 : std::nullopt) {
      task.wake = next_look(*dry);
    } else if (state.blocked != Blocked::Approval && task.open_dependencies == 0) {
      unblock(task, "engine", "its wait is over");
    }
  }
  arm(task);
}

void TaskEngine::arm(TaskEntry& task) {
  BootTime next = kNever;
  const auto consider = [&](BootTime t) {
    if (t != kNever && (next == kNever || t < next)) next = t;
  };
  if (!is_final(task.state->status)) {
    consider(task.ends);
    consider(task.cancel_by);
    consider(task.wake);
    if (task.state->status == TaskStatus::Queued) consider(task.start_by);
    if (has_lease(task.state->status)) {
      consider(task.started ? task.lease_expires : task.start_by);
      consider(task.close_by);
    }
  }
  // A later time than the armed one is found out when that fires: heartbeats then cost nothing here.
  if (next == task.timer || (task.timer != kNever && next != kNever && task.timer < next)) return;
  if (task.timer != kNever) timers_.erase({task.timer, task.spec->number});
  task.timer = next;
  if (next != kNever) timers_.emplace(std::pair(next, task.spec->number), &task);
}

std::chrono::milliseconds TaskEngine::lease_of(const TaskEntry& task) const {
  const auto* terms = task.spec->terms.get();
  return terms != nullptr && terms->heartbeat.count() > 0 ? terms->heartbeat : limits_.lease;
}

/// Times of the status that the task has just come into; after a restart they get their full length again.
void TaskEngine::start_clock(TaskEntry& task, BootTime now) {
  const auto* terms = task.spec->terms.get();
  const auto chosen = [&](std::chrono::milliseconds TaskTerms::*own, std::chrono::milliseconds fallback) {
    return terms != nullptr && (terms->*own).count() > 0 ? terms->*own : fallback;
  };
  task.start_by = task.close_by = kNever;
  if (task.state->status == TaskStatus::Queued) {
    const auto wait = chosen(&TaskTerms::schedule_to_start, limits_.schedule_to_start);
    if (wait.count() > 0) task.start_by = now + wait;
  } else if (has_lease(task.state->status)) {
    const auto attempt = chosen(&TaskTerms::start_to_close, limits_.start_to_close);
    if (attempt.count() > 0) task.close_by = now + attempt;
    task.lease_expires = now + lease_of(task);
    task.start_by = now + limits_.start_within;
  }
}

TaskState& TaskEngine::edit(TaskEntry& task) {
  if (task.published) {
    task.state = std::make_shared<TaskState>(*task.state);
    task.published = false;
  }
  if (!task.dirty) {
    task.dirty = true;
    dirty_.push_back(&task);
  }
  return *task.state;
}

void TaskEngine::publish(TaskEntry& task, TaskStatus from, bool created) {
  task.published = true;
  out_->events.push_back(TaskChanged{{task.spec, task.state}, from, created});
}

void TaskEngine::seal(Batch& out) {
  for (TaskEntry* task : dirty_) {
    task->published = true;
    out.changes.tasks.push_back({{task->spec, task->state}, task->is_new});
    task->dirty = false;
    task->is_new = false;
  }
  dirty_.clear();
  for (const auto& name : dirty_schedules_) {
    const ScheduleEntry* entry = schedules_.find(name);
    if (entry != nullptr) out.changes.schedules.push_back(entry->schedule);
    else out.changes.schedules_erased.push_back(name);
  }
  dirty_schedules_.clear();
  if (limits_.tell_changes) out.changes.told = told_changes(out);
  out.rules_active = out.changes.rules.empty() ? 0 : rules_.active();
  out.rules_version = rules_.version();
}

void TaskEngine::move(TaskEntry& task, TaskStatus to, std::string_view actor, std::string reason, Blocked why) {
  const auto before = task.state;  // kept to the end: `actor` may be a view into it
  const TaskStatus from = before->status;
  SWARM_CHECK(from == to || may_move(from, to), "a task made an illegal transition");
  leave(task);
  task.taken_back = false;
  TaskState& state = edit(task);
  --by_status_[static_cast<std::size_t>(from)];
  ++by_status_[static_cast<std::size_t>(to)];
  state.status = to;
  state.blocked = why;
  state.reason = first_line(reason, kReasonBytesMax);
  state.updated = now_.wall;
  ++state.version;
  add_history(task, from, actor, state.reason);
  if (from != to && to != TaskStatus::Running) start_clock(task, now_.boot);
  enter(task);
  publish(task, from, false);
  if (is_final(to)) finish(task);
  arm(task);
}

/// Takes the task out of whatever its status had put it into.
void TaskEngine::leave(TaskEntry& task) {
  const auto& state = *task.state;
  if (task.spec->terms && task.spec->terms->concurrency_max > 0) leave_key(task);
  if (state.status == TaskStatus::Queued) ready_.erase(requirements(task), task.position);
  if (state.blocked == Blocked::Budget) parked_.erase(task.spec->number);
  if (has_lease(state.status)) {
    // Once for each lease, however often this is called on the way out.
    if (held_by(state.lease.agent)->erase(task.spec->number) > 0) {
      const auto load = loads_.find(task.spec->tenant);
      if (--load->second == 0) loads_.erase(load);
    }
  }
}

void TaskEngine::enter(TaskEntry& task) {
  const auto& state = *task.state;
  if (task.spec->terms && task.spec->terms->concurrency_max > 0) enter_key(task);
  if (state.status == TaskStatus::Queued) ready_.push(requirements(task), task.position, &task);
  if (state.blocked == Blocked::Budget) parked_.emplace(task.spec->number, &task);
  if (has_lease(state.status)) {
    if (held_by(state.lease.agent)->emplace(task.spec->number, &task).second) ++loads_[task.spec->tenant];
  }
}

/// What an agent holds; also of one that has not registered again since a restart.
std::map<TaskNumber, TaskEntry*>* TaskEngine::held_by(const std::string& name) {
  Agent* agent = agents_.find(name);
  return agent != nullptr ? &agent->held : &strangers_[name];
}

/// Joins an agent and gives it back what it held before a restart.
Agent* TaskEngine::join(AgentProfile profile) {
  Agent* agent = agents_.join(std::move(profile), now_.boot);
  if (agent == nullptr) return nullptr;
  if (const auto known = strangers_.find(agent->profile.name); known != strangers_.end()) {
    agent->held.merge(known->second);
    strangers_.erase(known);
  }
  agent->drained = holds_.find(HoldKind::Agent, agent->profile.name) != nullptr;
  return agent;
}

void TaskEngine::finish(TaskEntry& task) {
  --active_;
  task.wake = task.ends = task.cancel_by = kNever;
  task.progress.clear();
  task.finished_in_batch = batch_;
  finished_.push_back(task.spec->id);
  need(*task.spec, false);
  release_dependents(task);
}

void TaskEngine::release_dependents(TaskEntry& task) {
  const auto it = dependents_.find(task.spec->id);
  if (it == dependents_.end()) return;
  const auto waiting = std::move(it->second);
  dependents_.erase(it);
  const bool succeeded = task.state->status == TaskStatus::Succeeded;
  for (const TaskId id : waiting) {
    TaskEntry* dependent = lookup(id);
    if (dependent == nullptr || is_final(dependent->state->status)) continue;
    if (!succeeded) {
      cancel(*dependent, "engine",
             "it depends on " + text(task.spec->id) + ", which is " + std::string(name(task.state->status)));
    } else if (--dependent->open_dependencies == 0 && dependent->state->blocked == Blocked::Dependency) {
      unblock(*dependent, "engine", "its dependencies succeeded");
    }
  }
}

void TaskEngine::enqueue(TaskEntry& task, std::string_view actor, std::string reason, bool keep_place) {
  if (!keep_place || task.position.ticket == 0) task.position = {task.spec->priority, next_ticket_++};
  task.wake = kNever;
  move(task, TaskStatus::Queued, actor, std::move(reason));
  offer(task);
}

/// Nothing that it waited for is left, but perhaps something else is.
void TaskEngine::unblock(TaskEntry& task, std::string_view actor, std::string reason) {
  const bool fresh = task.state->leases_granted == 0;
  if (fresh && task.spec->requires_approval && !task.state->approved) {
    move(task, TaskStatus::Blocked, actor, std::move(reason), Blocked::Approval);
  } else if (task.wake > now_.boot) {
    move(task, TaskStatus::Blocked, actor, std::move(reason), Blocked::Delay);
  } else {
    enqueue(task, actor, std::move(reason));
  }
}

void TaskEngine::wait_then_queue(TaskEntry& task, std::chrono::nanoseconds delay) {
  task.wake = now_.boot + delay;
  edit(task).not_before = now_.wall + delay;
  arm(task);
}

void TaskEngine::add_history(TaskEntry& task, TaskStatus from, std::string_view actor, const std::string& reason) {
  TaskState& state = *task.state;
  out_->changes.history.push_back({task.spec->number, state.history_count++,
                                   Transition{now_.wall, from, state.status, state.attempt, std::string(actor), reason,
                                              state.workflow_state}});
}

Requirements TaskEngine::requirements(const TaskEntry& task) const {
  const auto& spec = *task.spec;
  return {task.state->role, spec.stack_is_guess ? std::string() : spec.stack, spec.tenant, spec.capabilities,
          required_.with(spec.permissions, spec.id, task.state->workflow_state)};
}

TaskEntry* TaskEngine::lookup(TaskId id) {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : it->second.get();
}

const TaskEntry* TaskEngine::find(TaskId id) const {
  const auto it = tasks_.find(id);
  return it == tasks_.end() ? nullptr : it->second.get();
}

void TaskEngine::answer(CallId call, Reply reply) {
  if (call != 0) out_->answers.push_back({call, std::move(reply)});
}

}  // namespace swarm::orchestrator
