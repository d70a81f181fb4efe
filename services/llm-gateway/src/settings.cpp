#include "settings.hpp"

#include <algorithm>
#include <cmath>

#include "application/key_ring.hpp"
#include "libs/rpc/server.hpp"
#include "libs/telemetry/log_level.hpp"
#include "settings_guard.hpp"
#include "settings_prices.hpp"

namespace swarm::gateway {
namespace {

using settings::Object;
constexpr double kUsdMax = 1e9;
constexpr double kUsualDayUsd = 10;
constexpr double kRequestUsdMax = 100;
constexpr double kPicoPerDollar = 1e12;

std::string check_dialect(const std::string& text) {
  return text == "openai" || text == "anthropic" ? "" : "is neither openai nor anthropic";
}

std::string check_label(const std::string& text) {
  const bool good = text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
  return good ? "" : "is more than 64 letters, digits, dots, dashes and underscores";
}

std::string check_window(const std::string& text) {
  return window_kind(text) ? "" : "is none of hour, day, month, total";
}

std::string check_hash(const std::string& text) {
  return text.empty() || parse_hash(text) ? "" : "is not a SHA-256 in 64 hexadecimal digits";
}

void read_http(Object& o, Settings& out) {
  o.value("listen", out.http_listen, "Address of the model endpoint; port 0 takes a free one.", settings::check_address);
  o.value("threads", out.threads, "Threads that serve; 0: one for each core.", {0, 256});
  o.value("connections_max", out.connections_max, "Open connections for each thread; further ones are closed at once.", {1, 1'000'000});
  o.value("connections_per_peer_max", out.connections_per_peer_max,
          "Open connections from one IPv4 address or IPv6 /64, loopback excepted; 0: no limit. Raise it behind a proxy.", {0, 1'000'000});
  o.bytes("head_bytes_max", out.client.head_bytes_max, "Longest request head.", 1024, 1u << 20);
  o.bytes("body_bytes_max", out.client.body_bytes_max, "Longest request body.", 1024, 1u << 30);
  o.bytes("response_bytes_max", out.relay.response_bytes_max, "Longest answer that is not a stream.", 1024, 1u << 30);
  o.value("head_time", out.client.head_time, "Time for a request's head, from its first byte.", std::chrono::milliseconds(100));
  o.value("body_time", out.client.body_time, "Time for a request's body.", std::chrono::milliseconds(100));
  o.value("keep_alive", out.client.keep_alive, "How long an idle connection is kept.", std::chrono::milliseconds(100));
  o.value("write_time", out.client.write_time, "How long a caller may take none of its answer.", std::chrono::milliseconds(100));
}

void read_upstream(const std::string& name, Object& o, Settings& out) {
  Upstream& upstream = out.upstreams.emplace_back();
  upstream.id = static_cast<std::uint32_t>(out.upstreams.size() - 1);
  upstream.name = name;
  std::string base_url = "http://127.0.0.1:1";
  std::string dialect = "openai";
  o.value("base_url", base_url, "Where the provider is, e.g. https://api.openai.com/v1.");
  if (const auto url = set_base_url(upstream, base_url); !url) o.fault("base_url", url.error().message);
  o.value("dialect", dialect, "openai or anthropic: how it is spoken to.", check_dialect);
  upstream.dialect = dialect == "anthropic" ? Dialect::Anthropic : Dialect::OpenAi;
  o.value("provider", upstream.provider, "gen_ai_provider_name of its metrics, e.g. azure.ai.openai; empty: by its host, else its dialect.", check_label);
  if (upstream.provider.empty()) upstream.provider = provider_of(upstream.host, upstream.dialect);
  o.secret("api_key", upstream.api_key, "The provider's key; empty: none is sent.");
  o.value("ca_file", upstream.ca_file, "Authorities for its certificate; empty: the system's.");
  o.value("http2", upstream.http2, "Speak HTTP/2 to it, if it does so too; over TLS only.");
  if (upstream.http2 && !upstream.tls) o.fault("http2", "is spoken over TLS only: base_url must begin with https://");
  o.value("proxy", upstream.proxy, "Proxy that stands between, e.g. http://proxy:3128; the environment's is never used.");
  o.value("headers", upstream.headers, "Headers that are added to each request.");
  for (const auto& [header, value] : upstream.headers) {
    if ((header + value).find_first_of("\r\n") != std::string::npos) o.fault("headers", "a header holds a line break");
  }
  o.value("connect_timeout", upstream.connect_timeout, "For a connection with TLS.", std::chrono::milliseconds(1));
  o.value("first_byte_timeout", upstream.first_byte_timeout, "Until an answer begins.", std::chrono::milliseconds(1));
  o.value("idle_timeout", upstream.idle_timeout, "Between two pieces of an answer.", std::chrono::milliseconds(1));
  o.value("total_timeout", upstream.total_timeout, "Of one attempt as a whole; 0: none.");
  o.value("retries_max", upstream.retries_max, "Further attempts, before anything of an answer has been passed on.", {0, 10});
  o.value("retry_after_max", upstream.retry_after_max, "Longest Retry-After that is waited for; beyond, the caller is told.");
  std::vector<Upstream> siblings;
  o.list("more_keys", "Further keys of the same provider: each has its own health, and serves its share of the requests.", [&](Object& k) {
    Upstream& sibling = siblings.emplace_back(upstream);
    k.secret("api_key", sibling.api_key, "The key.");
    if (sibling.api_key.empty()) k.fault("api_key", "a further key is empty");
  });
  const std::uint32_t first = upstream.id;
  for (Upstream& sibling : siblings) {
    sibling.id = static_cast<std::uint32_t>(out.upstreams.size());
    sibling.name = name + "#" + std::to_string(sibling.id - first + 1);
    out.upstreams[first].siblings.push_back(sibling.id);
    out.upstreams.push_back(std::move(sibling));
  }
}

const Upstream* upstream_of(const Settings& settings, const std::string& name) {
  const auto found = std::find_if(settings.upstreams.begin(), settings.upstreams.end(), [&](const Upstream& u) { return u.name == name; });
  return found == settings.upstreams.end() ? nullptr : &*found;
}

/// The name of the only upstream, so that it need not be given.
std::string only_upstream(const Settings& settings) {
  const bool only = !settings.upstreams.empty() && settings.upstreams.size() == 1 + settings.upstreams.front().siblings.size();
  return only ? settings.upstreams.front().name : "";
}

/// A target, and the same one for each further key of its upstream.
void add_target(const Upstream& upstream, Target target, Model& model) {
  target.upstream = upstream.id;
  model.targets.push_back(target);
  for (const std::uint32_t sibling : upstream.siblings) {
    target.upstream = sibling;
    model.targets.push_back(target);
  }
}

void read_targets(Object& o, Settings& out, Model& model, const std::string& upstream) {
  o.list("targets", "Where it is served, in place of upstream and model.", [&](Object& t) {
    Target target;
    std::string where = only_upstream(out);
    std::int64_t weight = 1;
    std::int64_t priority = 0;
    t.value("upstream", where, "Name of the upstream.");
    t.value("model", target.model, "What it calls the model; empty: as the caller did.");
    t.value("weight", weight, "Its share among those of its priority; 0: only when the others fail.", {0, 1'000'000});
    t.value("priority", priority, "Lower ones are tried first.", {0, 1'000});
    target.weight = static_cast<std::uint32_t>(weight);
    target.priority = static_cast<std::uint32_t>(priority);
    const Upstream* found = upstream_of(out, where);
    if (found == nullptr) t.fault("upstream", "no upstream of that name: \"" + where + "\"");
    else add_target(*found, std::move(target), model);
  });
  std::string balance = "weighted";
  o.value("balance", balance, "weighted or least_latency: how targets of one priority share the requests.", [](const std::string& text) {
    return text == "weighted" || text == "least_latency" ? std::string() : std::string("is neither weighted nor least_latency");
  });
  model.balance = balance == "least_latency" ? Balance::LeastLatency : Balance::Weighted;
  o.value("fallbacks", model.fallbacks, "Models that answer in its place when all of that failed, at their own price.");
  if (model.targets.empty()) {
    const Upstream* found = upstream_of(out, upstream);
    if (found == nullptr) o.fault("upstream", "no upstream of that name: \"" + upstream + "\"");
    else add_target(*found, {found->id, model.upstream_model, 1, 0}, model);
  }
  if (model.targets.size() > kTargetsMax) o.fault("targets", "more than " + std::to_string(kTargetsMax) + ", each key of an upstream counting as one");
  if (model.targets.empty()) return;
  model.upstream = model.targets.front().upstream;
  model.upstream_model = model.targets.front().model;
}

void check_fallbacks(Object& root, const Settings& out) {
  for (const Model& model : out.models) {
    for (const std::string& name : model.fallbacks) {
      const bool known = std::any_of(out.models.begin(), out.models.end(), [&](const Model& m) { return m.name == name && m.path.empty(); });
      if (!known || name == model.name) root.fault("models", "models." + model.name + ".fallbacks: no other model of that name: \"" + name + "\"");
    }
  }
}

void read_spend(Object& o, Settings& out) {
  read_unpriced(o, out);
  o.value("journal_interval", out.journal_interval, "Rows of this long share a durable write.", std::chrono::milliseconds(1), std::chrono::milliseconds(50));
  o.value("rows_kept", out.rows_kept, "How long usage rows are kept in the spend store; afterwards only their sums are. 0: for ever.");
  if (out.rows_kept.count() > 0 && out.rows_kept < std::chrono::seconds(1)) o.fault("rows_kept", "it is less than a second");
  o.value("reservation_time", out.reservation_time, "A request of which nothing was heard for so long is charged its ceiling.", std::chrono::seconds(1), std::chrono::hours(48));
  o.value("explained_max", out.explained_max, "Last requests that ExplainRequest knows of, in memory; 0: none.", {0, 1'000'000});
  o.bytes("store_bytes_max", out.store_bytes_max, "Size of the spend store; 0: as the disk allows.");
  o.value("image_tokens", out.image_tokens, "Tokens that an image counts for before its answer tells.", {0, 1'000'000});
  o.value("assumed_output_tokens", out.assumed_output_tokens, "Bound of an answer when neither request nor model has one.", {1, 100'000'000});
  o.value("assumed_input_tokens", out.assumed_input_tokens,
          "Bound of a prompt that the provider completes (a conversation or file that it keeps, what its own tools find) when the model has none.", {1, 100'000'000});
}

void read_rate_limits(Object& o, RateLimits& limits) {
  o.value("requests_per_minute", limits.requests_per_minute, "Requests a minute of one key; 0: no limit.", {0, 100'000'000});
  o.value("tokens_per_minute", limits.tokens_per_minute, "Prompt and output tokens a minute of one key; 0: no limit.", {0, 100'000'000});
  o.value("parallel", limits.parallel, "Requests at a time of one key; 0: no limit.", {0, 1'000'000});
  o.value("queue_time", limits.queue_time, "How long a request beyond these limits may wait for its turn; 0: it is refused at once.",
          std::chrono::milliseconds(0), std::chrono::minutes(10));
  o.value("queue_max", limits.queue_max, "Requests of one key that may wait at a time; further ones are refused.", {1, 10'000});
}

void read_model(const std::string& name, Object& o, Settings& out) {
  Model& model = out.models.emplace_back();
  model.id = static_cast<std::uint32_t>(out.models.size() - 1);
  model.name = name;
  std::string upstream = only_upstream(out);
  std::int64_t output_max = 0;
  std::int64_t input_max = 0;
  o.value("upstream", upstream, "Name of the upstream that serves it; may be left out when there is only one.");
  o.value("model", model.upstream_model, "What the upstream calls it; empty: as the caller did.");
  o.value("max_output_tokens", output_max, "The most that it can generate; bounds what a request can cost.", {0, 100'000'000});
  o.value("max_input_tokens", input_max, "The most that it can read; bounds what a request can cost whose prompt the provider completes.", {0, 100'000'000});
  read_targets(o, out, model, upstream);
  std::string names = name + model.upstream_model;
  for (const Target& target : model.targets) names += target.model;
  for (const char c : names) {
    if (c < ' ' || c == '"' || c == '\\' || c == 0x7f) o.fault("model", "a model's name holds a quote or control character");
  }
  model.output_tokens_max = static_cast<std::uint64_t>(output_max);
  model.input_tokens_max = static_cast<std::uint64_t>(input_max);
  read_rate_limits(o, model.limits);
  model.guard = read_guard_choice(o, out);
  read_model_price(o, model, out);
}

void read_route(const std::string& name, Object& o, Settings& out) {
  Model& route = out.models.emplace_back();
  route.id = static_cast<std::uint32_t>(out.models.size() - 1);
  route.name = name;
  std::string upstream = only_upstream(out);
  double usd = -1;
  o.value("path", route.path, "What is passed on, with everything below it: e.g. /v1/audio.", [](const std::string& text) {
    return text.starts_with("/v1/") && text.size() > 4 && !text.ends_with('/') ? std::string() : std::string("is no path below /v1/");
  });
  o.value("upstream", upstream, "Name of the upstream that serves it; may be left out when there is only one.");
  o.value("request_usd", usd, "What each answered request costs; 0: nothing; left out: the route is refused as unpriced.", -1, kRequestUsdMax);
  if (const Upstream* found = upstream_of(out, upstream)) route.upstream = found->id;
  else o.fault("upstream", "no upstream of that name: \"" + upstream + "\"");
  for (const Model& other : out.models) {
    if (&other != &route && other.name == name) o.fault("path", "a model has the same name: keys could not tell them apart");
  }
  route.guard = read_guard_choice(o, out);
  if (usd < 0) return;
  // One request counts as one token of input.
  Price price;
  price.input = price.cache_read = price.cache_write = price.cache_write_1h = static_cast<PicoPerToken>(usd * kPicoPerDollar);
  price.version = usd > 0 ? "config" : "free";
  route.price = price;
  route.price_source = usd > 0 ? PriceSource::Listed : PriceSource::Free;
}

void read_key(const std::string& name, Object& o, Settings& out) {
  KeySettings& key = out.keys.emplace_back();
  key.name = name;
  o.secret("key", key.key, "The key itself; hashed at the start and forgotten.");
  o.value("sha256", key.sha256, "Or its SHA-256 in hexadecimal.", check_hash);
  o.value("team", key.team, "The team that pays; empty: none.");
  o.value("priority", key.priority, "May use the last 5 % of a budget.");
  o.value("bare_tasks", key.bare_tasks, "May name a task by x-swarm-task-id alone.");
  read_rate_limits(o, key.limits);
  o.value("models", key.models, "Models that it may use; empty: all.");
  if (key.key.empty() == key.sha256.empty()) o.fault("key", "give either key or sha256");
}

void read_budget(const std::string& name, Object& o, Settings& out) {
  BudgetSettings& budget = out.budgets.emplace_back();
  budget.scope = name;
  std::string window = "day";
  double limit = 0;
  double overshoot = 0;
  o.value("scope", budget.scope, "global, team/NAME, key/NAME or task/ID; left out: the entry's name.", [](const std::string& text) {
    return scope_level(text) ? std::string() : std::string("is none of global, team/NAME, key/NAME, task/ID");
  });
  if (!scope_level(budget.scope)) o.fault("scope", "\"" + budget.scope + "\" is none of global, team/NAME, key/NAME, task/ID");
  o.value("window", window, "hour, day, month (calendar, UTC) or total.", check_window);
  o.value("limit_usd", limit, "The most that may be spent in a window.", 0, kUsdMax);
  o.value("unlimited", budget.limit.unlimited, "Only count.");
  o.value("overshoot_max_usd", overshoot, "The most that may ever be spent beyond it; 0: one per cent.", 0, kUsdMax);
  o.value("strict", budget.limit.strict, "Reserve the most that each request can cost, so that nothing is overspent.");
  o.value("fail_open", budget.limit.fail_open, "Go on when spend can't be made durable, instead of refusing.");
  budget.limit.window = window_kind(window).value_or(WindowKind::Day);
  budget.limit.amount = Money::from_usd(limit);
  budget.limit.overshoot_max = Money::from_usd(overshoot);
}

void read_usage_log(Object& o, UsageFiles::Options& out, std::uint64_t& prompt_bytes_max) {
  std::string directory = out.directory;
  o.value("directory", directory, "Folder for files of JSON lines, one for each request. Empty: no usage log.");
  o.bytes("prompt_bytes_max", prompt_bytes_max, "How much of each request's body is logged and kept in its usage row, after the privacy guard; 0: nothing of it.", 0, 32 * 1024);
  o.bytes("file_bytes_max", out.file_bytes_max, "A new file is begun beyond this size.", 4096, 1ull << 40);
  o.bytes("bytes_max", out.bytes_max, "Size of all files; the oldest go.", 4096, 1ull << 50);
  o.value("kept", out.kept, "How long a file is kept after its last line.", std::chrono::minutes(1), std::chrono::hours(24 * 3650));
  out.directory = directory;
}

void read_hook(const std::string& name, Object& o, Settings& out) {
  HookSettings& made = out.hooks.emplace_back();
  made.hook.name = name;
  std::string format = "json";
  std::string least = "warned";
  o.secret("url", made.hook.url, "Where alerts are POSTed; never logged.");
  o.value("format", format, "json, slack or telegram: what the other side reads.", [](const std::string& text) {
    return hook_format(text) ? std::string() : std::string("is none of json, slack, telegram");
  });
  o.value("chat_id", made.hook.chat, "Telegram's chat.");
  o.secret("authorization", made.hook.authorization, "Sent as this header; empty: none.");
  o.value("timeout", made.hook.timeout, "For one attempt.", std::chrono::milliseconds(100), std::chrono::minutes(1));
  o.value("from_state", least, "warned (80 %), protected (95 %) or blocked (100 %): what is told from on.", [](const std::string& text) {
    return text == "warned" || text == "protected" || text == "blocked" ? std::string() : std::string("is none of warned, protected, blocked");
  });
  made.hook.format = hook_format(format).value_or(HookFormat::Json);
  made.least = least == "blocked" ? SpendState::Blocked : least == "protected" ? SpendState::Protected : SpendState::Warned;
  if (made.hook.url.empty()) o.fault("url", "a hook needs a url (or url_env, url_file)");
  if (made.hook.format == HookFormat::Telegram && made.hook.chat.empty()) o.fault("chat_id", "telegram needs a chat_id");
  if (name.find_first_of("/@") != std::string::npos) o.fault("url", "a hook's name holds neither / nor @");
}

void check_open_port(Object& root, const Settings& out) {
  if (rpc::is_loopback(out.http_listen)) return;
  if (!out.security.tls.enabled()) {
    root.fault("http", "listening on " + out.http_listen + " without TLS would show keys and prompts to the network: set tls.cert_file and tls.key_file, or listen on loopback");
  }
  if (out.keys.empty()) {
    root.fault("http", "listening on " + out.http_listen + " without keys would let everybody spend: configure keys, or listen on loopback");
  }
}

}  // namespace

std::vector<BudgetSettings> budgets_in_force(const Settings& settings) {
  std::vector<BudgetSettings> budgets = settings.budgets;
  const bool chosen = std::any_of(budgets.begin(), budgets.end(), [](const BudgetSettings& budget) { return budget.scope == "global"; });
  if (chosen) return budgets;
  BudgetSettings usual;
  usual.scope = "global";
  usual.limit.amount = Money::from_usd(kUsualDayUsd);
  budgets.push_back(usual);
  return budgets;
}

bool same_limit(const Limit& a, const Limit& b) {
  const auto overshoot = [](const Limit& limit) {
    if (limit.unlimited || limit.strict) return Money{};
    return limit.overshoot_max == Money{} ? default_overshoot(limit.amount) : limit.overshoot_max;
  };
  if (a.window != b.window || a.unlimited != b.unlimited) return false;
  return a.unlimited || (a.amount == b.amount && a.strict == b.strict && a.fail_open == b.fail_open && overshoot(a) == overshoot(b));
}

void read(Object& root, Settings& out) {
  root.value("data_dir", out.data_dir, "Folder of the spend store.", settings::check_given);
  root.value("drain_time", out.drain_time, "How long requests in flight may take after SIGTERM.");
  root.section("log", "Log lines on stderr.", [&](Object& o) { o.value("level", out.log_level, "debug, info, warn or error.", log::check_level); });
  root.section("reload", "Reading this configuration again while the service runs; SIGHUP does it too.", [&](Object& o) {
    o.value("watch", out.reload_watch, "How often its files are looked at for a change; 0: only SIGHUP.");
  });
  root.section("http", "The model endpoint.", [&](Object& o) { read_http(o, out); });
  root.section("grpc", "BudgetControl and Complete.", [&](Object& o) {
    o.value("listen", out.grpc_listen, "Address; port 0 takes a free one.", settings::check_address);
  });
  root.section("admin", "Metrics and probes over plain HTTP.", [&](Object& o) {
    o.value("listen", out.admin_listen, "Address; port 0 takes a free one.", settings::check_address);
    o.secret("metrics_token", out.metrics_token, "When set, /metrics wants it as a bearer token.");
  });
  root.section("spend", "How requests are priced and spend is kept.", [&](Object& o) { read_spend(o, out); });
  root.map("upstreams", "Providers by name.", [&](const std::string& name, Object& o) { read_upstream(name, o, out); });
  read_guards(root, out);
  root.map("models", "What callers may ask for; the name \"*\" stands for any other.", [&](const std::string& name, Object& o) { read_model(name, o, out); });
  root.map("routes", "Paths of no known surface that are passed on unread, by name; a key's models must name it too.",
           [&](const std::string& name, Object& o) { read_route(name, o, out); });
  root.map("keys", "Who may call, by name. Without any, everybody on loopback may.", [&](const std::string& name, Object& o) { read_key(name, o, out); });
  root.section("tasks", "Tasks that callers name with x-swarm-task-id.", [&](Object& o) {
    o.secret("token_key", out.task_token_key, "Shared with the orchestrator, which signs x-swarm-task-token with it; 32 bytes or more. Empty: only keys with bare_tasks name tasks.");
    if (!out.task_token_key.empty() && out.task_token_key.reveal().size() < 32) o.fault("token_key", "it is shorter than 32 bytes");
  });
  root.map("budgets", "Limits by scope. Without one for global, it is 10 US dollars a day.", [&](const std::string& name, Object& o) { read_budget(name, o, out); });
  root.section("usage_log", "Usage as JSON lines.", [&](Object& o) { read_usage_log(o, out.usage_log, out.relay.prompt_bytes_max); });
  root.section("alerts", "What is told when a budget reaches 80, 95 and 100 per cent.", [&](Object& o) {
    o.map("hooks", "Web hooks by name.", [&](const std::string& name, Object& hook) { read_hook(name, hook, out); });
  });
  root.section("cache", "Whole answers to requests that are the same byte for byte, for the key that asked; streams are never kept.", [&](Object& o) {
    o.bytes("bytes_max", out.cache.bytes_max, "What it may hold; 0: no cache.");
    o.value("kept", out.cache.kept, "How old an answer may be.", std::chrono::milliseconds(1));
    o.value("any_temperature", out.cache.any_temperature, "Also what is not asked for with temperature 0; embeddings always are kept.");
  });
  root.section("complete", "The gRPC call Complete.", [&](Object& o) {
    o.value("model", out.complete_model, "Model when the call names none; empty: the first of the list.");
    o.value("kept", out.complete_kept, "How long an answer waits for a caller that left and tries again.");
    o.value("kept_over_restarts", out.complete_durable,
            "It also waits while this process is killed and started again: then its text stands in data_dir/answers meanwhile.");
  });
  root.section("knowledge", "What the swarm knows in common.", [&](Object& o) {
    o.value("report", out.knowledge_report, "How often spend is told, and the day's sum of the swarm asked for.", std::chrono::milliseconds(50));
    o.value("limits", out.knowledge_limits, "Take the daily limits of the scopes configured here from there at the start, and tell those that are set at run time.");
    knowledge::read_link(o, out.knowledge);
  });
  rpc::read_security(root, out.security);
  rpc::check_exposure(root, out.grpc_listen, out.security);
  otlp::read_traces(root, out.traces);
  check_fallbacks(root, out);
  check_open_port(root, out);
}

}  // namespace swarm::gateway
