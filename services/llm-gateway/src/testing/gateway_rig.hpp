#pragma once

#include <boost/asio/connect.hpp>

#include <memory>
#include <optional>
#include <string>

#include "adapters/lmdb/spend_store.hpp"
#include "libs/base/check.hpp"
#include "libs/testing/eventually.hpp"
#include "libs/testing/temp_dir.hpp"
#include "testing/scripted_upstream.hpp"
#include "worker.hpp"

namespace swarm::gateway::testing {

/// What a caller got, headers and body apart; a chunked body with its framing taken out.
struct Reply {
  int status = 0;
  std::string head;
  std::string body;

  std::string header(std::string_view lower_case_name) const {
    http::Head parsed;
    const auto length = http::parse_response(head, parsed);
    return length && length.value() > 0 ? std::string(parsed.find(lower_case_name)) : std::string();
  }
};

/// Reads what a gateway sent until it closed.
inline Reply reply_of(std::string text) {
  Reply reply;
  http::Head head;
  const auto length = http::parse_response(text, head);
  if (!length || length.value() == 0) return reply;
  reply.status = head.status;
  const bool chunked = head.chunked;
  reply.head = text.substr(0, length.value());
  reply.body = text.substr(length.value());
  if (!chunked) return reply;
  http::ChunkedDecoder decoder;
  const auto step = decoder.decode(reply.body.data(), reply.body.size());
  reply.body.resize(step ? step.value().payload : 0);
  return reply;
}

/// A caller's connection with blocking reads and writes.
class Caller {
 public:
  explicit Caller(int port) : socket_(io_) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)});
  }
  bool send(std::string_view text) { return put(socket_, text); }
  /// Reads until `word` has come, or the end.
  bool wait_for(std::string_view word) {
    while (received_.find(word) == std::string::npos) {
      if (!get_some(socket_, received_)) return false;
    }
    return true;
  }
  /// All that comes until the gateway closes.
  Reply rest() {
    while (get_some(socket_, received_)) {
    }
    return reply_of(std::move(received_));
  }
  void hang_up() { socket_.close(); }
  const std::string& received() const { return received_; }

 private:
  boost::asio::io_context io_;
  Socket socket_;
  std::string received_;
};

/// One upstream "m", one model "small", the keys "sk-agent" (team t) and "sk-plain"; a completion() costs 4.5 micro-dollars.
inline Settings usual_settings(const ScriptedUpstream& upstream) {
  Settings settings;
  settings.http_listen = "127.0.0.1:0";
  Upstream m;
  m.name = "m";
  SWARM_CHECK(set_base_url(m, upstream.base_url()).has_value(), "the test's own URL");
  m.api_key = Secret("sk-upstream-secret");
  settings.upstreams.push_back(m);
  Model small;
  small.name = "small";
  small.price = Price::of(0.15, 0.6);
  small.output_tokens_max = 1000;
  settings.models.push_back(small);
  KeySettings agent;
  agent.name = "agent";
  agent.key = Secret("sk-agent");
  agent.team = "t";
  agent.priority = agent.bare_tasks = true;
  settings.keys.push_back(agent);
  KeySettings plain;
  plain.name = "plain";
  plain.key = Secret("sk-plain");
  settings.keys.push_back(plain);
  return settings;
}

/// The gateway without gRPC, in this process: front door, relay, ledger and journal as compose builds them, on one serving
/// thread. Public parts are read by tests while it runs, so only what is thread-safe.
class GatewayRig {
 public:
  explicit GatewayRig(Settings given)
      : settings(std::move(given)), probe(registry, Catalog()),
        store(open_store()), spend(books, *store, probe, clock, SpendLoop::Options{}, SpendLoop::Hooks{}),
        keys(key_entries(), nullptr, clock), admission(books, spend, clock, Admission::Options{}),
        offer(offer_of(settings, nullptr)),
        cache(settings.cache.bytes_max > 0 ? std::make_unique<AnswerCache>(registry, clock, settings.cache) : nullptr),
        worker(settings, Services{keys, admission, probe, cache.get(), &joint, {}}, offer, clock, settings.http_listen, false, nullptr) {
    SWARM_CHECK(worker.listen().has_value(), "a free port");
    spend.start();
    worker.start();
  }
  ~GatewayRig() {
    worker.stop();
    spend.stop();
  }

  Reply call(std::string_view method, std::string_view path, std::string_view body, std::string_view headers = "authorization: Bearer sk-agent\r\n") {
    Caller caller(worker.port());
    caller.send(request(method, path, body, headers, true));
    return caller.rest();
  }
  Reply chat(std::string_view body, std::string_view headers = "authorization: Bearer sk-agent\r\n") {
    return call("POST", "/v1/chat/completions", body, headers);
  }
  static std::string request(std::string_view method, std::string_view path, std::string_view body, std::string_view headers, bool last) {
    return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nhost: gateway\r\n" + std::string(headers) +
           (last ? "connection: close\r\n" : "") + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  Money spent(std::string_view scope) {
    return books.with([&](Books& all) {
      const auto seen = all.ledger.view(scope, clock.wall_now());
      return seen.empty() ? Money{} : seen.front().account.spent();
    });
  }
  std::size_t in_flight() {
    return books.with([](Books& all) { return all.ledger.in_flight(); });
  }
  /// The upstreams and models of these settings are in force for requests from now on.
  void reload(const Settings& changed) {
    offer = offer_of(changed, offer.edition.get());
    worker.adopt(offer);
  }
  /// True once every reservation has been settled.
  bool settled() {
    return swarm::testing::eventually([this] { return in_flight() == 0; });
  }

  Settings settings;
  swarm::testing::TempDir directory;
  SystemClock clock;
  metrics::Registry registry;
  Probe probe;
  SharedBooks books;
  std::unique_ptr<LmdbSpendStore> store;
  SpendLoop spend;
  KeyRing keys;
  Admission admission;
  Worker::Offer offer;
  std::unique_ptr<AnswerCache> cache;
  JointAnswers joint;
  Worker worker;

 private:
  static constexpr std::uint64_t kStoreBytesMax = 64u << 20;  // little enough to be mapped under a checker of memory
  Worker::Offer offer_of(const Settings& from, const Edition* before) {
    auto edition = std::make_shared<Edition>(from.upstreams, from.models, registry, before);
    for (const GuardOptions& guard : from.guards) edition->guards.push_back(std::make_unique<TextGuard>(guard, registry));
    auto tls = UpstreamTls::create(edition->catalog);
    SWARM_CHECK(tls.has_value(), "authorities that can be read");
    return {std::move(edition), std::move(tls.value())};
  }
  std::unique_ptr<LmdbSpendStore> open_store() {
    auto opened = LmdbSpendStore::open(directory.path(), kStoreBytesMax);
    SWARM_CHECK(opened.has_value(), "an empty directory");
    return std::move(opened.value());
  }
  std::vector<KeyRing::Entry> key_entries() {
    std::vector<KeyRing::Entry> entries;
    books.with([&](Books& all) {
      const auto scope = [&](const std::string& name) { return all.ledger.scope(name, clock.wall_now()).value(); };
      scope("global");
      all.rates.emplace_back(RateLimits{});
      for (const KeySettings& key : settings.keys) {
        KeyRing::Entry entry;
        entry.hash = hash_key(key.key.reveal());
        Principal& who = entry.principal;
        who.id = static_cast<std::uint32_t>(entries.size() + 1);
        who.name = key.name;
        who.team = key.team;
        who.priority = key.priority;
        who.bare_tasks = key.bare_tasks;
        who.models = key.models;
        who.limits = key.limits;
        who.scopes[who.scope_count++] = scope("global");
        if (!key.team.empty()) who.scopes[who.scope_count++] = scope("team/" + key.team);
        who.scopes[who.scope_count++] = scope("key/" + key.name);
        all.rates.emplace_back(key.limits);
        entries.push_back(std::move(entry));
      }
      for (const BudgetSettings& budget : settings.budgets) all.ledger.set_limit(scope(budget.scope), budget.limit, clock.wall_now());
    });
    return entries;
  }
};

}  // namespace swarm::gateway::testing
