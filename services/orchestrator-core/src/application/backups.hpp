#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

struct BackupMade {
  std::filesystem::path directory;
  std::uint64_t bytes = 0;
  std::chrono::milliseconds took{0};
};

/// Copies of the store, made while everything goes on: one at a time, on a thread of their own. Thread-safe.
class Backups {
 public:
  using Copy = std::function<Result<void>(const std::filesystem::path& directory)>;
  using Done = std::function<void(Result<BackupMade>)>;

  /// Copies go below `directory`.
  Backups(std::filesystem::path directory, Copy copy, const Clock& clock);
  ~Backups();

  /// An empty name becomes the time. `done` is called on the worker's thread, at most once. InvalidArgument: not a plain
  /// name; FailedPrecondition: one is under way; Unavailable: stopped.
  Result<void> begin(std::string name, Done done);
  /// Waits for the one under way.
  void stop();

 private:
  struct Job {
    std::filesystem::path directory;
    Done done;
  };
  void run();
  Result<BackupMade> make(const std::filesystem::path& directory) const;

  const std::filesystem::path directory_;
  const Copy copy_;
  const Clock& clock_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable changed_;
  std::optional<Job> job_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::orchestrator
