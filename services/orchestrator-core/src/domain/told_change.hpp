#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/task.hpp"

namespace swarm::orchestrator {

struct Batch;

/// How an attempt ended that counts.
struct AttemptEnd {
  int attempt = 0;
  std::string agent;
  std::string role;
  std::string workflow_state;  // empty: a plain task
  bool success = false;
  std::string note;
};

/// What the swarm's common knowledge is told of one change: of a task's state, or (without a task) of the kill switch.
struct ToldChange {
  TaskId task;
  std::uint64_t version = 0;
  TaskStatus status = TaskStatus::Queued;
  std::string reason;
  WallTime at{};
  std::string stack;
  bool created = false;
  std::optional<AttemptEnd> ended;
  bool halted = false;     // of the kill switch, as the next
  std::string by;
};

/// Everything that there is to tell of a batch, in the order in which it happened.
std::vector<ToldChange> told_changes(const Batch& batch);

}  // namespace swarm::orchestrator
