#include "application/spend_reports.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <utility>

namespace swarm::gateway {
namespace {

constexpr std::array<std::string_view, kSpendFields> kNames = {"team", "key", "task", "model", "upstream", "day", "ending"};
// Rows lie in the order in which requests ended, on a wall clock that may have been set back a little. A request is over
// within the longest reservation_time.
constexpr auto kClockSetBack = std::chrono::hours(1);
constexpr auto kLongestRequest = std::chrono::hours(49);

std::string day_of(WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  std::array<char, 32> text{};
  const int n = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                              static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return std::string(text.data(), static_cast<std::size_t>(std::max(n, 0)));
}

std::string value_of(const UsageRow& row, SpendField field) {
  switch (field) {
    case SpendField::Team: return row.team;
    case SpendField::Key: return row.key;
    case SpendField::Task: return row.task;
    case SpendField::Model: return row.model;
    case SpendField::Upstream: return row.upstream;
    case SpendField::Day: return day_of(row.settlement.reserved_at);
    case SpendField::Ending: return std::string(name(row.ending));
  }
  return {};
}

bool wanted(const UsageRow& row, const SpendQuery& query) {
  if (!is_request(row)) return false;
  const WallTime when = row.settlement.reserved_at;
  if ((query.from && when < *query.from) || (query.to && when >= *query.to)) return false;
  if (query.scope.empty() || query.scope == "global") return true;
  return scope_of(row, *scope_level(query.scope)) == query.scope;
}

void count(SpendGroup& group, const UsageRow& row) {
  group.cost += row.settlement.cost;
  ++group.requests;
  group.input += row.usage.input_total();
  group.output += row.usage.output_total();
  group.cached += row.usage.cache_read;
  if (row.usage.estimated) ++group.estimated;
}

}  // namespace

std::optional<SpendField> spend_field(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<SpendField>(found - kNames.begin());
}

/// Number of a row behind which all rows of that time and later lie, by halves.
Result<std::uint64_t> SpendReports::row_before(WallTime time) const {
  BOOST_OUTCOME_TRY(std::uint64_t high, store_.last_row());
  std::uint64_t low = 0;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    bool early = false;
    BOOST_OUTCOME_TRYV(store_.rows_after(middle, [&](std::uint64_t, const UsageRow& row) {
      early = row.at < time;
      return false;
    }));
    if (early) low = middle + 1;
    else high = middle;
  }
  return low;
}

Result<SpendPage> SpendReports::page(const SpendQuery& query) const {
  std::uint64_t after = query.after.value_or(0);
  if (!query.after && query.from) {
    BOOST_OUTCOME_TRY(after, row_before(*query.from - kClockSetBack));
  }
  SpendPage page;
  std::map<std::vector<std::string>, SpendGroup> groups;
  BOOST_OUTCOME_TRYV(store_.rows_after(after, [&](std::uint64_t number, const UsageRow& row) {
    if (query.to && row.at > *query.to + kLongestRequest) {
      page.next.reset();
      return false;
    }
    page.next = number;
    if (wanted(row, query)) {
      std::vector<std::string> values;
      values.reserve(query.group_by.size());
      for (const SpendField field : query.group_by) values.push_back(value_of(row, field));
      count(groups[std::move(values)], row);
    }
    return ++page.rows < query.rows_max;
  }));
  if (page.rows < query.rows_max) page.next.reset();
  for (auto& [values, group] : groups) {
    group.values = values;
    page.groups.push_back(std::move(group));
  }
  return page;
}

Result<DryRun> SpendReports::dry_run(const std::string& scope, const Limit& limit, std::optional<WallTime> from, std::size_t rows_max) const {
  SpendQuery query;
  query.scope = scope;
  query.from = from;
  std::uint64_t after = 0;
  if (from) {
    BOOST_OUTCOME_TRY(after, row_before(*from - kClockSetBack));
  }
  DryRun run;
  std::vector<std::pair<WallTime, Money>> requests;
  BOOST_OUTCOME_TRYV(store_.rows_after(after, [&](std::uint64_t, const UsageRow& row) {
    if (run.rows >= rows_max) {
      run.whole = false;
      return false;
    }
    ++run.rows;
    if (wanted(row, query)) requests.emplace_back(row.settlement.reserved_at, row.settlement.cost);
    return true;
  }));
  // Rows lie in the order in which requests ended.
  std::stable_sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::optional<WallTime> window;
  Money spent;
  bool dry = false;
  for (const auto& [at, cost] : requests) {
    const WallTime start = window_at(limit.window, at).start;
    if (!window || *window != start) {
      window = start;
      spent = Money{};
      dry = false;
      ++run.windows;
    }
    ++run.requests;
    if (spent + cost <= limit.amount) {
      spent += cost;
      run.spent += cost;
      continue;
    }
    ++run.refused;
    run.refused_cost += cost;
    if (!run.first_refused) run.first_refused = at;
    if (!std::exchange(dry, true)) ++run.windows_dry;
  }
  return run;
}

}  // namespace swarm::gateway
