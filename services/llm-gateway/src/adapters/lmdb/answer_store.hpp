#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/lmdb/environment.hpp"
#include "ports/kept_answers.hpp"

namespace swarm::gateway {

/// Kept answers in a directory of their own, written by a thread of its own without waiting for the disk to confirm: a
/// killed process loses at most what it was about to write, and a machine that lost its power all of it. What can't be
/// read any more is thrown away; no start fails for it.
class LmdbAnswerStore final : public KeptAnswers {
 public:
  /// Before the process has threads. `recovered` gets what is still wanted at `now`.
  static Result<std::unique_ptr<LmdbAnswerStore>> open(const std::filesystem::path& directory, WallTime now, std::vector<Entry>& recovered);
  ~LmdbAnswerStore() override { stop(); }

  void start();
  /// Writes what waits, then ends the thread.
  void stop();
  /// What does not fit into the queue is not kept.
  void keep(Entry entry) override;
  void drop(std::string id) override;

 private:
  LmdbAnswerStore() = default;
  Result<void> recover(WallTime now, std::vector<Entry>& recovered);
  void put(Entry change);
  void run();
  Result<void> write(const std::deque<Entry>& changes);

  std::unique_ptr<lmdb::Environment> environment_;
  lmdb::Table answers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Entry> waiting_;  // without a text: to be dropped
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::gateway
