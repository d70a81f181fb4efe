#include <algorithm>

#include "testing/simulated_world.hpp"

namespace swarm::orchestrator::testing {
namespace {

std::string of(TaskId id) { return " task=" + text(id); }

}  // namespace

void Promises::submitted(const Submitted& answer) {
  for (const auto& task : answer.tasks) {
    if (!store_.tasks().contains(task.id) && !store_.erased().contains(task.id)) violate("a submission was acknowledged before it was durable" + of(task.id));
    acknowledged_.insert(task.id);
  }
}

void Promises::assigned(const Assigned& answer) {
  const TaskId id = answer.task.spec->id;
  const auto stored = store_.tasks().find(id);
  if (stored == store_.tasks().end()) return violate("a task was handed out before it was durable" + of(id));
  if (stored->second.state->version < answer.task.state->version) {
    violate("a lease was handed out before it was durable" + of(id));
  }
  auto& tokens = issued_[id];
  const bool known = std::find(tokens.begin(), tokens.end(), answer.token) != tokens.end();
  if (answer.repeated && known && tokens.back() != answer.token) violate("an old lease was handed out again" + of(id));
  if (!answer.repeated && known) violate("two leases have the same token" + of(id));
  if (!known) tokens.push_back(answer.token);
}

void Promises::answered(const ResultAnswer& answer, const ResultReport& report) {
  if (!answer.accepted || !report.token) return;
  const auto& tokens = issued_[report.task];
  const auto place = std::find(tokens.begin(), tokens.end(), *report.token);
  const auto earlier = accepted_.find(*report.token);
  if (earlier != accepted_.end()) {
    if (earlier->second != report.digest) violate("one lease had two different results accepted" + of(report.task));
    return;
  }
  const bool repeat = answer.message == "recorded earlier";  // the first answer was lost in a crash
  if (!repeat && place != tokens.end() && place + 1 != tokens.end()) {
    violate("a result of a lease that was given away since was accepted" + of(report.task));
  }
  accepted_.emplace(*report.token, report.digest);
  const auto stored = store_.tasks().find(report.task);
  const bool durable = stored != store_.tasks().end() &&
                       std::any_of(stored->second.state->results.begin(), stored->second.state->results.end(),
                                   [&](const auto& result) { return result.token == *report.token; });
  if (!durable && !store_.erased().contains(report.task)) violate("a result was acknowledged before it was durable" + of(report.task));
}

void Promises::attached(const Artifact& artifact, const AttachArtifact& sent) {
  const auto& tokens = issued_[sent.task];
  const auto place = std::find(tokens.begin(), tokens.end(), sent.token);
  const auto stored = store_.tasks().find(sent.task);
  if (stored == store_.tasks().end()) {
    if (!store_.erased().contains(sent.task)) violate("a file was taken for a task that is not durable" + of(sent.task));
    return;
  }
  if (place != tokens.end() && place + 1 != tokens.end()) violate("a file of a lease that was given away since was taken" + of(sent.task));
  const auto& state = *stored->second.state;
  if (state.lease.token != sent.token) return;  // given away in the same batch
  const auto* kept = state.artifacts ? find_artifact(*state.artifacts, sent.artifact.name, artifact.attempt) : nullptr;
  if (kept == nullptr) violate("a file was acknowledged before it was durable" + of(sent.task));
}

void Promises::changed(const TaskChanged& change, std::set<std::pair<TaskStatus, TaskStatus>>& moves) {
  const TaskId id = change.task.spec->id;
  const TaskStatus to = change.task.state->status;
  const auto last = seen_.find(id);
  if (change.created) {
    if (last != seen_.end()) violate("a task was created twice" + of(id));
  } else {
    if (change.from != to && !may_move(change.from, to)) violate("illegal move" + of(id));
    if (last != seen_.end() && last->second != change.from) violate("a move began where the task was not" + of(id));
    if (last != seen_.end() && is_final(last->second)) violate("a finished task moved" + of(id));
    if (change.from != to) moves.emplace(change.from, to);
  }
  seen_[id] = to;
}

/// Every move of a task is told once, in order, in the commit that makes it durable.
void Promises::check_told(const Changes& changes) {
  std::size_t moves = 0;
  for (const auto& change : changes.told) {
    if (change.task.empty()) continue;
    ++moves;
    auto& last = told_[change.task];
    if (!change.created && change.version <= last.version) violate("a change was told twice or out of order" + of(change.task));
    last = {change.version, change.status};
  }
  const auto real = std::count_if(changes.history.begin(), changes.history.end(), [](const auto& write) { return write.entry.from != write.entry.to; });
  if (moves < static_cast<std::size_t>(real)) violate("not every change was told");
  for (const auto& write : changes.tasks) {
    if (told_[write.task.spec->id].status != write.task.state->status) violate("a change was stored and not told" + of(write.task.spec->id));
  }
}

void Promises::committing(const Changes& changes) {
  check_told(changes);
  for (const auto& name : changes.schedules_erased) fired_.erase(name);
  for (const auto& write : changes.tasks) {
    const auto& spec = *write.task.spec;
    const auto label = spec.labels.find("schedule");
    if (!write.is_new || label == spec.labels.end()) continue;
    ++fired_[label->second].tasks;
    const auto known = store_.find_key(spec.key).value();
    if (spec.key.empty() || (known && *known != spec.id)) violate("a firing made two tasks" + of(spec.id));
  }
  for (const auto& schedule : changes.schedules) {
    // One that was deleted and made again at once: whose tasks these are can't be seen from here.
    if (fired_[schedule.name].since != schedule.created) fired_[schedule.name] = {schedule.created, schedule.fired};
  }
  for (const auto& erasure : changes.erased) {
    const auto stored = store_.tasks().find(erasure.id);
    bool over = stored != store_.tasks().end() && is_final(stored->second.state->status);
    for (const auto& write : changes.tasks) {
      const bool again = write.is_new;  // submitted under its old id after it was deleted
      if (!again && write.task.spec->id == erasure.id) over = is_final(write.task.state->status);
    }
    if (!over) violate("a task was deleted that was not over" + of(erasure.id));
    for (const auto& [id, task] : store_.tasks()) {
      const auto& needs = task.spec->depends_on;
      const bool ends_now = std::any_of(changes.tasks.begin(), changes.tasks.end(), [&, task_id = id](const auto& write) {
        return write.task.spec->id == task_id && is_final(write.task.state->status);
      });
      if (is_final(task.state->status) || ends_now) continue;
      if (std::find(needs.begin(), needs.end(), erasure.id) != needs.end()) violate("a task was deleted that another needs" + of(id));
    }
    seen_.erase(erasure.id);
    issued_.erase(erasure.id);
  }
}

void Promises::recovered() {
  seen_.clear();
  for (const auto& [id, task] : store_.tasks()) seen_[id] = task.state->status;
  check_durable();
}

void Promises::check_durable() {
  for (const TaskId id : acknowledged_) {
    if (!store_.tasks().contains(id) && !store_.erased().contains(id)) violate("an acknowledged task is lost" + of(id));
  }
  for (const auto& [token, digest] : accepted_) {
    if (digest == 0) violate("an accepted result without content");
  }
  for (const auto& [name, schedule] : store_.schedules()) {
    if (schedule.fired != fired_[name].tasks) violate("a schedule's count of firings is not that of its tasks: " + name);
  }
}

void check_money(const TaskEngine& engine, Now now, std::chrono::nanoseconds lease, std::vector<std::string>& violations) {
  std::size_t parked = 0;
  for (const auto& [id, task] : engine.tasks()) {
    const auto& state = *task->state;
    const bool waits = state.status == TaskStatus::Blocked && state.blocked == Blocked::Budget;
    if (waits) ++parked;
    if (waits && task->timer == BootTime{}) violations.push_back("a task waits for money that nothing wakes" + of(id));
    const bool just_given = state.status == TaskStatus::Leased && !task->started && state.updated == now.wall &&
                            task->lease_expires == now.boot + lease;
    if (just_given && engine.budgets().keeps(id, task->spec->tenant, now.wall)) {
      violations.push_back("a task with a dry budget was handed out" + of(id));
    }
  }
  if (parked != engine.parked().size()) violations.push_back("the list of tasks that wait for money is wrong");
}

void check_files(const FakeTaskStore& store, std::vector<std::string>& violations) {
  std::set<std::pair<std::string, TaskNumber>> named;
  for (const auto& [id, task] : store.tasks()) {
    if (!task.state->artifacts) continue;
    for (const auto& file : *task.state->artifacts) named.emplace(file.sha256, task.spec->number);
  }
  if (named != store.files()) violations.push_back("the files that the store knows are not those that tasks name");
}

void check_schedules(const TaskEngine& engine, Now now, std::vector<std::string>& violations) {
  if (!engine.schedules().earliest()) return;
  const auto timer = engine.next_timer();
  if (!timer || *timer > now.boot + std::chrono::seconds(10)) violations.push_back("nothing looks after the schedules");
}

/// Of each concurrency key no more than allowed are in work, and nobody waits for one that is free.
void check_keys(const TaskEngine& engine, std::vector<std::string>& violations) {
  std::map<std::string, std::size_t> in_work;
  std::map<std::string, std::size_t> on_the_way;
  std::size_t waiting = 0;
  for (const auto& [id, task] : engine.tasks()) {
    const auto* terms = task->spec->terms.get();
    if (terms == nullptr || terms->concurrency_max == 0) continue;
    const auto key = task->spec->tenant + '\n' + terms->concurrency_key;
    const bool waits = task->state->status == TaskStatus::Blocked && task->state->blocked == Blocked::Concurrency;
    if (waits) ++waiting;
    if (task->state->status == TaskStatus::Queued || (waits && task->wake != BootTime{})) ++on_the_way[key];
    if (has_lease(task->state->status) && ++in_work[key] > static_cast<std::size_t>(terms->concurrency_max)) {
      violations.push_back("too many tasks of one concurrency key are in work" + of(id));
    }
  }
  std::size_t listed = 0;
  for (const auto& [key, slot] : engine.keys_in_use()) {
    listed += slot.waiting.size();
    if (slot.in_work.size() != in_work[key]) violations.push_back("the list of tasks in work with a concurrency key is wrong");
    if (!slot.waiting.empty() && slot.in_work.empty() && on_the_way[key] == 0) {
      violations.push_back("tasks wait for a concurrency key that is free");
    }
  }
  if (waiting != listed) violations.push_back("the lists of tasks that wait for a concurrency key are wrong");
}

void check_books(const TaskEngine& engine, bool may_assign, std::vector<std::string>& violations) {
  std::size_t active = 0;
  std::size_t queued = 0;
  std::size_t leased = 0;
  for (const auto& [id, task] : engine.tasks()) {
    const auto& state = *task->state;
    if (!is_final(state.status)) ++active;
    if (state.status == TaskStatus::Queued) ++queued;
    if (has_lease(state.status)) ++leased;
    if (has_lease(state.status) && task->timer == BootTime{}) violations.push_back("a lease without timer" + of(id));
    if (state.status == TaskStatus::Failed && task->wake == BootTime{}) {
      violations.push_back("a failed task that nothing wakes" + of(id));
    }
    if (state.status == TaskStatus::Blocked && state.blocked == Blocked::Dependency && task->open_dependencies == 0 &&
        task->wake == BootTime{}) {
      violations.push_back("a task waits for dependencies that are done" + of(id));
    }
    const auto* terms = task->spec->terms.get();
    const bool ends = terms != nullptr && terms->start_to_close.count() > 0 && has_lease(state.status);
    if (ends && (task->close_by == BootTime{} || task->timer > task->close_by)) violations.push_back("an attempt that nothing ends" + of(id));
    const bool expires = terms != nullptr && terms->schedule_to_start.count() > 0 && state.status == TaskStatus::Queued;
    if (expires && (task->timer == BootTime{} || task->timer > task->start_by)) violations.push_back("a queued task that nothing ends" + of(id));
    if (state.attempts_counted > state.attempt) violations.push_back("more attempts counted than made" + of(id));
  }
  std::size_t counted = 0;
  for (const auto status : kAllStatuses) counted += is_final(status) ? 0 : engine.in_status(status);
  if (counted != active || engine.in_status(TaskStatus::Queued) != queued) violations.push_back("the counts by status are wrong");
  if (active != engine.active()) violations.push_back("the count of active tasks is wrong");
  if (queued != engine.queued()) violations.push_back("a queued task stands in no queue, or twice");
  check_keys(engine, violations);
  std::size_t loads = 0;
  for (const auto& [tenant, load] : engine.loads()) loads += load;
  if (loads != leased) violations.push_back("the loads of tenants are wrong");
  std::size_t held = 0;
  for (const auto& [name, agent] : engine.agents().all()) held += agent.held.size();
  if (held > leased) violations.push_back("agents hold more than is leased");
  if (!may_assign || engine.matching()) return;
  for (const auto& [requirements, queue] : engine.ready().all()) {
    if (queue.empty() || engine.holds().on(requirements) != nullptr) continue;
    for (const auto& [name, agent] : engine.agents().all()) {
      if (agent.ticket != 0 && mismatch(agent.profile, requirements) == Mismatch::None) {
        return violations.push_back("an agent waits while a task that it may have is queued");
      }
    }
  }
}

}  // namespace swarm::orchestrator::testing
