#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "domain/effect.hpp"

namespace swarm::orchestrator {

class TaskEngine;

/// What an engine begins with, beside its tasks.
struct StartState {
  std::vector<GoldenRule> rules;
  DispatchState dispatch;
  std::vector<Hold> holds;
  std::vector<Schedule> schedules;
  std::uint64_t first_outcome = 1;
  std::uint64_t last_outcome = 0;
  TaskNumber next_number = 1;
};

/// Port: hears of everything that decides what the engine and its commit pipeline do, in order, so that a run can be
/// repeated. Called by the engine's thread; must not block.
class PipelineLog {
 public:
  virtual ~PipelineLog() = default;
  /// A task came into memory: before started() as part of the recovery, later because something refers to it.
  virtual void loaded(const StoredTask& task, Now now) = 0;
  virtual void started(const StartState& state, Now now) = 0;
  /// after() follows, with the random numbers that were drawn and the answers that were given.
  virtual void applies(const Command& command, Now now) = 0;
  virtual void ticks(Now now) = 0;
  virtual void fails(Now now) = 0;
  virtual void after(const std::vector<std::uint64_t>& draws, std::span<const Answer> answers) = 0;
  virtual void handed_over() = 0;
  virtual void committed(const TaskEngine& engine) = 0;
  /// Nothing more will come.
  virtual void ended(const TaskEngine& engine) = 0;
};

}  // namespace swarm::orchestrator
