#include "application/gen_ai_metrics.hpp"

#include <algorithm>

namespace swarm::gateway {
namespace {

constexpr std::array<std::string_view, kOperations> kOperationNames = {"chat", "text_completion", "embeddings"};
constexpr std::array<int, 13> kErrorStatuses = {400, 401, 403, 404, 408, 413, 422, 429, 499, 500, 502, 503, 504};
constexpr std::array<std::string_view, 15> kErrorTexts = {"", "400", "401", "403", "404", "408", "413", "422", "429", "499", "500", "502", "503", "504", "_OTHER"};

/// 4^0 to 4^13.
std::vector<double> token_buckets() {
  return {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
}
std::vector<double> duration_buckets() {
  return {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
}
std::vector<double> first_token_buckets() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0};
}
std::vector<double> each_token_buckets() {
  return {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5};
}

}  // namespace

struct GenAiMetrics::Name {
  std::string_view name;
  std::string_view help;
  std::vector<double> (*buckets)();
};

GenAiMetrics::GenAiMetrics(metrics::Registry& registry, const Catalog& catalog) : registry_(registry) {
  std::vector<std::string_view> providers;
  for (const Upstream& upstream : catalog.upstreams()) {
    const auto known = std::find(providers.begin(), providers.end(), upstream.provider);
    provider_of_upstream_.push_back(static_cast<std::size_t>(known - providers.begin()));
    if (known == providers.end()) providers.push_back(upstream.provider);
  }
  providers_ = providers.size();
  series_ = std::make_unique<Series[]>(catalog.models().size() * providers_ * kOperations);
}

GenAiMetrics::~GenAiMetrics() = default;

std::size_t GenAiMetrics::error_index(int status) {
  static_assert(kErrorStatuses.size() + 2 == kErrors && kErrorTexts.size() == kErrors);
  if (status < 400) return 0;
  const auto found = std::find(kErrorStatuses.begin(), kErrorStatuses.end(), status);
  return static_cast<std::size_t>(found - kErrorStatuses.begin()) + 1;
}

GenAiMetrics::Series& GenAiMetrics::series(const Request& request) {
  const std::size_t provider = provider_of_upstream_[request.upstream->id];
  return series_[(request.model->id * providers_ + provider) * kOperations + static_cast<std::size_t>(request.operation)];
}

void GenAiMetrics::observe(Place& place, const Name& name, const Request& request, Attribute more, double value) {
  metrics::Histogram* histogram = place.load(std::memory_order_acquire);
  if (histogram == nullptr) {
    metrics::Labels labels = {{"gen_ai_operation_name", std::string(kOperationNames[static_cast<std::size_t>(request.operation)])},
                              {"gen_ai_provider_name", request.upstream->provider},
                              {"gen_ai_request_model", request.model->name}};
    if (!more.value.empty()) labels.emplace_back(more.name, more.value);
    // The registry gives everybody the same one, so that two who come first at once do no harm.
    histogram = &registry_.histogram(name.name, name.help, name.buckets(), labels);
    place.store(histogram, std::memory_order_release);
  }
  histogram->observe(value);
}

void GenAiMetrics::used(const Request& request, const Usage& usage) {
  static constexpr Name kName = {"gen_ai_client_token_usage", "Number of input and output tokens used", token_buckets};
  if (usage.estimated) return;
  Series& all = series(request);
  if (const auto n = usage.input_total(); n > 0) observe(all.input, kName, request, {"gen_ai_token_type", "input"}, static_cast<double>(n));
  if (const auto n = usage.output_total(); n > 0) observe(all.output, kName, request, {"gen_ai_token_type", "output"}, static_cast<double>(n));
}

void GenAiMetrics::served(const Request& request, int status, double seconds) {
  static constexpr Name kName = {"gen_ai_server_request_duration_seconds", "Request duration, to the last byte of the answer", duration_buckets};
  const std::size_t error = error_index(status);
  observe(series(request).served[error], kName, request, {"error_type", kErrorTexts[error]}, seconds);
}

void GenAiMetrics::asked(const Request& request, int status, double seconds) {
  static constexpr Name kName = {"gen_ai_client_operation_duration_seconds", "Duration of the operation at the provider", duration_buckets};
  const std::size_t error = error_index(status);
  observe(series(request).asked[error], kName, request, {"error_type", kErrorTexts[error]}, seconds);
}

void GenAiMetrics::first_token(const Request& request, double seconds) {
  static constexpr Name kName = {"gen_ai_server_time_to_first_token_seconds", "Time to the first token of a successful stream", first_token_buckets};
  observe(series(request).first_token, kName, request, {}, seconds);
}

void GenAiMetrics::each_token(const Request& request, double seconds) {
  static constexpr Name kName = {"gen_ai_server_time_per_output_token_seconds", "Time for each token after the first of a successful stream",
                                 each_token_buckets};
  observe(series(request).each_token, kName, request, {}, seconds);
}

}  // namespace swarm::gateway
