#pragma once

#include "domain/command.hpp"
#include "libs/base/result.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator {

/// What is to be submitted again, with the tasks that it stands for in the same order.
struct Redrive {
  std::vector<TaskId> from;
  std::vector<Submission> tasks;
  TaskNumber next_before = 0;  // 0: the filter has no more
};

/// Of tasks by name: NotFound, or FailedPrecondition for one that neither died nor was cancelled. Reads committed state.
Result<Redrive> redrive(const TaskStore& store, const std::vector<TaskId>& ids);
/// Of the dead ones of a page; its status does not matter.
Result<Redrive> redrive(const TaskStore& store, TaskFilter filter);

}  // namespace swarm::orchestrator
