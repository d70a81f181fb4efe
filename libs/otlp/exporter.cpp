#include "libs/otlp/exporter.hpp"

#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include "libs/http/fetch.hpp"
#include "libs/otlp/encode.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::otlp {
namespace {

constexpr std::size_t kQueueMax = 4096;
constexpr std::size_t kBatchMax = 512;
constexpr std::chrono::seconds kInterval{1};
constexpr std::chrono::seconds kLastWords{2};
constexpr int kTriesMax = 4;
constexpr std::string_view kPortDefault = "4318";
constexpr std::chrono::milliseconds kFirstPause{250};

using Steady = std::chrono::steady_clock;

/// Uniform over trace ids: a part of the id against the share of all its values.
bool chosen(const trace::Context& context, double share) {
  std::uint64_t low = 0;
  std::memcpy(&low, context.trace_id.data() + 8, sizeof low);
  return share >= 1.0 || static_cast<double>(low) < share * 18446744073709551616.0;
}

}  // namespace

void read_traces(settings::Object& root, TraceSettings& out) {
  root.section("traces", "Traces for a collector of OpenTelemetry; off without an endpoint.", [&](settings::Object& o) {
    o.value("endpoint", out.endpoint, "OTLP over HTTP, e.g. https://collector:4318/v1/traces or http://127.0.0.1:4318/v1/traces.")
        .value("ca_file", out.ca_file, "PEM roots that an https collector's certificate must come from; empty: the machine's.")
        .value("share", out.share, "Share of the traces that are sent, the same ones in every service.", 0.0, 1.0);
    std::error_code ignored;
    if (!out.ca_file.empty() && !std::filesystem::is_regular_file(out.ca_file, ignored)) o.fault("ca_file", "no such file: " + out.ca_file);
    if (out.endpoint.empty()) return;
    if (const auto parsed = http::Url::parse(out.endpoint, kPortDefault); !parsed) o.fault("endpoint", parsed.error().message);
  });
}

struct Exporter::Impl {
  Impl(http::Url there, const TraceSettings& wanted, std::string name, metrics::Registry& registry)
      : collector(std::move(there)),
        settings(wanted),
        service(std::move(name)),
        sent(registry.counter("swarm_trace_spans_sent_total", "Spans that the collector took.")),
        dropped(registry.counter("swarm_trace_spans_dropped_total", "Spans that were lost: too many waited, or the collector did not take them.")) {}

  void run();
  std::vector<trace::FinishedSpan> next();
  void send(const std::vector<trace::FinishedSpan>& batch);
  bool wait(std::chrono::milliseconds pause);

  const http::Url collector;
  const TraceSettings settings;
  const std::string service;
  metrics::Counter& sent;
  metrics::Counter& dropped;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<trace::FinishedSpan> queue;
  bool stopping = false;
  Steady::time_point give_up{};
  bool told = false;  // of a collector that does not take what it gets; the thread's own
  std::jthread thread;
};

std::vector<trace::FinishedSpan> Exporter::Impl::next() {
  std::unique_lock lock(mutex);
  wake.wait_for(lock, kInterval, [this] { return stopping || queue.size() >= kBatchMax; });
  const auto count = std::min(queue.size(), kBatchMax);
  std::vector<trace::FinishedSpan> batch(std::make_move_iterator(queue.begin()), std::make_move_iterator(queue.begin() + static_cast<std::ptrdiff_t>(count)));
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
  return batch;
}

/// False when the exporter stops and its time for last words is over.
bool Exporter::Impl::wait(std::chrono::milliseconds pause) {
  std::unique_lock lock(mutex);
  const auto until = Steady::now() + pause;
  wake.wait_until(lock, until, [this] { return stopping; });
  return !stopping || Steady::now() < give_up;
}

void Exporter::Impl::send(const std::vector<trace::FinishedSpan>& batch) {
  const auto body = encode(batch, service, SWARM_VERSION);
  http::FetchOptions options;
  options.ca_file = settings.ca_file;
  auto pause = kFirstPause;
  for (int tried = 1;; ++tried, pause *= 2) {
    const auto answer = http::fetch(collector, "application/json", body, options);
    const int status = answer ? answer.value().status : 0;
    if (status / 100 == 2) {
      told = false;
      return sent.add(batch.size());
    }
    // "Retryable Response Codes" of the specification.
    const bool again = status == 0 || status == 429 || (status >= 502 && status <= 504);
    if (again && tried < kTriesMax && wait(pause)) continue;
    if (!std::exchange(told, true)) {
      log::warn("the trace collector does not take spans",
                {{"endpoint", settings.endpoint}, {"why", answer ? "HTTP " + std::to_string(status) : answer.error().message}});
    }
    return dropped.add(batch.size());
  }
}

void Exporter::Impl::run() {
  for (;;) {
    const auto batch = next();
    if (!batch.empty()) send(batch);
    std::lock_guard lock(mutex);
    if (stopping && (queue.empty() || Steady::now() >= give_up)) return dropped.add(queue.size());
  }
}

Exporter::Exporter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::unique_ptr<Exporter> Exporter::start(const TraceSettings& settings, std::string service, metrics::Registry& registry) {
  if (settings.endpoint.empty()) return nullptr;
  auto collector = http::Url::parse(settings.endpoint, kPortDefault);
  if (!collector) return nullptr;  // refused by read_traces
  std::unique_ptr<Exporter> exporter(new Exporter(std::make_unique<Impl>(std::move(collector.value()), settings, std::move(service), registry)));
  exporter->impl_->thread = std::jthread([impl = exporter->impl_.get()] { impl->run(); });
  trace::send_spans_to(exporter.get());
  return exporter;
}

Exporter::~Exporter() {
  trace::send_spans_to(nullptr);
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->give_up = Steady::now() + kLastWords;
  }
  impl_->wake.notify_all();
  impl_->thread.join();
}

void Exporter::take(trace::FinishedSpan span) {
  if (!chosen(span.context, impl_->settings.share)) return;
  std::unique_lock lock(impl_->mutex);
  if (impl_->stopping || impl_->queue.size() >= kQueueMax) return impl_->dropped.add();
  impl_->queue.push_back(std::move(span));
  const bool full = impl_->queue.size() == kBatchMax;
  lock.unlock();
  if (full) impl_->wake.notify_one();
}

}  // namespace swarm::otlp
