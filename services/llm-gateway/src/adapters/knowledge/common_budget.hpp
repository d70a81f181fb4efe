#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "adapters/knowledge/common_limits.hpp"
#include "adapters/knowledge/spend_reporter.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::gateway {

/// The budget's second home, the swarm's common knowledge store: every `interval` what was spent is told, limits are
/// adopted once, and the day's sum of the whole swarm becomes a metric. One thread; nothing of it is on a request's path,
/// and all of it goes on without the store.
class CommonBudget {
 public:
  struct Options {
    std::chrono::milliseconds interval{10'000};
    std::vector<std::string> limits_of;  // scopes whose daily limit is taken from there; empty: none, and none is told
  };
  struct Parts {
    SpendStore& spend;
    BudgetDesk& desk;
    knowledge::Outbox& outbox;
    knowledge::SpendRecords& store;
    const Clock& clock;
    metrics::Registry& registry;
  };
  static Result<std::unique_ptr<CommonBudget>> open(const Parts& parts, Options options);
  ~CommonBudget();

  void start();
  /// Tells what is left, then ends the thread. After the spend loop has stopped.
  void stop();
  /// Number of the last usage row that was told; rows up to it are not needed here any more. From any thread.
  std::uint64_t told() const { return reporter_.told(); }

 private:
  CommonBudget(const Parts& parts, Options options);
  void run();
  void tell();
  void ask_for_sum();

  const Parts parts_;
  const Options options_;
  SpendReporter reporter_;
  CommonLimits limits_;
  metrics::Gauge& swarm_today_;
  bool telling_failed_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace swarm::gateway
