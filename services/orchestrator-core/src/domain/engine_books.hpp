#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "domain/ids.hpp"
#include "domain/task_entry.hpp"

namespace swarm::orchestrator {

/// Things that happened since the start.
struct EngineTally {
  std::uint64_t leases_expired = 0;      // without a sign of the agent
  std::uint64_t leases_not_started = 0;  // without a first one
  std::uint64_t attempts_overdue = 0;    // longer than start_to_close
  std::uint64_t queue_overdue = 0;       // longer than schedule_to_start
  std::uint64_t results_refused = 0;
  std::uint64_t tasks_deleted = 0;
  std::uint64_t schedules_fired = 0;
  std::uint64_t firings_missed = 0;
};

/// Tasks of one concurrency key.
struct KeySlot {
  std::set<TaskNumber> in_work;
  std::map<std::pair<int, TaskNumber>, TaskEntry*> waiting;  // by priority, then age
};

/// What a command refers to and the engine does not have in memory.
struct Missing {
  std::vector<TaskId> ids;
  std::vector<KeyHash> keys;
};

}  // namespace swarm::orchestrator
