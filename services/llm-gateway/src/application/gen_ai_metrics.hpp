#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "domain/catalog.hpp"
#include "domain/usage.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::gateway {

/// gen_ai.operation.name
enum class Operation : std::uint8_t { Chat, TextCompletion, Embeddings };
inline constexpr std::size_t kOperations = 3;

/// The metrics of OpenTelemetry's semantic conventions for generative AI, beside our own, in Prometheus' spelling: names,
/// attributes and bounds of buckets as in opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics. A series begins with its
/// first request; their number is bounded by the configuration: models x providers that serve them x operations (x errors).
/// Thread-safe; takes the registry's lock only where a series begins.
class GenAiMetrics {
 public:
  GenAiMetrics(metrics::Registry& registry, const Catalog& catalog);
  ~GenAiMetrics();

  /// What a request was, as far as its attributes say.
  struct Request {
    const Model* model = nullptr;
    const Upstream* upstream = nullptr;
    Operation operation = Operation::Chat;
  };
  /// Billable tokens that the provider told of. The conventions forbid estimates here.
  void used(const Request& request, const Usage& usage);
  /// The request as its caller saw it, from its first byte to its answer's last.
  void served(const Request& request, int status, double seconds);
  /// The provider's part in it, from asking it first to the end of its answer.
  void asked(const Request& request, int status, double seconds);
  /// Of streams: until the first generated content, and for each token from the second one on.
  void first_token(const Request& request, double seconds);
  void each_token(const Request& request, double seconds);

 private:
  static constexpr std::size_t kErrors = 15;  // error.type; the first one stands for none
  using Place = std::atomic<metrics::Histogram*>;
  struct Series {
    Place input{nullptr};
    Place output{nullptr};
    Place first_token{nullptr};
    Place each_token{nullptr};
    std::array<Place, kErrors> served{};
    std::array<Place, kErrors> asked{};
  };
  struct Name;
  struct Attribute {
    std::string_view name;
    std::string_view value;  // empty: there is none
  };
  static std::size_t error_index(int status);
  Series& series(const Request& request);
  void observe(Place& place, const Name& name, const Request& request, Attribute more, double value);

  metrics::Registry& registry_;
  std::vector<std::size_t> provider_of_upstream_;  // by the upstream's id
  std::size_t providers_ = 0;
  std::unique_ptr<Series[]> series_;               // by model, provider and operation
};

}  // namespace swarm::gateway
