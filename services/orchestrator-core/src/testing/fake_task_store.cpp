#include "testing/fake_task_store.hpp"

#include <algorithm>

namespace swarm::orchestrator::testing {
namespace {

/// The engine changes states that it holds alone; a store has its own bytes.
StoredTask copy_of(const StoredTask& task) { return {task.spec, std::make_shared<TaskState>(*task.state)}; }

}  // namespace

Result<void> FakeTaskStore::recover(RecoverySink& sink) {
  std::map<TaskNumber, StoredTask> live;
  for (const auto& [id, task] : tasks_) {
    sink.next_number = std::max(sink.next_number, task.spec->number + 1);
    if (!is_final(task.state->status)) live.emplace(task.spec->number, copy_of(task));
  }
  for (auto& [number, task] : live) sink.task(std::move(task));
  for (const auto& [id, rule] : rules_) sink.rule(rule);
  sink.dispatch(dispatch_);
  BOOST_OUTCOME_TRY(recover_settings(sink));
  if (!outcomes_.empty()) {
    sink.first_outcome = outcomes_.begin()->first;
    sink.last_outcome = outcomes_.rbegin()->first;
  }
  return outcome::success();
}

Result<void> FakeTaskStore::commit(const Changes& changes) {
  if (fail_next_) return *std::exchange(fail_next_, std::nullopt);
  for (const auto& task : changes.erased) {
    tasks_.erase(task.id);
    keys_.erase(task.key);
    inputs_.erase(task.number);
    history_.erase(task.number);
    erased_.insert(task.id);
  }
  for (const auto& write : changes.tasks) {
    tasks_[write.task.spec->id] = copy_of(write.task);
    erased_.erase(write.task.spec->id);
    if (!write.task.spec->key.empty()) keys_[write.task.spec->key] = write.task.spec->id;
  }
  for (const auto& write : changes.inputs) inputs_[write.number] = write.texts;
  for (const auto& write : changes.history) history_[write.number].push_back(write.entry);
  for (const auto& file : changes.files) {
    if (file.held) files_.emplace(file.sha256, file.number);
    else files_.erase({file.sha256, file.number});
  }
  for (const auto& rule : changes.rules) rules_[rule.id] = rule;
  for (const auto& entry : changes.outcomes) outcomes_[entry.sequence] = entry;
  outcomes_.erase(outcomes_.begin(), outcomes_.upper_bound(changes.outcomes_erased_to));
  if (changes.dispatch) dispatch_ = *changes.dispatch;
  for (const auto& write : changes.holds) {
    const HoldBook::Key key{write.hold.kind, write.hold.name};
    if (write.held) holds_.insert_or_assign(key, write.hold);
    else holds_.erase(key);
  }
  for (const auto& name : changes.schedules_erased) schedules_.erase(name);
  for (const auto& schedule : changes.schedules) schedules_.insert_or_assign(schedule.name, schedule);
  return outcome::success();
}

Result<std::optional<StoredTask>> FakeTaskStore::find(TaskId id) const {
  const auto it = tasks_.find(id);
  if (it == tasks_.end()) return std::optional<StoredTask>();
  return std::optional(copy_of(it->second));
}

Result<std::optional<TaskId>> FakeTaskStore::find_key(KeyHash key) const {
  const auto it = keys_.find(key);
  return it == keys_.end() ? std::optional<TaskId>() : std::optional(it->second);
}

Result<TaskTexts> FakeTaskStore::texts(const TaskSpec& spec, const TaskState&) const {
  TaskTexts out;
  const auto it = inputs_.find(spec.number);
  if (it != inputs_.end()) out.input = *it->second;
  return out;
}

Result<std::vector<Transition>> FakeTaskStore::history(TaskNumber number) const {
  const auto it = history_.find(number);
  return it == history_.end() ? std::vector<Transition>() : it->second;
}

Result<void> FakeTaskStore::recover_settings(RecoverySink& sink) const {
  for (const auto& [key, hold] : holds_) sink.hold(hold);
  for (const auto& [name, schedule] : schedules_) sink.schedule(schedule);
  return outcome::success();
}

Result<FinishedPage> FakeTaskStore::finished(TaskNumber, std::size_t) const { return FinishedPage(); }

Result<TaskPage> FakeTaskStore::list(const TaskFilter&) const { return TaskPage(); }

Result<std::vector<Outcome>> FakeTaskStore::outcomes(std::size_t limit) const {
  std::vector<Outcome> out;
  for (const auto& [sequence, entry] : outcomes_) {
    if (out.size() < limit) out.push_back(entry);
  }
  return out;
}

}  // namespace swarm::orchestrator::testing
