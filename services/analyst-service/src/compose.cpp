#include "compose.hpp"

#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <filesystem>
#include <optional>

#include "adapters/gateway/model_author.hpp"
#include "adapters/grpc/access.hpp"
#include "adapters/grpc/analyst_service.hpp"
#include "adapters/grpc/legacy_services.hpp"
#include "adapters/knowledge/knowledge_sink.hpp"
#include "adapters/lmdb/failure_store.hpp"
#include "adapters/orchestrator/sanity_tasks.hpp"
#include "adapters/turtle/turtle_sink.hpp"
#include "application/failure_intake.hpp"
#include "application/rule_desk.hpp"
#include "application/rule_publisher.hpp"
#include "application/sanity_desk.hpp"
#include "libs/admin/admin_server.hpp"
#include "libs/async/shutdown.hpp"
#include "libs/base/check.hpp"
#include "libs/knowledge/control/journal_service.hpp"
#include "libs/operations/operations.hpp"
#include "libs/rpc/channel.hpp"
#include "libs/rpc/server.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::analyst {

using namespace application;
using namespace adapters;

namespace {

// They were checked when the settings were read.
std::shared_ptr<const domain::GroupingRules> grouping_rules(const Settings& settings) {
  if (settings.masks.empty() && settings.fingerprints.empty()) return nullptr;
  auto rules = std::make_shared<domain::GroupingRules>();
  for (const auto& mask : settings.masks) SWARM_CHECK(rules->add(mask), mask.name);
  for (const auto& rule : settings.fingerprints) SWARM_CHECK(rules->add(rule), rule.name);
  return rules;
}

}  // namespace

struct Composition::Parts {
  explicit Parts(Settings s) : settings(std::move(s)), probe(registry, static_cast<std::size_t>(settings.rule_metrics_max)) {}

  Result<void> open_stores();
  Result<void> build_application();
  Result<void> build_server();
  Result<void> serve_operations();
  std::vector<admin::Readiness> readiness() const;
  void drain();

  Settings settings;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<otlp::Exporter> traces;  // null: not wanted
  Probe probe;
  boost::asio::io_context io{1};
  std::unique_ptr<LmdbFailureStore> store;
  std::unique_ptr<knowledge::StoreLink> common_store;  // null: none configured
  std::unique_ptr<KnowledgeSink> common_sink;
  std::unique_ptr<TurtleSink> turtle_sink;
  RuleBoard board;
  Analyzers analyzers{grouping_rules(settings)};
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<ModelAuthor> author;
  std::unique_ptr<LedgerLoop> loop;
  std::unique_ptr<RuleDesk> desk;
  std::unique_ptr<SanityTasks> sanity_tasks;
  std::shared_ptr<SanityDesk> sanity;        // the board holds it weakly
  std::shared_ptr<RulePublisher> publisher;  // the board holds it weakly
  std::unique_ptr<FailureIntake> intake;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<AnalystService> analyst;
  std::unique_ptr<AnalystServiceV1> legacy_v1;
  std::unique_ptr<AnalystServiceV2> legacy_v2;
  std::unique_ptr<knowledge::JournalService> journal_service;
  std::unique_ptr<grpc::Service> operations_service;
  std::unique_ptr<admin::AdminServer> admin;
  std::optional<async::Shutdown> shutdown;
  std::atomic<bool> lost = false;
  std::atomic<bool> draining = false;
};

namespace {

// A folder that holds something else is left as it is.
Result<void> check_folder(const std::filesystem::path& root) {
  std::error_code failed;
  if (std::filesystem::exists(root / "store" / "identity", failed)) return outcome::success();
  for (std::filesystem::directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    if (name.starts_with('.') || name == "lost+found") continue;
    if (name == "store" && std::filesystem::is_empty(at->path(), failed)) continue;
    return Error{Code::FailedPrecondition, "data_dir " + root.string() + " holds " + name + " and no data of analyst-service; give it an empty folder of its own"};
  }
  return outcome::success();
}

}  // namespace

Result<void> Composition::Parts::open_stores() {
  const std::filesystem::path root = settings.data_dir;
  BOOST_OUTCOME_TRY(check_folder(root));
  BOOST_OUTCOME_TRY(store, LmdbFailureStore::open({root / "store", settings.store_bytes_max, true}));
  turtle_sink = std::make_unique<TurtleSink>(root / "rules");
  if (settings.knowledge.wanted()) {
    BOOST_OUTCOME_TRY(common_store, knowledge::StoreLink::open(settings.knowledge, root / "outbox", "analyst", clock, registry));
    common_sink = std::make_unique<KnowledgeSink>(common_store->knowledge());
  }
  return outcome::success();
}

Result<void> Composition::Parts::build_application() {
  const bool tried = !settings.sanity_task.empty() && !settings.orchestrator_address.empty();
  LedgerLimits limits;
  limits.threshold = settings.threshold;
  limits.groups_max = static_cast<std::size_t>(settings.groups_max);
  limits.journal_entries_max = static_cast<std::uint64_t>(settings.journal_entries_max);
  limits.approval = settings.approval;
  limits.agents_min = settings.agents_min;
  limits.sanity = tried;
  limits.lifetime_ms = settings.rule_lifetime.count();
  limits.trial.attempts = settings.trial_attempts;
  ledger = std::make_unique<Ledger>(*store, limits);
  LedgerLoop::Hooks hooks;
  hooks.rule_made = [this](const domain::Id& kind) {
    if (desk) desk->improve(kind);
  };
  hooks.on_lost = [this](const Error& error) {
    lost = true;
    log::error("store lost, ending", {{"error", error.message}});
    boost::asio::post(io, [this] { drain(); });
  };
  hooks.idle = [this] {
    store->rest();
    malloc_trim(0);  // what glibc keeps of a burst
  };
  loop = std::make_unique<LedgerLoop>(*ledger, *store, board, clock, probe, std::move(hooks), static_cast<std::size_t>(settings.queue_max));
  if (settings.author_mode == "model" && !settings.gateway_address.empty()) {
    BOOST_OUTCOME_TRY(const auto credentials, rpc::channel_credentials(settings.security, "analyst-service", clock));
    author = std::make_unique<ModelAuthor>(rpc::connect(settings.gateway_address, credentials), clock,
                                           ModelAuthor::Options{settings.author_model, settings.author_timeout});
    RuleDesk::Limits desk_limits;
    desk_limits.proposed_only = tried;
    desk_limits.checks = settings.author_checks;
    desk = std::make_unique<RuleDesk>(*author, *store, board, *loop, probe, desk_limits);
    registry.gauge_callback("swarm_analyst_breaker_state", "0 closed, 1 half-open, 2 open", {{"dependency", "gateway"}}, [this] {
      const auto state = author->state();
      return state == CircuitBreaker::State::Closed ? 0.0 : state == CircuitBreaker::State::HalfOpen ? 1.0 : 2.0;
    });
  }
  if (tried) {
    BOOST_OUTCOME_TRY(const auto credentials, rpc::channel_credentials(settings.security, "analyst-service", clock));
    sanity_tasks = std::make_unique<SanityTasks>(rpc::connect(settings.orchestrator_address, credentials),
                                                 SanityTasks::Options{settings.sanity_task, settings.sanity_time});
    SanityDesk::Options sanity_options;
    sanity_options.time = settings.sanity_time;
    sanity_options.approval = settings.approval;
    sanity = std::make_shared<SanityDesk>(*sanity_tasks, board, *loop, clock, sanity_options);
    board.watch(sanity);
  }
  std::vector<ports::RuleSink*> sinks{turtle_sink.get()};
  if (common_store) {
    sinks.push_back(common_sink.get());
    FailureIntake::Options intake_options;
    intake_options.interval = settings.knowledge_poll;
    intake_options.rule_stored = [this](const domain::Id& kind) { return common_sink->settled(kind); };
    intake = std::make_unique<FailureIntake>(common_store->store(), common_store->knowledge(), analyzers, *loop, intake_options);
  }
  publisher = std::make_shared<RulePublisher>(std::move(sinks), board, probe);
  board.watch(publisher);
  registry.gauge_callback("swarm_analyst_store_bytes", "Size of the store", {}, [this] { return static_cast<double>(store->bytes_used()); });
  return outcome::success();
}

Result<void> Composition::Parts::build_server() {
  rpc::ServerOptions options;
  options.listen = settings.grpc_listen;
  options.service = "analyst-service";
  options.audit_directory = std::filesystem::path(settings.data_dir) / "audit";
  options.tls = settings.security.tls;
  options.connections = settings.security.connections;
  options.message_bytes_max = (16 << 20) + (64 << 10);  // a log of 16 MiB and what goes with it
  options.drain_time = settings.drain_time;
  BOOST_OUTCOME_TRY(auto guard, rpc::make_guard(operations::with_operations(access_table()), settings.security.auth, clock));
  server = std::make_unique<rpc::Server>(options, registry, std::move(guard));
  analyst = std::make_unique<AnalystService>(AnalystService::Parts{server->gate(), analyzers, *loop, board, *store, probe, settings.threshold, clock});
  legacy_v1 = std::make_unique<AnalystServiceV1>(server->gate(), analyzers);
  legacy_v2 = std::make_unique<AnalystServiceV2>(server->gate(), analyzers, board, desk.get());
  journal_service = std::make_unique<knowledge::JournalService>(server->gate(), common_store ? &common_store->outbox() : nullptr);
  server->add(*journal_service, ::knowledge_journal::KnowledgeJournal::service_full_name());
  server->add(*analyst, ::analyst::Analyst::service_full_name());
  server->add(*legacy_v1, ::orchestrator::v1::AnalystService::service_full_name());
  server->add(*legacy_v2, ::orchestrator::AnalystService::service_full_name());
  BOOST_OUTCOME_TRY(serve_operations());
  admin::Options admin_options;
  admin_options.listen = settings.admin_listen;
  admin_options.metrics_token = settings.metrics_token;
  admin = std::make_unique<admin::AdminServer>(admin_options, registry, [this] { return readiness(); });
  return outcome::success();
}

Result<void> Composition::Parts::serve_operations() {
  BOOST_OUTCOME_TRY(auto mint, rpc::make_token_mint(settings.security.auth, clock));
  std::vector<operations::BackupSource> sources = {operations::store_in("store", store->environment())};
  if (common_store) sources.push_back(operations::store_in("outbox", common_store->journal()));
  sources.push_back(operations::plain_files(settings.data_dir, "rules"));
  sources.push_back(operations::plain_files(settings.data_dir, "audit"));
  operations_service = operations::make_operations({server->gate(), std::move(mint), "analyst-service", settings.data_dir, std::move(sources), clock});
  server->add(*operations_service, operations::operations_name());
  return outcome::success();
}

std::vector<admin::Readiness> Composition::Parts::readiness() const {
  std::vector<admin::Readiness> all;
  all.push_back({"store", !lost, lost ? "fsync failed; restart recovers what was acknowledged" : "", true});
  // Not required: reads still answer, and only a report can find out that there is room again.
  if (const auto fault = loop->fault(); !fault.empty()) {
    all.push_back({"disk", false, "nothing can be stored (" + fault + "); free space on the disk of " + settings.data_dir, false});
  }
  if (const auto fault = server->gate().guard().fault(); !fault.empty()) all.push_back({"token_keys", false, fault, false});
  if (author) {
    const auto state = author->state();
    const bool up = state != CircuitBreaker::State::Open;
    all.push_back({"gateway", up, up ? "" : settings.gateway_address + " does not answer; rules come from the template", false});
  }
  if (sanity) {
    const auto trouble = sanity->trouble();
    all.push_back({"orchestrator", trouble.empty(), trouble.empty() ? "" : "no sanity runs: " + trouble, false});
  }
  const auto backlog = publisher->backlog();
  all.push_back({"knowledge", backlog.empty(), backlog, false});
  if (common_store) all.push_back({"synapse", common_store->well(), common_store->detail(), false});
  return all;
}

void Composition::Parts::drain() {
  if (draining.exchange(true)) return;
  log::info("draining");
  admin->set_draining();
  server->begin_drain();
  analyst->drain();
  if (intake) intake->stop();
  if (desk) desk->stop();
  if (sanity) sanity->stop();
  loop->stop();  // everything queued is committed and answered
  server->stop();
  publisher->stop();
  io.stop();
}

Composition::Composition(Settings settings) : parts_(std::make_unique<Parts>(std::move(settings))) {}

Composition::~Composition() {
  // The board must not call a publisher whose thread is gone, nor the ledger a desk.
  if (parts_->server) parts_->server->stop();
  if (parts_->intake) parts_->intake->stop();
  if (parts_->desk) parts_->desk->stop();
  if (parts_->sanity) parts_->sanity->stop();
  if (parts_->loop) parts_->loop->stop();
  if (parts_->publisher) parts_->publisher->stop();
  if (parts_->admin) parts_->admin->stop();
}

Result<void> Composition::start() {
  auto& p = *parts_;
  BOOST_OUTCOME_TRY(p.open_stores());
  p.traces = otlp::Exporter::start(p.settings.traces, "analyst-service", p.registry);
  BOOST_OUTCOME_TRY(p.build_application());
  BOOST_OUTCOME_TRY(p.build_server());
  metrics::add_process_metrics(p.registry, "analyst-service");
  BOOST_OUTCOME_TRY(p.loop->start());
  if (p.desk) p.desk->start();
  if (p.sanity) p.sanity->start();
  p.publisher->start();
  if (p.intake) p.intake->start();
  BOOST_OUTCOME_TRY(p.admin->start());
  BOOST_OUTCOME_TRY(p.server->start());
  // Before anybody learns that it is ready: a signal from then on must drain.
  p.shutdown.emplace(p.io, [&p] { p.drain(); }, [&p] { p.io.stop(); });
  log::info("ready", {{"grpc", p.server->address()}, {"admin", p.admin->address()}, {"groups", p.ledger->groups().size()}, {"rules", p.ledger->rules().size()}});
  return outcome::success();
}

int Composition::run() {
  auto& p = *parts_;
  p.io.run();
  return p.lost ? 1 : 0;
}

}  // namespace swarm::analyst
