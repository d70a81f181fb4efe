#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "application/analyzers.hpp"
#include "application/ledger_loop.hpp"
#include "libs/knowledge/records.hpp"

namespace swarm::analyst::application {

/// Takes in the failures that agents left in the swarm's common knowledge store: polls those without a consolidation
/// mark, counts each one once, and marks it as soon as there is a rule for its kind. A failure that one of our own
/// orchestrators wrote down is known by its task and attempt, so that it counts once, however many ways it comes. While
/// the store is away it is asked again with growing pauses. One thread.
class FailureIntake {
 public:
  struct Options {
    std::chrono::milliseconds interval{5'000};
    std::size_t page = 20'000;  // a query sorts everything first, so few of them
    std::function<bool(const domain::Id& kind)> rule_stored;  // a failure is marked after its rule was; empty: no matter
    std::size_t open_max = 200'000;  // failures remembered that wait for a rule; the others are read again each time
  };
  FailureIntake(knowledge::FailureRecords& records, knowledge::Knowledge& marks, Analyzers& analyzers, LedgerLoop& ledger,
                Options options);
  ~FailureIntake();

  void start();
  void stop();

  struct Intake {
    std::size_t fresh = 0;                      // failures that were new
    std::size_t blank = 0;                      // without a word in them, passed over
    std::chrono::nanoseconds asked_for{};       // time in the store's queries
    std::chrono::nanoseconds counted_for{};     // time until all were grouped and durable
  };
  /// One look at the store.
  Result<Intake> poll();

 private:
  void run();
  Result<void> count(std::span<const knowledge::FailureRecord> page);
  bool sets_aside(const knowledge::FailureRecord& record);
  FailureReport report_of(const knowledge::FailureRecord& record);
  Result<void> mark_settled();

  knowledge::FailureRecords& records_;
  knowledge::Knowledge& marks_;
  Analyzers& analyzers_;
  LedgerLoop& ledger_;
  const Options options_;
  std::unordered_map<std::string, domain::Id> open_;  // execution → kind, counted and not marked; the thread's own
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::analyst::application
