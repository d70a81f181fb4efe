#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "application/probe.hpp"
#include "domain/target_order.hpp"
#include "libs/async/guarded.hpp"
#include "libs/base/circuit_breaker.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {

/// One circuit breaker for each upstream (so for each of its keys), how long it wants to be left alone, and how quick it
/// is; shared by all threads. Thread-safe.
class Breakers {
 public:
  Breakers(std::size_t upstreams, Probe& probe)
      : breakers_(upstreams), seen_(std::make_unique<Seen[]>(upstreams)), probe_(probe) {}

  CircuitBreaker::Ticket admit(const Upstream& upstream, BootTime now) {
    return breakers_.with([&](auto& all) { return all[upstream.id].admit(now); });
  }
  void success(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.success(ticket); });
  }
  void failure(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.failure(ticket, now); });
  }
  void abandon(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.abandon(ticket); });
  }
  /// It said when to come back: until then others are preferred.
  void rest(const Upstream& upstream, BootTime until) { seen_[upstream.id].rest_until = until.time_since_epoch().count(); }
  void took(const Upstream& upstream, std::chrono::nanoseconds latency) {
    auto& average = seen_[upstream.id].latency_us;
    const std::int64_t fresh = std::max<std::int64_t>(1, latency.count() / 1000);
    const std::int64_t old = average.load(std::memory_order_relaxed);
    // A lost update costs one sample.
    average.store(old == 0 ? fresh : old + (fresh - old) / 8, std::memory_order_relaxed);
  }
  TargetHealth health(const Upstream& upstream, BootTime now) const {
    const Seen& seen = seen_[upstream.id];
    TargetHealth known;
    known.resting = seen.rest_until.load() > now.time_since_epoch().count() || state(upstream, now) == CircuitBreaker::State::Open;
    known.latency_us = seen.latency_us.load(std::memory_order_relaxed);
    return known;
  }
  CircuitBreaker::State state(const Upstream& upstream, BootTime now) const {
    return breakers_.with([&](const auto& all) { return all[upstream.id].state(now); });
  }

 private:
  template <class F>
  void tell(const Upstream& upstream, BootTime now, F&& f) {
    const auto [before, after] = breakers_.with([&](auto& all) {
      auto& breaker = all[upstream.id];
      const auto old = breaker.state(now);
      f(breaker);
      return std::pair(old, breaker.state(now));
    });
    if (before == after) return;
    if (after == CircuitBreaker::State::Open) log::warn("breaker of an upstream", {{"upstream", upstream.name}, {"state", name(after)}});
    else log::info("breaker of an upstream", {{"upstream", upstream.name}, {"state", name(after)}});
    probe_.breaker(upstream, after == CircuitBreaker::State::Closed ? 0 : after == CircuitBreaker::State::HalfOpen ? 1 : 2);
  }

  struct Seen {
    std::atomic<std::int64_t> rest_until{0};  // boot time in nanoseconds
    std::atomic<std::int64_t> latency_us{0};
  };
  async::Guarded<std::vector<CircuitBreaker>> breakers_;
  std::unique_ptr<Seen[]> seen_;
  Probe& probe_;
};

}  // namespace swarm::gateway
