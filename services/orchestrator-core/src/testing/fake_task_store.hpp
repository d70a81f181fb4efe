#pragma once

#include <map>
#include <optional>
#include <set>

#include "ports/task_store.hpp"

namespace swarm::orchestrator::testing {

/// A task store in memory that keeps what commit() was given, and can fail on command. One thread.
class FakeTaskStore final : public TaskStore {
 public:
  /// The next commit fails with this and stores nothing.
  void fail_next(Error error) { fail_next_ = std::move(error); }

  Result<void> recover(RecoverySink& sink) override;
  Result<void> recover_settings(RecoverySink& sink) const override;
  Result<void> commit(const Changes& changes) override;
  Result<std::optional<StoredTask>> find(TaskId id) const override;
  Result<std::optional<TaskId>> find_key(KeyHash key) const override;
  Result<TaskTexts> texts(const TaskSpec& spec, const TaskState& state) const override;
  Result<std::vector<Transition>> history(TaskNumber number) const override;
  Result<TaskPage> list(const TaskFilter& filter) const override;
  Result<FinishedPage> finished(TaskNumber after, std::size_t limit) const override;
  Result<std::vector<Outcome>> outcomes(std::size_t limit) const override;

  const std::map<TaskId, StoredTask>& tasks() const { return tasks_; }
  /// Which tasks refer to which files.
  const std::set<std::pair<std::string, TaskNumber>>& files() const { return files_; }
  const std::map<std::string, Schedule>& schedules() const { return schedules_; }
  /// Tasks that were erased, once they had been here.
  const std::set<TaskId>& erased() const { return erased_; }

 private:
  std::optional<Error> fail_next_;
  std::map<TaskId, StoredTask> tasks_;
  std::map<KeyHash, TaskId> keys_;
  std::map<TaskNumber, std::shared_ptr<const InputTexts>> inputs_;
  std::map<TaskNumber, std::vector<Transition>> history_;
  std::map<std::string, GoldenRule> rules_;
  std::map<std::uint64_t, Outcome> outcomes_;
  DispatchState dispatch_;
  std::set<TaskId> erased_;
  std::set<std::pair<std::string, TaskNumber>> files_;
  std::map<HoldBook::Key, Hold> holds_;
  std::map<std::string, Schedule> schedules_;
};

}  // namespace swarm::orchestrator::testing
