#pragma once

#include <chrono>
#include <cstdint>

#include "libs/base/clock.hpp"

namespace swarm::gateway {

/// What a key may ask for; 0: no limit.
struct RateLimits {
  std::int64_t requests_per_minute = 0;
  std::int64_t tokens_per_minute = 0;
  std::int64_t parallel = 0;
  std::chrono::milliseconds queue_time{0};  // how long a request may wait for its turn; 0: it is refused at once
  std::int64_t queue_max = 100;             // requests that may wait at a time
  friend bool operator==(const RateLimits&, const RateLimits&) = default;
  bool any() const { return requests_per_minute > 0 || tokens_per_minute > 0 || parallel > 0; }
};

/// A leaky bucket by its theoretical arrival time (GCRA): a minute's worth at once, then an even trickle; 16 bytes and no
/// timer. Pure, single-threaded.
class LeakyBucket {
 public:
  explicit LeakyBucket(std::int64_t per_minute) : per_minute_(per_minute) {}

  std::int64_t limit() const { return per_minute_; }
  /// How long until `n` fit; zero when they do now. More than the whole bucket holds counts as all of it.
  std::chrono::nanoseconds wait(BootTime now, std::int64_t n) const;
  void take(BootTime now, std::int64_t n);
  /// Corrects a take() that turned out to be too much or (negative) too little.
  void give_back(std::int64_t n);
  std::int64_t remaining(BootTime now) const;
  /// Until the bucket is full again.
  std::chrono::nanoseconds reset(BootTime now) const;

 private:
  std::chrono::nanoseconds span(std::int64_t n) const;
  std::int64_t per_minute_;
  BootTime arrival_{};
};

enum class RateReason : std::uint8_t { None, Requests, Tokens, Parallel };

/// What callers are told with each answer.
struct RateView {
  std::int64_t requests_limit = 0;
  std::int64_t requests_remaining = 0;
  std::chrono::nanoseconds requests_reset{};
  std::int64_t tokens_limit = 0;
  std::int64_t tokens_remaining = 0;
  std::chrono::nanoseconds tokens_reset{};
};

/// One key's limits and how far they are used. Pure, single-threaded.
class RateGauge {
 public:
  explicit RateGauge(RateLimits limits)
      : limits_(limits), requests_(limits.requests_per_minute), tokens_(limits.tokens_per_minute) {}

  struct Verdict {
    RateReason reason = RateReason::None;
    std::chrono::nanoseconds wait{};
  };
  /// Changes nothing, so that a request which a budget refuses afterwards has not been counted.
  Verdict look(BootTime now, std::int64_t tokens) const;
  /// True when a request with that verdict may wait for its turn and has waited for less than it may; then it counts as
  /// waiting until leave_queue().
  bool enter_queue(const Verdict& verdict);
  void leave_queue() { --waiting_; }
  const RateLimits& limits() const { return limits_; }
  void begin(BootTime now, std::int64_t tokens);
  void end(std::int64_t expected_tokens, std::int64_t real_tokens);
  RateView view(BootTime now) const;
  bool any() const { return limits_.any(); }
  /// Other limits from now on. What is in flight stays counted; buckets whose size changed begin full.
  void change(RateLimits limits);

 private:
  RateLimits limits_;
  LeakyBucket requests_;
  LeakyBucket tokens_;
  std::int64_t in_flight_ = 0;
  std::int64_t waiting_ = 0;
};

}  // namespace swarm::gateway
