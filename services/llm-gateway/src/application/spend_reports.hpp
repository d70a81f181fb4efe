#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ports/spend_journal.hpp"

namespace swarm::gateway {

/// What spend may be told apart by. Days are UTC, by when a request was reserved: those of its budgets.
enum class SpendField : std::uint8_t { Team, Key, Task, Model, Upstream, Day, Ending };
inline constexpr std::size_t kSpendFields = 7;
std::optional<SpendField> spend_field(std::string_view name);

struct SpendQuery {
  std::optional<WallTime> from;
  std::optional<WallTime> to;            // exclusive
  std::vector<SpendField> group_by;
  std::string scope;                     // only rows of this scope; empty: all
  std::optional<std::uint64_t> after;    // where the page before ended
  std::size_t rows_max = 100'000;        // looked at
};

struct SpendGroup {
  std::vector<std::string> values;
  Money cost;
  std::uint64_t requests = 0;
  std::uint64_t input = 0;
  std::uint64_t output = 0;
  std::uint64_t cached = 0;
  std::uint64_t estimated = 0;
};

struct SpendPage {
  std::vector<SpendGroup> groups;
  std::optional<std::uint64_t> next;  // nothing: that was all
  std::uint64_t rows = 0;
};

/// What a limit would have done to requests that were made without it.
struct DryRun {
  std::uint64_t rows = 0;         // looked at
  bool whole = true;              // false: there are more rows than are looked at
  std::uint64_t requests = 0;     // of the scope
  std::uint64_t refused = 0;      // that would not have been served
  Money spent;                    // that the limit would have let through
  Money refused_cost;
  std::uint64_t windows = 0;
  std::uint64_t windows_dry = 0;  // in which something would have been refused
  std::optional<WallTime> first_refused;
};

/// Sums of durable rows, a bounded number of rows at a time: whoever asks adds the pages up, so that a question costs the
/// gateway little memory and a bounded time however long its history is. Resets and what crashes may have cost are not in it:
/// no request stands behind them. Thread-safe; waits for the disk.
class SpendReports {
 public:
  explicit SpendReports(SpendStore& store) : store_(store) {}
  Result<SpendPage> page(const SpendQuery& query) const;
  /// Plays the requests of a scope since then against a limit, in the order in which they were admitted: one is refused when
  /// it does not fit into what is left of its window, as a strict scope would that knew each cost beforehand.
  Result<DryRun> dry_run(const std::string& scope, const Limit& limit, std::optional<WallTime> from, std::size_t rows_max) const;

 private:
  Result<std::uint64_t> row_before(WallTime time) const;
  SpendStore& store_;
};

}  // namespace swarm::gateway
