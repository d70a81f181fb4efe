#pragma once

#include <string>
#include <vector>

#include "adapters/command_log/command_log.hpp"
#include "adapters/files/artifact_folder.hpp"
#include "adapters/gateway/budget_follower.hpp"
#include "adapters/grpc/mapping.hpp"
#include "adapters/grpc/orchestrator_service.hpp"
#include "application/command_queue.hpp"
#include "application/retention.hpp"
#include "domain/task_engine.hpp"
#include "libs/knowledge/link/store_link.hpp"
#include "libs/otlp/exporter.hpp"
#include "libs/rpc/server.hpp"
#include "libs/settings/settings.hpp"

namespace swarm::orchestrator {

/// Everything that can be set, with its default.
struct Settings {
  Settings() { grpc.listen = "127.0.0.1:50054"; }

  std::string data_dir = "data/orchestrator-core";
  std::string log_level = "info";
  std::string admin_listen = "127.0.0.1:9154";
  Secret metrics_token;
  std::string analyst_address = "127.0.0.1:50055";
  std::string gateway_address;
  gateway_client::BudgetPolicy budgets;
  std::chrono::milliseconds drain_time{10'000};
  std::uint64_t store_bytes_max = 0;
  std::uint64_t untold_max = 1'000'000;
  rpc::ServerOptions grpc;
  rpc::SecuritySettings security;
  otlp::TraceSettings traces;
  EngineLimits engine;
  RuleLimits rules;
  MachineChecks machine_checks = MachineChecks::Warn;
  grpc_api::TransferLimits transfers;
  files::FolderOptions artifact_folder{256u << 20};
  QueueLimits queue;
  RetentionPolicy retention;
  grpc_api::TaskTokenOptions tokens;
  command_log::CommandLogOptions command_log;
  grpc_api::ServiceOptions service;
  std::chrono::milliseconds heartbeat{2'000};
  knowledge::LinkOptions knowledge;
  std::chrono::milliseconds knowledge_refresh{5'000};
  bool knowledge_classify = true;
  std::size_t finished_in_memory = 10'000;
  std::size_t followers_max = 1'000;
  std::size_t follower_events_max = 1'024;
  std::vector<Policy> policies;
  std::vector<Grant> grants;
  bool grants_from_knowledge = false;
  std::chrono::milliseconds control_refresh{50};
  std::vector<std::string> handlers = Workflow::standard_handlers();
  std::vector<WorkflowState> workflow;  // empty: the standard one

  Workflow make_workflow() const { return workflow.empty() ? Workflow::standard() : Workflow(workflow); }
};

void read(settings::Object& root, Settings& out);

}  // namespace swarm::orchestrator
