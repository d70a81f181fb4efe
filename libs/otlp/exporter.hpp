#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "libs/base/result.hpp"
#include "libs/settings/settings.hpp"
#include "libs/telemetry/metrics.hpp"
#include "libs/telemetry/span.hpp"

namespace swarm::otlp {

struct TraceSettings {
  std::string endpoint;  // of a collector, e.g. http://127.0.0.1:4318/v1/traces; empty: no traces
  double share = 1.0;    // of the traces, chosen by their ids, so that all services choose the same ones
  std::string ca_file;   // PEM roots that an https collector's certificate must come from; empty: the machine's
};

/// Describes `traces.*`, the same in every service.
void read_traces(settings::Object& root, TraceSettings& out);

/// Sends finished spans to a collector by OTLP over HTTP or HTTPS with JSON, from a thread of its own: at most 512 at once, each second.
/// At most 4,096 wait; what comes beyond is dropped and counted, as is what the collector refuses, or did not take in four tries
/// with growing pauses. Nobody ever waits for it. Thread-safe.
class Exporter final : public trace::SpanSink {
 public:
  /// Null when there is no endpoint. From now on it is where finished spans go.
  static std::unique_ptr<Exporter> start(const TraceSettings& settings, std::string service, metrics::Registry& registry);
  /// Sends what waits, for at most two seconds.
  ~Exporter() override;

  void take(trace::FinishedSpan span) override;

 private:
  struct Impl;
  explicit Exporter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::otlp
