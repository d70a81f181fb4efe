#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/circuit_breaker.hpp"
#include "libs/base/clock.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/knowledge/synapse/sparql.hpp"
#include "libs/knowledge/synapse/terms.hpp"
#include "libs/base/secret.hpp"
#include "libs/settings/settings.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::knowledge::synapse {

/// Where the Synapse server is and what we may ask of it.
struct Options {
  std::string address;                // empty: no such server
  std::string name_space = "default"; // part of our own configuration, never of a request: the server uses it as a path
  Secret token;                       // empty: none
  std::chrono::milliseconds query_timeout{5'000};
  std::chrono::milliseconds ingest_timeout{10'000};
  int connections = 2;
  int queries_at_once = 2;            // a query goes on after its deadline and holds up everyone else, so few at a time
  BreakerPolicy breaker{};
};

/// The setting section `knowledge.synapse`.
void read_options(settings::Object& o, Options& options);

/// Calls a Synapse server: pooled connections, a deadline on every call, one circuit breaker, answers up to 64 MiB.
/// Blocks; thread-safe. Errors: Unavailable (down, or the breaker is open), DeadlineExceeded, PermissionDenied (token or
/// namespace), OutOfRange (a request over the server's 4 MiB), ResourceExhausted (an answer over 64 MiB), Internal
/// (whatever the server says, e.g. that its disk is full), DataLoss (an answer that makes no sense).
class Client {
 public:
  Client(Options options, const Clock& clock, metrics::Registry& registry);
  ~Client();

  /// Of searches, and of the questions that go with them: somebody waits.
  static constexpr std::chrono::milliseconds kSearchTimeout{500};

  /// The deadline is `patience` where that is shorter than the configured one.
  Result<std::vector<Row>> query(const Query& query, std::chrono::milliseconds patience = std::chrono::hours(1));
  /// Adds triples; how many of them were new. Their IRIs must have been checked. Bytes in one call: wire_bytes() summed up.
  Result<std::uint32_t> ingest(const Statement* first, std::size_t count);
  /// Vector search of the server, its `limit` cut here as the server ignores it.
  Result<std::vector<Similar>> hybrid_search(std::string_view text, std::size_t count);

  CircuitBreaker::State breaker_state() const;
  /// The last error in one line, or that answers take more than a second; empty while all is well.
  std::string trouble() const;
  const Options& options() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a statement takes in a request, at most.
std::size_t wire_bytes(const Statement& statement);

}  // namespace swarm::knowledge::synapse
