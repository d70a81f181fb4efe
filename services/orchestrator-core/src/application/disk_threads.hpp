#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace swarm::orchestrator {

/// Threads for what waits for a disk, so that no thread of gRPC's does. Whoever posts has one job here at a time, and there is a
/// bounded number of those: that bounds the queue. Thread-safe.
class DiskThreads {
 public:
  explicit DiskThreads(std::size_t threads);
  ~DiskThreads() { stop(); }
  /// After stop() it is dropped.
  void post(std::function<void()> job);
  /// Ends the jobs that were begun; the others are dropped.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace swarm::orchestrator
