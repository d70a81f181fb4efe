#include "application/row_retention.hpp"

#include <algorithm>
#include <limits>

#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {

RowRetention::RowRetention(SpendStore& store, const Clock& clock, metrics::Registry& registry, Options options)
    : store_(store), clock_(clock), options_(options),
      retired_(registry.counter("swarm_gateway_usage_rows_retired_total", "Usage rows that were old enough to go; their sums are carried")),
      failures_(registry.counter("swarm_gateway_usage_rows_retire_failures_total", "Times that old usage rows could not be taken away")) {}

bool RowRetention::step() {
  if (options_.kept.count() <= 0) return false;
  std::uint64_t through = std::numeric_limits<std::uint64_t>::max();
  for (const Read& read : readers_) through = std::min(through, read());
  const auto gone = store_.retire_rows(clock_.wall_now() - options_.kept, through, options_.rows_at_once);
  if (!gone) {
    failures_.add();
    log::warn("old usage rows stay, to be tried again", {{"cause", gone.error().message}});
    return false;
  }
  retired_.add(gone.value().rows);
  return gone.value().more;
}

}  // namespace swarm::gateway
