#pragma once

#include <chrono>
#include <functional>

#include "libs/base/clock.hpp"
#include "libs/telemetry/metrics.hpp"
#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// Takes usage rows away when they are old enough, a bounded number at a time. What they add up to is carried in the ledger,
/// so that budgets, sums and their proof stay as they are; reports and dry runs know only the rows that are left. No row
/// goes before everybody who reads rows has it. Belongs to the journal's thread.
class RowRetention {
 public:
  /// The number of the newest row that is not needed any more by whoever asks.
  using Read = std::function<std::uint64_t()>;
  struct Options {
    std::chrono::milliseconds kept{0};  // 0: for ever
    std::size_t rows_at_once = 1'000;
  };
  RowRetention(SpendStore& store, const Clock& clock, metrics::Registry& registry, Options options);

  /// Rows are kept for this reader too. Before step().
  void keep_for(Read read) { readers_.push_back(std::move(read)); }
  /// One transaction at most; true when there is more to do now.
  bool step();

 private:
  SpendStore& store_;
  const Clock& clock_;
  Options options_;
  metrics::Counter& retired_;
  metrics::Counter& failures_;
  std::vector<Read> readers_;
};

}  // namespace swarm::gateway
