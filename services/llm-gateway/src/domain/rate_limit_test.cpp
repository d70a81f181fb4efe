#include "domain/rate_limit.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace swarm::gateway {
namespace {

using namespace std::chrono_literals;
const BootTime kStart = BootTime(1h);

TEST_CASE("a bucket gives a minute's worth at once and then an even trickle", "[rate]") {
  LeakyBucket bucket(60);
  for (int i = 0; i < 60; ++i) {
    REQUIRE(bucket.wait(kStart, 1) == 0ns);
    bucket.take(kStart, 1);
  }
  REQUIRE(bucket.remaining(kStart) == 0);
  REQUIRE(bucket.wait(kStart, 1) == 1s);
  REQUIRE(bucket.reset(kStart) == 60s);
  REQUIRE(bucket.wait(kStart + 1s, 1) == 0ns);
  REQUIRE(bucket.remaining(kStart + 30s) == 30);
}

TEST_CASE("what was taken too much is given back, what was taken too little is owed", "[rate]") {
  LeakyBucket bucket(1000);
  bucket.take(kStart, 500);
  bucket.give_back(400);
  REQUIRE(bucket.remaining(kStart) == 900);
  bucket.give_back(-900);
  REQUIRE(bucket.remaining(kStart) == 0);
  bucket.give_back(-1000);
  REQUIRE(bucket.wait(kStart, 1) > 60s);
}

TEST_CASE("more than the bucket holds fits a full bucket only", "[rate]") {
  LeakyBucket bucket(100);
  REQUIRE(bucket.wait(kStart, 5000) == 0ns);
  bucket.take(kStart, 1);
  REQUIRE(bucket.wait(kStart, 5000) > 0ns);
}

TEST_CASE("no limit never waits", "[rate]") {
  RateGauge gauge(RateLimits{});
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(gauge.look(kStart, 1'000'000).reason == RateReason::None);
    gauge.begin(kStart, 1'000'000);
  }
}

TEST_CASE("requests in parallel are counted until they end", "[rate]") {
  RateGauge gauge(RateLimits{0, 0, 2});
  gauge.begin(kStart, 1);
  gauge.begin(kStart, 1);
  REQUIRE(gauge.look(kStart, 1).reason == RateReason::Parallel);
  gauge.end(1, 1);
  REQUIRE(gauge.look(kStart, 1).reason == RateReason::None);
}

TEST_CASE("over any minute no more than twice the rate comes through", "[rate][property]") {
  std::mt19937 random(1);
  LeakyBucket bucket(600);
  BootTime now = kStart;
  std::int64_t passed = 0;
  while (now < kStart + 600s) {
    now += std::chrono::milliseconds(random() % 40);
    if (bucket.wait(now, 1).count() > 0) continue;
    bucket.take(now, 1);
    ++passed;
  }
  REQUIRE(passed <= 600 * 10 + 600);
  REQUIRE(passed >= 600 * 10);
}

TEST_CASE("a request may wait for its turn where there is room and it is worth it", "[rate]") {
  RateLimits limits;
  limits.requests_per_minute = 60;
  limits.parallel = 1;
  limits.queue_time = 2s;
  limits.queue_max = 1;
  RateGauge gauge(limits);
  gauge.begin(kStart, 0);
  const auto busy = gauge.look(kStart, 0);
  REQUIRE(busy.reason == RateReason::Parallel);
  CHECK(gauge.enter_queue(busy));
  CHECK_FALSE(gauge.enter_queue(busy));
  gauge.leave_queue();
  CHECK(gauge.enter_queue(busy));
  gauge.leave_queue();
  CHECK_FALSE(gauge.enter_queue({RateReason::Requests, 3s}));
  CHECK(gauge.enter_queue({RateReason::Requests, 1s}));
  limits.queue_time = 0s;
  gauge.change(limits);
  CHECK_FALSE(gauge.enter_queue(busy));
}

TEST_CASE("limits that change keep what is in flight", "[rate]") {
  RateLimits limits;
  limits.parallel = 5;
  RateGauge gauge(limits);
  for (int i = 0; i < 3; ++i) gauge.begin(kStart, 10);
  limits.parallel = 2;
  limits.requests_per_minute = 100;
  gauge.change(limits);
  CHECK(gauge.look(kStart, 1).reason == RateReason::Parallel);
  gauge.end(10, 10);
  gauge.end(10, 10);
  CHECK(gauge.look(kStart, 1).reason == RateReason::None);
}

}  // namespace
}  // namespace swarm::gateway
