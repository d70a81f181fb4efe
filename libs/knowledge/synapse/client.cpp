#include "libs/knowledge/synapse/client.hpp"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "libs/async/guarded.hpp"
#include "libs/rpc/channel_pool.hpp"
#include "libs/rpc/status.hpp"
#include "protos/synapse/semantic_engine.grpc.pb.h"

namespace swarm::knowledge::synapse {
namespace {

using Stub = semantic_engine::SemanticEngine::Stub;
using Deadline = std::chrono::system_clock::time_point;

constexpr int kAnswerBytesMax = 64 << 20;
constexpr std::size_t kTripleOverheadBytes = 32;

/// Errors that say something about the server, rather than about the one request.
bool counts_against_the_server(Code code) {
  return code != Code::OutOfRange && code != Code::InvalidArgument && code != Code::ResourceExhausted && code != Code::Cancelled;
}

/// Lets a few in at a time; the rest wait until their deadline.
class Turnstile {
 public:
  explicit Turnstile(int places) : free_(places) {}

  bool enter(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline, [this] { return free_ > 0; })) return false;
    --free_;
    return true;
  }
  void leave() {
    {
      std::lock_guard lock(mutex_);
      ++free_;
    }
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;
};

constexpr std::chrono::milliseconds kSlow{1'000};

Result<void> read_as_it_is() { return outcome::success(); }

struct Health {
  explicit Health(BreakerPolicy policy) : breaker(policy) {}
  CircuitBreaker breaker;
  std::string last_error;
  std::chrono::duration<double> took{};  // the last call that was answered
};

}  // namespace

struct Client::Impl {
  Impl(Options o, const Clock& c, metrics::Registry& r)
      : options(std::move(o)), clock(c), registry(r), queries(options.queries_at_once), health(options.breaker), search_health(options.breaker) {
    const auto connections = static_cast<std::size_t>(std::max(1, options.connections));
    for (const auto& channel : rpc::connect_pool(options.address, connections, grpc::InsecureChannelCredentials(), kAnswerBytesMax)) {
      stubs.push_back(semantic_engine::SemanticEngine::NewStub(channel));
    }
  }

  /// One call through a breaker: `invoke(stub, context)` does it, `read()` makes sense of the answer or says that there is none in it.
  template <class Invoke, class Read>
  Result<void> call(async::Guarded<Health>& health_of, std::string_view method, Deadline deadline, Invoke&& invoke, Read&& read) {
    std::string last;
    const auto ticket = health_of.with([&](Health& h) {
      last = h.last_error;
      return h.breaker.admit(clock.boot_now());
    });
    if (ticket == CircuitBreaker::kRefused) {
      return Error{Code::Unavailable, "the knowledge store is left alone for a while after: " + last};
    }
    grpc::ClientContext context;
    context.set_deadline(deadline);
    if (!options.token.empty()) context.AddMetadata("authorization", "Bearer " + options.token.reveal());
    const auto began = clock.boot_now();
    const grpc::Status status = invoke(*stubs[next_stub++ % stubs.size()], context);
    const std::chrono::duration<double> took = clock.boot_now() - began;
    registry.histogram("swarm_knowledge_store_seconds", "Time of calls to the knowledge store.", metrics::latency_buckets(),
                       {{"method", std::string(method)}}).observe(took.count());
    const Result<void> done = status.ok() ? read() : Result<void>(rpc::from_status(status));
    if (!done) {
      registry.counter("swarm_knowledge_store_errors_total", "Failed calls to the knowledge store.",
                       {{"method", std::string(method)}, {"code", std::string(name(done.error().code))}}).add();
    }
    settle(health_of, ticket, done ? nullptr : &done.error(), took);
    return done;
  }

  void settle(async::Guarded<Health>& health_of, CircuitBreaker::Ticket ticket, const Error* error, std::chrono::duration<double> took) {
    health_of.with([&](Health& h) {
      if (error == nullptr || !counts_against_the_server(error->code)) {
        h.breaker.success(ticket);
        h.last_error.clear();
        h.took = took;
      } else {
        h.breaker.failure(ticket, clock.boot_now());
        h.last_error = std::string(name(error->code)) + ": " + error->message.substr(0, 200);
      }
    });
  }

  std::string trouble() const {
    return health.with([](const Health& h) -> std::string {
      if (!h.last_error.empty() || h.took < kSlow) return h.last_error;
      char text[64];
      std::snprintf(text, sizeof text, "it answers slowly, the last call took %.1f s", h.took.count());
      return text;
    });
  }

  const Options options;
  const Clock& clock;
  metrics::Registry& registry;
  std::vector<std::unique_ptr<Stub>> stubs;
  std::atomic<std::size_t> next_stub{0};
  Turnstile queries;
  async::Guarded<Health> health;
  async::Guarded<Health> search_health;  // a search also fails where no embedding server is, which says nothing of the rest
};

Client::Client(Options options, const Clock& clock, metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), clock, registry)) {
  registry.gauge_callback("swarm_knowledge_store_breaker_open", "1 while the knowledge store is left alone.", {},
                          [impl = impl_.get()] {
                            return impl->health.with([&](const Health& h) {
                              return h.breaker.state(impl->clock.boot_now()) == CircuitBreaker::State::Open ? 1.0 : 0.0;
                            });
                          });
}

Client::~Client() {
  impl_->registry.gauge_callback("swarm_knowledge_store_breaker_open", "1 while the knowledge store is left alone.", {},
                                 [] { return 0.0; });
}

Result<std::vector<Row>> Client::query(const Query& query, std::chrono::milliseconds patience) {
  const Deadline deadline = std::chrono::system_clock::now() + std::min(impl_->options.query_timeout, patience);
  if (!impl_->queries.enter(deadline)) return Error{Code::DeadlineExceeded, "other queries of ours keep the knowledge store busy"};
  semantic_engine::SparqlRequest request;
  request.set_query(query.text());
  request.set_namespace_(impl_->options.name_space);
  semantic_engine::SparqlResponse response;
  std::vector<Row> rows;
  const auto asked = impl_->call(
      impl_->health, "QuerySparql", deadline,
      [&](Stub& stub, grpc::ClientContext& context) { return stub.QuerySparql(&context, request, &response); },
      [&]() -> Result<void> {
        BOOST_OUTCOME_TRY(rows, parse_rows(response.results_json()));
        return outcome::success();
      });
  impl_->queries.leave();
  if (!asked) return asked.error();
  return rows;
}

Result<std::uint32_t> Client::ingest(const Statement* first, std::size_t count) {
  semantic_engine::IngestRequest request;
  request.set_namespace_(impl_->options.name_space);
  for (const auto* s = first; s != first + count; ++s) {
    auto* triple = request.add_triples();
    triple->set_subject(s->subject);
    triple->set_predicate(s->predicate);
    triple->set_object(wire_object(*s));
  }
  semantic_engine::IngestResponse response;
  const Deadline deadline = std::chrono::system_clock::now() + impl_->options.ingest_timeout;
  BOOST_OUTCOME_TRY(impl_->call(
      impl_->health, "IngestTriples", deadline,
      [&](Stub& stub, grpc::ClientContext& context) { return stub.IngestTriples(&context, request, &response); }, read_as_it_is));
  return response.edges_added();
}

Result<std::vector<Similar>> Client::hybrid_search(std::string_view text, std::size_t count) {
  semantic_engine::HybridSearchRequest request;
  request.set_query(std::string(text));
  request.set_namespace_(impl_->options.name_space);
  request.set_vector_k(static_cast<std::uint32_t>(count));
  request.set_mode(semantic_engine::VECTOR_ONLY);
  request.set_limit(static_cast<std::uint32_t>(count));
  semantic_engine::SearchResponse response;
  const Deadline deadline = std::chrono::system_clock::now() + std::min(impl_->options.query_timeout, kSearchTimeout);
  BOOST_OUTCOME_TRY(impl_->call(
      impl_->search_health, "HybridSearch", deadline,
      [&](Stub& stub, grpc::ClientContext& context) { return stub.HybridSearch(&context, request, &response); }, read_as_it_is));
  std::vector<Similar> found;
  for (const auto& result : response.results()) {
    if (found.size() == count) break;
    found.push_back({result.uri(), result.score()});
  }
  return found;
}

CircuitBreaker::State Client::breaker_state() const {
  return impl_->health.with([this](const Health& h) { return h.breaker.state(impl_->clock.boot_now()); });
}
std::string Client::trouble() const { return impl_->trouble(); }
const Options& Client::options() const { return impl_->options; }

std::size_t wire_bytes(const Statement& s) {
  return s.subject.size() + s.predicate.size() + s.object.size() + kTripleOverheadBytes;
}

void read_options(settings::Object& o, Options& options) {
  const auto name_check = [](const std::string& text) -> std::string {
    const bool plain = !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
    return plain ? "" : "must be 1 to 64 letters, digits, - or _: the server uses it as a path";
  };
  o.value("address", options.address, "Synapse server, host:port; empty: none", settings::check_peer_address_or_empty)
      .value("namespace", options.name_space, "namespace in the Synapse server", name_check)
      .secret("token", options.token, "bearer token for the namespace")
      .value("query_timeout", options.query_timeout, "longest wait for a query", std::chrono::milliseconds(100), std::chrono::minutes(5))
      .value("ingest_timeout", options.ingest_timeout, "longest wait for a write", std::chrono::milliseconds(100), std::chrono::minutes(5))
      .value("connections", options.connections, "connections to the server", {1, 16})
      .value("queries_at_once", options.queries_at_once, "queries in flight at most", {1, 16});
}

}  // namespace swarm::knowledge::synapse
