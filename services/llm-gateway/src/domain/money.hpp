#pragma once

#include <cmath>
#include <compare>
#include <cstdint>

namespace swarm::gateway {

/// An amount of US dollars in whole nano-dollars: exact for every published price per token. Settings and prices are
/// bounded so that sums of one window stay far below the 9.2 thousand million dollars that fit.
struct Money {
  std::int64_t nano = 0;

  static constexpr std::int64_t kPerDollar = 1'000'000'000;
  static Money from_usd(double usd) { return Money{std::llround(usd * static_cast<double>(kPerDollar))}; }
  double usd() const { return static_cast<double>(nano) / static_cast<double>(kPerDollar); }

  friend constexpr auto operator<=>(const Money&, const Money&) = default;
  constexpr Money& operator+=(Money other) { nano += other.nano; return *this; }
  constexpr Money& operator-=(Money other) { nano -= other.nano; return *this; }
  friend constexpr Money operator+(Money a, Money b) { return Money{a.nano + b.nano}; }
  friend constexpr Money operator-(Money a, Money b) { return Money{a.nano - b.nano}; }
};

}  // namespace swarm::gateway
