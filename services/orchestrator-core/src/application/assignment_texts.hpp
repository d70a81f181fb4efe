#pragma once

#include <string>
#include <vector>

#include "domain/effect.hpp"
#include "libs/base/result.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator {

struct ContextLimits {
  std::size_t artifact_bytes_max = 16u << 10;  // of each dependency and of the parent
  std::size_t total_bytes_max = 64u << 10;     // of all of them
  std::size_t previous_bytes_max = 256u << 10;
};

/// What an agent reads when it gets a task.
struct AssignmentTexts {
  std::string description;
  std::string context;            // the task's own, then what its parent and dependencies made, shortened
  std::string previous_artifact;  // of this task's last successful attempt
  std::vector<Feedback> feedback;
  std::vector<std::string> constraints;  // of this task alone
};

/// Reads from committed state; thread-safe.
Result<AssignmentTexts> assignment_texts(const TaskStore& store, const StoredTask& task, const ContextLimits& limits);

}  // namespace swarm::orchestrator
