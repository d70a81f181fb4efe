#include "adapters/tzdata/zone_files.hpp"

#include <catch2/catch.hpp>

#include "domain/cron.hpp"

using namespace swarm;
using namespace swarm::orchestrator;

namespace {

WallTime utc(int year, unsigned month, unsigned day, int hour, int minute = 0) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute));
}

}  // namespace

TEST_CASE("zones are found by their names, and nothing else is opened", "[tzdata]") {
  const tzdata::ZoneFiles zones;
  CHECK(zones.find("UTC"));
  CHECK(zones.find("Europe/Berlin"));
  CHECK(zones.find("Etc/GMT+5"));
  for (const char* bad : {"", "Mars/Olympus", "/etc/passwd", "../../etc/passwd", "Europe/", "Europe/Berlin\n", "localtime", "CET;x"}) {
    INFO(bad);
    CHECK_FALSE(zones.find(bad));
  }
  CHECK_FALSE(zones.find(std::string(5'000, 'a')));
}

TEST_CASE("a zone file's changes of the clock are where cron sees them", "[tzdata]") {
  const tzdata::ZoneFiles zones;
  const auto berlin = zones.find("Europe/Berlin");
  REQUIRE(berlin);
  const auto daily = Cron::parse("30 2 * * *").value();
  CHECK(*daily.next(utc(2026, 3, 28, 12), *berlin) == utc(2026, 3, 29, 1));        // skipped
  CHECK(*daily.next(utc(2026, 10, 24, 12), *berlin) == utc(2026, 10, 25, 0, 30));  // repeated
  CHECK(*daily.next(utc(2026, 10, 25, 0, 30), *berlin) == utc(2026, 10, 26, 1, 30));
  CHECK(*daily.next(utc(2050, 7, 1, 12), *berlin) == utc(2050, 7, 2, 0, 30));      // by the rule after the table's end
  const auto kathmandu = zones.find("Asia/Kathmandu");
  REQUIRE(kathmandu);
  CHECK(*Cron::parse("0 6 * * *").value().next(utc(2026, 1, 1, 0), *kathmandu) == utc(2026, 1, 1, 0, 15));
}
