#include "compose.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "adapters/codec/completion.hpp"
#include "adapters/grpc/access.hpp"
#include "adapters/grpc/budget_control.hpp"
#include "adapters/grpc/completion_service.hpp"
#include "adapters/knowledge/common_budget.hpp"
#include "adapters/jsonl/usage_files.hpp"
#include "adapters/lmdb/answer_store.hpp"
#include "adapters/lmdb/spend_store.hpp"
#include "adapters/prices/litellm.hpp"
#include "adapters/webhook/webhook.hpp"
#include "application/alert_sender.hpp"
#include "application/budget_desk.hpp"
#include "application/completion_desk.hpp"
#include "application/usage_export.hpp"
#include "libs/admin/admin_server.hpp"
#include "libs/async/shutdown.hpp"
#include "libs/auth/task_token.hpp"
#include "libs/http/endpoint.hpp"
#include "libs/knowledge/control/journal_service.hpp"
#include "libs/operations/operations.hpp"
#include "libs/rpc/server.hpp"
#include "libs/telemetry/logging.hpp"
#include "worker.hpp"

namespace swarm::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::milliseconds kDrainLook{10};
constexpr std::string_view kAnonymous = "anonymous";

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

// Members stand in the order in which they are built; they are destroyed in the reverse one.
struct Composition::Parts {
  explicit Parts(Settings s)
      : settings(std::move(s)), catalog(settings.upstreams, settings.models), probe(registry, catalog), drain_timer(io) {}

  Result<void> open_books();
  Result<void> connect_common_store();
  void tell_of_overrides(const std::vector<StoredLimit>& stored_limits) const;
  Result<ScopeId> scope(Books& all, const std::string& name) { return all.ledger.scope(name, clock.wall_now()); }
  Result<Principal> principal(Books& all, const std::string& name, const std::string& team);
  Result<void> make_reporters();
  Result<void> make_keys();
  Result<void> make_workers();
  Result<void> make_servers();
  Result<void> serve_operations();
  void export_budgets();
  std::vector<admin::Readiness> readiness() const;
  void drain();
  void wait_until_drained();
  void lose_store(const Error& error);

  Settings settings;
  SystemClock clock;
  metrics::Registry registry;
  std::unique_ptr<otlp::Exporter> traces;  // null: not wanted
  Catalog catalog;
  Probe probe;
  asio::io_context io{1};
  asio::steady_timer drain_timer;
  SharedBooks books;
  std::unique_ptr<LmdbSpendStore> store;
  std::unique_ptr<SpendLoop> spend;
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
  std::unique_ptr<Breakers> breakers;
  std::unique_ptr<AnswerCache> cache;
  std::unique_ptr<UpstreamTls> tls;
  JsonCompletionCodec completion_codec;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<LmdbAnswerStore> answers;  // null: not wanted
  std::vector<KeptAnswers::Entry> answers_before;
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

Result<void> Composition::Parts::open_books() {
  BOOST_OUTCOME_TRY(store, LmdbSpendStore::open(std::filesystem::path(settings.data_dir), settings.store_bytes_max));
  const WallTime now = clock.wall_now();
  if (settings.complete_durable) {
    BOOST_OUTCOME_TRY(answers, LmdbAnswerStore::open(std::filesystem::path(settings.data_dir) / "answers", now, answers_before));
  }
  BOOST_OUTCOME_TRY(const auto records, store->recover(now));
  BOOST_OUTCOME_TRY(const auto stored_limits, store->limits());
  BOOST_OUTCOME_TRYV(books.with([&](Books& all) -> Result<void> {
    BOOST_OUTCOME_TRYV(scope(all, "global"));
    for (const BudgetSettings& budget : budgets_in_force(settings)) {
      BOOST_OUTCOME_TRY(const auto id, scope(all, budget.scope));
      all.ledger.set_limit(id, budget.limit, now);
    }
    for (const StoredLimit& stored : stored_limits) {
      if (const auto id = scope(all, stored.scope)) all.ledger.set_limit(id.value(), stored.limit, now);
    }
    for (const SpendRecord& record : records) {
      // More tasks than may be held at once stay on disk only; those with a limit are here already.
      if (all.ledger.scopes() >= all.ledger.bounds().scopes_max / 2 && !all.ledger.find(record.scope)) continue;
      const auto id = scope(all, record.scope);
      if (!id) continue;
      all.ledger.restore(id.value(), record.window, record.start, record.settled, record.unknown_crash, record.forgiven, record.requests, now);
    }
    return outcome::success();
  }));
  tell_of_overrides(stored_limits);
  SpendLoop::Hooks hooks;
  hooks.fatal = [this](const Error& error) { lose_store(error); };
  hooks.changed = [this](const std::vector<std::string>& scopes) { desk->changed(scopes); };
  spend = std::make_unique<SpendLoop>(books, *store, probe, clock, SpendLoop::Options{settings.journal_interval}, std::move(hooks));
  desk = std::make_unique<BudgetDesk>(books, *store, *spend, clock);
  return outcome::success();
}

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
  return outcome::success();
}

/// What tells others of spend and budgets, off every request's path.
Result<void> Composition::Parts::make_reporters() {
  BOOST_OUTCOME_TRYV(desk->load_overrides());
  if (!settings.usage_log.directory.empty()) {
    usage_files = std::make_unique<UsageFiles>(settings.usage_log);
    usage_export = std::make_unique<UsageExport>(*store, *usage_files, registry);
    BOOST_OUTCOME_TRYV(usage_export->start());
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

/// A limit that was set at run time wins over the file; whoever edits the file should learn of it.
void Composition::Parts::tell_of_overrides(const std::vector<StoredLimit>& stored_limits) const {
  for (const BudgetSettings& budget : settings.budgets) {
    for (const StoredLimit& stored : stored_limits) {
      if (stored.scope != budget.scope || stored.limit.window != budget.limit.window || same_limit(stored.limit, budget.limit)) continue;
      log::info("limit set at run time overrides the configuration",
                {{"scope", stored.scope}, {"window", name(stored.limit.window)}, {"configured_usd", budget.limit.amount.usd()},
                 {"limit_usd", stored.limit.amount.usd()}, {"unlimited", stored.limit.unlimited}, {"strict", stored.limit.strict}});
    }
  }
}

Result<Principal> Composition::Parts::principal(Books& all, const std::string& name, const std::string& team) {
  Principal made;
  made.name = name;
  made.team = team;
  std::vector<std::string> path = {"global"};
  if (!team.empty()) path.push_back("team/" + team);
  path.push_back("key/" + name);
  for (const auto& part : path) {
    BOOST_OUTCOME_TRY(made.scopes[made.scope_count], scope(all, part));
    ++made.scope_count;
  }
  return made;
}

Result<void> Composition::Parts::make_keys() {
  std::vector<KeyRing::Entry> entries;
  std::unique_ptr<Principal> nobody;
  BOOST_OUTCOME_TRYV(books.with([&](Books& all) -> Result<void> {
    for (const KeySettings& key : settings.keys) {
      KeyRing::Entry entry;
      if (key.key.empty()) {
        BOOST_OUTCOME_TRY(entry.hash, parse_hash(key.sha256));
      } else {
        entry.hash = hash_key(key.key.reveal());
      }
      BOOST_OUTCOME_TRY(entry.principal, principal(all, key.name, key.team));
      entry.principal.id = static_cast<std::uint32_t>(entries.size() + 1);
      entry.principal.priority = key.priority;
      entry.principal.bare_tasks = key.bare_tasks;
      entry.principal.models = key.models;
      entry.principal.limits = key.limits;
      entries.push_back(std::move(entry));
    }
    BOOST_OUTCOME_TRY(anonymous, principal(all, std::string(kAnonymous), ""));
    anonymous.priority = true;
    anonymous.bare_tasks = true;
    all.rates.emplace_back(RateLimits{});
    for (const auto& entry : entries) all.rates.emplace_back(entry.principal.limits);
    return outcome::success();
  }));
  settings.keys.clear();
  if (entries.empty()) nobody = std::make_unique<Principal>(anonymous);
  keys = std::make_unique<KeyRing>(std::move(entries), std::move(nobody), clock);
  if (!settings.task_token_key.empty()) {
    keys->accept_task_tokens([key = settings.task_token_key](std::string_view task, std::string_view token, WallTime now) -> Result<std::string> {
      BOOST_OUTCOME_TRY(auto leave, auth::verify_task_token(key, task, token, now));
      return std::move(leave.team);
    });
  }
  const auto make = [this](const StoredKey& key) -> Result<Principal> {
    BOOST_OUTCOME_TRY(auto made, books.with([&](Books& all) { return principal(all, key.name, key.team); }));
    made.priority = key.priority;
    made.bare_tasks = key.bare_tasks;
    made.models = key.models;
    made.limits = key.limits;
    return made;
  };
  key_desk = std::make_unique<KeyDesk>(*store, *keys, books, clock, make, KeyDesk::Bounds{});
  return key_desk->load();
}

Result<void> Composition::Parts::make_workers() {
  Admission::Options options;
  options.assumed_output_tokens = static_cast<std::uint64_t>(settings.assumed_output_tokens);
  options.reservation_time = settings.reservation_time;
  options.explained_max = static_cast<std::size_t>(settings.explained_max);
  admission = std::make_unique<Admission>(books, *spend, clock, options);
  breakers = std::make_unique<Breakers>(catalog.upstreams().size(), probe);
  if (settings.cache.bytes_max > 0) cache = std::make_unique<AnswerCache>(registry, clock, settings.cache);
  BOOST_OUTCOME_TRY(tls, UpstreamTls::create(catalog));
  BOOST_OUTCOME_TRYV(check_free(settings.http_listen));
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const unsigned count = settings.threads > 0 ? static_cast<unsigned>(settings.threads) : cores;
  std::string listen = settings.http_listen;
  for (unsigned i = 0; i < count; ++i) {
    const Services services{catalog, *keys, *admission, *breakers, probe, cache.get()};
    const rpc::TlsSettings& own = settings.security.tls;
    BOOST_OUTCOME_TRY(auto server_tls, ServerTls::create({own.cert_file, own.key_file, own.ca_file, own.require_client_cert}));
    workers.push_back(std::make_unique<Worker>(settings, services, *tls, clock, listen, count > 1, std::move(server_tls)));
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
  completions = std::make_unique<CompletionDesk>(first.io(), first.relay(), catalog, completion_codec, clock, desk_options);
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

/// Gauges for the scopes that the configuration names: their number is bounded by it.
void Composition::Parts::export_budgets() {
  using Read = double (*)(const BudgetAccount&, WallTime now);
  const std::vector<std::tuple<std::string, std::string, Read>> gauges = {
      {"limit_usd", "What may be spent in the window", [](const BudgetAccount& a, WallTime) { return a.limit.amount.usd(); }},
      {"spent_usd", "What was spent in the window", [](const BudgetAccount& a, WallTime) { return a.spent().usd(); }},
      {"reserved_usd", "What requests in flight hold", [](const BudgetAccount& a, WallTime) { return a.reserved.usd(); }},
      {"overshoot_bound_usd", "The most that can ever be spent beyond the limit", [](const BudgetAccount& a, WallTime) { return a.limit.strict ? 0 : a.limit.overshoot_max.usd(); }},
      {"overshoot_held_usd", "How much of that bound requests in flight use", [](const BudgetAccount& a, WallTime) { return a.slack.usd(); }},
      {"allotment_usd", "What is debited durably in advance", [](const BudgetAccount& a, WallTime) { return a.allotment.usd(); }},
      {"unknown_crash_usd", "What crashes may have cost", [](const BudgetAccount& a, WallTime) { return a.unknown_crash.usd(); }},
      {"reset_seconds", "Until the window starts again; 0 for one that never does", [](const BudgetAccount& a, WallTime now) {
         return a.span.end == WallTime::max() ? 0.0 : std::chrono::duration<double>(a.span.end - now).count();
       }},
  };
  for (const BudgetSettings& budget : budgets_in_force(settings)) {
    const metrics::Labels labels = {{"scope", budget.scope}, {"window", std::string(name(budget.limit.window))}};
    for (const auto& [suffix, help, read] : gauges) {
      registry.gauge_callback("swarm_gateway_budget_" + suffix, help, labels, [this, scope = budget.scope, window = budget.limit.window, read = read] {
        const auto view = desk->current(scope, window);
        return view ? read(view.value().account, clock.wall_now()) : 0.0;
      });
    }
  }
  registry.gauge_callback("swarm_gateway_reservations", "Requests that hold a part of a budget", {}, [this] {
    return static_cast<double>(books.with([](Books& all) { return all.ledger.in_flight(); }));
  });
}

std::vector<admin::Readiness> Composition::Parts::readiness() const {
  std::vector<admin::Readiness> all;
  const std::string failure = spend->failure();
  all.push_back({"spend_store", failure.empty() && !lost, failure, true});
  for (const Upstream& upstream : catalog.upstreams()) {
    const bool up = breakers->state(upstream, clock.boot_now()) != CircuitBreaker::State::Open;
    all.push_back({"upstream/" + upstream.name, up, up ? "" : "failing, gets a rest", false});
  }
  if (common_store) all.push_back({"synapse", common_store->well(), common_store->detail(), false});
  if (catalog.models().empty()) all.push_back({"models", false, "none configured, so that every request is refused: set upstreams and models, as services/llm-gateway/README.md shows", false});
  return all;
}

void Composition::Parts::lose_store(const Error& error) {
  lost = true;
  log::error("spend store lost, ending", {{"cause", error.message}});
  asio::post(io, [this] { drain(); });
}

void Composition::Parts::drain() {
  if (std::exchange(draining, true)) return;
  log::info("draining");
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

Composition::Composition(Settings settings) : parts_(std::make_unique<Parts>(std::move(settings))) {}

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
  log::info("ready", {{"http", p.workers.front()->address()}, {"grpc", p.server->address()}, {"admin", p.admin->address()},
                      {"threads", p.workers.size()}, {"models", p.catalog.models().size()}, {"keys", p.keys->size()}});
  return outcome::success();
}

int Composition::run() {
  auto& p = *parts_;
  const async::Shutdown shutdown(p.io, [&p] { p.drain(); }, [&p] { p.io.stop(); });
  p.io.run();
  return p.lost ? 1 : 0;
}

}  // namespace swarm::gateway
