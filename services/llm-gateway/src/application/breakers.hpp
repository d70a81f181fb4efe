#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "application/probe.hpp"
#include "domain/target_order.hpp"
#include "libs/async/guarded.hpp"
#include "libs/base/circuit_breaker.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::gateway {

/// One circuit breaker for each upstream (so for each of its keys), how long it wants to be left alone, how quick it is, and
/// what keeps calls from getting through; shared by all threads, and by the editions of the configuration in which the
/// upstream stays the same. Thread-safe.
class Breakers {
 public:
  /// Of an upstream, since the last call that got through: a rest that is over makes nothing well, only a call does.
  struct Trouble {
    std::uint32_t calls = 0;  // that failed, in a row; 0: none
    BootTime since{};
    BootTime last{};
    std::string cause;        // of the last one
  };

  /// `before`: of the edition that this one follows, or null.
  Breakers(const Catalog& catalog, Probe& probe, const Breakers* before) : probe_(probe) {
    for (const Upstream& upstream : catalog.upstreams()) {
      auto known = before != nullptr ? before->health_of(upstream) : nullptr;
      health_.push_back(known ? std::move(known) : std::make_shared<Health>(upstream));
    }
  }

  CircuitBreaker::Ticket admit(const Upstream& upstream, BootTime now) {
    return at(upstream).breaker.with([&](auto& breaker) { return breaker.admit(now); });
  }
  void success(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.success(ticket); });
    Health& seen = at(upstream);
    if (!seen.asked.load(std::memory_order_relaxed)) seen.asked = true;
    if (!seen.troubled.load(std::memory_order_relaxed)) return;
    seen.trouble.with([&](Trouble& trouble) {
      trouble = Trouble{};
      seen.troubled = false;
    });
  }
  void failure(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now, std::string_view cause) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.failure(ticket, now); });
    hinder(upstream, now, cause);
  }
  /// It answers, but not to us: a key that does not count there, a quota that is used up.
  void refusal(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now, std::string_view cause) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.success(ticket); });
    hinder(upstream, now, cause);
  }
  /// A call failed after its answer had begun.
  void broke_off(const Upstream& upstream, BootTime now, std::string_view cause) { hinder(upstream, now, cause); }
  void abandon(const Upstream& upstream, CircuitBreaker::Ticket ticket, BootTime now) {
    tell(upstream, now, [&](CircuitBreaker& breaker) { breaker.abandon(ticket); });
  }
  /// It said when to come back: until then others are preferred.
  void rest(const Upstream& upstream, BootTime until) { at(upstream).rest_until = until.time_since_epoch().count(); }
  void took(const Upstream& upstream, std::chrono::nanoseconds latency) {
    auto& average = at(upstream).latency_us;
    const std::int64_t fresh = std::max<std::int64_t>(1, latency.count() / 1000);
    const std::int64_t old = average.load(std::memory_order_relaxed);
    // A lost update costs one sample.
    average.store(old == 0 ? fresh : old + (fresh - old) / 8, std::memory_order_relaxed);
  }
  TargetHealth health(const Upstream& upstream, BootTime now) const {
    const Health& seen = at(upstream);
    TargetHealth known;
    known.resting = seen.rest_until.load() > now.time_since_epoch().count() || state(upstream, now) == CircuitBreaker::State::Open;
    known.latency_us = seen.latency_us.load(std::memory_order_relaxed);
    return known;
  }
  CircuitBreaker::State state(const Upstream& upstream, BootTime now) const {
    return at(upstream).breaker.with([&](const auto& breaker) { return breaker.state(now); });
  }
  /// Since the start, or since it was configured so.
  bool asked(const Upstream& upstream) const { return at(upstream).asked.load(std::memory_order_relaxed); }
  Trouble trouble(const Upstream& upstream) const {
    return at(upstream).trouble.with([](const Trouble& trouble) { return trouble; });
  }
  /// Its metric says what it is.
  void show(const Upstream& upstream, BootTime now) {
    const auto is = state(upstream, now);
    probe_.breaker(upstream, is == CircuitBreaker::State::Closed ? 0 : is == CircuitBreaker::State::HalfOpen ? 1 : 2);
  }

 private:
  struct Health {
    explicit Health(const Upstream& of) : endpoint(of) {}
    Upstream endpoint;
    async::Guarded<CircuitBreaker> breaker;
    std::atomic<std::int64_t> rest_until{0};  // boot time in nanoseconds
    std::atomic<std::int64_t> latency_us{0};
    std::atomic<bool> asked{false};
    std::atomic<bool> troubled{false};        // trouble.calls > 0; changed under its lock
    async::Guarded<Trouble> trouble;
  };
  static constexpr std::size_t kCauseMax = 200;

  void hinder(const Upstream& upstream, BootTime now, std::string_view cause) {
    Health& seen = at(upstream);
    seen.asked = true;
    seen.trouble.with([&](Trouble& trouble) {
      if (trouble.calls++ == 0) trouble.since = now;
      trouble.last = now;
      trouble.cause = cause.substr(0, kCauseMax);
      seen.troubled = true;
    });
  }

  Health& at(const Upstream& upstream) { return *health_[upstream.id]; }
  const Health& at(const Upstream& upstream) const { return *health_[upstream.id]; }
  std::shared_ptr<Health> health_of(const Upstream& upstream) const {
    const auto found = std::find_if(health_.begin(), health_.end(), [&](const auto& known) { return same_endpoint(known->endpoint, upstream); });
    return found == health_.end() ? nullptr : *found;
  }

  template <class F>
  void tell(const Upstream& upstream, BootTime now, F&& f) {
    const auto [before, after] = at(upstream).breaker.with([&](auto& breaker) {
      const auto old = breaker.state(now);
      f(breaker);
      return std::pair(old, breaker.state(now));
    });
    if (before == after) return;
    if (after == CircuitBreaker::State::Open) log::warn("breaker of an upstream", {{"upstream", upstream.name}, {"state", name(after)}});
    else log::info("breaker of an upstream", {{"upstream", upstream.name}, {"state", name(after)}});
    show(upstream, now);
  }

  std::vector<std::shared_ptr<Health>> health_;
  Probe& probe_;
};

}  // namespace swarm::gateway
