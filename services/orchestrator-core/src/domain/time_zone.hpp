#pragma once

#include <chrono>
#include <memory>
#include <string_view>

namespace swarm::orchestrator {

/// Seconds since 1970: of UTC, or, as a "local" time, of the clock on the wall of some zone.
using Seconds = std::chrono::seconds;

/// A stretch of time in which a zone's clocks are a fixed time ahead of UTC.
struct ZoneSpan {
  Seconds offset{0};
  Seconds from{kAlways};    // UTC; the clocks were changed then
  Seconds until{-kAlways};  // UTC; they are changed again then

  static constexpr Seconds kAlways{-100'000'000'000};
};

/// A time zone's past and future. A value: never changes, thread-safe.
class TimeZone {
 public:
  virtual ~TimeZone() = default;
  virtual ZoneSpan at(Seconds utc) const = 0;
};

class Utc final : public TimeZone {
 public:
  ZoneSpan at(Seconds) const override { return {}; }
};

/// Where zones come from, by their IANA name ("Europe/Berlin"). Thread-safe.
class TimeZones {
 public:
  virtual ~TimeZones() = default;
  /// Null when there is none of that name.
  virtual std::shared_ptr<const TimeZone> find(std::string_view name) const = 0;
};

}  // namespace swarm::orchestrator
