#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/knowledge/records.hpp"
#include "ports/stack_source.hpp"

namespace swarm::orchestrator::knowledge_store {

/// Looks for what is near to a text in the swarm's common knowledge, and takes the stack of the nearest thing that has
/// one. One search at a time and few that wait: the store serves one call at a time, and a task is not to wait for it.
/// One thread.
class StackSearch final : public StackSource {
 public:
  struct Options {
    std::size_t waiting_max = 4;
    double score_min = 0.5;  // 1 / (1 + distance)
    std::chrono::milliseconds time_max{500};  // for all texts of one question; a search that began goes on
  };
  StackSearch(knowledge::SimilaritySearch& search, Options options) : search_(search), options_(options) {}
  ~StackSearch() override { stop(); }

  void start();
  /// Those that wait are told that nothing is known.
  void stop();
  bool ask(std::vector<std::string> texts, Done done) override;

 private:
  struct Question {
    std::vector<std::string> texts;
    Done done;
  };
  using Until = std::chrono::steady_clock::time_point;
  void run();
  std::vector<std::string> look(const std::vector<std::string>& texts);
  std::string look(const std::string& text, Until until);
  std::string stack_of(const std::string& subject);
  bool resting();

  knowledge::SimilaritySearch& search_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Question> waiting_;
  bool resting_ = false;  // the last search failed: the next one is tried alone
  bool searching_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::orchestrator::knowledge_store
