#include <algorithm>

#include "domain/task_engine.hpp"

namespace swarm::orchestrator {
namespace {

/// Boot time of a wall time; what has passed is due now. `longest` is what the whole wait was: if the wall clock was set
/// back meanwhile, the task does not wait for it to catch up.
BootTime on_boot_clock(WallTime at, Now now, std::chrono::nanoseconds longest) {
  return now.boot + std::clamp(at - now.wall, WallTime::duration(1), std::max(longest, WallTime::duration(1)));
}

}  // namespace

void TaskEngine::restore(StoredTask stored, Now now) {
  const TaskId id = stored.spec->id;
  if (tasks_.contains(id)) return;
  auto& slot = tasks_[id];
  slot = std::make_unique<TaskEntry>();
  TaskEntry& task = *slot;
  task.spec = std::move(stored.spec);
  task.state = std::const_pointer_cast<TaskState>(stored.state);
  task.published = true;
  if (!task.spec->key.empty()) keys_.emplace(task.spec->key, id);
  next_number_ = std::max(next_number_, task.spec->number + 1);
  const auto& state = *task.state;
  ++by_status_[static_cast<std::size_t>(state.status)];
  if (is_final(state.status)) {
    finished_.push_back(id);
    return;
  }
  ++active_;
  need(*task.spec, true);
  if (state.cancel) task.cancel_by = on_boot_clock(state.cancel->by, now, state.cancel->by - state.updated);
  if (task.spec->deadline != WallTime{}) {
    task.ends = on_boot_clock(task.spec->deadline, now, task.spec->deadline - task.spec->created);
  }
  const bool delayed = state.status == TaskStatus::Failed ||
                       (state.status == TaskStatus::Blocked && state.blocked != Blocked::Approval &&
                        state.blocked != Blocked::Dependency);
  const bool later = state.status == TaskStatus::Blocked && state.not_before > now.wall;
  if (delayed || later) {
    const auto& retry = limits_.retry;
    const bool own_delay = state.leases_granted == 0 && state.blocked != Blocked::Budget;
    const auto longest = own_delay
                             ? task.spec->not_before - task.spec->created
                             : std::chrono::nanoseconds(std::max({retry.backoff_max, retry.park, retry.budget_park}));
    task.wake = on_boot_clock(state.not_before, now, longest);
  }
  if (has_lease(state.status)) {
    task.started = state.status == TaskStatus::Running;
  }
  if (state.status == TaskStatus::Queued) task.position = {task.spec->priority, next_ticket_++};
  start_clock(task, now.boot);
  enter(task);
  arm(task);
}

/// A dependency that is not in memory has succeeded: any other end would have cancelled this task in the same commit.
void TaskEngine::bind_dependencies(TaskEntry& task) {
  task.open_dependencies = 0;
  for (const TaskId id : task.spec->depends_on) {
    const TaskEntry* dependency = find(id);
    if (dependency == nullptr || is_final(dependency->state->status)) continue;
    auto& waiting = dependents_[id];
    if (std::find(waiting.begin(), waiting.end(), task.spec->id) != waiting.end()) continue;
    waiting.push_back(task.spec->id);
    ++task.open_dependencies;
  }
}

void TaskEngine::recovered(Now now) {
  now_ = now;
  schedules_.look_back(now.wall);
  plan_schedules();
  std::map<TaskNumber, TaskEntry*> blocked;
  for (auto& [id, task] : tasks_) {
    const auto& state = *task->state;
    if (state.status == TaskStatus::Blocked && state.blocked == Blocked::Dependency) {
      blocked.emplace(task->spec->number, task.get());
    }
  }
  dependents_.clear();
  for (auto& [number, task] : blocked) {
    bind_dependencies(*task);
    // Its last dependency ended in the commit that never happened for this task: look again at once.
    if (task->open_dependencies == 0) {
      task->wake = now.boot;
      arm(*task);
    }
  }
}

void TaskEngine::restore_rule(GoldenRule rule) { rules_.put(std::move(rule)); }
void TaskEngine::restore_dispatch(DispatchState state) { dispatch_ = std::move(state); }
void TaskEngine::restore_next_number(TaskNumber next) { next_number_ = std::max(next_number_, next); }
void TaskEngine::restore_outcomes(std::uint64_t first, std::uint64_t last) {
  first_outcome_ = first;
  last_outcome_ = last;
}

void TaskEngine::forget(TaskId id) {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return;
  TaskEntry& task = *it->second;
  if (!is_final(task.state->status)) {
    --active_;
    need(*task.spec, false);
  }
  --by_status_[static_cast<std::size_t>(task.state->status)];
  leave(task);
  if (task.timer != BootTime{}) timers_.erase({task.timer, task.spec->number});
  if (const auto key = keys_.find(task.spec->key); key != keys_.end() && key->second == id) keys_.erase(key);
  std::erase(dirty_, &task);
  tasks_.erase(it);
}

void TaskEngine::evict_finished(std::size_t keep, std::uint64_t committed_batch) {
  std::size_t excess = finished_.size() > keep ? finished_.size() - keep : 0;
  for (; excess > 0; --excess) {
    const TaskId id = finished_.front();
    const TaskEntry* task = find(id);
    const bool final = task != nullptr && is_final(task->state->status);
    if (final && (task->finished_in_batch > committed_batch || task->dirty)) return;
    finished_.pop_front();
    if (final) forget(id);
  }
}

Missing TaskEngine::missing(const Command& command) const {
  Missing out;
  const auto want = [&](TaskId id) {
    if (!id.empty() && !tasks_.contains(id)) out.ids.push_back(id);
  };
  if (const auto* submit = std::get_if<SubmitTasks>(&command)) {
    for (const auto& task : submit->tasks) {
      want(task.spec.id);
      want(task.spec.parent);
      for (const TaskId id : task.spec.depends_on) want(id);
      if (!task.spec.key.empty() && !keys_.contains(task.spec.key)) out.keys.push_back(task.spec.key);
    }
  } else if (const auto* results = std::get_if<ReportResults>(&command)) {
    for (const auto& result : results->results) want(result.task);
  } else if (const auto* cancel = std::get_if<CancelTask>(&command)) {
    want(cancel->task);
  } else if (const auto* erase = std::get_if<DeleteTasks>(&command)) {
    for (const TaskId id : erase->tasks) want(id);
  } else if (const auto* approve = std::get_if<ApproveTask>(&command)) {
    want(approve->task);
  } else if (const auto* why = std::get_if<ExplainTask>(&command)) {
    want(why->task);
  } else if (const auto* attach = std::get_if<AttachArtifact>(&command)) {
    want(attach->task);
  } else if (const auto* beat = std::get_if<Heartbeat>(&command)) {
    for (const auto& lease : beat->leases) want(lease.task);
  }
  return out;
}

}  // namespace swarm::orchestrator
