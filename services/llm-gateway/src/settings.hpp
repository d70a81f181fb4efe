#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/guard/text_guard.hpp"
#include "adapters/http/client_connection.hpp"
#include "adapters/jsonl/usage_files.hpp"
#include "adapters/webhook/webhook.hpp"
#include "application/relay.hpp"
#include "domain/catalog.hpp"
#include "libs/base/secret.hpp"
#include "libs/knowledge/link/store_link.hpp"
#include "libs/otlp/exporter.hpp"
#include "libs/rpc/security.hpp"
#include "libs/settings/settings.hpp"

namespace swarm::gateway {

/// A key that callers may present.
struct KeySettings {
  std::string name;
  Secret key;           // or
  std::string sha256;   // its hash
  std::string team;
  bool priority = false;
  bool bare_tasks = false;
  RateLimits limits;
  std::vector<std::string> models;
};

/// A limit of one window of one scope.
struct BudgetSettings {
  std::string scope;
  Limit limit;
};

/// A web hook for alerts of budgets.
struct HookSettings {
  HookOptions hook;
  SpendState least = SpendState::Warned;
};

struct Settings {
  std::string data_dir = "./data/llm-gateway";
  std::chrono::milliseconds drain_time{10'000};
  std::string log_level = "info";
  std::chrono::milliseconds reload_watch{1'000};
  std::string http_listen = "127.0.0.1:8080";
  int threads = 0;  // 0: one for each core
  int connections_max = 10'000;
  int connections_per_peer_max = 2'048;
  ClientLimits client;
  RelayOptions relay;
  AnswerCache::Options cache;
  std::string grpc_listen = "127.0.0.1:50056";
  std::string admin_listen = "127.0.0.1:9156";
  Secret metrics_token;
  rpc::SecuritySettings security;
  otlp::TraceSettings traces;
  std::vector<Upstream> upstreams;
  std::vector<Model> models;
  std::vector<GuardOptions> guards;
  std::string default_guard;
  std::vector<KeySettings> keys;
  Secret task_token_key;
  std::vector<BudgetSettings> budgets;
  std::uint64_t store_bytes_max = 0;
  UsageFiles::Options usage_log;          // no directory: none is written
  std::vector<HookSettings> hooks;
  std::int64_t explained_max = 10'000;
  std::chrono::milliseconds rows_kept{0};  // 0: for ever
  std::chrono::milliseconds journal_interval{25};
  std::chrono::milliseconds reservation_time = std::chrono::hours(2);
  bool allow_unpriced = false;           // count models without a price at the fallback price
  std::optional<Price> fallback_price;
  std::int64_t image_tokens = 2'000;
  std::int64_t assumed_output_tokens = 32'768;
  std::int64_t assumed_input_tokens = 200'000;
  std::string complete_model;
  std::chrono::milliseconds complete_kept{300'000};
  bool complete_durable = true;
  knowledge::LinkOptions knowledge;
  std::chrono::milliseconds knowledge_report{10'000};
  bool knowledge_limits = false;
};

void read(settings::Object& root, Settings& out);

/// Paths of the settings that differ between the two and only count from a start on.
std::vector<std::string> need_restart(const Settings& in_force, const Settings& fresh);

/// The limits in force at a start: those that are configured, and 10 US dollars a day for global if it has none in any window.
std::vector<BudgetSettings> budgets_in_force(const Settings& settings);
/// True when the two allow the same, an overshoot that nobody chose counting as its default.
bool same_limit(const Limit& a, const Limit& b);

}  // namespace swarm::gateway
