#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/result.hpp"
#include "ports/artifact_files.hpp"

namespace swarm::orchestrator {

/// Removes the files of artefacts that no task refers to any more: those of dropped tasks and replaced ones as they are
/// released, and, after a start, what a crash left between a file and its commit. Bounded work at a time. One thread.
class ArtifactKeeper {
 public:
  ArtifactKeeper(ArtifactFiles& files, ArtifactIndex& index) : files_(files), index_(index) {}
  ~ArtifactKeeper() { stop(); }
  /// `tick` is called about twice a second.
  void start(std::function<void()> tick = {});
  void stop();

  /// While it lives, the file is not removed although no task refers to it yet. It is looked at when the last one goes.
  std::shared_ptr<const void> pin(const std::string& sha256);
  /// While it lives, nothing is removed.
  std::shared_ptr<const void> hold();

 private:
  void run();
  void sweep();
  void look_at_released();
  Result<bool> remove_if_unused(const std::string& sha256);
  void unpin(const std::string& sha256);
  bool wait(std::chrono::milliseconds at_most);

  ArtifactFiles& files_;
  ArtifactIndex& index_;
  std::function<void()> tick_;
  std::mutex mutex_;  // guards the rest; also held while a file is judged and removed, so that no pin comes in between
  std::condition_variable changed_;
  std::map<std::string, std::size_t> pins_;
  std::vector<std::string> unpinned_;
  std::size_t holds_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::orchestrator
