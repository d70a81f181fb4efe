#include "compose.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <filesystem>

#include "adapters/analyst/outcome_sender.hpp"
#include "adapters/analyst/rule_follower.hpp"
#include "adapters/files/artifact_folder.hpp"
#include "adapters/gateway/budget_follower.hpp"
#include "adapters/gateway/task_budget_sender.hpp"
#include "adapters/grpc/access.hpp"
#include "adapters/grpc/legacy_service.hpp"
#include "adapters/grpc/orchestrator_service.hpp"
#include "adapters/knowledge/history_writer.hpp"
#include "adapters/knowledge/stack_search.hpp"
#include "adapters/lmdb/task_store.hpp"
#include "adapters/tzdata/zone_files.hpp"
#include "application/artifact_keeper.hpp"
#include "application/metrics_subscriber.hpp"
#include "application/retention.hpp"
#include "libs/admin/admin_server.hpp"
#include "libs/async/shutdown.hpp"
#include "libs/base/uuid.hpp"
#include "libs/knowledge/control/journal_service.hpp"
#include "libs/operations/operations.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/telemetry/logging.hpp"
#include "protos/compat/orchestrator_legacy.grpc.pb.h"
#include "protos/compat/orchestrator_v1.grpc.pb.h"

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kBusCapacity = 65'536;
constexpr std::chrono::milliseconds kDrainLook{10};
constexpr int kScopeListBytesMax = 64 << 20;
constexpr std::size_t kDiskThreads = 2;
constexpr std::string_view kArtifacts = "artefacts";

/// Random bits of the operating system, fetched in blocks. The engine's thread only.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    if (used_ == block_.size()) {
      random_bytes(reinterpret_cast<unsigned char*>(block_.data()), sizeof(block_));
      used_ = 0;
    }
    return block_[used_++];
  }

 private:
  std::array<std::uint64_t, 512> block_{};
  std::size_t used_ = block_.size();
};

lmdb_store::StoreOptions store_options(const Settings& settings) {
  lmdb_store::StoreOptions out;
  out.environment.directory = settings.data_dir;
  out.environment.identity = {"orchestrator-core", 1};
  out.environment.size_bytes_max = settings.store_bytes_max;
  out.feedback_kept = settings.engine.feedback_kept;
  out.history_kept = settings.engine.history_kept;
  out.untold_max = settings.untold_max;
  return out;
}

grpc_api::RouterOptions router_options(const Settings& settings, const LessonBook& lessons, const grpc_api::TaskTokens& tokens) {
  return {settings.engine.lease, settings.heartbeat, {}, &lessons, &tokens};
}

rpc::ServerOptions server_options(const Settings& settings) {
  auto options = settings.grpc;
  options.service = "orchestrator-core";
  options.connections = settings.security.connections;
  options.audit_directory = std::filesystem::path(settings.data_dir) / "audit";
  return options;
}

grpc_api::ServiceOptions service_options(const Settings& settings, const Guardrails& guardrails, const GrantBook& grants,
                                          const TimeZones& zones, const grpc_api::TaskTokens& tokens, const RuleChecks& checks,
                                          const TaskStore& store) {
  auto out = settings.service;
  if (guardrails.policies() > 0) out.limits.guardrails = &guardrails;
  out.limits.grants = &grants;
  out.limits.zones = &zones;
  out.limits.tokens = &tokens;
  if (settings.machine_checks != MachineChecks::Off) out.limits.rule_checks = &checks;
  out.limits.store = &store;
  return out;
}

/// The tasks and the files that they refer to, of one moment: no file is removed between the two copies.
operations::BackupSource tasks_with_files(const lmdb_store::LmdbTaskStore& store, const files::ArtifactFolder& folder, ArtifactKeeper& keeper) {
  const auto tasks = operations::store_in("", store.environment());
  const auto copy = [tasks, &folder, &keeper](const std::filesystem::path& to) -> Result<void> {
    const auto nothing_goes = keeper.hold();
    BOOST_OUTCOME_TRYV(tasks.copy(to));
    return folder.link_into(to / kArtifacts);
  };
  return {"", tasks.bytes, copy};
}

/// A folder that holds something else is left as it is.
Result<void> check_folder(const std::filesystem::path& root) {
  std::error_code failed;
  if (std::filesystem::exists(root / "identity", failed) || std::filesystem::exists(root / "data.mdb", failed)) return outcome::success();
  for (std::filesystem::directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (name.starts_with('.') || name == "lost+found" || name == "lock") continue;
    return Error{Code::FailedPrecondition, "data_dir " + root.string() + " holds " + name + " and no data of orchestrator-core; give it an empty folder of its own"};
  }
  return outcome::success();
}

}  // namespace

// Members stand in the order in which they are built; they stop in the reverse one.
struct Orchestrator::Impl {
  Impl(Settings s, std::unique_ptr<lmdb_store::LmdbTaskStore> opened, std::unique_ptr<files::ArtifactFolder> folder, std::unique_ptr<auth::Guard> guard,
       std::unique_ptr<command_log::CommandLog> record)
      : settings(std::move(s)),
        commands(std::move(record)),
        store(std::move(opened)),
        artifacts(std::move(folder)),
        keeper(*artifacts, *store),
        disk(kDiskThreads),
        transfers(settings.transfers, clock),
        checks(settings.machine_checks, registry),
        engine(settings.engine, settings.rules, settings.make_workflow()),
        probe(registry),
        guardrails(settings.policies, settings.grants),
        grants(guardrails, settings.grants_from_knowledge),
        tokens(settings.tokens, *store, clock),
        router(*store, router_options(settings, lessons, tokens)),
        loop({engine, *store, zones, router, bus, clock, random, probe, commands.get()}, settings.queue, settings.finished_in_memory,
             [this](const Error& error) { on_store_lost(error); }),
        hub(bus, kBusCapacity, settings.follower_events_max, settings.followers_max),
        counts(bus, probe, kBusCapacity),
        retention(settings.retention, *store, loop, clock),
        server(server_options(settings), registry, std::move(guard)),
        service({server.gate(), loop, router, hub, watch_streams, *store, clock, *artifacts, keeper, disk, transfers},
                service_options(settings, guardrails, grants, zones, tokens, checks, *store)),
        legacy(grpc_api::make_legacy_service({server.gate(), engine.workflow(), legacy_flows, clock})),
        legacy_v1(grpc_api::make_legacy_v1_service({server.gate(), engine.workflow(), legacy_flows, clock})),
        admin({settings.admin_listen, settings.metrics_token}, registry, [this] { return readiness(); }),
        drain_timer(io) {
    metrics::add_process_metrics(registry, "orchestrator-core");
    server.add(service, ::orchestrator::Orchestrator::service_full_name());
    server.add(*legacy, ::orchestrator::OrchestratorService::service_full_name());
    server.add(*legacy_v1, ::orchestrator::v1::OrchestratorService::service_full_name());
  }

  Result<void> serve_operations();
  Result<void> connect_analyst();
  Result<void> connect_gateway();
  Result<void> connect_common_store();
  std::vector<admin::Readiness> readiness() const;
  void on_store_lost(const Error& error);
  void begin_drain();
  void look_whether_drained();
  void hurry();
  void stop();

  Settings settings;
  SystemClock clock;
  SystemRandom random;
  metrics::Registry registry;
  std::unique_ptr<otlp::Exporter> traces;  // null: not wanted
  std::unique_ptr<command_log::CommandLog> commands;  // null: not recorded
  std::unique_ptr<lmdb_store::LmdbTaskStore> store;
  std::unique_ptr<files::ArtifactFolder> artifacts;
  ArtifactKeeper keeper;
  DiskThreads disk;
  grpc_api::TransferBook transfers;
  RuleChecks checks;
  LessonBook lessons;
  tzdata::ZoneFiles zones;
  TaskEngine engine;
  Probe probe;
  EventBus bus;
  Guardrails guardrails;
  GrantBook grants;
  grpc_api::TaskTokens tokens;
  grpc_api::ReplyRouter router;
  EngineLoop loop;
  WatchHub hub;
  MetricsSubscriber counts;
  grpc_api::WatchStreams watch_streams;
  Retention retention;
  rpc::Server server;
  grpc_api::OrchestratorService service;
  async::Guarded<FlowRounds> legacy_flows;
  std::unique_ptr<grpc::Service> legacy;
  std::unique_ptr<grpc::Service> legacy_v1;
  std::unique_ptr<grpc::Service> operations_service;
  std::unique_ptr<analyst_client::RuleFollower> rules;
  std::unique_ptr<analyst_client::OutcomeSender> outcomes;
  std::unique_ptr<gateway_client::BudgetFollower> budgets;
  std::unique_ptr<gateway_client::TaskBudgetSender> task_budgets;
  std::unique_ptr<knowledge::StoreLink> common_store;  // null: none configured
  std::unique_ptr<knowledge_store::CommonKnowledge> common;
  std::unique_ptr<knowledge_store::HistoryWriter> history;
  std::unique_ptr<knowledge_store::StackSearch> stacks;
  std::unique_ptr<knowledge::JournalService> journal_service;
  admin::AdminServer admin;
  boost::asio::io_context io{1};
  boost::asio::steady_timer drain_timer;
  std::optional<async::Shutdown> shutdown;
  std::chrono::steady_clock::time_point drain_ends{};
  std::atomic<bool> lost{false};
  std::uint64_t rules_from = 0;
  bool stopped = false;
};

Result<std::unique_ptr<Orchestrator>> Orchestrator::open(const Settings& settings) {
  BOOST_OUTCOME_TRY(check_folder(settings.data_dir));
  BOOST_OUTCOME_TRY(auto store, lmdb_store::LmdbTaskStore::open(store_options(settings)));
  BOOST_OUTCOME_TRY(auto folder, files::ArtifactFolder::open(std::filesystem::path(settings.data_dir) / kArtifacts, settings.artifact_folder));
  static const SystemClock clock;
  BOOST_OUTCOME_TRY(auto guard, rpc::make_guard(operations::with_operations(grpc_api::access_table()), settings.security.auth, clock));
  std::unique_ptr<command_log::CommandLog> commands;
  if (!settings.command_log.directory.empty()) {
    const command_log::Setup setup{settings.engine, settings.rules, settings.make_workflow().states(), settings.finished_in_memory};
    BOOST_OUTCOME_TRY(commands, command_log::CommandLog::open(settings.command_log, setup, clock));
  }
  auto impl = std::make_unique<Impl>(settings, std::move(store), std::move(folder), std::move(guard), std::move(commands));
  return std::unique_ptr<Orchestrator>(new Orchestrator(std::move(impl)));
}

Orchestrator::Orchestrator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Orchestrator::~Orchestrator() { impl_->stop(); }

Result<void> Orchestrator::start() {
  auto& s = *impl_;
  s.traces = otlp::Exporter::start(s.settings.traces, "orchestrator-core", s.registry);
  s.shutdown.emplace(s.io, [&s] { s.begin_drain(); }, [&s] { s.hurry(); });
  BOOST_OUTCOME_TRY(s.connect_common_store());
  BOOST_OUTCOME_TRY(s.rules_from, s.loop.start());
  if (s.common) {
    s.common->start();
    s.history->start();
    if (s.stacks) s.stacks->start();
  }
  for (const auto& [id, rule] : s.engine.rules().all()) s.checks.put(rule);
  s.keeper.start([&s] { s.transfers.end_idle(); });
  s.retention.start();
  BOOST_OUTCOME_TRY(s.admin.start());
  BOOST_OUTCOME_TRY(s.serve_operations());
  BOOST_OUTCOME_TRY(s.server.start());
  BOOST_OUTCOME_TRY(s.connect_analyst());
  BOOST_OUTCOME_TRY(s.connect_gateway());
  log::info("ready", {{"grpc", grpc_address()}, {"admin", admin_address()}});
  return outcome::success();
}

Result<void> Orchestrator::Impl::serve_operations() {
  BOOST_OUTCOME_TRY(auto mint, rpc::make_token_mint(settings.security.auth, clock));
  // What is on its way to the common store is copied after the tasks that it tells of: said twice is harmless, lost isn't.
  std::vector<operations::BackupSource> sources = {tasks_with_files(*store, *artifacts, keeper)};
  if (common_store) sources.push_back(operations::store_in("outbox", common_store->journal()));
  sources.push_back(operations::plain_files(settings.data_dir, "audit"));
  operations_service = operations::make_operations({server.gate(), std::move(mint), "orchestrator-core", settings.data_dir, std::move(sources), clock});
  server.add(*operations_service, operations::operations_name());
  return outcome::success();
}

Result<void> Orchestrator::Impl::connect_analyst() {
  if (settings.analyst_address.empty()) return outcome::success();
  BOOST_OUTCOME_TRY(auto credentials, rpc::channel_credentials(settings.security, "orchestrator-core", clock));
  auto channel = rpc::connect(settings.analyst_address, credentials);
  rules = std::make_unique<analyst_client::RuleFollower>(channel, loop, probe, checks, rules_from);
  outcomes = std::make_unique<analyst_client::OutcomeSender>(channel, loop, *store, bus);
  rules->start();
  outcomes->start();
  return outcome::success();
}

Result<void> Orchestrator::Impl::connect_gateway() {
  if (settings.gateway_address.empty()) return outcome::success();
  BOOST_OUTCOME_TRY(auto credentials, rpc::channel_credentials(settings.security, "orchestrator-core", clock));
  auto channel = rpc::connect(settings.gateway_address, credentials, kScopeListBytesMax);
  budgets = std::make_unique<gateway_client::BudgetFollower>(channel, loop, probe, settings.budgets);
  task_budgets = std::make_unique<gateway_client::TaskBudgetSender>(channel, *store, bus);
  budgets->start();
  task_budgets->start();
  return outcome::success();
}

Result<void> Orchestrator::Impl::connect_common_store() {
  const auto directory = std::filesystem::path(settings.data_dir) / "outbox";
  if (settings.knowledge.wanted()) {
    BOOST_OUTCOME_TRY(common_store, knowledge::StoreLink::open(settings.knowledge, directory, "orchestrator", clock, registry));
  }
  journal_service = std::make_unique<knowledge::JournalService>(server.gate(), common_store ? &common_store->outbox() : nullptr);
  server.add(*journal_service, ::knowledge_journal::KnowledgeJournal::service_full_name());
  if (!common_store) return outcome::success();
  common = std::make_unique<knowledge_store::CommonKnowledge>(common_store->store(), loop, lessons, grants,
                                                              knowledge_store::Intervals{settings.knowledge_refresh, settings.control_refresh});
  history = std::make_unique<knowledge_store::HistoryWriter>(bus, *store, common_store->outbox(), *common, registry);
  BOOST_OUTCOME_TRY(history->resume());
  if (settings.knowledge_classify) {
    stacks = std::make_unique<knowledge_store::StackSearch>(common_store->store(), knowledge_store::StackSearch::Options{});
    service.look_stacks_up_in(*stacks);
  }
  return outcome::success();
}

int Orchestrator::run() {
  auto work = boost::asio::make_work_guard(impl_->io);
  impl_->io.run();
  impl_->stop();
  return impl_->lost ? 1 : 0;
}

void Orchestrator::begin_stop() {
  boost::asio::post(impl_->io, [this] { impl_->begin_drain(); });
}

std::string Orchestrator::grpc_address() const { return impl_->server.address(); }
std::string Orchestrator::admin_address() const { return impl_->admin.address(); }

std::vector<admin::Readiness> Orchestrator::Impl::readiness() const {
  std::vector<admin::Readiness> out;
  out.push_back({"store", !lost, lost ? "the outcome of a write is unknown, restarting" : "open", true});
  // Not required: reads still answer, and only calls that write can find out that there is room again.
  if (const auto fault = loop.store_fault(); !fault.empty()) out.push_back({"disk", false, "everything that writes is refused: " + fault, false});
  if (const auto fault = server.gate().guard().fault(); !fault.empty()) out.push_back({"token_keys", false, fault, false});
  if (rules) out.push_back({"analyst", rules->connected(), rules->detail(), false});
  if (budgets) out.push_back({"gateway", budgets->connected(), budgets->detail(), false});
  if (common_store) out.push_back({"synapse", common_store->well(), common_store->detail(), false});
  if (loop.halted()) out.push_back({"dispatch", false, "halted by the kill switch", false});
  return out;
}

/// On one of the loop's threads: nothing is certain any more, so nothing is answered but "try again".
void Orchestrator::Impl::on_store_lost(const Error& error) {
  log::error("the store is lost, ending to recover", {{"error", error.message}});
  lost = true;
  const Error retry{Code::Unavailable, "the store failed, the orchestrator restarts; try again"};
  server.begin_drain();
  router.fail_calls(retry);
  router.end_links(retry);
  boost::asio::post(io, [this] { io.stop(); });
}

void Orchestrator::Impl::begin_drain() {
  if (drain_ends != std::chrono::steady_clock::time_point{}) return;
  log::info("draining", {{"open_calls", router.open_calls()}, {"streams", router.links()}});
  drain_ends = std::chrono::steady_clock::now() + settings.drain_time;
  admin.set_draining();
  server.begin_drain();
  router.drain_links();
  loop.submit(BeginDrain{});
  watch_streams.end_all({Code::Unavailable, "the orchestrator is shutting down, try again"});
  look_whether_drained();
}

void Orchestrator::Impl::look_whether_drained() {
  const bool idle = router.open_calls() == 0 && router.links() == 0 && watch_streams.size() == 0;
  if (idle || std::chrono::steady_clock::now() >= drain_ends) return io.stop();
  drain_timer.expires_after(kDrainLook);
  drain_timer.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) look_whether_drained();
  });
}

void Orchestrator::Impl::hurry() {
  log::warn("second signal, not waiting any longer");
  io.stop();
}

void Orchestrator::Impl::stop() {
  if (std::exchange(stopped, true)) return;
  const Error bye{Code::Unavailable, "the orchestrator is shutting down, try again"};
  router.fail_calls(bye);
  router.end_links(bye);
  if (rules) rules->stop();
  if (outcomes) outcomes->stop();
  if (budgets) budgets->stop();
  if (task_budgets) task_budgets->stop();
  if (common) common->stop();
  if (stacks) stacks->stop();
  server.stop();
  disk.stop();
  keeper.stop();
  retention.stop();
  loop.stop();
  if (history) history->stop();
  admin.stop();
}

}  // namespace swarm::orchestrator
