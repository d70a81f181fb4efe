#pragma once

#include <memory>
#include <optional>

#include "domain/task_engine.hpp"
#include "ports/task_store.hpp"

namespace swarm::orchestrator {

/// Double-buffered group commit around the engine, without threads: one batch is being built while at most one other is
/// being committed. Used by the engine loop with real threads and by the simulator with virtual time; the order of
/// these calls is all that decides what happens. Owned by the engine's thread.
class CommitPipeline {
 public:
  CommitPipeline(TaskEngine& engine, TaskStore& store, std::size_t finished_kept);

  /// Loads everything live from the store. Call once, first.
  Result<void> recover(Now now);

  /// Applies into the batch that is being built. An error means that the store could not be read; nothing was applied.
  Result<void> apply(Command command, Now now, Random& random);
  void tick(Now now, Random& random);

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
  Result<void> load_missing(const Command& command, Now now);
  void start_batch();

  TaskEngine& engine_;
  TaskStore& store_;
  std::size_t finished_kept_;
  std::uint64_t number_ = 0;
  std::shared_ptr<Batch> building_;
  std::shared_ptr<Batch> committing_;
};

}  // namespace swarm::orchestrator
