#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/effect.hpp"
#include "domain/task.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// What the engine is rebuilt from.
struct RecoverySink {
  std::function<void(StoredTask)> task;      // each live task, in the order of creation
  std::function<void(GoldenRule)> rule;
  std::function<void(DispatchState)> dispatch;
  std::function<void(Hold)> hold;
  std::function<void(Schedule)> schedule;
  std::uint64_t first_outcome = 1;           // of those that wait for the analyst
  std::uint64_t last_outcome = 0;
  TaskNumber next_number = 1;
};

/// A page of tasks, newest first.
struct TaskFilter {
  std::optional<TaskStatus> status;
  std::string stack;
  std::string workflow_state;
  std::string text;                          // all its words stand in the description, in any case
  std::map<std::string, std::string> labels;
  TaskId parent;
  WallTime created_from{};                   // zero: any
  WallTime created_before{};                 // zero: any
  std::string tenant;                        // empty: any
  bool live_only = false;                    // not finished
  bool with_budget = false;                  // of its own
  TaskNumber before = 0;                     // 0: from the newest
  std::size_t limit = 50;
};
struct TaskPage {
  struct Item {
    StoredTask task;
    std::string description;
    std::string error_message;
  };
  std::vector<Item> items;
  TaskNumber next_before = 0;                // 0: that was all
};

/// Finished tasks by creation.
struct FinishedPage {
  struct Item {
    TaskId id;
    TaskStatus status = TaskStatus::Succeeded;
    WallTime ended{};
  };
  std::vector<Item> items;
  TaskNumber next_after = 0;                 // 0: that was all
  std::uint64_t total = 0;                   // that the store holds
};

struct TaskTexts {
  InputTexts input;
  std::string artifact;                      // of the last attempt that had one
  std::string error_message;                 // of the last failure
  std::vector<Feedback> feedback;            // oldest first
};

/// Port: where tasks are kept. commit() and recover() belong to one thread at a time; the reads may come from any
/// number of threads meanwhile and see only what was committed.
/// Errors of commit: ResourceExhausted: surely nothing was stored; Unavailable: the outcome is unknown, the process must
/// stop and recover. It is never called again after Unavailable.
class TaskStore {
 public:
  virtual ~TaskStore() = default;
  virtual Result<void> recover(RecoverySink& sink) = 0;
  /// Only holds and schedules.
  virtual Result<void> recover_settings(RecoverySink& sink) const = 0;
  /// All of it becomes durable, or nothing.
  virtual Result<void> commit(const Changes& changes) = 0;

  virtual Result<std::optional<StoredTask>> find(TaskId id) const = 0;
  virtual Result<std::optional<TaskId>> find_key(KeyHash key) const = 0;
  virtual Result<TaskTexts> texts(const TaskSpec& spec, const TaskState& state) const = 0;
  virtual Result<std::vector<Transition>> history(TaskNumber number) const = 0;
  virtual Result<TaskPage> list(const TaskFilter& filter) const = 0;
  /// At most `limit`, of those that were created after `after`.
  virtual Result<FinishedPage> finished(TaskNumber after, std::size_t limit) const = 0;
  /// Outcomes that wait for the analyst, oldest first.
  virtual Result<std::vector<Outcome>> outcomes(std::size_t limit) const = 0;
};

}  // namespace swarm::orchestrator
