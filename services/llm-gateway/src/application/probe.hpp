#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "application/gen_ai_metrics.hpp"
#include "domain/budget_ledger.hpp"
#include "domain/catalog.hpp"
#include "domain/usage.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/upstream.hpp"

namespace swarm::gateway {

/// The routes that metrics are told apart by.
enum class Surface : std::uint8_t { Chat, Completions, Embeddings, Responses, Messages, CountTokens, Models, Grpc, Other };
inline constexpr std::size_t kSurfaces = 9;
std::string_view name(Surface surface);

/// The gateway's metrics, registered once so that counting is an index and an atomic add. Labels come from the
/// configuration and from fixed lists only. Thread-safe.
class Probe {
 public:
  Probe(metrics::Registry& registry, const Catalog& catalog);

  /// These models are offered from now on, as far as the metrics say; and no longer.
  void show(const Catalog& catalog);
  void withdraw();

  /// The same things by OpenTelemetry's names.
  GenAiMetrics& gen_ai() { return gen_ai_; }
  void request(Surface surface, int status, double seconds);
  /// Time that a request spent in the gateway itself.
  void overhead(double seconds) { overhead_->observe(seconds); }
  void first_event(double seconds) { first_event_->observe(seconds); }
  void upstream_answer(const Upstream& upstream, int status);
  void upstream_fault(const Upstream& upstream, UpstreamFault fault);
  void retried(const Upstream& upstream) { upstreams_[upstream.id].retries->add(); }
  void breaker(const Upstream& upstream, double state) { upstreams_[upstream.id].breaker->set(state); }
  void used(const Model& model, const Usage& usage, Money cost);
  /// It cost more than the most that it was counted with.
  void above_ceiling(const Model& model) { models_[model.id].above_ceiling->add(); }
  void refused(ScopeLevel level, RefusalReason reason);
  void hung_up() { hangups_->add(); }
  void joined() { joined_->add(); }
  void stream_opened() { streams_->add(1); }
  void stream_closed() { streams_->add(-1); }
  void journal_written(std::size_t rows, double seconds);
  void abandoned(std::size_t reservations) { abandoned_->add(reservations); }
  void journal_failed() { journal_failures_->add(); }
  void connection_opened() { connections_->add(1); }
  void connection_closed() { connections_->add(-1); }

 private:
  static constexpr std::size_t kStatuses = 16;
  struct PerUpstream {
    std::array<metrics::Counter*, kStatuses> answers;
    std::array<metrics::Counter*, 6> faults;
    metrics::Counter* retries;
    metrics::Gauge* breaker;
  };
  struct PerModel {
    metrics::Counter* input;
    metrics::Counter* output;
    metrics::Counter* cached;
    metrics::Gauge* cost;
    metrics::Counter* estimated;
    metrics::Counter* unlisted;  // null: its price is a listed one
    metrics::Gauge* source;      // of its price
    metrics::Counter* above_ceiling;
  };
  static std::size_t status_index(int status);

  GenAiMetrics gen_ai_;
  std::array<std::array<metrics::Counter*, kStatuses>, kSurfaces> requests_;
  std::array<metrics::Histogram*, kSurfaces> seconds_;
  std::vector<PerUpstream> upstreams_;
  std::vector<PerModel> models_;
  std::array<std::array<metrics::Counter*, 7>, kScopeLevels> refusals_;
  metrics::Histogram* overhead_;
  metrics::Histogram* first_event_;
  metrics::Histogram* journal_seconds_;
  metrics::Counter* journal_rows_;
  metrics::Counter* journal_failures_;
  metrics::Counter* abandoned_;
  metrics::Counter* hangups_;
  metrics::Counter* joined_;
  metrics::Gauge* streams_;
  metrics::Gauge* connections_;
};

}  // namespace swarm::gateway
