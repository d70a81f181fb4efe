#include "domain/rate_limit.hpp"

#include <algorithm>

namespace swarm::gateway {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::int64_t kCountMax = 100'000'000;  // times a minute in nanoseconds still fits 64 bits
constexpr std::chrono::nanoseconds kParallelWait = std::chrono::seconds(1);

}  // namespace

std::chrono::nanoseconds LeakyBucket::span(std::int64_t n) const {
  return std::chrono::nanoseconds(std::clamp(n, -kCountMax, kCountMax) * kMinute / per_minute_);
}

std::chrono::nanoseconds LeakyBucket::wait(BootTime now, std::int64_t n, std::int64_t ahead) const {
  if (per_minute_ <= 0) return {};
  const BootTime after = std::max(arrival_, now) + span(ahead + std::min(n, per_minute_));
  return std::max(std::chrono::nanoseconds(0), after - now - std::chrono::nanoseconds(kMinute));
}

void LeakyBucket::take(BootTime now, std::int64_t n) {
  if (per_minute_ > 0) arrival_ = std::max(arrival_, now) + span(n);
}

void LeakyBucket::give_back(std::int64_t n) {
  if (per_minute_ > 0) arrival_ -= span(n);
}

std::int64_t LeakyBucket::remaining(BootTime now) const {
  if (per_minute_ <= 0) return 0;
  const auto used = std::max(arrival_, now) - now;
  const auto left = std::max<std::int64_t>(0, kMinute - used.count());
  // In two steps, since left times per_minute_ may not fit.
  return left / 1000 * per_minute_ / (kMinute / 1000);
}

std::chrono::nanoseconds LeakyBucket::reset(BootTime now) const {
  return std::max(std::chrono::nanoseconds(0), arrival_ - now);
}

RateGauge::Verdict RateGauge::look(BootTime now, std::int64_t tokens, Turn turn) const {
  std::size_t ahead = 0;
  std::int64_t tokens_ahead = 0;
  for (; ahead < queue_.size() && queue_[ahead].turn != turn; ++ahead) tokens_ahead += queue_[ahead].tokens;
  const auto requests_ahead = static_cast<std::int64_t>(ahead);
  if (limits_.parallel > 0 && in_flight_ + requests_ahead >= limits_.parallel) return {RateReason::Parallel, kParallelWait, ahead};
  if (const auto wait = requests_.wait(now, 1, requests_ahead); wait.count() > 0) return {RateReason::Requests, wait, ahead};
  if (const auto wait = tokens_.wait(now, tokens, tokens_ahead); wait.count() > 0) return {RateReason::Tokens, wait, ahead};
  return {};
}

bool RateGauge::enter_queue(const Verdict& verdict, std::int64_t tokens, Turn turn) {
  if (limits_.queue_time.count() <= 0 || static_cast<std::int64_t>(queue_.size()) >= limits_.queue_max) return false;
  if (verdict.reason != RateReason::Parallel && verdict.wait > limits_.queue_time) return false;
  queue_.push_back({turn, std::min(tokens, std::max<std::int64_t>(limits_.tokens_per_minute, 0))});
  return true;
}

void RateGauge::leave_queue(Turn turn) {
  std::erase_if(queue_, [&](const Waiting& one) { return one.turn == turn; });
}

void RateGauge::begin(BootTime now, std::int64_t tokens) {
  ++in_flight_;
  requests_.take(now, 1);
  tokens_.take(now, tokens);
}

void RateGauge::end(std::int64_t expected_tokens, std::int64_t real_tokens) {
  --in_flight_;
  tokens_.give_back(expected_tokens - real_tokens);
}

void RateGauge::change(RateLimits limits) {
  if (limits.requests_per_minute != limits_.requests_per_minute) requests_ = LeakyBucket(limits.requests_per_minute);
  if (limits.tokens_per_minute != limits_.tokens_per_minute) tokens_ = LeakyBucket(limits.tokens_per_minute);
  limits_ = limits;
}

RateView RateGauge::view(BootTime now) const {
  return {requests_.limit(), requests_.remaining(now), requests_.reset(now),
          tokens_.limit(), tokens_.remaining(now), tokens_.reset(now)};
}

}  // namespace swarm::gateway
