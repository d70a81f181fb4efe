#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// One figure of one window that its rows do not add up to, in nano-dollars or requests.
struct LedgerDifference {
  std::string scope;
  WindowKind window = WindowKind::Day;
  WallTime start{};
  std::string_view figure;  // settled, unknown_crash, forgiven or requests
  std::int64_t rows = 0;
  std::int64_t recorded = 0;
};

struct LedgerReport {
  std::uint64_t rows = 0;
  std::uint64_t carried_rows = 0;          // gone, counted by their sums
  std::uint64_t windows = 0;
  Money cost;                              // of all rows: resets count against it
  WallTime first{};
  WallTime last{};
  std::uint64_t repeated = 0;              // rows beyond the first of one reservation: settled more than once
  std::vector<LedgerDifference> differences;
  bool good() const { return differences.empty() && repeated == 0; }
};

/// Proves that what the journal says was spent, in every scope and window, is the sum of its rows, and that no reservation
/// has two. Adds every row up again from nothing, so it takes time by the row and memory by the window (and 8 bytes for
/// each row). Pure, single-threaded.
class LedgerAudit {
 public:
  void add(const UsageRow& row);
  /// What rows that are gone added up to.
  void add(const SpendStore::Carried& gone);
  /// Compares with what is recorded; windows that only one side knows count as zero on the other.
  LedgerReport finish(const std::vector<SpendRecord>& records);

 private:
  using Window = std::tuple<std::string, WindowKind, WallTime>;
  std::map<Window, WindowSums> sums_;
  std::vector<std::uint64_t> ids_;  // hashes of reservations
  LedgerReport report_;
};

}  // namespace swarm::gateway
