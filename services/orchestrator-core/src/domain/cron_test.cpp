#include "domain/cron.hpp"

#include <catch2/catch.hpp>

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

WallTime utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                  std::chrono::seconds(second));
}

/// One hour ahead of UTC, two from the end of March to the end of October 2026, as in Central Europe.
class Berlin final : public TimeZone {
 public:
  ZoneSpan at(Seconds t) const override {
    const auto spring = std::chrono::duration_cast<Seconds>(utc(2026, 3, 29, 1).time_since_epoch());
    const auto autumn = std::chrono::duration_cast<Seconds>(utc(2026, 10, 25, 1).time_since_epoch());
    if (t < spring) return {std::chrono::hours(1), ZoneSpan::kAlways, spring};
    if (t < autumn) return {std::chrono::hours(2), spring, autumn};
    return {std::chrono::hours(1), autumn, -ZoneSpan::kAlways};
  }
};

std::vector<WallTime> firings(const char* text, WallTime after, std::size_t n, const TimeZone& zone = Utc()) {
  const auto cron = Cron::parse(text);
  REQUIRE(cron);
  std::vector<WallTime> out;
  for (auto at = cron.value().next(after, zone); at && out.size() < n; at = cron.value().next(*at, zone)) out.push_back(*at);
  return out;
}

}  // namespace

TEST_CASE("a cron expression fires at the times of its fields", "[cron]") {
  using Times = std::vector<WallTime>;
  CHECK(firings("*/20 * * * *", utc(2026, 1, 1, 0, 0, 1), 3) == Times{utc(2026, 1, 1, 0, 20), utc(2026, 1, 1, 0, 40), utc(2026, 1, 1, 1, 0)});
  CHECK(firings("0 9-17/4 * * mon-fri", utc(2026, 1, 2, 17), 3) == Times{utc(2026, 1, 5, 9), utc(2026, 1, 5, 13), utc(2026, 1, 5, 17)});
  CHECK(firings("30 4 1,15 * *", utc(2026, 1, 2), 2) == Times{utc(2026, 1, 15, 4, 30), utc(2026, 2, 1, 4, 30)});
  CHECK(firings("0 0 29 2 *", utc(2026, 1, 1), 2) == Times{utc(2028, 2, 29), utc(2032, 2, 29)});
  CHECK(firings("0 0 * * 7", utc(2026, 1, 1), 1) == firings("0 0 * * SUN", utc(2026, 1, 1), 1));
  CHECK(firings("@daily", utc(2026, 1, 1), 1) == Times{utc(2026, 1, 2)});
  CHECK(firings("@hourly", utc(2026, 1, 1, 5, 59, 59), 1) == Times{utc(2026, 1, 1, 6)});
  CHECK(firings("5 0 * aug *", utc(2026, 8, 31, 0, 5), 1) == Times{utc(2027, 8, 1, 0, 5)});
}

TEST_CASE("either of two restricted days is enough, one that begins with a star restricts together with the other", "[cron]") {
  using Times = std::vector<WallTime>;
  // POSIX: "0 0 1,15 * 1" runs on the first and fifteenth and on every Monday.
  CHECK(firings("0 0 1,15 * 1", utc(2026, 6, 1), 3) == Times{utc(2026, 6, 8), utc(2026, 6, 15), utc(2026, 6, 22)});
  CHECK(firings("0 0 */2 * 1", utc(2026, 6, 1), 2) == Times{utc(2026, 6, 15), utc(2026, 6, 29)});
}

TEST_CASE("what is no cron expression is refused with the field at fault", "[cron]") {
  const std::pair<const char*, const char*> bad[] = {
      {"", "0 fields"},           {"* * * *", "4 fields"},       {"* * * * * *", "6 fields"},      {"60 * * * *", "minute"},
      {"* 24 * * *", "hour"},     {"* * 0 * *", "day of the month"}, {"* * * 13 *", "month"},      {"* * * * 8", "day of the week"},
      {"*/0 * * * *", "minute"},  {"5-1 * * * *", "ends before"}, {"1/2 * * * *", "a range"},      {"a * * * *", "no number"},
      {"1, * * * *", "no number"}, {"* * * foo *", "month"},     {"0 0 30 2 *", "never"},          {"0 0 31 4,6 *", "never"},
      {"@reboot", "1 fields"},    {"99999999999 * * * *", "no number"}};
  for (const auto& [text, word] : bad) {
    const auto cron = Cron::parse(text);
    INFO(text);
    REQUIRE_FALSE(cron);
    CHECK(cron.error().code == Code::InvalidArgument);
    CHECK_THAT(cron.error().message, Catch::Contains(word));
  }
  CHECK_FALSE(Cron::parse(std::string(100'000, '*')));
}

TEST_CASE("a time that the clocks skip fires when they have been set, once", "[cron]") {
  using Times = std::vector<WallTime>;
  const Berlin zone;
  // 02:00 to 03:00 does not exist on 29 March.
  CHECK(firings("30 2 * * *", utc(2026, 3, 28, 12), 2, zone) == Times{utc(2026, 3, 29, 1), utc(2026, 3, 30, 0, 30)});
  CHECK(firings("0,15,45 2 * * *", utc(2026, 3, 28, 12), 2, zone) == Times{utc(2026, 3, 29, 1), utc(2026, 3, 30, 0)});
  CHECK(firings("0 3 * * *", utc(2026, 3, 28, 12), 1, zone) == Times{utc(2026, 3, 29, 1)});
  // What goes by the time that passes knows no gap.
  CHECK(firings("30 * * * *", utc(2026, 3, 29, 0, 0), 3, zone) == Times{utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 2, 30)});
}

TEST_CASE("a time that the clocks repeat fires the first time only", "[cron]") {
  using Times = std::vector<WallTime>;
  const Berlin zone;
  // 02:00 to 03:00 comes twice on 25 October, first at 00:00 UTC.
  CHECK(firings("30 2 * * *", utc(2026, 10, 24, 12), 2, zone) == Times{utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)});
  CHECK(firings("30 2 * * *", utc(2026, 10, 25, 1, 10), 1, zone) == Times{utc(2026, 10, 26, 1, 30)});
  CHECK(firings("0 3 * * *", utc(2026, 10, 24, 12), 1, zone) == Times{utc(2026, 10, 25, 2)});
  CHECK(firings("30 * * * *", utc(2026, 10, 25, 0, 0), 3, zone) == Times{utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2, 30)});
}

TEST_CASE("the next firing depends on the time alone, not on where one looks from", "[cron]") {
  const Berlin zone;
  for (const char* text : {"*/7 * * * *", "30 2 * * *", "10,50 1-3 * * *", "0 */2 25-29 3,10 *"}) {
    const auto cron = Cron::parse(text).value();
    for (const WallTime begin : {utc(2026, 3, 28, 22), utc(2026, 10, 24, 22)}) {
      auto expected = cron.next(begin, zone);
      for (WallTime at = begin; at < begin + std::chrono::hours(8); at += std::chrono::seconds(419)) {
        while (expected && *expected <= at) expected = cron.next(*expected, zone);
        INFO(text);
        CHECK(cron.next(at, zone) == expected);
      }
    }
  }
}
