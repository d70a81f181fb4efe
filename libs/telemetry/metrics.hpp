#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Rises only. Thread-safe, wait-free, sharded by thread so that hot paths don't share a cache line.
class Counter {
 public:
  void add(std::uint64_t n = 1);
  std::uint64_t value() const;

 private:
  struct alignas(64) Shard { std::atomic<std::uint64_t> n{0}; };
  std::array<Shard, 8> shards_;
};

/// Goes up and down. Thread-safe, wait-free.
class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts observations into fixed buckets. Thread-safe, wait-free.
class Histogram {
 public:
  explicit Histogram(std::vector<double> upper_bounds);
  void observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  /// Counts per bucket (not cumulative), the last one for everything above.
  std::vector<std::uint64_t> counts() const;
  double sum() const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Seconds from 50 microseconds to 60 seconds.
std::vector<double> latency_buckets();

/// All metrics of a process. Asking twice for the same name and labels gives the same object, which lives as long as
/// the registry. Registration locks; the objects don't. Names follow Prometheus: unit last, counters end in _total.
/// prometheus-cpp checks names and writes the text; its own counters take a lock per family, which a hot path can't afford.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds,
                       const Labels& labels = {});
  /// A gauge whose value is asked for at each scrape; the callback must be thread-safe and quick, and must not register
  /// metrics. Registering it again replaces the callback.
  void gauge_callback(std::string_view name, std::string_view help, const Labels& labels,
                      std::function<double()> read);
  /// The same for a count kept elsewhere that only rises.
  void counter_callback(std::string_view name, std::string_view help, const Labels& labels,
                        std::function<double()> read);
  /// Prometheus text format 0.0.4, sorted by name.
  std::string serialize() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds, process_threads,
/// process_start_time_seconds, swarm_log_lines_dropped_total and swarm_build_info{service,version}.
void add_process_metrics(Registry& registry, std::string_view service);

}  // namespace swarm::metrics
