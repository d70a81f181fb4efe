#include "libs/telemetry/line_quota.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("A flood of lines is cut to the quota, and the next line tells how many were withheld") {
  swarm::log::LineQuota quota(2);
  const std::chrono::steady_clock::time_point t0(10s);
  CHECK(quota.take(t0) == 0);
  CHECK(quota.take(t0 + 1ms) == 0);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(quota.take(t0 + 10ms));
  CHECK(quota.take(t0 + 1s) == 5);
  CHECK(quota.take(t0 + 1s) == 0);
  CHECK_FALSE(quota.take(t0 + 1s));
}
