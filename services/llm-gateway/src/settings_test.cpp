#include "settings.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

#include "libs/testing/temp_dir.hpp"

namespace swarm::gateway {
namespace {

/// What is wrong with these settings; nothing when they are good.
Result<Settings> read_yaml(const std::string& yaml) {
  const testing::TempDir dir;
  const auto file = dir.path() / "gateway.yaml";
  std::ofstream(file) << yaml;
  Settings settings;
  settings::Sources sources;
  sources.file = file.string();
  const auto read_all = settings::load(sources, [&](settings::Object& root) { read(root, settings); });
  if (!read_all) return read_all.error();
  return settings;
}

Settings loaded(const std::string& yaml) {
  auto settings = read_yaml(yaml);
  if (!settings) FAIL(settings.error().message);
  return settings.value();
}

bool loads(const std::string& yaml) { return read_yaml(yaml).has_value(); }

TEST_CASE("global has 10 dollars a day as long as nobody limits it", "[settings]") {
  const auto usual = budgets_in_force(loaded("budgets: {team/a: {limit_usd: 3}}\n"));
  REQUIRE(usual.size() == 2);
  REQUIRE(usual[1].scope == "global");
  REQUIRE(usual[1].limit.window == WindowKind::Day);
  REQUIRE(usual[1].limit.amount == Money::from_usd(10));
}

TEST_CASE("a limit of global in another window leaves no limit by the day beside it", "[settings]") {
  for (const char* yaml : {"budgets: {global: {limit_usd: 900, window: month}}\n",
                           "budgets: {for-ever: {scope: global, limit_usd: 900, window: total}}\n"}) {
    const auto budgets = budgets_in_force(loaded(yaml));
    REQUIRE(budgets.size() == 1);
    REQUIRE(budgets[0].scope == "global");
    REQUIRE(budgets[0].limit.window != WindowKind::Day);
    REQUIRE(budgets[0].limit.amount == Money::from_usd(900));
  }
}

TEST_CASE("what is wrong with a price is said", "[settings]") {
  const auto fault = [](const std::string& prices) {
    const auto read = read_yaml("upstreams: {u: {base_url: http://127.0.0.1:1}}\nmodels: {m: {" + prices + "}}\n");
    return read ? std::string() : read.error().message;
  };
  const auto says = [&](const std::string& prices, const std::string& what) { return fault(prices).find(what) != std::string::npos; };
  CHECK(says("input_usd_per_mtok: -5, output_usd_per_mtok: 1", "input_usd_per_mtok: must be 0 to 10000 US dollars"));
  CHECK(fault("input_usd_per_mtok: -0.5, output_usd_per_mtok: 1").find("needs both") == std::string::npos);
  CHECK(says("input_usd_per_mtok: 1, output_usd_per_mtok: 20000", "output_usd_per_mtok: must be 0 to 10000"));
  CHECK(says("input_usd_per_mtok: 1, output_usd_per_mtok: .nan", "output_usd_per_mtok"));
  CHECK(says("input_usd_per_mtok: 1", "a price needs both input and output"));
  CHECK(says("input_usd_per_mtok: 1, output_usd_per_mtok: -1", "-1 counts as left out"));
  CHECK(says("input_usd_per_mtok: 1, output_usd_per_mtok: 1, batch_input_usd_per_mtok: 1", "a batch's price needs both"));
  CHECK(fault("input_usd_per_mtok: 1, output_usd_per_mtok: 2").empty());
  CHECK(fault("input_usd_per_mtok: -1, output_usd_per_mtok: -1").empty());
}

TEST_CASE("a provider has the name that the conventions have for it", "[settings]") {
  const auto settings = loaded("upstreams: {a: {base_url: 'https://me.openai.azure.com/v1'}, b: {base_url: 'https://api.anthropic.com', dialect: anthropic}, "
                               "c: {base_url: 'http://127.0.0.1:1', dialect: anthropic}, d: {base_url: 'http://127.0.0.1:1'}, "
                               "e: {base_url: 'http://127.0.0.1:1', provider: mistral_ai, api_key: x, more_keys: [{api_key: y}]}}\n");
  std::map<std::string, std::string> providers;
  for (const Upstream& upstream : settings.upstreams) providers[upstream.name] = upstream.provider;
  CHECK(providers == std::map<std::string, std::string>{{"a", "azure.ai.openai"}, {"b", "anthropic"}, {"c", "anthropic"}, {"d", "openai"},
                                                        {"e", "mistral_ai"}, {"e#2", "mistral_ai"}});
  CHECK_FALSE(loads("upstreams: {a: {base_url: 'http://127.0.0.1:1', provider: 'two words'}}\n"));
}

TEST_CASE("no model is free by accident", "[settings]") {
  const std::string head = "upstreams: {u: {base_url: http://127.0.0.1:1}}\n";
  const auto model = [&](const std::string& body, const std::string& spend = "") {
    return loaded(head + "models: {m: {" + body + "}}\n" + (spend.empty() ? "" : "spend: {" + spend + "}\n")).models.at(0);
  };
  const std::string fallback = "fallback_price: {input_usd_per_mtok: 5, output_usd_per_mtok: 15}";
  Usage usage;
  usage.input = 1'000'000;
  REQUIRE_FALSE(model("").price);
  REQUIRE_FALSE(model("", fallback).price);
  REQUIRE(model("", "unpriced: allow, " + fallback).price->cost(usage) == Money::from_usd(5));
  REQUIRE(model("", "unpriced: allow, " + fallback).price_source == PriceSource::Fallback);
  REQUIRE(model("unpriced: allow", fallback).price->version == "fallback");
  REQUIRE_FALSE(model("unpriced: refuse", "unpriced: allow, " + fallback).price);
  REQUIRE(model("free: true").price->cost(usage) == Money{});
  REQUIRE(model("free: true").price_source == PriceSource::Free);
  for (const std::string& body : {std::string("unpriced: allow"), std::string("input_usd_per_mtok: 0, output_usd_per_mtok: 0"),
                                  std::string("free: true, input_usd_per_mtok: 1, output_usd_per_mtok: 1")}) {
    REQUIRE_FALSE(loads(head + "models: {m: {" + body + "}}\n"));
  }
  REQUIRE_FALSE(loads(head + "spend: {unpriced: allow}\n"));
  REQUIRE_FALSE(loads(head + "spend: {unpriced: allow, fallback_price: {input_usd_per_mtok: 0, output_usd_per_mtok: 0}}\n"));
}

TEST_CASE("a tier of prices keeps the proportions of its model", "[settings]") {
  const auto model = loaded("upstreams: {u: {base_url: http://127.0.0.1:1}}\nmodels: {m: {input_usd_per_mtok: 2, output_usd_per_mtok: 10, "
                            "cache_read_usd_per_mtok: 0.2, batch_input_usd_per_mtok: 1, batch_output_usd_per_mtok: 5, "
                            "long_context_above_tokens: 200000, long_context_input_usd_per_mtok: 4, long_context_output_usd_per_mtok: 15}}\n")
                         .models.at(0);
  REQUIRE(model.price->batch->cache_read == pico_per_token(0.1));
  REQUIRE(model.price->long_context.cache_read == pico_per_token(0.4));
  REQUIRE(model.price->long_context.output == pico_per_token(15));
}

TEST_CASE("two limits are the same when they allow the same", "[settings]") {
  Limit chosen;
  chosen.amount = Money::from_usd(5);
  Limit stored = chosen;
  stored.overshoot_max = default_overshoot(chosen.amount);
  REQUIRE(same_limit(chosen, stored));
  stored.overshoot_max = Money::from_usd(1);
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored = chosen;
  stored.strict = true;
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored = chosen;
  stored.amount = Money::from_usd(6);
  REQUIRE_FALSE(same_limit(chosen, stored));
  stored.unlimited = chosen.unlimited = true;
  REQUIRE(same_limit(chosen, stored));
}

TEST_CASE("what a running gateway can't take over is named", "[settings][reload]") {
  const std::string base = "upstreams: {a: {base_url: 'http://127.0.0.1:1/v1'}}\nmodels: {m: {input_usd_per_mtok: 1, output_usd_per_mtok: 1}}\n";
  const Settings in_force = loaded(base);
  CHECK(need_restart(in_force, loaded(base)).empty());
  CHECK(need_restart(in_force, loaded("upstreams: {b: {base_url: 'http://127.0.0.1:2/v1'}}\nbudgets: {global: {limit_usd: 1}}\nkeys: {k: {key: x}}\nguards: {g: {secrets: mask}}\n")).empty());
  const auto changed = need_restart(in_force, loaded(base + "http: {body_bytes_max: 1MiB}\nusage_log: {directory: /tmp/x}\nspend: {rows_kept: 1h, unpriced: refuse}\n"));
  CHECK(changed == std::vector<std::string>{"http.body_bytes_max", "spend.rows_kept", "usage_log.directory"});
  CHECK(need_restart(in_force, loaded(base + "alerts: {hooks: {h: {url: 'http://127.0.0.1:1/'}}}\n")) == std::vector<std::string>{"alerts.hooks"});
}

}  // namespace
}  // namespace swarm::gateway
