#include "domain/interval.hpp"

#include <algorithm>
#include <cmath>

namespace swarm::analyst::domain {

namespace {

constexpr double kZ = 1.959964;

}  // namespace

Estimate wilson(const Share& share) {
  if (share.trials <= 0) return {0, 0, 1};
  const auto n = static_cast<double>(share.trials);
  const double p = std::clamp(share.value(), 0.0, 1.0);
  const double middle = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {p, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

Estimate difference(const Share& a, const Share& b) {
  if (a.trials <= 0 || b.trials <= 0) return {0, -1, 1};
  const Estimate x = wilson(a), y = wilson(b);
  const double d = x.value - y.value;
  return {d, d - std::hypot(x.value - x.low, y.high - y.value), d + std::hypot(x.high - x.value, y.value - y.low)};
}

}  // namespace swarm::analyst::domain
