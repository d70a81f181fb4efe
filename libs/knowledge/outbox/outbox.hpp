#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/knowledge/outbox/journal.hpp"
#include "libs/knowledge/remote_store.hpp"
#include "libs/telemetry/metrics.hpp"

namespace swarm::knowledge {

struct OutboxOptions {
  std::size_t batch_bytes_max = 2u << 20;   // the store refuses requests over 4 MiB
  std::size_t batch_statements_max = 1'000;
  std::chrono::milliseconds retry_first{100};
  std::chrono::milliseconds retry_max{5'000};  // doubled from the first at each failure in a row
  std::chrono::milliseconds verify_every{60'000};
  Journal::Limits limits;
};

/// How the outbox is doing.
struct OutboxState {
  std::uint64_t pending = 0;       // statements that have not arrived
  std::uint64_t kept = 0;          // statements in the journal
  double lag_seconds = 0;          // age of the oldest pending one
  std::uint64_t resyncs = 0;
  std::uint64_t failures_in_a_row = 0;
  std::string last_error;          // of the last attempt; empty after a success
};

/// Sends statements to a store that may be down, slow, refusing or forgetful, without ever making its caller wait for
/// it: append() returns when the statement is in the local journal, and a thread of its own sends the journal in order
/// (so also in order per subject), in batches, at least once, with back-off, one batch in memory at a time. Statements
/// have no identity but their content, so sending one again adds nothing.
///
/// Before it sends after a failure or a start, and every `verify_every`, it asks whether the newest statement that had
/// arrived is still there, and the last one of each batch since it asked before (evenly thinned to 16); if not, the store has
/// lost data and everything in the journal is sent again. Thread-safe.
class Outbox {
 public:
  static Result<std::unique_ptr<Outbox>> open(lmdb::Environment& environment, RemoteStore& remote, const Clock& clock,
                                              metrics::Registry& registry, OutboxOptions options = {});
  /// Ends the thread; waits for a call in flight, which has a deadline.
  ~Outbox();

  /// Durable when it returns; what was appended before changes nothing. InvalidArgument: the store could never keep one of
  /// these (nothing is appended). ResourceExhausted: the disk or the journal's limit is full.
  Result<void> append(const std::vector<Statement>& statements);
  /// The same, and the mark becomes durable with them or not at all, so that a crash repeats and skips nothing.
  Result<void> append(const std::vector<Statement>& statements, const Journal::Mark& mark);
  /// What was marked last under this name.
  Result<std::optional<std::string>> marked(const std::string& name) const;
  /// Sends the whole journal again.
  Result<void> resync();
  OutboxState state() const;
  /// One line for readiness, e.g. "34 statements wait for the store, the oldest for 12 s: UNAVAILABLE: …".
  std::string detail() const;

 private:
  struct Impl;
  Result<void> append(const std::vector<Statement>& statements, const Journal::Mark* mark);
  explicit Outbox(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace swarm::knowledge
