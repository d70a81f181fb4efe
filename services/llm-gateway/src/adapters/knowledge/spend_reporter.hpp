#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "libs/base/clock.hpp"
#include "libs/knowledge/outbox/outbox.hpp"
#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// Tells the swarm's common knowledge what was spent, as events of a day, from the usage rows that are durable here.
/// The local ledger stays the truth, the events are its copy. An event speaks of a range of rows and is named by it; the
/// end of the range becomes durable together with the event, so that a crash neither skips nor repeats a row. Resets do
/// not unspend: only costs are told, and among them the debit of a crash for the day of the global scope. Belongs to one thread.
class SpendReporter {
 public:
  SpendReporter(SpendStore& store, knowledge::Outbox& outbox, const Clock& clock) : store_(store), outbox_(outbox), clock_(clock) {}

  /// Finds up to where was told. Before tell().
  Result<void> open();
  /// Tells all rows since. An error leaves the rest for the next time.
  Result<void> tell();
  /// Number of the last row that was told. From any thread.
  std::uint64_t told() const { return told_.load(); }

 private:
  /// One event for each day in the next rows, at most `kRowsAtOnce` of them.
  Result<void> tell_range(std::uint64_t last);
  knowledge::Journal::Mark mark() const;
  void begin_as_new(std::uint64_t after);

  SpendStore& store_;
  knowledge::Outbox& outbox_;
  const Clock& clock_;
  std::string gateway_;     // keeps the events of several gateways, and of several lives of a store, apart
  std::atomic<std::uint64_t> told_{0};
};

}  // namespace swarm::gateway
