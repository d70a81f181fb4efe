#pragma once

#include <cstdint>

namespace swarm::analyst::domain {

/// So many hits among so many trials.
struct Share {
  std::int64_t hits = 0;
  std::int64_t trials = 0;

  double value() const { return trials == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(trials); }
};

/// An estimate with its 95 % interval.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

/// Wilson's score interval of a share (Wilson 1927): sound for small numbers and for none at all.
Estimate wilson(const Share& share);

/// The difference a − b with the hybrid score interval (Newcombe 1998, Statistics in Medicine 17:873, method 10). Without
/// trials on a side nothing is known: [-1, 1].
Estimate difference(const Share& a, const Share& b);

}  // namespace swarm::analyst::domain
