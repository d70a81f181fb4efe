#include "libs/base/circuit_breaker.hpp"

#include <algorithm>

#include "libs/base/check.hpp"

namespace swarm {

CircuitBreaker::CircuitBreaker(BreakerPolicy policy) : policy_(policy), wait_(policy.open_for) {
  SWARM_CHECK(policy.failures_to_open > 0 && policy.probes_max > 0 && policy.successes_to_close > 0,
              "a breaker needs positive counts");
}

CircuitBreaker::Ticket CircuitBreaker::admit(BootTime now) {
  if (state_ == State::Open && now >= open_until_) enter(State::HalfOpen);
  switch (state_) {
    case State::Closed:
      return epoch_;
    case State::Open:
      return kRefused;
    case State::HalfOpen:
      if (probes_ >= policy_.probes_max) return kRefused;
      ++probes_;
      return epoch_;
  }
  return kRefused;
}

void CircuitBreaker::success(Ticket ticket) {
  if (ticket != epoch_) return;
  if (state_ == State::Closed) {
    failures_ = 0;
    return;
  }
  --probes_;
  if (++successes_ < policy_.successes_to_close) return;
  wait_ = policy_.open_for;
  enter(State::Closed);
}

void CircuitBreaker::failure(Ticket ticket, BootTime now) {
  if (ticket != epoch_) return;
  if (state_ == State::HalfOpen) {
    wait_ = std::min(wait_ * 2, policy_.open_for_max);
    open(now);
  } else if (state_ == State::Closed && ++failures_ >= policy_.failures_to_open) {
    open(now);
  }
}

void CircuitBreaker::abandon(Ticket ticket) {
  if (ticket == epoch_ && state_ == State::HalfOpen) --probes_;
}

CircuitBreaker::State CircuitBreaker::state(BootTime now) const {
  return state_ == State::Open && now >= open_until_ ? State::HalfOpen : state_;
}

BootTime CircuitBreaker::retry_at(BootTime now) const {
  return state_ == State::Open ? std::max(now, open_until_) : now;
}

void CircuitBreaker::enter(State state) {
  state_ = state;
  // Never kRefused, also after four thousand million changes.
  if (++epoch_ == kRefused) ++epoch_;
  failures_ = successes_ = probes_ = 0;
}

void CircuitBreaker::open(BootTime now) {
  enter(State::Open);
  open_until_ = now + wait_;
  ++times_opened_;
}

std::string_view name(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::Closed: return "closed";
    case CircuitBreaker::State::Open: return "open";
    case CircuitBreaker::State::HalfOpen: return "half_open";
  }
  return "unknown";
}

}  // namespace swarm
