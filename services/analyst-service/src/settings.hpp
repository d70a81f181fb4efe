#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "domain/grouping_rules.hpp"
#include "libs/knowledge/link/store_link.hpp"
#include "libs/otlp/exporter.hpp"
#include "libs/rpc/security.hpp"
#include "libs/base/secret.hpp"
#include "libs/settings/settings.hpp"

namespace swarm::analyst {

/// Everything that can be set, with its defaults.
struct Settings {
  std::string data_dir = "data/analyst-service";
  std::string log_level = "info";
  std::string grpc_listen = "127.0.0.1:50055";
  std::string admin_listen = "127.0.0.1:9155";
  Secret metrics_token;
  std::chrono::milliseconds drain_time{10'000};
  rpc::SecuritySettings security;
  otlp::TraceSettings traces;

  std::int64_t threshold = 5;
  bool approval = false;
  std::int64_t agents_min = 1;
  std::chrono::milliseconds rule_lifetime{0};
  std::int64_t trial_attempts = 200;
  std::int64_t rule_metrics_max = 200;
  std::string sanity_task;
  std::chrono::milliseconds sanity_time{600'000};
  std::vector<domain::MaskRule> masks;
  std::vector<domain::FingerprintRule> fingerprints;
  std::int64_t groups_max = 50'000;
  std::int64_t journal_entries_max = 1'000'000;
  std::int64_t queue_max = 8192;
  std::uint64_t store_bytes_max = 0;

  std::string author_mode = "model";
  std::string author_model;
  bool author_checks = true;
  std::chrono::milliseconds author_timeout{20'000};
  std::string gateway_address = "127.0.0.1:50056";
  std::string orchestrator_address = "127.0.0.1:50054";

  knowledge::LinkOptions knowledge;
  std::chrono::milliseconds knowledge_poll{5'000};
};

/// Describes, fills and checks them.
void read(settings::Object& root, Settings& out);

}  // namespace swarm::analyst
