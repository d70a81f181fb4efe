#include "domain/cron.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <string>
#include <vector>

namespace swarm::orchestrator {
namespace {

constexpr std::size_t kTextBytesMax = 256;
constexpr std::int64_t kMinutesOfDay = 24 * 60;
constexpr std::int64_t kDaysAhead = 40 * 366;
constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int low;
  int high;
  const std::string_view* names;  // of values, from `low` on; null: none
  int names_count;
};
constexpr std::array<Field, 5> kFields{{{"minute", 0, 59, nullptr, 0},
                                        {"hour", 0, 23, nullptr, 0},
                                        {"day of the month", 1, 31, nullptr, 0},
                                        {"month", 1, 12, kMonths.data(), 12},
                                        {"day of the week", 0, 7, kWeekdays.data(), 7}}};

Error fault(std::string_view field, std::string_view what) {
  return {Code::InvalidArgument, "cron: " + std::string(field) + " " + std::string(what)};
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  while (true) {
    const auto end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == text.npos) return out;
    text.remove_prefix(end + 1);
  }
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x | 0x20) == y; });
}

Result<int> number(const Field& field, std::string_view text, int low, int high) {
  for (int i = 0; i < field.names_count; ++i) {
    if (same_word(text, field.names[i])) return field.low + i;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return fault(field.name, "'" + std::string(text) + "' is no number");
  if (value < low || value > high) {
    return fault(field.name, std::to_string(value) + " is not within " + std::to_string(low) + " and " + std::to_string(high));
  }
  return value;
}

/// "*", "5", "1-5", each perhaps with "/2" behind it.
Result<std::uint64_t> element(const Field& field, std::string_view text) {
  const auto slash = text.find('/');
  const auto range = text.substr(0, slash);
  int from = field.low;
  int to = field.high;
  if (range != "*") {
    const auto dash = range.find('-');
    BOOST_OUTCOME_TRY(from, number(field, range.substr(0, dash), field.low, field.high));
    to = from;
    if (dash != range.npos) {
      BOOST_OUTCOME_TRY(to, number(field, range.substr(dash + 1), field.low, field.high));
      if (to < from) return fault(field.name, "'" + std::string(range) + "' ends before it begins");
    } else if (slash != text.npos) {
      return fault(field.name, "'" + std::string(text) + "': a step needs a range or *");
    }
  }
  int step = 1;
  if (slash != text.npos) {
    const Field steps{field.name, 1, field.high, nullptr, 0};
    BOOST_OUTCOME_TRY(step, number(steps, text.substr(slash + 1), 1, field.high));
  }
  std::uint64_t bits = 0;
  for (int value = from; value <= to; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

Result<std::uint64_t> values(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (const auto part : split(text, ',')) {
    BOOST_OUTCOME_TRY(const auto found, element(field, part));
    bits |= found;
  }
  return bits;
}

std::string_view written_out(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kShort{{{"@hourly", "0 * * * *"},
                                                                                {"@daily", "0 0 * * *"},
                                                                                {"@midnight", "0 0 * * *"},
                                                                                {"@weekly", "0 0 * * 0"},
                                                                                {"@monthly", "0 0 1 * *"},
                                                                                {"@yearly", "0 0 1 1 *"},
                                                                                {"@annually", "0 0 1 1 *"}}};
  for (const auto& [word, expression] : kShort) {
    if (text == word) return expression;
  }
  return text;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = text.find_first_not_of(" \t", at);
    if (begin == text.npos) break;
    at = std::min(text.find_first_of(" \t", begin), text.size());
    out.push_back(text.substr(begin, at - begin));
  }
  return out;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return -floor_div(-a, b); }
bool has(std::uint64_t bits, unsigned value) { return (bits >> value & 1) != 0; }

/// The lowest value in the set from `low` on, or 64.
unsigned lowest_from(std::uint64_t bits, unsigned low) {
  return low > 63 ? 64u : static_cast<unsigned>(std::countr_zero(bits >> low << low));
}

/// True if some month of the set has a day of the set: February may have 29.
bool can_come(std::uint32_t days, std::uint32_t months) {
  constexpr std::array<unsigned, 13> kLongest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    if (has(months, month) && lowest_from(days, 1) <= kLongest[month]) return true;
  }
  return false;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  if (text.size() > kTextBytesMax) return fault("expression", "is longer than 256 bytes");
  const auto fields = words(written_out(text));
  if (fields.size() != kFields.size()) {
    return fault("expression", "has " + std::to_string(fields.size()) + " fields, not five (minute hour day month weekday)");
  }
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < bits.size(); ++i) {
    BOOST_OUTCOME_TRY(bits[i], values(kFields[i], fields[i]));
  }
  Cron out;
  out.minutes_ = bits[0];
  out.hours_ = static_cast<std::uint32_t>(bits[1]);
  out.days_ = static_cast<std::uint32_t>(bits[2]);
  out.months_ = static_cast<std::uint32_t>(bits[3]);
  out.weekdays_ = static_cast<std::uint32_t>(bits[4] | (has(bits[4], 7) ? 1 : 0));  // 7 is Sunday too
  out.passing_time_ = fields[0].front() == '*' || fields[1].front() == '*';
  out.any_day_ = fields[2].front() == '*';
  out.any_weekday_ = fields[4].front() == '*';
  const bool days_decide = out.any_day_ || out.any_weekday_;
  if (days_decide && !can_come(out.days_, out.months_)) return fault("expression", "never fires: no such day in these months");
  return out;
}

bool Cron::day_fits(std::int64_t day) const {
  const std::chrono::sys_days at{std::chrono::days(day)};
  const std::chrono::year_month_day date(at);
  if (!has(months_, static_cast<unsigned>(date.month()))) return false;
  const bool by_day = has(days_, static_cast<unsigned>(date.day()));
  const bool by_weekday = has(weekdays_, std::chrono::weekday(at).c_encoding());
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<Cron::Minutes> Cron::first_at_or_after(Minutes local) const {
  std::int64_t day = floor_div(local, kMinutesOfDay);
  auto minute = static_cast<unsigned>(local - day * kMinutesOfDay);
  for (const std::int64_t last = day + kDaysAhead; day <= last; ++day, minute = 0) {
    if (!day_fits(day)) continue;
    for (unsigned hour = lowest_from(hours_, minute / 60); hour < 24; hour = lowest_from(hours_, hour + 1)) {
      const unsigned found = lowest_from(minutes_, hour == minute / 60 ? minute % 60 : 0);
      if (found < 60) return day * kMinutesOfDay + hour * 60 + found;
    }
  }
  return std::nullopt;
}

/// The first firing within the span after `after`.
std::optional<Seconds> Cron::first_in(const ZoneSpan& span, Seconds after, const TimeZone& zone) const {
  const auto minute_from = [](Seconds local) { return ceil_div(local.count(), 60); };
  Minutes lowest = minute_from(std::max(after + Seconds(1), span.from) + span.offset);
  if (!passing_time_ && span.from != ZoneSpan::kAlways) {
    const Seconds before = zone.at(span.from - Seconds(1)).offset;
    const Minutes shown = minute_from(span.from + before);  // where the old time ended
    if (before < span.offset && after < span.from) {
      const auto skipped = first_at_or_after(shown);
      if (skipped && *skipped < minute_from(span.from + span.offset)) return span.from;
    }
    if (before > span.offset) lowest = std::max(lowest, shown);
  }
  const auto found = first_at_or_after(lowest);
  if (!found) return std::nullopt;
  const Seconds utc = Seconds(*found * 60) - span.offset;
  return utc < span.until ? std::optional(utc) : std::nullopt;
}

std::optional<WallTime> Cron::next(WallTime after, const TimeZone& zone) const {
  const auto begin = std::chrono::floor<Seconds>(after.time_since_epoch());
  const Seconds limit = begin + std::chrono::days(kDaysAhead);
  for (auto span = zone.at(begin);; span = zone.at(span.until)) {
    if (const auto found = first_in(span, begin, zone)) return WallTime(*found);
    if (span.until >= limit) return std::nullopt;
  }
}

}  // namespace swarm::orchestrator
