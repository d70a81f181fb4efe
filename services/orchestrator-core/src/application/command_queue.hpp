#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

#include "domain/command.hpp"

namespace swarm::orchestrator {

struct QueueLimits {
  std::size_t commands_max = 20'000;
  std::size_t reserved = 5'000;          // of these, only for results, heartbeats and the engine's own commands
  std::size_t bytes_max = 128u << 20;    // of submitted texts that wait
};

/// A command with the moment at which it was put in.
struct QueuedCommand {
  Command command;
  BootTime queued_at{};
};

/// The one way into the engine: first in, first out, bounded. Results and renewals have room reserved, so that a flood
/// of submissions can't make leases expire. Thread-safe for any number of producers and one consumer.
class CommandQueue {
 public:
  explicit CommandQueue(QueueLimits limits) : limits_(limits) {}

  /// False when there is no room (or the queue is closed): the caller answers RESOURCE_EXHAUSTED.
  bool push(Command command, BootTime now);
  /// Moves everything that waits into `out`.
  void take(std::vector<QueuedCommand>& out);
  /// Waits until there is a command, wake() was called, or the time is over.
  void wait(std::optional<std::chrono::nanoseconds> at_most);
  void wake();
  void close();
  bool closed() const;
  std::size_t size() const;

 private:
  QueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<QueuedCommand> waiting_;
  std::size_t bytes_ = 0;
  bool awake_ = false;
  bool closed_ = false;
};

}  // namespace swarm::orchestrator
