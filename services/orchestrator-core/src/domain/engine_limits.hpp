#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "domain/artifact.hpp"
#include "domain/retry.hpp"

namespace swarm::orchestrator {

/// What the engine holds, waits and keeps at the most.
struct EngineLimits {
  std::chrono::milliseconds lease{30'000};         // without a heartbeat
  std::chrono::milliseconds start_within{5'000};   // from assignment to the first sign of the agent
  std::chrono::milliseconds schedule_to_start{0};  // in the queue; 0: no bound
  std::chrono::milliseconds start_to_close{0};     // one attempt; 0: no bound
  std::chrono::milliseconds forget_agent{600'000};
  std::size_t tasks_active_max = 1'000'000;
  std::size_t agents_max = 20'000;
  std::size_t results_kept = 16;                   // answers kept for repeated results, per task
  std::uint32_t feedback_kept = 6;
  std::size_t feedback_bytes_max = 4096;
  std::uint32_t history_kept = 200;
  std::size_t outcomes_max = 100'000;              // waiting for the analyst
  std::size_t dry_budgets_max = 200'000;           // scopes remembered
  std::size_t holds_max = 1'000;
  std::size_t schedules_max = 1'000;
  std::chrono::milliseconds schedule_grace{60'000};  // a firing that comes later was missed
  int attempts_default = 3;
  bool report_outcomes = true;
  bool tell_changes = false;                       // to the common knowledge
  RetryPolicy retry;
  ArtifactLimits artifacts;
};

}  // namespace swarm::orchestrator
