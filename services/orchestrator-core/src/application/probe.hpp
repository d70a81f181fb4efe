#pragma once

#include <array>
#include <atomic>
#include <chrono>

#include "domain/task_engine.hpp"
#include "libs/base/clock.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::orchestrator {

/// The orchestrator's metrics by name. Thread-safe.
class Probe {
 public:
  explicit Probe(metrics::Registry& registry);

  void applied(std::chrono::nanoseconds waited) { apply_seconds_.observe(seconds(waited)); }
  void committed(std::size_t tasks, std::chrono::nanoseconds took);
  void commit_failed() { commit_failures_.add(); }
  void rejected() { rejected_.add(); }
  void missed(std::uint64_t events) { events_missed_.add(events); }
  void changed(const TaskChanged& change);
  void sizes(std::size_t active, std::size_t queued, std::size_t agents, std::size_t waiting);
  void outcomes(std::uint64_t waiting, std::uint64_t dropped);
  void rules(std::size_t active, std::uint64_t version);
  void halted(bool halted) { halted_.set(halted ? 1 : 0); }
  void gateway_connected(bool connected) { gateway_connected_.set(connected ? 1 : 0); }
  /// Live tasks by status, and what happened since the start; `oldest_queued`: when the longest waiting task was queued.
  void engine(const TaskEngine& engine, Now now);
  void budgets(std::size_t dry, std::size_t parked);
  void analyst_connected(bool connected) { analyst_connected_.set(connected ? 1 : 0); }

 private:
  static double seconds(std::chrono::nanoseconds t) { return static_cast<double>(t.count()) * 1e-9; }
  metrics::Histogram& apply_seconds_;
  metrics::Histogram& commit_seconds_;
  metrics::Histogram& commit_tasks_;
  metrics::Counter& commit_failures_;
  metrics::Counter& rejected_;
  metrics::Counter& events_missed_;
  metrics::Counter& created_;
  std::array<metrics::Counter*, 9> moves_{};
  metrics::Gauge& active_;
  metrics::Gauge& queued_;
  metrics::Gauge& agents_;
  metrics::Gauge& waiting_;
  metrics::Gauge& outcomes_waiting_;
  metrics::Gauge& outcomes_dropped_;
  metrics::Gauge& rules_active_;
  metrics::Gauge& rules_version_;
  metrics::Gauge& halted_;
  metrics::Gauge& analyst_connected_;
  metrics::Gauge& gateway_connected_;
  metrics::Gauge& budgets_dry_;
  std::array<metrics::Gauge*, 9> live_{};
  metrics::Counter& leases_expired_;
  metrics::Counter& leases_not_started_;
  metrics::Counter& attempts_overdue_;
  metrics::Counter& queue_overdue_;
  metrics::Counter& results_refused_;
  metrics::Counter& tasks_deleted_;
  metrics::Counter& schedules_fired_;
  metrics::Counter& firings_missed_;
  metrics::Gauge& parked_;
  EngineTally told_;
  SystemClock clock_;
  std::atomic<BootTime::rep> oldest_queued_{0};  // since the boot; 0: nothing is queued
};

}  // namespace swarm::orchestrator
