#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "domain/task.hpp"

namespace swarm::orchestrator {

/// What happens with firings that fell into a time in which nobody ran, or the clock was set over. Stored.
enum class MissedFirings : std::uint8_t {
  Skip = 1,  // as if they had never been
  One = 2,   // all of them together fire once
};

/// What happens when it fires while the task of its last firing is not over. Stored.
enum class Overlap : std::uint8_t {
  Allow = 1,
  Skip = 2,    // this firing is left out
  Cancel = 3,  // the older task is cancelled
};

/// A task that is submitted again and again. What was asked for, and how far it has come.
struct Schedule {
  std::string name;
  std::string cron;
  std::string zone;  // IANA name
  MissedFirings missed = MissedFirings::Skip;
  Overlap overlap = Overlap::Allow;
  std::shared_ptr<const TaskSpec> task;  // of each firing; its id, number, key and times are made then
  std::shared_ptr<const InputTexts> texts;
  std::chrono::milliseconds deadline{0};
  std::uint64_t content_digest = 0;  // of all above, as it was asked for

  bool paused = false;
  std::string note;          // why it is paused
  WallTime created{};
  WallTime next{};           // zero: paused, or never again
  WallTime last{};           // the time that the last firing was for
  TaskId last_task;
  std::uint64_t fired = 0;
  std::uint64_t missed_count = 0;   // firings; of a long gap only the first thousand
  std::uint64_t overlapped = 0;     // left out, or cancelled an older task
  std::uint64_t refused = 0;        // there were too many tasks
};

}  // namespace swarm::orchestrator
