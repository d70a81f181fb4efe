#pragma once

#include <vector>

#include "application/probe.hpp"
#include "libs/async/guarded.hpp"
#include "libs/base/circuit_breaker.hpp"

namespace swarm::gateway {

/// One circuit breaker for each upstream, shared by all threads. Thread-safe.
class Breakers {
 public:
  Breakers(std::size_t upstreams, Probe& probe) : breakers_(upstreams), probe_(probe) {}

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
    probe_.breaker(upstream, after == CircuitBreaker::State::Closed ? 0 : after == CircuitBreaker::State::HalfOpen ? 1 : 2);
  }

  async::Guarded<std::vector<CircuitBreaker>> breakers_;
  Probe& probe_;
};

}  // namespace swarm::gateway
