#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "libs/base/clock.hpp"

namespace swarm::ctl {

/// "12s", "5m", "3h", "2d" from `unix_ms` until `now`; "-" for none. For tables.
std::string age(std::int64_t unix_ms, WallTime now);

/// UTC, to the second, e.g. 2026-01-01T00:00:00Z; empty for none.
std::string utc(std::int64_t unix_ms);

/// "250ms", "1.5s", "5m10s", "3h20m": two figures that matter.
std::string duration(std::chrono::milliseconds time);

/// US dollars: two digits from a dollar on, below it what it takes to see the amount, e.g. $0.000042.
std::string dollars(double amount);

}  // namespace swarm::ctl
