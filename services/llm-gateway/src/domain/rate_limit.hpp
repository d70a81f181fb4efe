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
  void begin(BootTime now, std::int64_t tokens);
  void end(std::int64_t expected_tokens, std::int64_t real_tokens);
  RateView view(BootTime now) const;
  bool any() const { return limits_.any(); }

 private:
  RateLimits limits_;
  LeakyBucket requests_;
  LeakyBucket tokens_;
  std::int64_t in_flight_ = 0;
};

}  // namespace swarm::gateway
