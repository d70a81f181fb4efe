// What the configuration may change while the service runs: books, keys, models and upstreams, and how they change.
#include <algorithm>
#include <filesystem>

#include "compose_parts.hpp"
#include "libs/auth/task_token.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr std::string_view kAnonymous = "anonymous";

std::vector<StoredLimit> limits_of(const Settings& settings) {
  std::vector<StoredLimit> limits;
  for (const BudgetSettings& budget : budgets_in_force(settings)) limits.push_back({budget.scope, budget.limit});
  return limits;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string seconds(std::chrono::nanoseconds time) { return std::to_string(std::chrono::floor<std::chrono::seconds>(time).count()) + " s"; }

/// What calls told of it. Nothing of it makes the gateway unready: other upstreams, and its answers of why, still serve.
admin::Readiness readiness_of(const Breakers& breakers, const Upstream& upstream, BootTime now) {
  admin::Readiness told;
  told.name = "upstream/" + upstream.name;
  const auto trouble = breakers.trouble(upstream);
  const bool resting = breakers.state(upstream, now) == CircuitBreaker::State::Open;
  told.ok = trouble.calls == 0 && !resting;
  if (trouble.calls > 0) {
    told.detail = "failing for " + seconds(now - trouble.since) + ", " + std::to_string(trouble.calls) + " calls in a row, the last one " +
                  seconds(now - trouble.last) + " ago: " + trouble.cause;
  } else if (told.ok && !breakers.asked(upstream)) {
    told.detail = "not asked yet";
  }
  if (resting) told.detail += told.detail.empty() ? "gets a rest" : "; gets a rest";
  return told;
}

/// A folder that holds something else is left as it is. What the store itself would refuse, it says in its own words.
Result<void> check_folder(const std::filesystem::path& root) {
  std::error_code failed;
  if (std::filesystem::exists(root / "identity", failed) || std::filesystem::exists(root / "data.mdb", failed)) return outcome::success();
  for (std::filesystem::directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    // The last two are what a first start leaves that was cut off.
    if (name.starts_with('.') || name == "lost+found" || name == "lock" || name == "identity.new") continue;
    return Error{Code::FailedPrecondition, "data_dir " + root.string() + " holds " + name + " and no data of llm-gateway; give it an empty folder of its own"};
  }
  return outcome::success();
}

}  // namespace

Result<void> Composition::Parts::open_books() {
  BOOST_OUTCOME_TRYV(check_folder(settings.data_dir));
  BOOST_OUTCOME_TRY(store, LmdbSpendStore::open(std::filesystem::path(settings.data_dir), settings.store_bytes_max));
  const WallTime now = clock.wall_now();
  if (settings.complete_durable) {
    BOOST_OUTCOME_TRY(answers, LmdbAnswerStore::open(std::filesystem::path(settings.data_dir) / "answers", now, answers_before));
  }
  BOOST_OUTCOME_TRY(const auto records, store->recover(now));
  BOOST_OUTCOME_TRY(const auto stored_limits, store->limits());
  BOOST_OUTCOME_TRYV(books.with([&](Books& all) -> Result<void> {
    BOOST_OUTCOME_TRYV(scope(all, "global"));
    for (const StoredLimit& budget : limits_of(settings)) {
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
  retention = std::make_unique<RowRetention>(*store, clock, registry, RowRetention::Options{settings.rows_kept});
  hooks.tidy = [this] { return retention->step(); };
  spend = std::make_unique<SpendLoop>(books, *store, probe, clock, SpendLoop::Options{settings.journal_interval}, std::move(hooks));
  desk = std::make_unique<BudgetDesk>(books, *store, *spend, clock);
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

/// Their ids are still to be given.
Result<std::vector<KeyRing::Entry>> Composition::Parts::key_entries(const std::vector<KeySettings>& configured) {
  std::vector<KeyRing::Entry> entries;
  BOOST_OUTCOME_TRYV(books.with([&](Books& all) -> Result<void> {
    for (const KeySettings& key : configured) {
      KeyRing::Entry entry;
      if (key.key.empty()) {
        BOOST_OUTCOME_TRY(entry.hash, parse_hash(key.sha256));
      } else {
        entry.hash = hash_key(key.key.reveal());
      }
      BOOST_OUTCOME_TRY(entry.principal, principal(all, key.name, key.team));
      entry.principal.priority = key.priority;
      entry.principal.bare_tasks = key.bare_tasks;
      entry.principal.models = key.models;
      entry.principal.limits = key.limits;
      entries.push_back(std::move(entry));
    }
    return outcome::success();
  }));
  return entries;
}

Result<void> Composition::Parts::make_keys() {
  BOOST_OUTCOME_TRY(auto entries, key_entries(settings.keys));
  BOOST_OUTCOME_TRYV(books.with([&](Books& all) -> Result<void> {
    BOOST_OUTCOME_TRY(anonymous, principal(all, std::string(kAnonymous), ""));
    anonymous.priority = true;
    anonymous.bare_tasks = true;
    all.rates.emplace_back(RateLimits{});
    for (KeyRing::Entry& entry : entries) {
      entry.principal.id = static_cast<std::uint32_t>(all.rates.size());
      all.rates.emplace_back(entry.principal.limits);
    }
    return outcome::success();
  }));
  settings.keys.clear();
  keys = std::make_unique<KeyRing>(std::move(entries), std::make_unique<Principal>(anonymous), clock);
  if (!settings.task_token_key.empty()) {
    keys->accept_task_tokens([key = settings.task_token_key](std::string_view task, std::string_view token, WallTime now) -> Result<std::string> {
      BOOST_OUTCOME_TRY(auto leave, auth::verify_task_token(key, task, token, now));
      if (!leave.may(auth::kSpend)) return Error{Code::PermissionDenied, "the task token does not allow to spend"};
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

Result<Worker::Offer> Composition::Parts::make_offer(const Settings& from) {
  const auto before = offer.with([](const Worker::Offer& in_force) { return in_force.edition; });
  Worker::Offer made;
  made.edition = std::make_shared<Edition>(from.upstreams, from.models, registry, before.get());
  for (const GuardOptions& guard : from.guards) made.edition->guards.push_back(std::make_unique<TextGuard>(guard, registry));
  BOOST_OUTCOME_TRY(made.tls, UpstreamTls::create(made.edition->catalog));
  return made;
}

void Composition::Parts::watch_configuration() {
  config_watch = std::make_unique<ConfigWatch>(io, settings.reload_watch, [this](std::string_view why) { reload(why); });
  std::vector<std::string> files;
  // Read a moment ago without a fault; now only which files they are is of interest.
  if (read_again(files)) {
    for (const Upstream& upstream : settings.upstreams) {
      if (!upstream.ca_file.empty()) files.push_back(upstream.ca_file);
    }
  }
  config_watch->watch(std::move(files));
}

/// All of the new configuration comes into force, or nothing of it.
void Composition::Parts::reload(std::string_view why) {
  if (draining) return;
  std::vector<std::string> files;
  auto fresh = read_again(files);
  std::vector<std::string> need_a_restart;
  if (fresh) {
    for (const Upstream& upstream : fresh.value().upstreams) {
      if (!upstream.ca_file.empty()) files.push_back(upstream.ca_file);
    }
    need_a_restart = need_restart(settings, fresh.value());
  }
  const auto taken = fresh ? take_over(std::move(fresh.value())) : Result<void>(fresh.error());
  // The files of a configuration that was refused are watched too: mending one of them is what helps.
  if (!files.empty()) config_watch->watch(std::move(files));
  registry.counter("swarm_gateway_config_reloads_total", "Readings of the configuration while running",
                   {{"result", taken ? "applied" : "refused"}}).add();
  const auto number = offer.with([](const Worker::Offer& in_force) { return in_force.edition->number; });
  reading.with([&](Reading& last) {
    last.refused = taken ? std::string() : taken.error().message;
    if (taken) last.need_a_restart = need_a_restart;
  });
  if (!taken) {
    log::error("configuration refused, the one before stays in force", {{"trigger", why}, {"edition", number}, {"cause", taken.error().message}});
    return;
  }
  log::info("configuration in force", {{"trigger", why}, {"edition", number}, {"models", settings.models.size()}, {"keys", keys->size()}});
  if (!need_a_restart.empty()) log::warn("settings that changed need a restart, the rest is in force", {{"settings", joined(need_a_restart)}});
}

Result<void> Composition::Parts::take_over(Settings fresh) {
  // First what may fail.
  for (const KeySettings& key : fresh.keys) {
    if (!keys->knows(key.name) || keys->configured_id(key.name)) continue;
    return Error{Code::InvalidArgument, "the key \"" + key.name + "\" was made at run time and also stands in the configuration: rename that one"};
  }
  // The port that is open is the one of the start, whatever the new file says of it.
  if (fresh.keys.empty() && !rpc::is_loopback(settings.http_listen)) {
    return Error{Code::InvalidArgument, "no key is left, and the gateway listens on " + settings.http_listen + ": keep a key, or restart it on loopback"};
  }
  BOOST_OUTCOME_TRY(const auto next, make_offer(fresh));
  BOOST_OUTCOME_TRY(auto entries, key_entries(fresh.keys));
  BOOST_OUTCOME_TRYV(desk->reconfigure(limits_of(settings), limits_of(fresh)));
  books.with([&](Books& all) {
    for (KeyRing::Entry& entry : entries) {
      const auto id = keys->configured_id(entry.principal.name);
      entry.principal.id = id ? *id : static_cast<std::uint32_t>(all.rates.size());
      if (id) all.rates[*id].change(entry.principal.limits);
      else all.rates.emplace_back(entry.principal.limits);
    }
  });
  const bool was_closed = keys->size() > 0;
  keys->reconfigure(std::move(entries));
  if (was_closed && keys->size() == 0) log::warn("no key is left: everybody on loopback may call, as after a start with this configuration");
  const auto before = offer.with([&](Worker::Offer& in_force) { return std::exchange(in_force, next); });
  next.edition->come_into_force(before.edition.get(), clock.boot_now());
  for (const auto& worker : workers) worker->adopt(next);
  settings.upstreams = std::move(fresh.upstreams);
  settings.models = std::move(fresh.models);
  settings.budgets = std::move(fresh.budgets);
  export_budgets();
  if (const auto stored = store->limits()) tell_of_overrides(stored.value());
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
  registry.gauge_callback("swarm_gateway_config_edition", "How many configurations came into force since the start", {}, [this] {
    return static_cast<double>(offer.with([](const Worker::Offer& in_force) { return in_force.edition->number; }));
  });
  registry.gauge_callback("swarm_gateway_config_refused", "1 while the newest configuration is refused", {}, [this] {
    return reading.with([](const Reading& last) { return last.refused.empty() ? 0.0 : 1.0; });
  });
  registry.gauge_callback("swarm_gateway_journal_waiting_rows", "Rows of answered requests that are not durable yet; a kill turns them into unknown_crash", {}, [this] {
    return static_cast<double>(spend->waiting());
  });
  registry.gauge_callback("swarm_gateway_queued_requests", "Requests that wait for their turn at a limit", {}, [this] {
    return static_cast<double>(books.with([](const Books& all) { return all.queued(); }));
  });
  registry.gauge_callback("swarm_gateway_reservations", "Requests that hold a part of a budget", {}, [this] {
    return static_cast<double>(books.with([](Books& all) { return all.ledger.in_flight(); }));
  });
}

std::vector<admin::Readiness> Composition::Parts::readiness() const {
  std::vector<admin::Readiness> all;
  std::string failure = spend->failure();
  if (!failure.empty()) failure += "; rows that wait: " + std::to_string(spend->waiting());
  all.push_back({"spend_store", failure.empty() && !lost, failure, true});
  const auto edition = offer.with([](const Worker::Offer& in_force) { return in_force.edition; });
  for (const Upstream& upstream : edition->catalog.upstreams()) {
    all.push_back(readiness_of(edition->breakers, upstream, clock.boot_now()));
  }
  reading.with([&](const Reading& last) {
    if (!last.refused.empty()) all.push_back({"configuration", false, "refused, the one before is in force: " + last.refused, false});
    else if (!last.need_a_restart.empty()) all.push_back({"configuration", false, "needs a restart: " + joined(last.need_a_restart), false});
    else all.push_back({"configuration", true, "", false});
  });
  if (const auto fault = server->gate().guard().fault(); !fault.empty()) all.push_back({"token_keys", false, fault, false});
  if (common_store) all.push_back({"synapse", common_store->well(), common_store->detail(), false});
  if (edition->catalog.models().empty()) all.push_back({"models", false, "none configured, so that every request is refused: set upstreams and models, as services/llm-gateway/README.md shows", false});
  return all;
}

}  // namespace swarm::gateway
