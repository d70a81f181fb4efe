#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>
#include <vector>

#include "adapters/codec/completion.hpp"
#include "adapters/files/config_watch.hpp"
#include "adapters/grpc/budget_control.hpp"
#include "adapters/grpc/completion_service.hpp"
#include "adapters/jsonl/usage_files.hpp"
#include "adapters/knowledge/common_budget.hpp"
#include "adapters/lmdb/answer_store.hpp"
#include "adapters/lmdb/spend_store.hpp"
#include "application/alert_sender.hpp"
#include "application/budget_desk.hpp"
#include "application/completion_desk.hpp"
#include "application/row_retention.hpp"
#include "application/usage_export.hpp"
#include "compose.hpp"
#include "libs/admin/admin_server.hpp"
#include "libs/async/shutdown.hpp"
#include "libs/knowledge/control/journal_service.hpp"
#include "libs/otlp/exporter.hpp"
#include "libs/rpc/server.hpp"
#include "worker.hpp"

namespace swarm::gateway {

/// The objects of a running service. Members stand in the order in which they are built; they are destroyed in the reverse one.
struct Composition::Parts {
  Parts(Settings s, ReadAgain again) : settings(std::move(s)), read_again(std::move(again)), probe(registry, Catalog()), drain_timer(io) {}

  // compose.cpp: what is built once
  Result<void> connect_common_store();
  Result<void> make_reporters();
  Result<void> make_workers();
  Result<void> make_servers();
  Result<void> serve_operations();
  void drain();
  void wait_until_drained();
  void lose_store(const Error& error);

  // compose_config.cpp: what the configuration may change while the service runs
  Result<void> open_books();
  Result<void> make_keys();
  Result<Worker::Offer> make_offer(const Settings& from);
  Result<std::vector<KeyRing::Entry>> key_entries(const std::vector<KeySettings>& configured);
  Result<ScopeId> scope(Books& all, const std::string& name) { return all.ledger.scope(name, clock.wall_now()); }
  Result<Principal> principal(Books& all, const std::string& name, const std::string& team);
  void tell_of_overrides(const std::vector<StoredLimit>& stored_limits) const;
  void export_budgets();
  void watch_configuration();
  void reload(std::string_view why);
  Result<void> take_over(Settings fresh);
  std::vector<admin::Readiness> readiness() const;

  /// How the last reading of the configuration went, for those who look.
  struct Reading {
    std::string refused;                     // why; empty: it is in force
    std::vector<std::string> need_a_restart; // settings that differ from those in force
  };

  Settings settings;
  const ReadAgain read_again;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<otlp::Exporter> traces;  // null: not wanted
  Probe probe;                             // of what is no edition's own
  async::Guarded<Worker::Offer> offer;     // in force
  async::Guarded<Reading> reading;
  boost::asio::io_context io{1};
  boost::asio::steady_timer drain_timer;
  std::unique_ptr<async::Shutdown> shutdown;
  std::unique_ptr<ConfigWatch> config_watch;
  SharedBooks books;
  std::unique_ptr<LmdbSpendStore> store;
  std::unique_ptr<LmdbAnswerStore> answers;  // null: not wanted
  std::vector<KeptAnswers::Entry> answers_before;
  std::unique_ptr<SpendLoop> spend;
  std::unique_ptr<RowRetention> retention;
  std::unique_ptr<BudgetDesk> desk;
  std::unique_ptr<knowledge::StoreLink> common_store;  // null: none configured
  std::unique_ptr<CommonBudget> common_budget;
  std::unique_ptr<UsageFiles> usage_files;      // null, and the next: no usage log is wanted
  std::unique_ptr<UsageExport> usage_export;
  std::vector<std::unique_ptr<AlertSender>> alerts;
  std::shared_ptr<void> alert_watch;
  std::unique_ptr<SpendReports> reports;
  std::unique_ptr<KeyRing> keys;
  std::unique_ptr<KeyDesk> key_desk;
  Principal anonymous;
  std::unique_ptr<Admission> admission;
  std::unique_ptr<AnswerCache> cache;
  JointAnswers joint;
  JsonCompletionCodec completion_codec;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<CompletionDesk> completions;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<BudgetControlService> budget_control;
  std::unique_ptr<CompletionServiceV1> completion_v1;
  std::unique_ptr<CompletionServiceV2> completion_v2;
  std::unique_ptr<knowledge::JournalService> journal_service;
  std::unique_ptr<grpc::Service> operations_service;
  std::unique_ptr<admin::AdminServer> admin;
  BootTime drain_until{};
  std::atomic<bool> lost = false;
  bool draining = false;
};

}  // namespace swarm::gateway
