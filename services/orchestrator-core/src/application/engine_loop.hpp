#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "application/command_queue.hpp"
#include "application/commit_pipeline.hpp"
#include "application/event_bus.hpp"
#include "application/probe.hpp"
#include "libs/base/clock.hpp"
#include "ports/replies.hpp"

namespace swarm::orchestrator {

/// The threads around the engine. One drains the queue and applies; another commits batches, and only then answers
/// callers and publishes events. While a batch is being committed the next one is built, so that one fdatasync carries
/// everything that arrived during the one before it. Thread-safe: submit(), halt().
class EngineLoop {
 public:
  struct Parts {
    TaskEngine& engine;
    TaskStore& store;
    const TimeZones& zones;
    Replies& replies;
    EventBus& bus;
    Clock& clock;
    Random& random;
    Probe& probe;
    PipelineLog* log = nullptr;  // null: the run is not recorded
  };
  /// `fatal` is called at most once, on one of the loop's threads, when the store's state is not known any more: the
  /// process must end and recover at its next start.
  EngineLoop(Parts parts, QueueLimits queue, std::size_t finished_kept, std::function<void(const Error&)> fatal);
  ~EngineLoop();

  /// Loads the store and starts the threads. Returns the version of the golden rules that it knows.
  Result<std::uint64_t> start();
  /// False: there is no room, nothing will be answered.
  bool submit(Command command);
  /// Holds assignments back from the very next one on, before the command that records it has got its turn.
  void halt(bool halted) { halted_.store(halted, std::memory_order_release); }
  bool halted() const { return halted_.load(std::memory_order_acquire); }
  /// Why the last write into the store failed; empty when it did not.
  std::string store_fault() const;
  std::size_t queued_commands() const { return queue_.size(); }
  /// Applies and commits what is queued, then ends the threads. Idempotent.
  void stop();

 private:
  enum class CommitState { Idle, Given, Done, Failed, Lost };

  Now now() const { return {parts_.clock.boot_now(), parts_.clock.wall_now()}; }
  void run_engine();
  bool apply_queued();
  void settle_commit();
  void give_batch();
  std::optional<std::chrono::nanoseconds> time_to_timer() const;
  void run_committer();
  void commit(Batch& batch);
  void release(Batch& batch);
  void send(Answer& answer);
  void lose(const Error& error);

  Parts parts_;
  CommitPipeline pipeline_;
  CommandQueue queue_;
  std::function<void(const Error&)> fatal_;
  std::atomic<bool> halted_{false};
  std::vector<QueuedCommand> taken_;

  mutable std::mutex commit_mutex_;  // guards the next five
  std::string store_fault_;
  std::condition_variable commit_changed_;
  CommitState commit_state_ = CommitState::Idle;
  std::shared_ptr<Batch> given_;
  Error commit_error_;
  bool stopping_ = false;

  BootTime last_figures_{};  // engine's thread only, as the next
  bool lost_ = false;        // engine's thread only
  bool ended_ = false;
  std::thread committer_;
  std::thread engine_;
};

}  // namespace swarm::orchestrator
