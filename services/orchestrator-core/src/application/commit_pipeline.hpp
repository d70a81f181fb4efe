#pragma once

#include <memory>
#include <optional>

#include "domain/task_engine.hpp"
#include "domain/time_zone.hpp"
#include "ports/pipeline_log.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator {

/// A stored schedule, ready to run. One whose zone is no longer known is paused and says so.
ScheduleEntry schedule_entry(Schedule schedule, const TimeZones& zones);

/// Double-buffered group commit around the engine, without threads: one batch is being built while at most one other is
/// being committed. Used by the engine loop with real threads and by the simulator with virtual time; the order of
/// these calls is all that decides what happens. Owned by the engine's thread.
class CommitPipeline {
 public:
  CommitPipeline(TaskEngine& engine, TaskStore& store, const TimeZones& zones, std::size_t finished_kept);

  /// Tells the log of everything from now on. Before recover().
  void record_to(PipelineLog* log) { log_ = log; }
  /// Nothing more will be done.
  void ended();
  /// Loads everything live from the store. Call once, first.
  Result<void> recover(Now now);

  /// Applies into the batch that is being built. An error means that the store could not be read; nothing was applied.
  Result<void> apply(Command command, Now now, Random& random);
  Result<void> tick(Now now, Random& random);

  bool has_work() const;
  bool committing() const { return committing_ != nullptr; }
  /// Gives the built batch out for commit. Call only with has_work() and not committing(). The batch stays alive and
  /// untouched by the pipeline until committed() or failed().
  std::shared_ptr<Batch> hand_over();
  /// The batch given out is durable.
  void committed();
  /// The batch given out was surely not stored: everything that it and the batch built on top of it touched is taken
  /// from the store again. Returns the calls that must hear of it.
  Result<std::vector<CallId>> failed(Now now, Random& random);

 private:
  Result<void> load(Missing missing, Now now);
  bool is_erased(TaskId id) const;
  Result<void> recover_settings();
  template <class Work>
  void recorded(Random& random, Work work);
  void start_batch();

  TaskEngine& engine_;
  TaskStore& store_;
  const TimeZones& zones_;
  std::size_t finished_kept_;
  PipelineLog* log_ = nullptr;
  std::uint64_t number_ = 0;
  std::shared_ptr<Batch> building_;
  std::shared_ptr<Batch> committing_;
};

}  // namespace swarm::orchestrator
