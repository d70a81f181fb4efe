#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

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
  /// How long until `n` fit behind the `ahead` that are to be taken before; zero when they do now. An `n` of more than the
  /// whole bucket holds counts as all of it.
  std::chrono::nanoseconds wait(BootTime now, std::int64_t n, std::int64_t ahead = 0) const;
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

/// A request's place in a queue, the only one of its number; 0: none.
using Turn = std::uint64_t;

/// One key's limits, how far they are used, and who waits for them, first come first served: a request passes only if all
/// that wait before it would fit as well. Pure, single-threaded.
class RateGauge {
 public:
  explicit RateGauge(RateLimits limits)
      : limits_(limits), requests_(limits.requests_per_minute), tokens_(limits.tokens_per_minute) {}

  struct Verdict {
    RateReason reason = RateReason::None;
    std::chrono::nanoseconds wait{};
    std::size_t ahead = 0;  // requests that wait before it
  };
  /// Changes nothing, so that a request which a budget refuses afterwards has not been counted. `turn`: its place in the
  /// queue; without one, all that wait are before it.
  Verdict look(BootTime now, std::int64_t tokens, Turn turn = 0) const;
  /// To the queue's end; false: there is no room, or the turn would come too late.
  bool enter_queue(const Verdict& verdict, std::int64_t tokens, Turn turn);
  /// Wherever it stands there; nothing happens when it does not.
  void leave_queue(Turn turn);
  /// Whose turn is next; 0: nobody waits.
  Turn first() const { return queue_.empty() ? 0 : queue_.front().turn; }
  std::size_t queued() const { return queue_.size(); }
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
  struct Waiting {
    Turn turn;
    std::int64_t tokens;
  };
  std::deque<Waiting> queue_;  // at most queue_max
};

}  // namespace swarm::gateway
