#include "libs/http/date.hpp"

#include <catch2/catch.hpp>

namespace swarm::http {
namespace {

WallTime at(std::int64_t second) { return WallTime(std::chrono::seconds(second)); }

TEST_CASE("a date reads as HTTP wants it, whatever came before", "[http]") {
  REQUIRE(date(at(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  REQUIRE(date(at(784111777) + std::chrono::milliseconds(999)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  REQUIRE(date(at(951782400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
  REQUIRE(date(at(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
}

}  // namespace
}  // namespace swarm::http
