#include "domain/window.hpp"

#include <catch2/catch.hpp>

namespace swarm::gateway {
namespace {

namespace chr = std::chrono;
using namespace std::chrono_literals;

WallTime utc(int year, unsigned month, unsigned day, chr::seconds time = 0s) {
  return chr::sys_days(chr::year(year) / chr::month(month) / chr::day(day)) + time;
}

TEST_CASE("calendar windows begin and end where the calendar in UTC says", "[window]") {
  REQUIRE(window_at(WindowKind::Hour, utc(2026, 3, 1, 3599s)) == WindowSpan{utc(2026, 3, 1), utc(2026, 3, 1, 3600s)});
  REQUIRE(window_at(WindowKind::Hour, utc(2026, 3, 1, 3600s)).start == utc(2026, 3, 1, 3600s));
  REQUIRE(window_at(WindowKind::Day, utc(2028, 2, 28, 86399s)) == WindowSpan{utc(2028, 2, 28), utc(2028, 2, 29)});
  REQUIRE(window_at(WindowKind::Month, utc(2028, 2, 29, 1s)) == WindowSpan{utc(2028, 2, 1), utc(2028, 3, 1)});
  REQUIRE(window_at(WindowKind::Month, utc(2026, 12, 31, 86399s)).end == utc(2027, 1, 1));
  REQUIRE(window_at(WindowKind::Total, utc(2026, 1, 1)) == WindowSpan{WallTime{}, WallTime::max()});
}

TEST_CASE("every instant lies in the window that it names, and windows touch without gaps", "[window]") {
  for (const auto kind : {WindowKind::Hour, WindowKind::Day, WindowKind::Month}) {
    WallTime now = utc(2026, 1, 1, 12345s);
    for (int i = 0; i < 500; ++i) {
      const auto span = window_at(kind, now);
      REQUIRE(span.start <= now);
      REQUIRE(now < span.end);
      REQUIRE(window_at(kind, span.end).start == span.end);
      REQUIRE(window_at(kind, span.end - 1ns) == span);
      now = span.end + chr::seconds(i);
    }
  }
}

TEST_CASE("window names are read back", "[window]") {
  for (int i = 0; i < kWindowKinds; ++i) REQUIRE(window_kind(name(static_cast<WindowKind>(i))) == static_cast<WindowKind>(i));
  REQUIRE_FALSE(window_kind("week"));
}

}  // namespace
}  // namespace swarm::gateway
