#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "domain/budget_ledger.hpp"
#include "domain/usage.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// How a request ended, or what else a row stands for.
enum class Ending : std::uint8_t {
  Ok,
  UpstreamError,
  Truncated,
  HungUp,
  TimedOut,
  Adjustment,    // a reset: the cost is negative
  UnknownCrash,  // what a crash may have cost, by the debit in advance
  Abandoned,     // its caller never came back: charged its ceiling
  Override,      // an emergency override was set or ended; costs nothing
};
std::string_view name(Ending ending);

/// One line of the usage log, and the evidence for every dollar of the ledger.
struct UsageRow {
  WallTime at{};
  std::string request_id;
  std::string team;         // empty: none
  std::string key;
  std::string task;         // empty: none
  std::string model;
  std::string upstream;
  std::string price_version;
  Usage usage;
  Ending ending = Ending::Ok;
  std::uint16_t status = 0;
  std::uint32_t duration_ms = 0;
  Settlement settlement;    // an adjustment has a negative cost
  std::string note;         // of rows that people made: who and why
  std::string prompt;       // the beginning of the request's body, where that is wanted; else empty
};

/// What the rows of one window of one scope add up to.
struct WindowSums {
  Money settled;
  Money unknown_crash;
  Money forgiven;
  std::uint64_t requests = 0;
  friend bool operator==(const WindowSums&, const WindowSums&) = default;
};
void add(WindowSums& sums, const UsageRow& row);

/// False for rows that no request stands behind.
bool is_request(const UsageRow& row);

/// Name of the scope of that level that the row is charged to.
std::string scope_of(const UsageRow& row, ScopeLevel level);
/// Charges the row to this window of this scope and to nothing else.
void charge_alone(UsageRow& row, std::string_view scope, WindowKind window);

/// What the disk knows of one window of one scope.
struct SpendRecord {
  std::string scope;
  WindowKind window = WindowKind::Day;
  WallTime start{};
  Money settled;
  Money unknown_crash;
  Money forgiven;
  std::uint64_t requests = 0;
  friend bool operator==(const SpendRecord&, const SpendRecord&) = default;
};

/// A limit that was set at run time; overrides the configuration.
struct StoredLimit {
  std::string scope;
  Limit limit;
};

/// An emergency override: the scope may spend this much more until then.
struct StoredOverride {
  std::string scope;
  Money extra;
  WallTime until{};
};

/// Port: durable spend. Used by the journal's one thread; every call may wait for the disk.
/// Errors: ResourceExhausted (disk full: nothing was stored, try again), Unavailable (outcome unknown: stop and recover),
/// DataLoss.
class SpendStore {
 public:
  virtual ~SpendStore() = default;
  /// Rows and allotments become durable together.
  virtual Result<void> append(const std::vector<UsageRow>& rows, const std::vector<AllotmentPlan>& allotments) = 0;
  virtual Result<void> put_limit(const StoredLimit& limit) = 0;
  /// At a start: allotments that no clean stop took back have become `unknown_crash` of the windows at `now`, each with a
  /// row of its own.
  virtual Result<std::vector<SpendRecord>> recover(WallTime now) = 0;
  virtual Result<std::vector<StoredLimit>> limits() = 0;
  /// At a clean stop: nothing is in flight, all allotments are taken back.
  virtual Result<void> release_allotments() = 0;
  /// Every row in the order in which it was written; `visit` returns false to stop.
  virtual Result<void> rows(const std::function<bool(const UsageRow&)>& visit) = 0;
  virtual Result<std::vector<SpendRecord>> records() = 0;
  /// The number of the newest row; 0 when there is none. For any thread, as the next one.
  virtual Result<std::uint64_t> last_row() = 0;
  /// The rows behind number `after`, in order; `visit` returns false to stop.
  virtual Result<void> rows_after(std::uint64_t after,
                                  const std::function<bool(std::uint64_t number, const UsageRow& row)>& visit) = 0;
  struct Retired {
    std::uint64_t rows = 0;
    bool more = false;   // there are others that could go now
  };
  /// Takes rows away that were written before then, up to the number `through`, at most `rows_max` and never the newest
  /// one. What they add up to is carried; a window that is over and all of whose rows are gone goes with them.
  virtual Result<Retired> retire_rows(WallTime before, std::uint64_t through, std::size_t rows_max) = 0;
  /// What rows that are gone add up to, and how many they were.
  struct Carried {
    std::vector<SpendRecord> records;
    std::uint64_t rows = 0;
  };
  virtual Result<Carried> carried() = 0;
  /// The limit is the configuration's again, or none.
  virtual Result<void> drop_limit(const std::string& scope, WindowKind window) = 0;
  /// One for each scope: the last one counts.
  virtual Result<void> put_override(const StoredOverride& lift) = 0;
  virtual Result<std::vector<StoredOverride>> overrides() = 0;
};

}  // namespace swarm::gateway
