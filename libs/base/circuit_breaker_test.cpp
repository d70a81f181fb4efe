#include "libs/base/circuit_breaker.hpp"

#include <catch2/catch.hpp>

#include <random>

namespace swarm {
namespace {

using std::chrono::seconds;

BootTime at(int second) { return BootTime(seconds(second)); }

CircuitBreaker opened_at(int second, BreakerPolicy policy = {}) {
  CircuitBreaker breaker(policy);
  for (int i = 0; i < policy.failures_to_open; ++i) breaker.failure(breaker.admit(at(second)), at(second));
  return breaker;
}

TEST_CASE("a breaker opens after failures in a row, not after scattered ones", "[breaker]") {
  CircuitBreaker breaker;
  for (int i = 0; i < 20; ++i) {
    breaker.failure(breaker.admit(at(0)), at(0));
    breaker.success(breaker.admit(at(0)));
  }
  REQUIRE(breaker.state(at(0)) == CircuitBreaker::State::Closed);
  for (int i = 0; i < 5; ++i) breaker.failure(breaker.admit(at(0)), at(0));
  REQUIRE(breaker.state(at(0)) == CircuitBreaker::State::Open);
  REQUIRE(breaker.admit(at(0)) == CircuitBreaker::kRefused);
  REQUIRE(breaker.retry_at(at(0)) == at(1));
  REQUIRE(breaker.times_opened() == 1);
}

TEST_CASE("a half-open breaker lets only its probes through and closes on success", "[breaker]") {
  auto breaker = opened_at(0);
  const auto probe = breaker.admit(at(1));
  REQUIRE(probe != CircuitBreaker::kRefused);
  REQUIRE(breaker.admit(at(1)) == CircuitBreaker::kRefused);
  breaker.success(probe);
  REQUIRE(breaker.state(at(1)) == CircuitBreaker::State::Closed);
  REQUIRE(breaker.admit(at(1)) != CircuitBreaker::kRefused);
}

TEST_CASE("failed probes double the waiting time up to its limit, a success starts it again", "[breaker]") {
  BreakerPolicy policy;
  policy.open_for_max = seconds(4);
  auto breaker = opened_at(0, policy);
  int now = 0;
  for (const int wait : {1, 2, 4, 4}) {
    REQUIRE(breaker.retry_at(at(now)) == at(now + wait));
    now += wait;
    breaker.failure(breaker.admit(at(now)), at(now));
  }
  now += 4;
  breaker.success(breaker.admit(at(now)));
  for (int i = 0; i < 5; ++i) breaker.failure(breaker.admit(at(now)), at(now));
  REQUIRE(breaker.retry_at(at(now)) == at(now + 1));
}

TEST_CASE("an abandoned probe gives its place to the next one", "[breaker]") {
  auto breaker = opened_at(0);
  breaker.abandon(breaker.admit(at(1)));
  REQUIRE(breaker.admit(at(1)) != CircuitBreaker::kRefused);
}

TEST_CASE("answers to calls of an earlier state count for nothing", "[breaker]") {
  CircuitBreaker breaker;
  const auto slow = breaker.admit(at(0));
  for (int i = 0; i < 5; ++i) breaker.failure(breaker.admit(at(0)), at(0));
  breaker.success(slow);
  REQUIRE(breaker.state(at(0)) == CircuitBreaker::State::Open);
  const auto probe = breaker.admit(at(1));
  breaker.failure(slow, at(1));
  breaker.abandon(slow);
  REQUIRE(breaker.state(at(1)) == CircuitBreaker::State::HalfOpen);
  REQUIRE(breaker.admit(at(1)) == CircuitBreaker::kRefused);
  breaker.success(probe);
  REQUIRE(breaker.state(at(1)) == CircuitBreaker::State::Closed);
}

TEST_CASE("whatever happens, probes in flight never exceed their budget and it can always close", "[breaker]") {
  std::mt19937 random(7);
  BreakerPolicy policy;
  policy.probes_max = 3;
  policy.successes_to_close = 2;
  CircuitBreaker breaker(policy);
  std::vector<CircuitBreaker::Ticket> open;
  BootTime now = at(0);
  for (int step = 0; step < 20'000; ++step) {
    now += std::chrono::milliseconds(random() % 200);
    if (random() % 2 == 0) {
      if (const auto ticket = breaker.admit(now)) open.push_back(ticket);
    } else if (!open.empty()) {
      const auto i = random() % open.size();
      const auto ticket = open[i];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
      const auto what = random() % 3;
      if (what == 0) breaker.success(ticket);
      if (what == 1) breaker.failure(ticket, now);
      if (what == 2) breaker.abandon(ticket);
    }
  }
  for (const auto ticket : open) breaker.abandon(ticket);
  now += seconds(31);
  for (int i = 0; i < 2; ++i) breaker.success(breaker.admit(now));
  REQUIRE(breaker.state(now) == CircuitBreaker::State::Closed);
}

}  // namespace
}  // namespace swarm
