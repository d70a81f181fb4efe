#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/time_zone.hpp"
#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace swarm::orchestrator {

/// When something is to happen again and again: the five fields of crontab(5), as POSIX.1-2017 ("crontab", INPUT FILES)
/// defines them, with what Vixie's cron adds: `*/2` and `1-9/2`, names of months and weekdays, 7 for Sunday, and @hourly,
/// @daily (@midnight), @weekly, @monthly, @yearly (@annually).
///
///   minute 0-59 · hour 0-23 · day of the month 1-31 · month 1-12 or jan-dec · day of the week 0-7 or sun-sat
///
/// If both days are restricted, one of them is enough; a day that begins with * does not restrict (its steps do, together
/// with the other one).
///
/// Where a zone changes its clocks, as cron(8) has it: an expression whose minute or hour begins with * goes by the time
/// that passes (skipped times do not exist, repeated ones come twice). Any other fires once for each time of the
/// clock: what falls into a gap fires when the gap ends, what is repeated fires the first time only.
///
/// The set of times at which an expression fires depends on nothing but the expression and the zone. A value.
class Cron {
 public:
  /// InvalidArgument, with the field at fault; also for what never fires ("0 0 30 2 *").
  static Result<Cron> parse(std::string_view text);

  /// The first time at which it fires after this one; nothing within forty years: nothing.
  std::optional<WallTime> next(WallTime after, const TimeZone& zone) const;

 private:
  using Minutes = std::int64_t;  // local time, in minutes since 1970
  bool day_fits(std::int64_t day) const;
  std::optional<Minutes> first_at_or_after(Minutes local) const;
  std::optional<Seconds> first_in(const ZoneSpan& span, Seconds after, const TimeZone& zone) const;

  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t days_ = 0;
  std::uint32_t months_ = 0;
  std::uint32_t weekdays_ = 0;
  bool any_day_ = false;       // the day of the month begins with *
  bool any_weekday_ = false;
  bool passing_time_ = false;  // minute or hour begins with *
};

}  // namespace swarm::orchestrator
