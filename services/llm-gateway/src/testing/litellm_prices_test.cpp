#include "adapters/prices/litellm.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#include "libs/testing/temp_dir.hpp"
#include "settings.hpp"

namespace swarm::gateway {
namespace {

const std::string kList = R"({
  "sample_spec": {"input_cost_per_token": 0.0, "mode": "one of: chat, embedding"},
  "gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_output_tokens": 16384, "max_input_tokens": 128000, "input_cost_per_token": 1.5e-07,
            "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08, "input_cost_per_token_batches": 7.5e-08,
            "output_cost_per_token_batches": 3e-07, "input_cost_per_audio_token": 1e-05, "output_cost_per_reasoning_token": 6.5e-07},
  "claude-y": {"mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "max_output_tokens": 64000,
               "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
               "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05},
  "embed-z": {"mode": "embedding", "input_cost_per_token": 2e-08, "output_cost_per_token": 0.0},
  "local": {"mode": "chat", "input_cost_per_token": 0, "output_cost_per_token": 0},
  "image": {"mode": "image_generation", "input_cost_per_pixel": 1.9e-08},
  "tiny": {"input_cost_per_token": 1e-15, "output_cost_per_token": 1e-15},
  "wrong": {"input_cost_per_token": -1, "output_cost_per_token": "free"},
  "evil\", free: true}\n#": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
  "list": []
})";

Result<Settings> settings_of(const std::string& models) {
  const testing::TempDir dir;
  const auto file = dir.path() / "gateway.yaml";
  std::ofstream(file) << "upstreams: {openai: {base_url: http://127.0.0.1:1}}\n" << models;
  Settings settings;
  settings::Sources sources;
  sources.file = file.string();
  const auto done = settings::load(sources, [&](settings::Object& root) { read(root, settings); });
  if (!done) return done.error();
  return settings;
}

TEST_CASE("LiteLLM's list becomes models that the gateway reads", "[prices]") {
  const auto imported = import_litellm(kList, {}, "openai").value();
  INFO(imported.yaml);
  REQUIRE(imported.models == 4);
  REQUIRE(imported.left_out == 5);
  const auto settings = settings_of(imported.yaml);
  if (!settings) FAIL(settings.error().message);
  std::map<std::string, Price> prices;
  for (const Model& model : settings.value().models) {
    prices[model.name] = *model.price;
    CHECK(model.input_tokens_max == (model.name == "gpt-x" ? 128'000 : 0));
  }
  REQUIRE(prices.size() == 4);
  const Price& x = prices.at("gpt-x");
  REQUIRE(x.input == 150'000);
  REQUIRE(x.output == 600'000);
  REQUIRE(x.cache_read == 75'000);
  REQUIRE(x.audio_input == 10'000'000);
  REQUIRE(x.reasoning == 650'000);
  REQUIRE(x.batch->output == 300'000);
  REQUIRE(x.version.starts_with("litellm-"));
  const Price& y = prices.at("claude-y");
  REQUIRE(y.cache_write == 3'750'000);
  REQUIRE(y.cache_write_1h == 6'000'000);
  REQUIRE(y.long_context_above == 200'000);
  REQUIRE(y.long_context.output == 22'500'000);
  REQUIRE(y.long_context.cache_write == 7'500'000);
  REQUIRE(prices.at("tiny").input == 1);  // rounded up: never cheaper than the list, never nothing
  REQUIRE(imported.yaml.find("# \"local\": the list says") != std::string::npos);
  REQUIRE(imported.yaml.find("evil") == std::string::npos);
}

TEST_CASE("a list is taken in part, by names and beginnings of names", "[prices]") {
  REQUIRE(import_litellm(kList, {"gpt-*", "embed-z"}, "openai").value().models == 2);
  REQUIRE_FALSE(import_litellm(kList, {"nobody"}, "openai").has_value());
  REQUIRE(import_litellm(kList, {}, "a: {b").error().code == Code::InvalidArgument);
  for (const char* bad : {"", "[]", "{", "null", "{\"a\":{\"input_cost_per_token\":1e400}}"}) {
    REQUIRE(import_litellm(bad, {}, "openai").error().code == Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace swarm::gateway
