#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "libs/base/clock.hpp"

namespace swarm {

/// When a breaker opens and how it closes again.
struct BreakerPolicy {
  int failures_to_open = 5;                       // in a row
  std::chrono::nanoseconds open_for = std::chrono::seconds(1);       // the first time
  std::chrono::nanoseconds open_for_max = std::chrono::seconds(30);  // doubled at each failed probe up to this
  int probes_max = 1;                             // calls at a time while half-open
  int successes_to_close = 1;                     // of probes, in a row
};

/// Guards a remote dependency: closed (calls pass) → open (calls are refused without trying) → half-open (a few probes
/// pass) → closed or open again. A pure state machine: no clock, no locks, time is an argument. Not thread-safe: keep it
/// on one thread or in async::Guarded. Every admitted call must be answered by exactly one success(), failure() or
/// abandon(), with the ticket that admit() gave; a ticket from before the last change of state is counted for nothing,
/// so that a slow call of the past can neither open nor close it.
class CircuitBreaker {
 public:
  enum class State : std::uint8_t { Closed, Open, HalfOpen };
  using Ticket = std::uint32_t;
  static constexpr Ticket kRefused = 0;

  explicit CircuitBreaker(BreakerPolicy policy = {});

  /// kRefused when the call must not be tried now.
  Ticket admit(BootTime now);
  void success(Ticket ticket);
  void failure(Ticket ticket, BootTime now);
  /// The call ended without saying anything about the dependency (e.g. the client left).
  void abandon(Ticket ticket);

  /// Half-open as soon as the waiting time is over, though no call has come yet.
  State state(BootTime now) const;
  /// When an open breaker lets the next probe through; `now` when it is not open.
  BootTime retry_at(BootTime now) const;
  /// How often it opened.
  std::uint64_t times_opened() const { return times_opened_; }

 private:
  void enter(State state);
  void open(BootTime now);

  BreakerPolicy policy_;
  State state_ = State::Closed;
  Ticket epoch_ = 1;
  int failures_ = 0;
  int successes_ = 0;
  int probes_ = 0;
  std::chrono::nanoseconds wait_;
  BootTime open_until_{};
  std::uint64_t times_opened_ = 0;
};

/// closed, open, half_open.
std::string_view name(CircuitBreaker::State state);

}  // namespace swarm
