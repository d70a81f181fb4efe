#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "adapters/grpc/access.hpp"
#include "adapters/prices/litellm.hpp"
#include "adapters/webhook/webhook.hpp"
#include "compose_parts.hpp"
#include "libs/http/endpoint.hpp"
#include "libs/operations/operations.hpp"
#include "libs/rpc/audit_trail.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds kDrainLook{10};

/// A port that several threads share with SO_REUSEPORT would also be shared with another process; so look first whether
/// it is free.
Result<void> check_free(const std::string& listen) {
  BOOST_OUTCOME_TRY(const auto endpoint, http::parse_endpoint(listen));
  asio::io_context io;
  asio::ip::tcp::acceptor probe(io);
  boost::system::error_code error;
  probe.open(endpoint.protocol(), error);
  if (!error) probe.set_option(asio::ip::tcp::acceptor::reuse_address(true), error);
  if (!error) probe.bind(endpoint, error);
  if (!error) return outcome::success();
  return Error{Code::Unavailable, "can't listen on " + listen + ": " + error.message() + "; stop the other program or choose another port"};
}

std::string with_port(const std::string& listen, int port) { return listen.substr(0, listen.rfind(':') + 1) + std::to_string(port); }

}  // namespace

Result<void> Composition::Parts::connect_common_store() {
  if (!settings.knowledge.wanted()) return outcome::success();
  const auto directory = std::filesystem::path(settings.data_dir) / "outbox";
  BOOST_OUTCOME_TRY(common_store, knowledge::StoreLink::open(settings.knowledge, directory, "llm-gateway", clock, registry));
  CommonBudget::Options options;
  options.interval = settings.knowledge_report;
  if (settings.knowledge_limits) {
    for (const BudgetSettings& budget : budgets_in_force(settings)) {
      if (budget.limit.window == WindowKind::Day) options.limits_of.push_back(budget.scope);
    }
  }
  BOOST_OUTCOME_TRY(common_budget, CommonBudget::open({*store, *desk, common_store->outbox(), common_store->store(), clock, registry}, options));
  retention->keep_for([this] { return common_budget->told(); });
  return outcome::success();
}

/// What tells others of spend and budgets, off every request's path.
Result<void> Composition::Parts::make_reporters() {
  BOOST_OUTCOME_TRYV(desk->load_overrides());
  if (!settings.usage_log.directory.empty()) {
    usage_files = std::make_unique<UsageFiles>(settings.usage_log);
    usage_export = std::make_unique<UsageExport>(*store, *usage_files, registry);
    BOOST_OUTCOME_TRYV(usage_export->start());
    retention->keep_for([this] { return usage_export->last(); });
  }
  for (const HookSettings& hook : settings.hooks) {
    AlertSender::Options options;
    options.least = hook.least;
    alerts.push_back(std::make_unique<AlertSender>(std::make_unique<Webhook>(hook.hook), *store, registry, options));
    BOOST_OUTCOME_TRYV(alerts.back()->start());
  }
  if (alerts.empty()) return outcome::success();
  const auto notice = [this](const std::vector<AccountView>& views, std::uint64_t) {
    for (const auto& sender : alerts) sender->noticed(views, clock.wall_now());
  };
  alert_watch = desk->watch("", notice);
  desk->show_all("", notice);
  return outcome::success();
}

Result<void> Composition::Parts::make_workers() {
  Admission::Options options;
  options.assumed_output_tokens = static_cast<std::uint64_t>(settings.assumed_output_tokens);
  options.assumed_input_tokens = static_cast<std::uint64_t>(settings.assumed_input_tokens);
  options.reservation_time = settings.reservation_time;
  options.explained_max = static_cast<std::size_t>(settings.explained_max);
  admission = std::make_unique<Admission>(books, *spend, clock, options);
  if (settings.cache.bytes_max > 0) cache = std::make_unique<AnswerCache>(registry, clock, settings.cache);
  BOOST_OUTCOME_TRY(const auto first, make_offer(settings));
  first.edition->come_into_force(nullptr, clock.boot_now());
  offer.with([&](Worker::Offer& in_force) { in_force = first; });
  BOOST_OUTCOME_TRYV(check_free(settings.http_listen));
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned count = settings.threads > 0 ? static_cast<unsigned>(settings.threads) : cores;
  std::string listen = settings.http_listen;
  const auto share = static_cast<std::size_t>(settings.connections_per_peer_max);
  const auto peers = share > 0 ? std::make_shared<http::PeerShares>(share) : nullptr;
  for (unsigned i = 0; i < count; ++i) {
    const auto audit = [this](std::string peer, std::string what, std::string reason) {
      asio::post(io, [this, peer = std::move(peer), what = std::move(what), reason = std::move(reason)] {
        if (server && server->audit_trail() != nullptr) server->audit_trail()->denied(peer, what, reason);
      });
    };
    const Services services{*keys, *admission, probe, cache.get(), &joint, audit};
    const rpc::TlsSettings& own = settings.security.tls;
    BOOST_OUTCOME_TRY(auto server_tls, ServerTls::create({own.cert_file, own.key_file, own.ca_file, own.require_client_cert}));
    workers.push_back(std::make_unique<Worker>(settings, services, first, clock, listen, count > 1, std::move(server_tls), peers));
    BOOST_OUTCOME_TRYV(workers.back()->listen());
    listen = with_port(listen, workers.front()->port());
  }
  return outcome::success();
}

Result<void> Composition::Parts::make_servers() {
  Worker& first = *workers.front();
  CompletionDesk::Options desk_options;
  desk_options.default_model = settings.complete_model;
  desk_options.kept = settings.complete_kept;
  desk_options.beyond_restart = answers.get();
  completions = std::make_unique<CompletionDesk>(first.io(), first.relay(), completion_codec, clock, desk_options);
  completions->restore(std::exchange(answers_before, {}));
  rpc::ServerOptions options;
  options.listen = settings.grpc_listen;
  options.service = "llm-gateway";
  options.audit_directory = std::filesystem::path(settings.data_dir) / "audit";
  options.tls = settings.security.tls;
  options.connections = settings.security.connections;
  options.drain_time = settings.drain_time;
  BOOST_OUTCOME_TRY(auto guard, rpc::make_guard(operations::with_operations(access_table()), settings.security.auth, clock));
  server = std::make_unique<rpc::Server>(options, registry, std::move(guard));
  reports = std::make_unique<SpendReports>(*store);
  budget_control = std::make_unique<BudgetControlService>(server->gate(), *desk, *key_desk, *reports, admission->explanations(), clock);
  completion_v1 = std::make_unique<CompletionServiceV1>(server->gate(), *completions, &anonymous, "/orchestrator.v1.LlmGatewayService/Complete");
  completion_v2 = std::make_unique<CompletionServiceV2>(server->gate(), *completions, &anonymous, "/orchestrator.LlmGatewayService/Complete");
  journal_service = std::make_unique<knowledge::JournalService>(server->gate(), common_store ? &common_store->outbox() : nullptr);
  server->add(*journal_service, ::knowledge_journal::KnowledgeJournal::service_full_name());
  server->add(*budget_control, ::llm_gateway::BudgetControl::service_full_name());
  server->add(*completion_v1, ::orchestrator::v1::LlmGatewayService::service_full_name());
  server->add(*completion_v2, ::orchestrator::LlmGatewayService::service_full_name());
  BOOST_OUTCOME_TRYV(serve_operations());
  admin::Options admin_options;
  admin_options.listen = settings.admin_listen;
  admin_options.metrics_token = settings.metrics_token;
  admin = std::make_unique<admin::AdminServer>(admin_options, registry, [this] { return readiness(); });
  return outcome::success();
}

Result<void> Composition::Parts::serve_operations() {
  BOOST_OUTCOME_TRY(auto mint, rpc::make_token_mint(settings.security.auth, clock));
  std::vector<operations::BackupSource> sources = {operations::store_in("", store->environment())};
  if (common_store) sources.push_back(operations::store_in("outbox", common_store->journal()));
  sources.push_back(operations::plain_files(settings.data_dir, "audit"));
  operations_service = operations::make_operations({server->gate(), std::move(mint), "llm-gateway", settings.data_dir, std::move(sources), clock});
  server->add(*operations_service, operations::operations_name());
  return outcome::success();
}

void Composition::Parts::lose_store(const Error& error) {
  lost = true;
  log::error("spend store lost, ending", {{"cause", error.message}});
  asio::post(io, [this] { drain(); });
}

void Composition::Parts::drain() {
  if (std::exchange(draining, true)) return;
  log::info("draining");
  config_watch.reset();
  admin->set_draining();
  server->begin_drain();
  budget_control->drain();
  for (const auto& worker : workers) worker->begin_drain();
  drain_until = clock.boot_now() + settings.drain_time;
  wait_until_drained();
}

void Composition::Parts::wait_until_drained() {
  const bool done = std::all_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->drained(); });
  const bool idle = books.with([](Books& all) { return all.ledger.in_flight() == 0; });
  if ((done && idle) || clock.boot_now() >= drain_until) {
    io.stop();
    return;
  }
  drain_timer.expires_after(kDrainLook);
  drain_timer.async_wait([this](boost::system::error_code error) {
    if (!error) wait_until_drained();
  });
}

CommandTools command_tools(const Settings& settings) {
  CommandTools tools;
  tools.data_dir = settings.data_dir;
  tools.open_ledger = [](const std::string& directory) -> Result<std::unique_ptr<SpendStore>> {
    BOOST_OUTCOME_TRY(auto store, LmdbSpendStore::open_existing(directory));
    return std::unique_ptr<SpendStore>(std::move(store));
  };
  tools.import_prices = [](const std::string& file, const std::vector<std::string>& only, const std::string& upstream) -> Result<std::string> {
    std::ifstream in(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in.is_open() || in.bad()) return Error{Code::NotFound, "can't read " + file};
    BOOST_OUTCOME_TRY(auto imported, import_litellm(text, only, upstream));
    return "# " + std::to_string(imported.models) + " models, " + std::to_string(imported.left_out) + " left out as not priced by the token\n" + imported.yaml;
  };
  return tools;
}

Composition::Composition(Settings settings, ReadAgain read_again)
    : parts_(std::make_unique<Parts>(std::move(settings), std::move(read_again))) {}

Composition::~Composition() {
  auto& p = *parts_;
  if (p.budget_control) p.budget_control->drain();
  if (p.completion_v1) p.completion_v1->drain();
  if (p.completion_v2) p.completion_v2->drain();
  if (p.server) p.server->stop();
  if (p.admin) p.admin->stop();
  // Requests that are cut settle as their coroutines end; only then is the journal complete.
  for (const auto& worker : p.workers) worker->stop();
  p.completions.reset();
  if (p.answers) p.answers->stop();
  p.workers.clear();
  if (p.spend) p.spend->stop();
  if (p.common_budget) p.common_budget->stop();  // tells what was journaled last
  if (p.usage_export) p.usage_export->stop();
  for (const auto& sender : p.alerts) sender->stop();
}

Result<void> Composition::start() {
  auto& p = *parts_;
  BOOST_OUTCOME_TRYV(p.open_books());
  BOOST_OUTCOME_TRYV(p.connect_common_store());
  p.traces = otlp::Exporter::start(p.settings.traces, "llm-gateway", p.registry);
  BOOST_OUTCOME_TRYV(p.make_keys());
  BOOST_OUTCOME_TRYV(p.make_workers());
  BOOST_OUTCOME_TRYV(p.make_servers());
  BOOST_OUTCOME_TRYV(p.make_reporters());
  p.export_budgets();
  metrics::add_process_metrics(p.registry, "llm-gateway");
  p.spend->start();
  if (p.answers) p.answers->start();
  if (p.common_budget) p.common_budget->start();
  BOOST_OUTCOME_TRYV(p.admin->start());
  BOOST_OUTCOME_TRYV(p.server->start());
  for (const auto& worker : p.workers) worker->start();
  p.watch_configuration();
  // Before anybody learns that it is ready: a signal from then on must drain.
  p.shutdown = std::make_unique<async::Shutdown>(p.io, [&p] { p.drain(); }, [&p] { p.io.stop(); }, std::initializer_list<int>{SIGTERM, SIGINT});
  log::info("ready", {{"http", p.workers.front()->address()}, {"grpc", p.server->address()}, {"admin", p.admin->address()},
                      {"threads", p.workers.size()}, {"models", p.settings.models.size()}, {"keys", p.keys->size()}});
  return outcome::success();
}

int Composition::run() {
  auto& p = *parts_;
  p.io.run();
  return p.lost ? 1 : 0;
}

}  // namespace swarm::gateway
