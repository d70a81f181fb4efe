#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace swarm::orchestrator {

/// Waits that end early at a stop. Thread-safe.
class Interrupt {
 public:
  /// False when the owner stops.
  bool wait(std::chrono::milliseconds at_most);
  void stop();
  bool stopped() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

}  // namespace swarm::orchestrator
