#include "application/ledger_audit.hpp"

#include <algorithm>
#include <functional>

namespace swarm::gateway {

void LedgerAudit::add(const UsageRow& row) {
  if (report_.rows++ == 0) report_.first = row.at;
  report_.last = std::max(report_.last, row.at);
  // A request that went on to another model has a reservation, and so a row, for each; the time of the reservation tells.
  if (is_request(row)) {
    const auto reserved = std::to_string(row.settlement.reserved_at.time_since_epoch().count());
    ids_.push_back(std::hash<std::string>{}(row.request_id + reserved));
  }
  report_.cost += row.settlement.cost;
  for (int bit = 0; bit < kScopeLevels * kWindowKinds; ++bit) {
    if ((row.settlement.mask & (1u << bit)) == 0) continue;
    const auto kind = static_cast<WindowKind>(bit % kWindowKinds);
    const auto start = window_at(kind, row.settlement.reserved_at).start;
    gateway::add(sums_[{scope_of(row, static_cast<ScopeLevel>(bit / kWindowKinds)), kind, start}], row);
  }
}

void LedgerAudit::add(const SpendStore::Carried& gone) {
  report_.carried_rows = gone.rows;
  for (const SpendRecord& r : gone.records) {
    WindowSums& sums = sums_[{r.scope, r.window, r.start}];
    sums.settled += r.settled;
    sums.unknown_crash += r.unknown_crash;
    sums.forgiven += r.forgiven;
    sums.requests += r.requests;
  }
}

LedgerReport LedgerAudit::finish(const std::vector<SpendRecord>& records) {
  std::map<Window, WindowSums> recorded;
  for (const SpendRecord& r : records) {
    recorded[{r.scope, r.window, r.start}] = {r.settled, r.unknown_crash, r.forgiven, r.requests};
    sums_.try_emplace({r.scope, r.window, r.start});
  }
  for (const auto& [window, rows] : sums_) {
    const WindowSums& on_record = recorded[window];
    const auto compare = [&](std::string_view figure, std::int64_t a, std::int64_t b) {
      if (a == b) return;
      report_.differences.push_back({std::get<0>(window), std::get<1>(window), std::get<2>(window), figure, a, b});
    };
    compare("settled", rows.settled.nano, on_record.settled.nano);
    compare("unknown_crash", rows.unknown_crash.nano, on_record.unknown_crash.nano);
    compare("forgiven", rows.forgiven.nano, on_record.forgiven.nano);
    compare("requests", static_cast<std::int64_t>(rows.requests), static_cast<std::int64_t>(on_record.requests));
  }
  report_.windows = sums_.size();
  std::sort(ids_.begin(), ids_.end());
  report_.repeated = static_cast<std::uint64_t>(ids_.end() - std::unique(ids_.begin(), ids_.end()));
  return std::move(report_);
}

}  // namespace swarm::gateway
