#include "application/probe.hpp"

#include <algorithm>

namespace swarm::gateway {
namespace {

constexpr std::array<int, 16> kStatusList = {200, 400, 401, 403, 404, 405, 413, 422, 429, 431, 499, 500, 502, 503, 504, 0};
constexpr std::array<std::string_view, kScopeLevels> kLevels = {"global", "team", "key", "task"};
constexpr std::array<std::string_view, kSurfaces> kSurfaceNames = {
    "chat_completions", "completions", "embeddings", "responses", "messages", "count_tokens", "models", "grpc", "other"};

metrics::Counter* unlisted(metrics::Registry& registry, const Model& model) {
  if (model.price_source != PriceSource::Fallback && model.price_source != PriceSource::Free) return nullptr;
  return &registry.counter("swarm_gateway_unlisted_price_requests_total", "Requests that were counted at the fallback price or were free",
                           {{"model", model.name}, {"source", std::string(name(model.price_source))}});
}

std::string code_label(int status) { return status == 0 ? "other" : std::to_string(status); }

/// Microseconds matter here: from 5 µs to 1 s.
std::vector<double> overhead_buckets() {
  return {5e-6, 10e-6, 20e-6, 35e-6, 50e-6, 75e-6, 100e-6, 150e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 25e-3, 0.1, 1};
}

}  // namespace

std::string_view name(Surface surface) { return kSurfaceNames[static_cast<std::size_t>(surface)]; }

std::size_t Probe::status_index(int status) {
  for (std::size_t i = 0; i + 1 < kStatusList.size(); ++i) {
    if (kStatusList[i] == status) return i;
  }
  return kStatusList.size() - 1;
}

Probe::Probe(metrics::Registry& registry, const Catalog& catalog) : gen_ai_(registry, catalog) {
  for (std::size_t s = 0; s < kSurfaces; ++s) {
    const std::string route(kSurfaceNames[s]);
    seconds_[s] = &registry.histogram("swarm_gateway_request_seconds", "From a request's first byte to its answer's last",
                                      metrics::latency_buckets(), {{"route", route}});
    for (std::size_t i = 0; i < kStatuses; ++i) {
      requests_[s][i] = &registry.counter("swarm_gateway_requests_total", "Requests answered",
                                          {{"route", route}, {"code", code_label(kStatusList[i])}});
    }
  }
  for (const Upstream& upstream : catalog.upstreams()) {
    PerUpstream& made = upstreams_.emplace_back();
    for (std::size_t i = 0; i < kStatuses; ++i) {
      made.answers[i] = &registry.counter("swarm_gateway_upstream_requests_total", "Answers of upstreams",
                                          {{"upstream", upstream.name}, {"code", code_label(kStatusList[i])}});
    }
    for (std::size_t i = 0; i < made.faults.size(); ++i) {
      made.faults[i] = &registry.counter("swarm_gateway_upstream_faults_total", "Attempts that got no whole answer",
                                         {{"upstream", upstream.name}, {"fault", std::string(name(static_cast<UpstreamFault>(i)))}});
    }
    made.retries = &registry.counter("swarm_gateway_upstream_retries_total", "Attempts beyond a request's first",
                                     {{"upstream", upstream.name}});
    made.breaker = &registry.gauge("swarm_gateway_breaker_state", "0 closed, 1 half-open, 2 open", {{"dependency", upstream.name}});
  }
  for (const Model& model : catalog.models()) {
    const auto tokens = [&](const char* direction) {
      return &registry.counter("swarm_gateway_tokens_total", "Tokens used", {{"direction", direction}, {"model", model.name}});
    };
    models_.push_back({tokens("input"), tokens("output"), tokens("cached"),
                       &registry.gauge("swarm_gateway_cost_usd", "What was spent since the start", {{"model", model.name}}),
                       &registry.counter("swarm_gateway_estimated_usage_total", "Answers whose usage was counted by the gateway",
                                         {{"model", model.name}}),
                       unlisted(registry, model),
                       &registry.gauge("swarm_gateway_model_price_source", "1 for where a model's price comes from; none: it is refused",
                                       {{"model", model.name}, {"source", std::string(name(model.price_source))}}),
                       &registry.counter("swarm_gateway_costs_above_ceiling_total", "Answers that cost more than their ceiling: nothing bounded their prompt, or a bound is wrong",
                                         {{"model", model.name}})});
  }
  for (std::size_t level = 0; level < kScopeLevels; ++level) {
    for (std::size_t i = 0; i < refusals_[level].size(); ++i) {
      refusals_[level][i] = &registry.counter(
          "swarm_gateway_budget_refusals_total", "Requests that a budget refused, by the level of the scope",
          {{"scope", std::string(kLevels[level])}, {"reason", std::string(name(static_cast<RefusalReason>(i)))}});
    }
  }
  overhead_ = &registry.histogram("swarm_gateway_overhead_seconds", "Time spent in the gateway itself before an upstream was asked",
                                  overhead_buckets());
  first_event_ = &registry.histogram("swarm_gateway_first_event_seconds", "From request to the first event of a stream",
                                     metrics::latency_buckets());
  journal_seconds_ = &registry.histogram("swarm_gateway_journal_commit_seconds", "One durable write of the spend journal",
                                         metrics::latency_buckets());
  journal_rows_ = &registry.counter("swarm_gateway_journal_rows_total", "Usage rows made durable");
  journal_failures_ = &registry.counter("swarm_gateway_journal_failures_total", "Writes of the spend journal that failed");
  abandoned_ = &registry.counter("swarm_gateway_reservations_abandoned_total",
                                 "Reservations whose caller never came back: charged their ceiling");
  hangups_ = &registry.counter("swarm_gateway_hangups_total", "Callers that left before their answer was complete");
  joined_ = &registry.counter("swarm_gateway_joined_requests_total", "Requests that joined an equal one in flight by its idempotency key");
  streams_ = &registry.gauge("swarm_gateway_streams", "Answers being streamed");
  connections_ = &registry.gauge("swarm_gateway_connections", "Open connections of callers");
}

void Probe::show(const Catalog& catalog) {
  for (const Model& model : catalog.models()) models_[model.id].source->set(1);
}

void Probe::withdraw() {
  for (const PerModel& model : models_) model.source->set(0);
  for (const PerUpstream& upstream : upstreams_) upstream.breaker->set(0);
}

void Probe::request(Surface surface, int status, double seconds) {
  requests_[static_cast<std::size_t>(surface)][status_index(status)]->add();
  seconds_[static_cast<std::size_t>(surface)]->observe(seconds);
}

void Probe::upstream_answer(const Upstream& upstream, int status) {
  upstreams_[upstream.id].answers[status_index(status)]->add();
}

void Probe::upstream_fault(const Upstream& upstream, UpstreamFault fault) {
  upstreams_[upstream.id].faults[static_cast<std::size_t>(fault)]->add();
}

void Probe::used(const Model& model, const Usage& usage, Money cost) {
  const PerModel& counters = models_[model.id];
  counters.input->add(usage.input_total());
  counters.output->add(usage.output_total());
  if (usage.cache_read > 0) counters.cached->add(usage.cache_read);
  if (usage.estimated) counters.estimated->add();
  if (counters.unlisted != nullptr) counters.unlisted->add();
  counters.cost->add(cost.usd());
}

void Probe::refused(ScopeLevel level, RefusalReason reason) {
  refusals_[static_cast<std::size_t>(level)][static_cast<std::size_t>(reason)]->add();
}

void Probe::journal_written(std::size_t rows, double seconds) {
  journal_rows_->add(rows);
  journal_seconds_->observe(seconds);
}

}  // namespace swarm::gateway
