#include "domain/rate_limit.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

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
  CHECK(gauge.enter_queue(busy, 0, 1));
  CHECK_FALSE(gauge.enter_queue(busy, 0, 2));
  gauge.leave_queue(7);
  CHECK(gauge.queued() == 1);
  gauge.leave_queue(1);
  CHECK(gauge.enter_queue(busy, 0, 3));
  gauge.leave_queue(3);
  CHECK_FALSE(gauge.enter_queue({RateReason::Requests, 3s}, 0, 4));
  CHECK(gauge.enter_queue({RateReason::Requests, 1s}, 0, 5));
  limits.queue_time = 0s;
  gauge.change(limits);
  CHECK_FALSE(gauge.enter_queue(busy, 0, 6));
}

TEST_CASE("who came first is next, and nobody passes by", "[rate]") {
  RateLimits limits;
  limits.parallel = 2;
  limits.queue_time = 10s;
  RateGauge gauge(limits);
  gauge.begin(kStart, 0);
  gauge.begin(kStart, 0);
  for (Turn turn = 1; turn <= 3; ++turn) REQUIRE(gauge.enter_queue(gauge.look(kStart, 0), 0, turn));
  CHECK(gauge.first() == 1);
  CHECK(gauge.look(kStart, 0, 3).ahead == 2);
  gauge.end(0, 0);
  CHECK(gauge.look(kStart, 0).reason == RateReason::Parallel);
  CHECK(gauge.look(kStart, 0, 2).reason == RateReason::Parallel);
  CHECK(gauge.look(kStart, 0, 1).reason == RateReason::None);
  gauge.end(0, 0);
  // Both places are free: the second need not wait until the first has noticed, the third must.
  CHECK(gauge.look(kStart, 0, 2).reason == RateReason::None);
  CHECK(gauge.look(kStart, 0, 3).reason == RateReason::Parallel);
  gauge.leave_queue(1);
  CHECK(gauge.first() == 2);
  CHECK(gauge.look(kStart, 0, 3).reason == RateReason::None);
}

TEST_CASE("a small request waits behind a large one that came first", "[rate]") {
  RateLimits limits;
  limits.tokens_per_minute = 1000;
  limits.queue_time = 60s;
  RateGauge gauge(limits);
  gauge.begin(kStart, 500);
  const auto large = gauge.look(kStart, 1000);
  REQUIRE(large.reason == RateReason::Tokens);
  REQUIRE(gauge.enter_queue(large, 1000, 1));
  const auto small = gauge.look(kStart, 10);
  CHECK(small.reason == RateReason::Tokens);
  CHECK(small.wait > large.wait);
  CHECK(gauge.look(kStart + large.wait, 1000, 1).reason == RateReason::None);
  gauge.leave_queue(1);
  CHECK(gauge.look(kStart, 10).reason == RateReason::None);
}

TEST_CASE("in any order of coming and going each waits for those before it only", "[rate][property]") {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937 random(seed);
    RateLimits limits;
    limits.parallel = 3;
    limits.queue_time = 1h;
    RateGauge gauge(limits);
    std::vector<Turn> waiting;
    std::size_t running = 0;
    Turn last = 0;
    for (int step = 0; step < 2'000; ++step) {
      const auto what = random() % 3;
      if (what == 0 && waiting.size() < 50) {
        const auto verdict = gauge.look(kStart, 0);
        if (verdict.reason == RateReason::None) {
          gauge.begin(kStart, 0);
          ++running;
        } else {
          REQUIRE(gauge.enter_queue(verdict, 0, ++last));
          waiting.push_back(last);
        }
      } else if (what == 1 && running > 0) {
        gauge.end(0, 0);
        --running;
      } else if (!waiting.empty()) {
        // Whoever wakes first, the first of all may always go when there is room.
        const std::size_t who = random() % waiting.size();
        const bool may = gauge.look(kStart, 0, waiting[who]).reason == RateReason::None;
        REQUIRE(may == (running + who < 3));
        if (may) {
          gauge.begin(kStart, 0);
          ++running;
        }
        if (may || random() % 8 == 0) {
          gauge.leave_queue(waiting[who]);
          waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(who));
        }
      }
      REQUIRE(gauge.queued() == waiting.size());
      REQUIRE(gauge.first() == (waiting.empty() ? 0 : waiting.front()));
    }
  }
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
