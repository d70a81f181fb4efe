#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "libs/base/clock.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/spend_journal.hpp"
#include "ports/usage_sink.hpp"

namespace swarm::gateway {

/// The thread that carries usage rows from the ledger's store to a sink. The store is the queue: what the sink can't take
/// waits there on the disk, so nothing is held in memory but one batch, nothing is dropped, no request ever waits, and a
/// crash loses nothing. The sink says where it is, so each row comes at least once.
class UsageExport {
 public:
  UsageExport(SpendStore& store, UsageSink& sink, metrics::Registry& registry);
  ~UsageExport() { stop(); }

  /// Finds out where the sink is. Errors of the sink and the store.
  Result<void> start();
  /// Carries over what is there, once, and ends. When nothing more is recorded.
  void stop();
  /// The newest row that the sink has for sure; rows up to it are not needed here any more. From any thread.
  std::uint64_t last() const { return last_.load(); }

 private:
  void run();
  bool carry();  // false: it failed, or there was nothing left

  SpendStore& store_;
  UsageSink& sink_;
  metrics::Counter& lines_;
  metrics::Counter& failures_;
  metrics::Counter& spilled_;
  metrics::Counter& dropped_;
  metrics::Gauge& backlog_;
  std::atomic<std::uint64_t> last_{0};  // set by the thread alone
  int failures_in_a_row_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::chrono::steady_clock::time_point tidied_{};
  std::thread thread_;
};

}  // namespace swarm::gateway
