#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "domain/command.hpp"
#include "domain/ready_queues.hpp"
#include "domain/task.hpp"

namespace swarm::orchestrator {

/// A live or recently finished task, with what no record holds: its timers and place in the queue.
struct TaskEntry {
  std::shared_ptr<const TaskSpec> spec;
  std::shared_ptr<TaskState> state;  // frozen once published; see TaskEngine::edit
  bool published = false;
  bool dirty = false;
  bool is_new = false;
  bool started = false;              // the holder gave a sign
  bool taken_back = false;           // queued again because it gave none; its late sign still counts
  CallId link = 0;                   // the stream over which the lease went out, if any
  BootTime lease_expires{};
  BootTime start_by{};               // first sign of the holder; of a queued task: somebody must take it
  BootTime close_by{};               // end of the attempt
  BootTime wake{};                   // end of a delay or back-off
  BootTime ends{};                   // the deadline
  BootTime cancel_by{};              // then it is cancelled, whatever its agent does
  BootTime timer{};                  // what is armed; zero: nothing
  QueuePosition position;
  std::size_t open_dependencies = 0;
  std::uint64_t finished_in_batch = 0;
  std::string progress;
};

}  // namespace swarm::orchestrator
