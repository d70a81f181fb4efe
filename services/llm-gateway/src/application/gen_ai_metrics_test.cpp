#include "application/gen_ai_metrics.hpp"

#include <catch2/catch.hpp>

#include <thread>

namespace swarm::gateway {
namespace {

Catalog catalog() {
  std::vector<Upstream> upstreams(3);
  for (std::uint32_t i = 0; i < upstreams.size(); ++i) {
    upstreams[i].id = i;
    upstreams[i].name = "u" + std::to_string(i);
    upstreams[i].provider = i == 1 ? "anthropic" : "openai";
  }
  std::vector<Model> models(2);
  models[0].name = "small";
  models[1].name = "large";
  models[1].id = 1;
  return {std::move(upstreams), std::move(models)};
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST_CASE("series begin with their first request and are one for each provider, however many upstreams it has", "[gen-ai]") {
  metrics::Registry registry;
  const Catalog all = catalog();
  GenAiMetrics metrics(registry, all);
  CHECK(registry.serialize().find("gen_ai") == std::string::npos);
  for (const Upstream& upstream : all.upstreams()) metrics.served({&all.models()[1], &upstream, Operation::Embeddings}, 200, 0.3);
  const std::string text = registry.serialize();
  CHECK(count(text, "gen_ai_server_request_duration_seconds_count{") == 2);
  CHECK(text.find("gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"embeddings\",gen_ai_provider_name=\"openai\","
                  "gen_ai_request_model=\"large\"} 2") != std::string::npos);
}

TEST_CASE("an error has its type, and one that nobody foresaw has the conventions' word for it", "[gen-ai]") {
  metrics::Registry registry;
  const Catalog all = catalog();
  GenAiMetrics metrics(registry, all);
  const GenAiMetrics::Request request{&all.models()[0], &all.upstreams()[0], Operation::Chat};
  for (const int status : {200, 201, 400, 429, 418, 529, 504}) metrics.asked(request, status, 1);
  const std::string text = registry.serialize();
  CHECK(text.find("gen_ai_request_model=\"small\"} 2") != std::string::npos);
  for (const char* type : {"400", "429", "504"}) CHECK(count(text, "_count{error_type=\"" + std::string(type) + "\"") == 1);
  CHECK(count(text, "_count{error_type=\"_OTHER\"") == 1);
  CHECK(count(text, "_count{") == 5);
}

TEST_CASE("estimates are no usage", "[gen-ai]") {
  metrics::Registry registry;
  const Catalog all = catalog();
  GenAiMetrics metrics(registry, all);
  const GenAiMetrics::Request request{&all.models()[0], &all.upstreams()[0], Operation::Chat};
  Usage usage;
  usage.input = 100;
  usage.estimated = true;
  metrics.used(request, usage);
  CHECK(registry.serialize().find("gen_ai") == std::string::npos);
  usage.estimated = false;
  metrics.used(request, usage);
  CHECK(count(registry.serialize(), "gen_ai_client_token_usage_count{") == 1);
}

TEST_CASE("threads that come first at once count into the same series", "[gen-ai]") {
  metrics::Registry registry;
  const Catalog all = catalog();
  GenAiMetrics metrics(registry, all);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1'000; ++n) metrics.first_token({&all.models()[0], &all.upstreams()[0], Operation::Chat}, 0.02);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(registry.serialize().find("gen_ai_request_model=\"small\"} 4000") != std::string::npos);
}

}  // namespace
}  // namespace swarm::gateway
