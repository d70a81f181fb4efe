#include "libs/telemetry/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <variant>

#include "libs/base/check.hpp"
#include "libs/telemetry/metric_names.hpp"

namespace swarm::metrics {
namespace {

std::size_t shard_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t shard = next.fetch_add(1, std::memory_order_relaxed);
  return shard;
}

struct Callback {
  std::function<double()> read;
};
using Metric = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>, Callback>;

struct Family {
  prometheus::MetricType type = prometheus::MetricType::Untyped;  // until its first metric
  std::string help;
  std::map<Labels, Metric> metrics;
};

/// What a metric says now, in prometheus-cpp's terms.
struct Sample {
  prometheus::ClientMetric& out;
  prometheus::MetricType type;

  void operator()(const std::unique_ptr<Counter>& c) const { out.counter.value = static_cast<double>(c->value()); }
  void operator()(const std::unique_ptr<Gauge>& g) const { out.gauge.value = g->value(); }
  void operator()(const Callback& c) const { (type == prometheus::MetricType::Counter ? out.counter.value : out.gauge.value) = c.read(); }
  void operator()(const std::unique_ptr<Histogram>& h) const {
    const auto counts = h->counts();
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      total += counts[i];
      const double bound = i < h->bounds().size() ? h->bounds()[i] : std::numeric_limits<double>::infinity();
      out.histogram.bucket.push_back({total, bound});
    }
    out.histogram.sample_count = total;
    out.histogram.sample_sum = h->sum();
  }
};

/// prometheus-cpp 1.0 writes a help text as it is.
std::string escaped(std::string_view help) {
  std::string out;
  for (const char c : help) {
    if (c == '\\') out += "\\\\";
    else if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

prometheus::MetricFamily collect(const std::string& name, const Family& family) {
  prometheus::MetricFamily out{name, family.help, family.type, {}};
  for (const auto& [labels, metric] : family.metrics) {
    auto& sample = out.metric.emplace_back();
    for (const auto& [key, value] : labels) sample.label.push_back({key, value});
    std::visit(Sample{sample, family.type}, metric);
  }
  return out;
}

}  // namespace

void Counter::add(std::uint64_t n) {
  shards_[shard_of_this_thread() % shards_.size()].n.fetch_add(n, std::memory_order_relaxed);
}

std::uint64_t Counter::value() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.n.load(std::memory_order_relaxed);
  return sum;
}

Histogram::Histogram(std::vector<double> upper_bounds)
    : bounds_(std::move(upper_bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  SWARM_CHECK(std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) == bounds_.end(),
              "histogram bounds must rise");
}

void Histogram::observe(double value) {
  if (std::isnan(value)) return;  // one would poison the sum for good
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out(bounds_.size() + 1);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = counts_[i].load(std::memory_order_relaxed);
  return out;
}

double Histogram::sum() const { return sum_.load(std::memory_order_relaxed); }

std::vector<double> latency_buckets() {
  return {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,     0.25,   0.5,     1,      2.5,   5,      10,    30,   60};
}

struct Registry::Impl {
  mutable std::mutex mutex;
  std::map<std::string, Family> families;

  /// The place for one metric; empty pointers mean that it is new. Call with the mutex held.
  Metric& place(std::string_view name, std::string_view help, prometheus::MetricType type, Labels labels, Metric fresh) {
    SWARM_CHECK(is_metric_name(name), "not a Prometheus metric name: " + std::string(name));
    for (const auto& [key, value] : labels) {
      SWARM_CHECK(is_label_name(key), "not a Prometheus label name: " + key);
    }
    std::sort(labels.begin(), labels.end());
    Family& family = families[std::string(name)];
    if (family.type == prometheus::MetricType::Untyped) {
      family.type = type;
      family.help = escaped(help);
    }
    SWARM_CHECK(family.type == type, "metric registered with two types: " + std::string(name));
    const auto [it, is_new] = family.metrics.try_emplace(std::move(labels), std::move(fresh));
    SWARM_CHECK(is_new || it->second.index() == fresh.index(), "metric is also a callback: " + std::string(name));
    return it->second;
  }

  void callback(std::string_view name, std::string_view help, prometheus::MetricType type, const Labels& labels,
                std::function<double()> read) {
    std::lock_guard lock(mutex);
    std::get<Callback>(place(name, help, type, labels, Callback{})).read = std::move(read);
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return *std::get<0>(impl_->place(name, help, prometheus::MetricType::Counter, labels, std::make_unique<Counter>()));
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  return *std::get<1>(impl_->place(name, help, prometheus::MetricType::Gauge, labels, std::make_unique<Gauge>()));
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, std::vector<double> upper_bounds,
                               const Labels& labels) {
  std::lock_guard lock(impl_->mutex);
  auto fresh = std::make_unique<Histogram>(std::move(upper_bounds));
  return *std::get<2>(impl_->place(name, help, prometheus::MetricType::Histogram, labels, std::move(fresh)));
}

void Registry::gauge_callback(std::string_view name, std::string_view help, const Labels& labels,
                              std::function<double()> read) {
  impl_->callback(name, help, prometheus::MetricType::Gauge, labels, std::move(read));
}

void Registry::counter_callback(std::string_view name, std::string_view help, const Labels& labels,
                                std::function<double()> read) {
  impl_->callback(name, help, prometheus::MetricType::Counter, labels, std::move(read));
}

std::string Registry::serialize() const {
  std::lock_guard lock(impl_->mutex);
  std::vector<prometheus::MetricFamily> families;
  for (const auto& [name, family] : impl_->families) families.push_back(collect(name, family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace swarm::metrics
