#include "adapters/knowledge/spend_reporter.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "libs/base/uuid.hpp"
#include "libs/knowledge/records.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {
namespace {

constexpr std::uint64_t kRowsAtOnce = 50'000;
constexpr std::size_t kDaysAtOnce = 1'000;  // the outbox takes 10,000 statements at once
constexpr std::size_t kDateSize = 10;
const std::string kMark = "spend";

/// Requests, and what a crash left unknown, once: the same debit stands in a row for each scope and window. Other rows
/// move a budget without anything having been bought.
bool is_spend(const UsageRow& row) {
  if (row.ending == Ending::UnknownCrash) return row.settlement.mask == mask_bit(ScopeLevel::Global, WindowKind::Day);
  return row.ending <= Ending::TimedOut || row.ending == Ending::Abandoned;
}

}  // namespace

void SpendReporter::begin_as_new(std::uint64_t after) {
  gateway_ = "gateway-" + uuid_v7(clock_.wall_now());
  told_ = after;
}

knowledge::Journal::Mark SpendReporter::mark() const { return {kMark, gateway_ + ' ' + std::to_string(told())}; }

Result<void> SpendReporter::open() {
  BOOST_OUTCOME_TRY(const auto marked, outbox_.marked(kMark));
  if (!marked) {
    begin_as_new(0);
  } else {
    const auto space = marked->find(' ');
    const char* end = marked->data() + marked->size();
    std::uint64_t number = 0;
    if (space == marked->npos || std::from_chars(marked->data() + space + 1, end, number).ptr != end) {
      return Error{Code::DataLoss, "up to where spend was told can't be read: " + *marked};
    }
    gateway_ = marked->substr(0, space);
    told_ = number;
  }
  BOOST_OUTCOME_TRY(const auto last, store_.last_row());
  if (last < told_) {
    // An older store was put back. Its next rows get numbers that were told already, with other costs.
    log::warn("the spend store is older than what was told of it; its new rows are told under a new name", {{"rows", last}, {"told", told()}});
    begin_as_new(last);
  }
  return outbox_.append({}, mark());
}

Result<void> SpendReporter::tell() {
  BOOST_OUTCOME_TRY(const auto last, store_.last_row());
  while (told_ < last) {
    BOOST_OUTCOME_TRYV(tell_range(last));
  }
  return outcome::success();
}

Result<void> SpendReporter::tell_range(std::uint64_t last) {
  std::map<std::string, Money> by_day;
  std::uint64_t to = told_;
  std::uint64_t beyond = last + 1;  // the first row that is not of this range
  BOOST_OUTCOME_TRYV(store_.rows_after(told(), [&](std::uint64_t number, const UsageRow& row) {
    if (number > last || number > told() + kRowsAtOnce || by_day.size() == kDaysAtOnce) {
      beyond = std::min(number, beyond);
      return false;
    }
    to = number;
    if (!is_spend(row)) return true;
    by_day[knowledge::iso_time(row.settlement.reserved_at).substr(0, kDateSize)] += row.settlement.cost;
    return true;
  }));
  if (to == told_) to = beyond - 1;  // rows that were removed cost nothing any more
  std::vector<knowledge::Statement> events;
  for (const auto& [day, cost] : by_day) {
    if (cost == Money{}) continue;
    const auto id = gateway_ + '/' + day + '/' + std::to_string(told() + 1) + '-' + std::to_string(to);
    const auto event = knowledge::spend_statements(id, day, cost.nano);
    events.insert(events.end(), event.begin(), event.end());
  }
  const auto before = told_.exchange(to);
  const auto appended = outbox_.append(events, mark());
  if (!appended) told_ = before;
  return appended;
}

}  // namespace swarm::gateway
